"""The agent as an edge node, with a real Mosquitto and a host that follows it."""

import json
import time
from contextlib import asynccontextmanager

import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.agent import make_driver, make_tags
from edge_agent.config import Config
from edge_agent.drivers.driver import WriteRefused
from edge_agent.drivers.mqtt import echoes as mqtt_echoes
from edge_agent.drivers.sparkplug.payload import Metric, Payload, decode, encode
from edge_agent.drivers.sparkplug.view import bd_seq_of
from edge_agent.mapping import load_mapping
from heddle.contract.samples import Quality
from heddle.wamp.process import ConfigError
from tests.support.followed import following
from tests.support.mosquitto import Mosquitto, Voice, broker, impatient
from tests.support.waiting import becomes

__all__ = ["broker", "impatient"]
pytestmark = pytest.mark.usefixtures("impatient")

BAD, GOOD = Quality.BAD, Quality.GOOD

FILE = """
[connections.line]
driver = "mqtt"
url = "{url}"

[connections.scada]
driver = "sparkplug_node"
url = "{url}"
client_id = "press-7"
group = "Line 1"
edge_node = "press-7"
publish_ms = 10
{more}

[tags.level]
connection = "line"
topic = "tank/level"
write_topic = "tank/level"
writable = true
high = 100
scan_ms = 10

[tags.twice]
expression = "level * 2"

[tags.recipe]
connection = "line"
topic = "tank/recipe"
type = "text"
scan_ms = 10
"""
OF_NODE = {"group": "Line 1", "edge_node": "press-7", "scan_ms": 10}
HOST_TAGS = {
    "level": {**OF_NODE, "metric": "level", "writable": True},
    "twice": {**OF_NODE, "metric": "twice"},
    "recipe": {**OF_NODE, "metric": "recipe", "type": "text"},
}


@asynccontextmanager
async def publishing(broker: Mosquitto, folder, more: str = "commands = true"):
    """The agent's tags and driver, as its settings and its tag file make them."""
    file = folder / "tags.toml"
    file.write_text(FILE.format(url=broker.url, more=more))
    config = Config(router_url="ws://127.0.0.1:1", data=folder, tags=file)
    read = load_mapping(file)
    driver = make_driver(reactor, config, read)
    table = make_tags(driver, read)
    driver.subscribe(table.update)
    try:
        await becomes(reactor, lambda: table.now("line_connected").value)
        yield table
    finally:
        await driver.stop()


def host(broker: Mosquitto, **more):
    return {"driver": "sparkplug", "url": broker.url, **more}


@pytest_twisted.ensureDeferred
async def test_a_host_sees_the_tags_and_commands_them(broker, tmp_path) -> None:
    with Voice(broker, "tank/level") as other:
        async with following(reactor, host(broker), HOST_TAGS, tmp_path) as it:
            async with publishing(broker, tmp_path):
                other.say("tank/level", "21.5")
                other.say("tank/recipe", "Grüße")
                await it.sees("level", 21.5)
                await it.sees("twice", 43.0)
                await it.sees("recipe", "Grüße")
                await it.driver.write("level", 30.0, key="run-9/1")
                await becomes(reactor, lambda: other.last("tank/level"), b"30.0")
                assert other.heard[-1].properties.UserProperty == [("key", "run-9/1")]
                await it.sees("twice", 60.0)
                broker.stop()
                await it.lost("level", "twice", "recipe")
                broker.start()
                await it.sees("peer_connected", True)
                await it.sees("recipe", None, BAD)  # the broker has forgotten it
            await it.lost("level")  # it dies in words
            async with publishing(broker, tmp_path):
                with Voice(broker) as another:
                    another.say("tank/level", "5")
                await it.sees("level", 5.0)


