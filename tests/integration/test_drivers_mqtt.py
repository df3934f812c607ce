"""The MQTT driver with a real Mosquitto."""

import json
import time
from collections.abc import Iterator

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.logger import globalLogPublisher

from edge_agent.drivers.driver import DriverFailed, WriteRefused
from edge_agent.drivers.mqtt import echoes as mqtt_echoes
from heddle.contract.samples import Quality
from tests.support.certificates import Authority
from tests.support.followed import following
from tests.support.mosquitto import Mosquitto, Voice, broker, impatient
from tests.support.neighbours import need
from tests.support.waiting import becomes

__all__ = ["broker", "impatient"]
pytestmark = pytest.mark.usefixtures("impatient")

UNCERTAIN, BAD = Quality.UNCERTAIN, Quality.BAD


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What was logged, as a person reads it."""
    lines: list[str] = []

    def hear(event) -> None:
        lines.append(event.get("log_format", "").format(**event))

    globalLogPublisher.addObserver(hear)
    yield lines
    globalLogPublisher.removeObserver(hear)


def settings(broker: Mosquitto, **more):
    return {"driver": "mqtt", "url": broker.url, **more}


TAGS = {
    "level": {"topic": "tank/level", "scan_ms": 10},
    "running": {"topic": "tank/running", "type": "boolean", "scan_ms": 10},
    "temperature": {
        "topic": "tank/state",
        "payload": "json",
        "path": "data.t",
        "time_path": "at",
        "stale_after_ms": 600_000,
        "scan_ms": 10,
        "writable": True,
        "write_topic": "tank/set",
        "write_payload": '{"t": {value}, "key": {key}}',
        "confirm": True,
        "high": 90.0,
    },
    "speed": {"writable": True, "write_topic": "tank/speed", "type": "integer"},
}


@pytest.mark.parametrize("version", ["3.1.1", "5"])
@pytest_twisted.ensureDeferred
async def test_tags_are_topics(version, broker, tmp_path) -> None:
    with Voice(broker) as other:
        other.say("tank/level", "61.5", retain=True)
        at = int(time.time() * 1000)
        other.say("tank/state", f'{{"data": {{"t": 20}}, "at": {at}}}', retain=True)
    connection = settings(broker, version=version, keepalive_s=5)
    async with following(reactor, connection, TAGS, tmp_path) as it:
        await it.sees("level", 61.5, UNCERTAIN)  # of unknown age
        await it.sees("temperature", 20)  # it says how old it is
        assert it.value("running") == (None, BAD)
        await it.sees("peer_connected", True)
        with Voice(broker) as other:
            other.say("tank/running", "ON")
            other.say("tank/level", "62")
            await it.sees("running", True)
            await it.sees("level", 62)
            at = it.last("temperature").at_us // 1000 + 1
            other.say("tank/state", f'{{"data": {{"t": 21}}, "at": {at}}}')
            await it.sees("temperature", 21)
            assert it.last("temperature").at_us == at * 1000


@pytest_twisted.ensureDeferred
async def test_tags_follow_the_broker_over_a_restart(broker, tmp_path) -> None:
    connection = settings(broker, keepalive_s=5)
    async with following(reactor, connection, TAGS, tmp_path) as it:
        await it.sees("peer_connected", True)
        with Voice(broker) as other:
            other.say("tank/level", "62")
            other.say("tank/running", "ON")
        await it.sees("level", 62)
        await it.sees("running", True)
        broker.stop()
        await it.lost("level", "running", "temperature")
        await it.sees("peer_connected", False)
        with pytest.raises(WriteRefused, match="connection peer is down"):
            await it.driver.write("speed", 5)
        broker.start()
        await it.sees("peer_connected", True)
        with Voice(broker) as other:
            other.say("tank/level", "63")
            await it.sees("level", 63)


@pytest_twisted.ensureDeferred
async def test_setpoints_are_published_and_confirmed_by_the_device(
    broker, tmp_path, monkeypatch
) -> None:
    def device(order: bytes) -> tuple[str, bytes]:
        wanted = min(json.loads(order)["t"], 50)  # it has a limit of its own
        said = {"data": {"t": wanted}, "at": time.time() * 1000}
        return "tank/state", json.dumps(said).encode()

    with Voice(broker, "tank/#") as other:
        other.answer("tank/set", device)
        async with following(reactor, settings(broker), TAGS, tmp_path) as it:
            await it.sees("peer_connected", True)
            with pytest.raises(DriverFailed, match="nothing has come yet"):
                await it.driver.read("temperature")
            await it.driver.write("temperature", 42.5, key="run-1/heat/1")
            order = next(each for each in other.heard if each.topic == "tank/set")
            assert json.loads(order.payload) == {"t": 42.5, "key": "run-1/heat/1"}
            assert order.properties.UserProperty == [("key", "run-1/heat/1")]
            assert not order.retain
            await it.sees("temperature", 42.5)
            assert (await it.driver.read("temperature")).value == 42.5
            monkeypatch.setattr(mqtt_echoes, "ANSWER_WITHIN_S", 0.3)  # all for nothing
            with pytest.raises(WriteRefused, match=r"80\.0, but tank/state did not"):
                await it.driver.write("temperature", 80.0)
            with pytest.raises(WriteRefused, match="to 90, not 91"):
                await it.driver.write("temperature", 91.0)
            await it.driver.write("speed", 1200)
            await it.sees("speed", 1200, UNCERTAIN)  # nobody confirmed it


@pytest_twisted.ensureDeferred
async def test_topics_can_be_browsed(broker, tmp_path) -> None:
    with Voice(broker) as other:
        async with following(reactor, settings(broker), TAGS, tmp_path) as it:
            await it.sees("peer_connected", True)
            assert await it.driver.browse("peer") == ()  # nothing is said or was kept
            other.say("tank/kept", "héllo", retain=True)
            (found,) = await it.driver.browse("peer/tank")
            assert (found.address, found.value) == ("tank/kept", "héllo")
            with pytest.raises(DriverFailed, match="plain topic"):
                await it.driver.browse("peer/tank/+")


@pytest_twisted.ensureDeferred
async def test_malformed_and_old_values_are_bad(broker, tmp_path, said) -> None:
    tags = {
        "count": {"topic": "a/count", "type": "integer", "scan_ms": 10},
        "beat": {"topic": "a/beat", "stale_after_ms": 300, "scan_ms": 10},
    }
    with Voice(broker) as other:
        other.say("a/count", "twelve", retain=True)
        async with following(reactor, settings(broker), tags, tmp_path) as it:
            told = "tag count: what a/count says is malformed: 'twelve' is no number"
            await becomes(reactor, lambda: told in said)
            for payload in ("1.5", b"\xff\xfe", "nan", ""):
                other.say("a/count", payload)
            other.say("a/beat", "1")
            await it.sees("beat", None, BAD)  # after it was 1 for a while
            await becomes(reactor, lambda: values(it, "beat") == [1])
            assert values(it, "count") == []
            other.say("a/count", "12")
            await it.sees("count", 12)
            assert len([line for line in said if "malformed" in line]) == 1


def values(it, tag: str) -> list[object]:
    return [r.value for r in it.told if r.tag == tag and r.value is not None]


@pytest_twisted.ensureDeferred
async def test_a_broker_that_refuses_is_a_sentence(tmp_path, said) -> None:
    need("mosquitto")
    acl = tmp_path / "acl"
    acl.write_text("user press\ntopic read open/#\n")
    acl.chmod(0o600)
    broker = Mosquitto(
        tmp_path,
        ("allow_anonymous false", f"acl_file {acl}"),
        passwords="press:right\nvoice:word\n",
    )
    (tmp_path / "secret").write_text("wrong\n")
    tags = {
        "shut": {"topic": "shut/a", "scan_ms": 10},
        "set": {"write_topic": "shut/b", "writable": True},
    }
    access = {"user": "press", "password_file": "secret"}
    async with following(reactor, settings(broker, **access), tags, tmp_path):
        await becomes(reactor, lambda: any("connection refused" in s for s in said))
        broker.start()
        await becomes(
            reactor, lambda: any("refuses user 'press': " in line for line in said)
        )
    (tmp_path / "secret").write_text("right\n")
    try:
        async with following(reactor, settings(broker, **access), tags, tmp_path) as it:
            await it.sees("peer_connected", True)
            with pytest.raises(WriteRefused, match="sent to shut/b: not authorized"):
                await it.driver.write("set", 1.0)
        async with following(reactor, settings(broker), tags, tmp_path):
            await becomes(
                reactor,
                lambda: any("refuses us without a user" in line for line in said),
            )
    finally:
        broker.stop()


def secured(folder, authority: Authority) -> Mosquitto:
    server = authority.sign("broker")
    return Mosquitto(
        folder,
        (
            f"cafile {authority.cert}",
            f"certfile {server.cert}",
            f"keyfile {server.key}",
            "require_certificate true",
            "use_identity_as_username true",
        ),
    )


@pytest_twisted.ensureDeferred
async def test_tls_with_certificates_of_both_sides(tmp_path, said) -> None:
    need("mosquitto")
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "Stranger")
    client = authority.sign("client")
    broker = secured(tmp_path, authority)
    broker.start()
    tags = {"echo": {"topic": "x", "write_topic": "x", "writable": True}}
    here = {"driver": "mqtt", "url": broker.url.replace("mqtt://", "mqtts://")}
    own = {"cert_file": client.cert.name, "key_file": client.key.name}
    trusted = {"ca_file": authority.cert.name}
    try:
        async with following(reactor, {**here, **trusted, **own}, tags, tmp_path) as it:
            await it.sees("peer_connected", True)
            await it.driver.write("echo", 1.25)
            await it.sees("echo", 1.25)
        wrong = {**here, **own, "ca_file": stranger.cert.name}
        async with following(reactor, wrong, tags, tmp_path):
            await becomes(
                reactor,
                lambda: any("certificate is not to be trusted" in s for s in said),
            )
        async with following(reactor, {**here, **trusted}, tags, tmp_path):
            await becomes(reactor, lambda: any("want a certificate" in s for s in said))
        plain = {"driver": "mqtt", "url": broker.url}
        async with following(reactor, plain, tags, tmp_path):
            await becomes(reactor, lambda: any("does it want TLS" in s for s in said))
    finally:
        broker.stop()


@pytest_twisted.ensureDeferred
async def test_a_broker_that_falls_silent_is_noticed(broker, tmp_path, said) -> None:
    connection = settings(broker, keepalive_s=2)
    async with following(reactor, connection, {"a": {"topic": "a"}}, tmp_path) as it:
        await it.sees("peer_connected", True)
        broker.freeze()
        await becomes(reactor, lambda: any("is silent: no answer" in s for s in said))
        await it.sees("peer_connected", False)
        broker.thaw()
        await it.sees("peer_connected", True)
