"""The Modbus driver against pymodbus's server, a process of its own."""

import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.drivers import linked
from edge_agent.drivers.driver import DriverFailed, WriteRefused
from heddle.contract.samples import Quality
from tests.support.followed import following, overheard
from tests.support.peer_process import PeerProcess
from tests.support.ports import free_port
from tests.support.waiting import becomes, until

FLOAT_20_5 = [0x41A4, 0x0000]


def pump(port: int, **more):
    return {"driver": "modbus", "host": "127.0.0.1", "port": port, **more}


def at(table: str, address: int, **more):
    return {"table": table, "address": address, "scan_ms": 20, **more}


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(linked, "MAX_RETRY_S", 0.5)


@pytest.fixture
def device():
    with PeerProcess("tests.support.modbus_peer") as started:
        yield started


TAGS = {
    "speed": at("holding", 3, format="int16", writable=True, low=-5, high=900),
    "flow": at("holding", 10, format="float32", word_order="little"),
    "name": at("holding", 20, format="string(6)", type="text", writable=True),
    "level": at("input", 7, format="uint16", scale=0.1, offset=-50),
    "open": at("coil", 4, type="boolean", writable=True),
    "ok": at("discrete", 9, type="boolean"),
    "run": at("holding", 30, bit=9, type="boolean", writable=True),
    "fast": at("holding", 4, format="uint16", writable=True, high=100, clamp=True),
}
FIRST = {
    "speed": -2,
    "flow": 20.5,
    "name": "Abc",
    "level": 22.5,
    "open": False,
    "ok": False,
    "run": False,
    "fast": 7,
}


def fill(device) -> None:
    device.tell(set=["holding", 3, [0xFFFE, 7]])
    device.tell(set=["holding", 10, FLOAT_20_5[::-1]])
    device.tell(set=["holding", 20, [0x4162, 0x6300, 0]])
    device.tell(set=["holding", 30, [0x0101]])
    device.tell(set=["input", 7, [725]])


@pytest_twisted.ensureDeferred
async def test_values_of_all_tables_are_followed_written_and_read_back(
    device, tmp_path
) -> None:
    fill(device)
    async with following(reactor, pump(device.port), TAGS, tmp_path) as peer:
        await peer.sees("peer_connected", True)
        for tag, value in FIRST.items():
            await peer.sees(tag, value)
        device.tell(set=["discrete", 9, [True]])
        device.tell(set=["input", 7, [726]])
        await peer.sees("ok", True)
        await peer.sees("level", 726 * 0.1 - 50)

        await peer.driver.write("speed", 850)
        await peer.driver.write("name", "pump 2")
        await peer.driver.write("open", True)
        await peer.driver.write("run", True)
        await peer.driver.write("fast", 5000)
        assert device.tell(get=["holding", 3, 2]) == [850, 100]
        assert device.tell(get=["holding", 20, 3]) == [0x7075, 0x6D70, 0x2032]
        assert device.tell(get=["coil", 4, 1]) == [True]
        assert device.tell(get=["holding", 30, 1]) == [0x0301]
        assert peer.value("fast") == (100, Quality.GOOD)
        assert (await peer.driver.read("name")).value == "pump 2"


@pytest_twisted.ensureDeferred
async def test_a_refused_write_is_told_by_name_and_reason(device, tmp_path) -> None:
    async with following(reactor, pump(device.port), TAGS, tmp_path) as peer:
        await peer.sees("speed", 0)
        device.tell(refuse={"6": 4, "22": 1})
        for tag, value, words in (
            ("speed", 901, "speed takes -5 to 900, not 901"),
            ("speed", 1.5, "speed: 1.5 is no whole number, as int16 is"),
            (
                "speed",
                1,
                "speed (unit 1 holding 3) was not taken: exception 4, device failure",
            ),
            ("name", "pump 12", "has 7 bytes, more than string(6)"),
            ("flow", 1.0, "cannot be written: the tag file says so"),
            ("run", False, 'set bit_write = "read_modify_write" if nothing else'),
        ):
            with pytest.raises(WriteRefused) as refused:
                await peer.driver.write(tag, value)
            assert words in str(refused.value)
        assert peer.value("speed") == (0, Quality.GOOD)


@pytest_twisted.ensureDeferred
async def test_a_bad_address_is_bad_alone_and_what_lies_near_is_asked_together(
    device, tmp_path
) -> None:
    tags = {
        "first": at("holding", 40, format="uint16"),
        "gone": at("holding", 52, format="uint16"),
        "second": at("holding", 60, format="uint16"),
        "third": at("holding", 68, format="uint32"),
        "absent": at("input", 0, format="uint16", unit_id=9),
    }
    settings = pump(device.port, max_gap=20, bit_write="read_modify_write")
    with overheard() as said:
        async with following(reactor, settings, tags, tmp_path) as peer:
            await parted(device, peer)
    assert [line for line in said if "holding 52" in line] == [
        "connection peer: exception 2, illegal data address for unit 1 holding 52; "
        "gone bad until it answers"
    ]


async def parted(device, peer) -> None:
    await peer.sees("third", 0)
    await peer.lost("gone", "absent")
    device.tell(set=["holding", 60, [11]])
    await peer.sees("second", 11)
    device.tell()
    asked = []

    def settled():
        asked.extend(device.tell())
        return len(asked) > 20

    await becomes(reactor, settled)
    # holding 52 is asked for, too, but the server refuses it before it counts
    assert {tuple(each) for each in asked} == {(3, 40, 1), (3, 60, 10)}
    with pytest.raises(DriverFailed, match=r"52\): exception 2, illegal data"):
        await peer.driver.read("gone")

    found = await peer.driver.browse("peer/holding 48..61")
    assert [each.name for each in found] == [f"holding {n}" for n in (48, 49, 60, 61)]
    assert (found[2].value, found[2].writable) == ("11", True)
    assert found[2].address == 'table = "holding", address = 60'
    with pytest.raises(DriverFailed, match="Modbus has no names"):
        await peer.driver.browse("peer/")


@pytest_twisted.ensureDeferred
async def test_a_device_that_goes_or_falls_silent_is_bad_until_it_is_back(
    device, tmp_path
) -> None:
    tags = {
        "speed": at("holding", 3, format="int16"),
        "run": at("holding", 30, bit=0, type="boolean", writable=True),
    }
    settings = pump(device.port, timeout_ms=2000, bit_write="read_modify_write")
    async with following(reactor, settings, tags, tmp_path) as peer:
        await peer.sees("speed", 0)
        await peer.driver.write("run", True)

        device.kill()
        await peer.lost("speed", "run")
        await peer.sees("peer_connected", False)
        with pytest.raises(DriverFailed, match="connection peer is down"):
            await peer.driver.read("speed")

        device.start()
        device.tell(set=["holding", 3, [42]])
        await peer.sees("speed", 42)
        await peer.sees("peer_connected", True)

        device.freeze()
        await peer.lost("speed")
        device.thaw()
        await peer.sees("speed", 42)


@pytest_twisted.ensureDeferred
async def test_nobody_there_is_told_with_the_place(tmp_path) -> None:
    port = free_port()
    tags = {"speed": at("holding", 3, format="int16")}
    async with following(reactor, pump(port), tags, tmp_path) as peer:

        async def told():
            with pytest.raises(DriverFailed) as failed:
                await peer.driver.read("speed")
            return f"127.0.0.1:{port}" in str(failed.value) and "refused" in str(
                failed.value
            )

        await until(reactor, told)
        assert peer.value("speed") == (None, Quality.BAD)