@pytest_twisted.ensureDeferred
async def test_each_life_has_its_number_and_ends_by_its_will(broker, tmp_path) -> None:
    with Voice(broker, "spBv1.0/#") as other:

        def heard(kind: str) -> list[Payload]:
            topic = f"spBv1.0/Line 1/{kind}/press-7"
            return [decode(each.payload) for each in other.heard if each.topic == topic]

        async with publishing(broker, tmp_path, "tags = ['level']"):
            await becomes(reactor, lambda: len(heard("NBIRTH")), 1)
            (birth,) = heard("NBIRTH")
            names = ["bdSeq", "Node Control/Rebirth", "level"]
            assert [each.name for each in birth.metrics] == names
            assert (birth.seq, bd_seq_of(birth)) == (0, 0)
            other.say("tank/level", "1")
            await becomes(reactor, lambda: len(heard("NDATA")), 1)
            other.say("tank/level", "2")
            await becomes(reactor, lambda: len(heard("NDATA")), 2)
            assert [(each.seq, each.metrics[0].wire) for each in heard("NDATA")] == [
                (1, 1.0),
                (2, 2.0),
            ]
            order = Metric(name="Node Control/Rebirth", type=11, wire=True)
            level = Metric(name="level", type=10, wire=77.0)
            other.say(
                "spBv1.0/Line 1/NCMD/press-7", encode(Payload(metrics=(order, level)))
            )
            await becomes(reactor, lambda: len(heard("NBIRTH")), 2)
            again = heard("NBIRTH")[1]
            assert (again.seq, bd_seq_of(again), again.metrics[2].wire) == (0, 0, 2.0)
            assert "tank/level" not in {each.topic for each in other.heard}
            with Voice(broker, client_id="press-7"):  # it is thrown out
                await becomes(reactor, lambda: len(heard("NDEATH")) > 0)
            assert bd_seq_of(heard("NDEATH")[0]) == 0
            await becomes(reactor, lambda: bd_seq_of(heard("NBIRTH")[-1]) != 0)


@pytest_twisted.ensureDeferred
async def test_it_lives_while_its_primary_host_does(
    broker, tmp_path, monkeypatch
) -> None:
    def state(*, online: bool) -> str:
        return json.dumps({"online": online, "timestamp": int(time.time() * 1000)})

    with Voice(broker) as other:
        more = "primary_host = 'scada'\ncommands = false"
        other.say("spBv1.0/STATE/scada", state(online=False), retain=True)
        async with (
            following(reactor, host(broker), HOST_TAGS, tmp_path) as it,
            publishing(broker, tmp_path, more) as table,
        ):
            other.say("tank/level", "1")
            await becomes(reactor, lambda: table.now("level").value, 1)
            assert it.value("level") == (None, BAD)
            other.say("spBv1.0/STATE/scada", state(online=True), retain=True)
            await it.sees("level", 1.0)
            monkeypatch.setattr(mqtt_echoes, "ANSWER_WITHIN_S", 0.3)  # for nothing
            with pytest.raises(WriteRefused, match="did not say so"):
                await it.driver.write("level", 2.0)
            other.say("spBv1.0/STATE/scada", state(online=False), retain=True)
            await it.lost("level")
            assert it.value("peer_connected") == (True, GOOD)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("tags = ['levl']", "connection 'scada' publishes a tag 'levl'; there are"),
        ("primary_host = 'a/b'", "primary_host 'a/b' has one of"),
        ("clean_start = false", "leave clean_start true"),
        ("[tags.x]\nconnection = 'scada'", "tag 'x': this connection publishes tags"),
    ],
)
def test_a_node_that_cannot_be_meant_is_refused(tmp_path, more: str, why: str) -> None:
    file = tmp_path / "tags.toml"
    file.write_text(FILE.format(url="mqtt://127.0.0.1", more=more))
    config = Config(router_url="ws://127.0.0.1:1", data=tmp_path, tags=file)
    read = load_mapping(file)
    with pytest.raises(ConfigError, match=why):
        make_tags(make_driver(reactor, config, read), read)
