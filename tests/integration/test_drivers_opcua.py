"""The OPC UA driver against asyncua's server, a process of its own."""

import re
import socket
import time

import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.drivers import linked
from edge_agent.drivers.driver import DriverFailed, WriteRefused
from edge_agent.drivers.opcua import feed as opcua_feed
from edge_agent.drivers.opcua import session as opcua_session
from edge_agent.drivers.opcua.trust import made_identity
from heddle.contract.samples import Quality
from tests.support.followed import following, overheard
from tests.support.peer_process import PeerProcess
from tests.support.ports import free_port
from tests.support.waiting import until

URI = "http://heddle.example/press"


def press(port: int, **more):
    return {"driver": "opcua", "url": f"opc.tcp://127.0.0.1:{port}/press", **more}


def at(name: str, **more):
    return {"node_id": f"nsu={URI};s={name}", "scan_ms": 50, **more}


TAGS = {
    "temperature": at("Temperature"),
    "setpoint": at("Setpoint", writable=True, low=0, high=80, clamp=True),
    "valve": at("Valve", type="integer", writable=True),
    "count": at("Count", type="integer", scale=10.0, writable=True),
    "running": at("Running", type="boolean", writable=True),
    "recipe": {"node_id": "ns=3;s=Recipe", "type": "text", "writable": True},
    "started": at("Started", type="text"),
    "profile": at("Profile", type="json"),
    "range": at("Range", type="json"),
    "label": at("Label", type="text", writable=True),
}
FIRST = {
    "temperature": 20.5,
    "setpoint": 25.0,
    "valve": 3,
    "count": -70,
    "running": True,
    "recipe": "standard",
    "started": "2026-01-02T03:04:05Z",
    "profile": "[1.5,2.5]",
    "range": '{"Low":0.0,"High":100.0}',
    "label": "Press",
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(linked, "MAX_RETRY_S", 0.5)
    monkeypatch.setattr(opcua_session, "ALIVE_EVERY_S", 0.5)


@pytest.fixture(scope="module")
def started():
    with PeerProcess("tests.support.opcua_peer") as peer:
        yield peer


@pytest.fixture
def server(started):
    started.tell(reset=True)
    return started


@pytest_twisted.ensureDeferred
async def test_variables_are_followed_written_and_read_back(server, tmp_path) -> None:
    async with following(reactor, press(server.port), TAGS, tmp_path) as peer:
        await peer.sees("peer_connected", True)
        for tag, value in FIRST.items():
            await peer.sees(tag, value)

        server.tell(of="Temperature", set=21.25)
        await peer.sees("temperature", 21.25)
        server.tell(of="Temperature", set=22.0, status="UncertainLastUsableValue")
        await peer.sees("temperature", 22.0, Quality.UNCERTAIN)
        server.tell(of="Temperature", set=23.0, status="BadSensorFailure")
        await peer.lost("temperature")
        server.tell(of="Temperature", set=24.0, age_s=3600)
        await peer.sees("temperature", 24.0)
        assert abs(peer.last("temperature").at_us / 1e6 - time.time()) < 120

        await peer.driver.write("setpoint", 500)
        await peer.driver.write("valve", 255)
        await peer.driver.write("count", 120)
        await peer.driver.write("running", False)
        await peer.driver.write("recipe", "blau")
        await peer.driver.write("label", "Presse")
        assert server.tell(of="Setpoint") == ["80.0", "Float"]
        assert server.tell(of="Valve") == ["255", "Byte"]
        assert server.tell(of="Count") == ["12", "Int32"]
        assert server.tell(of="Running") == ["False", "Boolean"]
        assert server.tell(of="Recipe") == ["blau", "String"]
        assert peer.value("setpoint") == (80.0, Quality.GOOD)
        assert (await peer.driver.read("label")).value == "Presse"


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_is_told_by_name_and_the_others_go_on(
    server, tmp_path
) -> None:
    tags = {
        **TAGS,
        "temperature": at("Temperature", writable=True),
        "absent": at("Absent"),
        "nowhere": {"node_id": "nsu=urn:gone;s=X", "scan_ms": 50},
        "words": {"node_id": "ns=3;s=Press"},
        "text": at("Recipe"),
    }
    del tags["recipe"]
    with overheard() as said:
        async with following(reactor, press(server.port), tags, tmp_path) as peer:
            await gone_on(server, peer)
    for tag, words in FLAWS.items():
        lines = [line for line in said if f"tag {tag} (" in line]
        assert len(lines) == 1
        assert f" is bad: {words}" in lines[0]


FLAWS = {
    "absent": "BadNodeIdUnknown",
    "nowhere": "the server has no namespace 'urn:gone'; it has http://opcf",
    "words": "BadAttributeIdInvalid",
    "text": 'it holds str, no number: set type = "text"',
}


async def gone_on(server, peer) -> None:
    await peer.sees("label", "Press")
    await peer.lost("absent", "nowhere", "words", "text")
    server.tell(of="Temperature", set=30.0)
    await peer.sees("temperature", 30.0)
    for tag, words in FLAWS.items():
        with pytest.raises(DriverFailed) as failed:
            await peer.driver.read(tag)
        assert words in str(failed.value)
    for tag, value, words in (
        ("temperature", 1.0, "was not taken: BadUserAccessDenied"),
        ("valve", 256, "256 does not fit Byte (0 to 255)"),
        ("count", 5, "0.5 is no whole number, as Int32 is"),
        ("profile", "[]", "the tag file says so"),
        ("absent", 1.0, "cannot be written"),
    ):
        with pytest.raises(WriteRefused) as refused:
            await peer.driver.write(tag, value)
        assert words in str(refused.value)


@pytest_twisted.ensureDeferred
async def test_what_is_there_is_found_by_browsing(server, tmp_path) -> None:
    tags = {"temperature": at("Temperature")}
    async with following(reactor, press(server.port), tags, tmp_path) as peer:
        await peer.sees("temperature", 20.5)
        top = {each.name: each for each in await peer.driver.browse("peer/")}
        assert not top["Press"].is_tag
        assert top["Press"].address == f"nsu={URI};s=Press"
        found = await peer.driver.browse(f"peer/{top['Press'].address}")
        shown = {
            e.name: (e.address, e.type, e.writable, e.value) for e in found if e.is_tag
        }
        assert shown["Setpoint"] == (f"nsu={URI};s=Setpoint", "Float", True, "25.0")
        assert shown["Temperature"][1:] == ("Double", False, "20.5")
        assert shown["Profile"][1:] == ("Double[]", False, "[1.5,2.5]")
        for place, words in (
            ("peer/Press", "'Press' is no node id"),
            ("peer/ns=3;s=Nothing", "BadNodeIdUnknown"),
        ):
            with pytest.raises(DriverFailed, match=words):
                await peer.driver.browse(place)


@pytest_twisted.ensureDeferred
async def test_a_server_that_goes_or_falls_silent_is_bad_until_it_is_back(
    server, tmp_path
) -> None:
    settings = press(server.port, timeout_ms=2000)
    async with following(reactor, settings, TAGS, tmp_path) as peer:
        await peer.sees("temperature", 20.5)
        server.kill()
        await peer.lost(*TAGS)
        await peer.sees("peer_connected", False)

        server.start()
        server.tell(of="Temperature", set=40.0)
        await peer.sees("temperature", 40.0)
        lost = [each.at_us for each in peer.told if each.quality is Quality.BAD]
        assert peer.last("temperature").at_us > lost[-1]

        server.freeze()
        await peer.lost("temperature")
        server.thaw()
        await peer.sees("temperature", 40.0)
        await peer.driver.write("setpoint", 33)
        assert server.tell(of="Setpoint") == ["33.0", "Float"]


@pytest_twisted.ensureDeferred
async def test_a_subscription_that_the_server_lost_is_a_lost_link(
    server, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(opcua_feed, "KEEP_ALIVE_MS", 200)
    monkeypatch.setattr(opcua_feed, "GRACE_S", 3.0)
    monkeypatch.setattr(opcua_feed, "CHECK_EVERY_S", 0.1)
    tags = {"temperature": at("Temperature")}
    async with following(reactor, press(server.port), tags, tmp_path) as peer:
        await peer.sees("temperature", 20.5)
        server.tell(forget=True)
        await peer.lost("temperature")
        server.tell(of="Temperature", set=41.0)
        await peer.sees("temperature", 41.0)


@pytest_twisted.ensureDeferred
async def test_who_speaks_another_language_is_told_apart(server, tmp_path) -> None:
    tags = {"temperature": {"table": "coil", "address": 1}}
    modbus = {"driver": "modbus", "host": "127.0.0.1", "port": server.port}
    modbus |= {"timeout_ms": 500}
    async with following(reactor, modbus, tags, tmp_path) as peer:
        await refusal(peer, f"127.0.0.1:{server.port} left a request unanswered")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        opcua = press(mute.getsockname()[1], timeout_ms=500)
        async with following(reactor, opcua, TAGS, tmp_path) as peer:
            await refusal(peer, "/press did not answer in time")


SECRET = {
    "security": "sign_and_encrypt",
    "user_name": "operator",
    "password_file": "password",
}
SOME = {"temperature": at("Temperature"), "setpoint": at("Setpoint", writable=True)}


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    (folder / "clients").mkdir()
    with PeerProcess("tests.support.opcua_peer", str(folder)) as peer:
        yield peer, folder


@pytest_twisted.ensureDeferred
async def test_encrypted_as_soon_as_both_sides_trust(secured, tmp_path) -> None:
    server, folder = secured
    data = tmp_path / "data/opcua"
    (tmp_path / "password").write_text("secret\n")
    settings = press(server.port, **SECRET)
    async with following(reactor, settings, SOME, tmp_path) as peer:
        why = await refusal(peer, "the server's certificate is not known")
        assert re.search(r"SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}, .*O=Acme", why)
        refused, trusted = data / "refused/peer.der", data / "trusted/peer.der"
        assert f"move {refused} to {trusted}" in why
        assert refused.read_bytes() == (folder / "server.der").read_bytes()
        trusted.parent.mkdir()
        refused.rename(trusted)

        why = await refusal(peer, "does not accept the agent's certificate")
        assert "BadCertificateUntrusted" in why
        assert f"have it trust {data / 'certificate.der'}" in why
        own = (data / "certificate.der").read_bytes()
        (folder / "clients/agent.der").write_bytes(own)

        await peer.sees("temperature", 20.5)
        await peer.driver.write("setpoint", 44)
        assert server.tell(of="Setpoint") == ["44.0", "Float"]
        assert (data / "private_key.pem").stat().st_mode & 0o077 == 0


@pytest_twisted.ensureDeferred
async def test_wrong_secrets_are_told_by_what_is_wrong(secured, tmp_path) -> None:
    server, folder = secured
    own = made_identity(tmp_path / "data").certificate
    (folder / "clients/second.der").write_bytes(own)
    (tmp_path / "password").write_text("wrong")
    settings = press(server.port, **SECRET, server_certificate="server.der")
    shown = (folder / "server.der").read_bytes()
    for pinned, more, words in (
        (shown, {}, "the server refused the user: BadUserAccessDenied"),
        (own, {}, "the server's certificate is another than the trusted one"),
        (
            shown,
            {"policy": "Aes256Sha256RsaPss"},
            "it offers Sign Basic256Sha256, SignAndEncrypt Basic256Sha256",
        ),
    ):
        (tmp_path / "server.der").write_bytes(pinned)
        async with following(reactor, {**settings, **more}, SOME, tmp_path) as peer:
            await refusal(peer, words)
    async with following(reactor, press(server.port), SOME, tmp_path) as peer:
        await refusal(peer, 'it has no endpoint for security = "none"')
    (tmp_path / "password").write_text("secret")
    (tmp_path / "server.der").write_bytes(shown)
    signed = {**settings, "security": "sign", "insecure_password": True}
    async with following(reactor, signed, SOME, tmp_path) as peer:
        await peer.sees("temperature", 20.5)


@pytest_twisted.ensureDeferred
async def test_nobody_there_is_told_with_the_place(tmp_path) -> None:
    port = free_port()
    async with following(reactor, press(port), TAGS, tmp_path) as peer:
        why = await refusal(peer, "Connection refused")
        assert f"opc.tcp://127.0.0.1:{port}/press" in why


async def refusal(peer, words: str) -> str:
    """Wait until the link is down for that reason; the whole of it."""
    seen: list[str] = []

    async def told() -> bool:
        try:
            await peer.driver.read("temperature")
        except DriverFailed as failed:
            seen.append(str(failed))
        return bool(seen) and words in seen[-1]

    try:
        await until(reactor, told)
    except AssertionError:
        raise AssertionError(f"{words!r} is not in {set(seen)}") from None
    return seen[-1]
