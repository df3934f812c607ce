"""The Sparkplug driver with a real Mosquitto and an edge node of its own process."""

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from edge_agent.drivers.driver import DriverFailed, WriteRefused
from edge_agent.drivers.mqtt import echoes as mqtt_echoes
from edge_agent.drivers.sparkplug import look as sparkplug_look
from heddle.contract.samples import Quality
from tests.support.followed import following
from tests.support.mosquitto import Mosquitto, broker, impatient
from tests.support.peer_process import PeerProcess
from tests.support.waiting import becomes, until

__all__ = ["broker", "impatient"]
pytestmark = pytest.mark.usefixtures("impatient")

BAD, GOOD, UNCERTAIN = Quality.BAD, Quality.GOOD, Quality.UNCERTAIN

OF_NODE = {"group": "Line 1", "edge_node": "PLC", "scan_ms": 10}
OF_PUMP = {**OF_NODE, "device": "Pump"}
TAGS = {
    "uptime": {**OF_NODE, "metric": "Uptime", "type": "integer", "writable": True},
    "pressure": {**OF_PUMP, "metric": "Outlet/Pressure", "scale": 0.1},
    "speed": {**OF_PUMP, "metric": "Speed", "type": "integer", "writable": True},
    "running": {**OF_PUMP, "metric": "Running", "type": "boolean", "writable": True},
    "recipe": {**OF_PUMP, "metric": "Recipe", "type": "text", "writable": True},
    "lost": {**OF_PUMP, "metric": "Nowhere"},
}


def node_at(broker: Mosquitto) -> PeerProcess:
    return PeerProcess("tests.support.sparkplug_peer", str(broker.port))


def settings(broker: Mosquitto, **more):
    return {"driver": "sparkplug", "url": broker.url, **more}


def told(node: PeerProcess, **order) -> Deferred:
    """An order, without holding up the reactor."""
    return deferToThread(node.tell, **order)


@pytest_twisted.ensureDeferred
async def test_births_data_and_deaths_are_the_tags(broker, tmp_path) -> None:
    with node_at(broker) as node:
        # It is at work before we are: its births are asked for.
        async with following(reactor, settings(broker), TAGS, tmp_path) as it:
            await it.sees("pressure", 0.25)
            await it.sees("speed", -20)
            await it.sees("recipe", "none")
            await it.sees("uptime", 1)
            assert it.value("lost") == (None, BAD)
            await told(node, do="data", device="", metrics={"Uptime": 7})
            await told(
                node, do="data", device="Pump", metrics={"Outlet/Pressure": 35.0}
            )
            await it.sees("uptime", 7)
            await it.sees("pressure", 3.5)

            await told(node, do="death")
            await it.lost("pressure", "speed", "running", "recipe")
            assert it.value("uptime") == (7, GOOD)
            with pytest.raises(WriteRefused, match="device Pump of Line 1/PLC is not"):
                await it.driver.write("speed", 5)
            await told(node, do="birth")
            await it.sees("pressure", 3.5)


@pytest_twisted.ensureDeferred
async def test_a_node_dies_by_its_own_will_only(broker, tmp_path) -> None:
    with node_at(broker) as node:
        async with following(reactor, settings(broker), TAGS, tmp_path) as it:
            await it.sees("uptime", 1)
            await it.sees("pressure", 0.25)
            await told(node, do="will", bd_seq=99)  # of another life
            await told(node, do="data", device="", metrics={"Uptime": 8})
            await it.sees("uptime", 8)
            assert it.value("pressure") == (0.25, GOOD)
            assert (await told(node, do="seen"))["rebirths"] == 1

            node.kill()  # the broker tells its will
            await it.lost("pressure", "uptime")
            assert it.value("peer_connected") == (True, GOOD)
            with pytest.raises(
                WriteRefused, match="edge node Line 1/PLC is not online"
            ):
                await it.driver.write("uptime", 5)
            node.start()
            await it.sees("uptime", 1)


@pytest_twisted.ensureDeferred
async def test_what_was_missed_is_doubted_and_a_rebirth_heals_it(
    broker, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("edge_agent.drivers.sparkplug.nodes.ASK_EVERY_S", 0.0)
    quick = settings(broker, reorder_ms=50)
    with node_at(broker) as node:
        async with following(reactor, quick, TAGS, tmp_path) as it:
            await it.sees("uptime", 1)
            await told(node, do="deaf", deaf=True)
            await told(node, do="data", device="", metrics={"Uptime": 3}, skip=2)
            await it.sees("pressure", 0.25, UNCERTAIN)
            await it.sees("uptime", 3)  # just said, whatever was missed
            await becomes(reactor, lambda: it.value("pressure")[1], UNCERTAIN)
            await told(node, do="deaf", deaf=False)
            await told(node, do="data", device="", metrics={"Uptime": 4}, skip=1)
            await it.sees("pressure", 0.25, GOOD)
            await it.sees("uptime", 4)


@pytest_twisted.ensureDeferred
async def test_the_broker_restarts_and_all_is_known_again(broker, tmp_path) -> None:
    host = settings(broker, host_id="heddle-1", version="3.1.1")
    with node_at(broker) as node:
        async with following(reactor, host, TAGS, tmp_path) as it:
            await it.sees("speed", -20)
            broker.stop()
            await it.sees("peer_connected", False)
            await it.lost("speed", "uptime")
            broker.start()
            await it.sees("peer_connected", True)
            await it.sees("speed", -20)
            await it.sees("uptime", 1)
            await it.driver.write("speed", 100)
            await it.sees("speed", 100)

        async def we_left() -> bool:
            return (await told(node, do="seen"))["states"][-1][1]["online"] is False

        await until(reactor, we_left)
        here, gone = (await told(node, do="seen"))["states"][-2:]
        assert here[1] == {"online": True, "timestamp": gone[1]["timestamp"]}


@pytest_twisted.ensureDeferred
async def test_commands_are_confirmed_by_data(broker, tmp_path, monkeypatch) -> None:
    with node_at(broker) as node:
        async with following(reactor, settings(broker), TAGS, tmp_path) as it:
            await it.sees("speed", -20)
            await it.driver.write("speed", 1500, key="run-1/pump/1")
            await it.sees("speed", 1500)
            await it.driver.write("running", True)
            await it.driver.write("recipe", "Grüße")
            await it.driver.write("uptime", -5_000_000_000)
            assert (await it.driver.read("uptime")).value == -5_000_000_000
            assert (await told(node, do="seen"))["commands"] == [
                ["Speed", 1500, "run-1/pump/1"],
                ["Running", True, ""],
                ["Recipe", "Grüße", ""],
                ["Uptime", -5_000_000_000, ""],
            ]
            with pytest.raises(WriteRefused, match="int16 takes -32768 to 32767"):
                await it.driver.write("speed", 40_000)
            monkeypatch.setattr(mqtt_echoes, "ANSWER_WITHIN_S", 0.3)  # all for nothing
            with pytest.raises(
                WriteRefused, match="4000, but Line 1/PLC did not say so"
            ):
                await it.driver.write("speed", 4000)


@pytest_twisted.ensureDeferred
async def test_nodes_can_be_browsed(broker, tmp_path, monkeypatch) -> None:
    with node_at(broker) as node:
        async with following(reactor, settings(broker), TAGS, tmp_path) as it:
            await it.sees("speed", -20)
            await told(node, do="data", device="", metrics={"Uptime": 9})
            await it.sees("uptime", 9)
            browse = it.driver.browse
            assert [each.address for each in await browse("peer")] == ["Line 1/PLC"]
            found = {each.name: each for each in await browse("peer/Line 1/PLC")}
            assert not found["Pump"].is_tag
            assert found["Pump"].address == "Line 1/PLC/Pump"
            assert (found["Uptime"].type, found["Uptime"].value) == ("int64", "9")
            (recipe,) = [
                each
                for each in await browse("peer/Line 1/PLC/Pump")
                if each.name == "Recipe"
            ]
            assert recipe.value == "none"
            assert recipe.address == (
                'group = "Line 1", edge_node = "PLC", '
                'device = "Pump", metric = "Recipe"'
            )
            monkeypatch.setattr(sparkplug_look, "BIRTH_WITHIN_S", 0.2)
            with pytest.raises(DriverFailed, match="edge node Line 1/Nobody does not"):
                await browse("peer/Line 1/Nobody")
        monkeypatch.undo()
        # Of a node that no tag names the births are asked for.
        others = {"x": {"group": "Line 2", "edge_node": "PLC", "metric": "x"}}
        async with following(reactor, settings(broker), others, tmp_path) as it:
            await it.sees("peer_connected", True)
            names = {each.name for each in await it.driver.browse("peer/Line 1/PLC")}
            assert {"Pump", "Uptime", "bdSeq"} <= names
