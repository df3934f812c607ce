"""What a tag file may say of brokers, topics and metrics: each flaw is one sentence."""

from pathlib import Path

import msgspec
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.drivers.connections import Place
from edge_agent.drivers.mqtt import kind as mqtt
from edge_agent.drivers.mqtt.access import checked
from edge_agent.drivers.mqtt.words import lost, refused, unreachable
from edge_agent.drivers.points import Point, PointSettings
from edge_agent.drivers.sparkplug import kind as sparkplug
from heddle.contract.devices import Tag
from heddle.wamp.process import ConfigError
from tests.support.certificates import Authority


@pytest.fixture
def place(tmp_path) -> Place:
    return Place("line", tmp_path, tmp_path / "data")


def made(place: Place, kind=mqtt, writable=None, address=None, **settings):
    said = {"url": "mqtt://broker", **settings}
    at = msgspec.convert({"topic": "a"} if address is None else address, kind.Address)
    if writable is None:
        writable = "write_topic" in (address or {})
    point = Point(Tag(tag="t"), at, PointSettings(writable=writable))
    return kind.make(place, msgspec.convert(said, kind.Settings), [point])


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"url": "tcp://broker"}, "url 'tcp://broker' is no mqtt://HOST"),
        ({"url": "mqtt://"}, "is no mqtt://HOST"),
        (
            {"url": "mqtt://broker:99999"},
            "url 'mqtt://broker:99999': Port out of range",
        ),
        ({"url": "mqtt://u:p@broker"}, "set user and password_file instead"),
        ({"url": "mqtt://broker/topic"}, "topics belong to the tags"),
        ({"ca_file": "ca.pem"}, "ca_file needs TLS, but url .* write mqtts://"),
        ({"clean_start": False}, "clean_start = false needs a client_id"),
        ({"password_file": "p"}, "password_file needs a user"),
        ({"user": "u", "password_file": "none"}, "password_file .*none: No such file"),
        ({"user": "u", "password_file": "empty"}, "password_file .*empty is empty"),
        ({"user": "u", "password_file": "bytes"}, "is no text in UTF-8"),
        ({"user": "u", "password_file": "long"}, "is no password: 5000 bytes"),
        ({"url": "mqtts://b", "ca_file": "none"}, "ca_file .*none: No such file"),
        ({"url": "mqtts://b", "ca_file": "bytes"}, "holds no certificate in PEM form"),
        ({"url": "mqtts://b", "cert_file": "c.crt"}, "belong together"),
        (
            {"url": "mqtts://b", "cert_file": "c.crt", "key_file": "d.key"},
            "cannot be used: KEY_VALUES_MISMATCH",
        ),
        (
            {"url": "mqtts://b", "cert_file": "c.crt", "key_file": "c.crt"},
            "c.crt cannot be used",
        ),
    ],
)
def test_a_broker_that_cannot_be_meant_is_refused(place, settings, why) -> None:
    authority = Authority(place.files)
    authority.sign("c")
    authority.sign("d")
    for name, content in (
        ("empty", b"\n"),
        ("bytes", b"\xff\xfe\x00"),
        ("long", b"x" * 5000),
    ):
        (place.files / name).write_bytes(content)
    with pytest.raises(ConfigError, match=why) as flaw:
        made(place, **settings)
    assert "\n" not in str(flaw.value)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ({"topic": "a/+/b"}, "tag 't': topic 'a/\\+/b' has a wildcard"),
        ({"topic": "a/#"}, "has a wildcard"),
        ({"topic": "a\0b"}, "is no topic of MQTT"),
        ({"topic": "x" * 70_000}, "is no topic of MQTT"),
        ({}, "neither topic nor write_topic"),
        ({"topic": "a", "path": "b"}, 'for payload = "json"'),
        ({"topic": "a", "true_word": "x", "false_word": "x"}, "are both 'x'"),
        ({"write_topic": "$SYS/a"}, "is the broker's own"),
        ({"write_topic": "a", "confirm": True}, "confirm waits for what the device"),
        ({"topic": "a", "write_topic": "a", "confirm": True}, "other than write_topic"),
        ({"write_topic": "a", "write_payload": "on"}, "must have {value} in it, once"),
        ({"write_topic": "a", "write_payload": '{"v": {value}'}, "begins like JSON"),
    ],
)
def test_a_topic_that_cannot_be_meant_is_refused(place, address, why) -> None:
    with pytest.raises(ConfigError, match=why):
        made(place, address=address)


@pytest.mark.parametrize("writable", [True, False])
def test_a_tag_is_writable_where_it_says_so_and_where_to(place, writable) -> None:
    address = {"topic": "a"} if writable else {"write_topic": "a"}
    with pytest.raises(ConfigError, match="belong together"):
        made(place, address=address, writable=writable)


@pytest.mark.parametrize(
    ("settings", "address", "why"),
    [
        ({"clean_start": False, "client_id": "x"}, {}, "leave clean_start true"),
        ({"host_id": "a/b"}, {}, "host_id 'a/b' has one of"),
        ({}, {"group": "a+"}, "tag 't': group 'a\\+' has one of"),
        ({}, {"device": "#"}, "tag 't': device '#' has one of"),
        ({}, {"group": "STATE"}, "is Sparkplug's own word"),
    ],
)
def test_a_metric_that_cannot_be_meant_is_refused(
    place, settings, address, why
) -> None:
    address = {"group": "g", "edge_node": "n", "metric": "m/1", **address}
    with pytest.raises(ConfigError, match=why):
        made(place, sparkplug, address=address, **settings)


def test_what_goes_together_is_taken(place: Place) -> None:
    (place.files / "secret").write_text("right\n")
    said = {"user": "u", "password_file": "secret", "version": 5}
    broker = msgspec.convert({"url": "mqtt://b", **said}, mqtt.Settings)
    access = checked(place, broker)
    assert (access.url, access.password, access.five) == (
        "mqtt://b:1883",
        "right",
        True,
    )
    assert access.client_id.startswith("heddle-line-")
    assert checked(place, broker).client_id != access.client_id
    authority = Authority(place.files)
    own = authority.sign("c")
    files = {"ca_file": authority.cert.name, "cert_file": own.cert.name}
    made(place, url="mqtts://b", key_file=own.key.name, **files)
    made(place, sparkplug, address={"group": "g", "edge_node": "n", "metric": "m"})


def code(number: int, kind: int = PacketTypes.CONNACK) -> ReasonCode:
    return ReasonCode(kind, identifier=number)


def test_what_the_broker_says_is_a_sentence_with_the_way_out(place) -> None:
    five = checked(place, mqtt.Settings(url="mqtt://b", user="u", client_id="c"))
    old = checked(place, mqtt.Settings(url="mqtt://b", version="3.1.1"))
    assert [refused(five, code(each)) for each in (0x84, 0x85, 0x86, 0x87, 0x97)] == [
        'mqtt://b:1883 refuses MQTT 5: set version = "3.1.1"',
        "mqtt://b:1883 refuses client_id 'c'",
        "mqtt://b:1883 refuses user 'u': bad user name or password; "
        "see user and password_file",
        "mqtt://b:1883 refuses user 'u': not authorised; see user and password_file",
        "mqtt://b:1883 refuses quota exceeded",
    ]
    assert refused(old, code(0x87)).startswith(
        "mqtt://b:1883 refuses us without a user"
    )
    gone = PacketTypes.DISCONNECT
    assert lost(five, code(0x8E, gone), by_broker=True, joined=True) == (
        "mqtt://b:1883: another client uses client_id 'c', too; give each its own"
    )
    assert lost(five, code(0x8B, gone), by_broker=True, joined=True) == (
        "mqtt://b:1883 ended the connection: server shutting down"
    )
    assert lost(five, code(0x8D, gone), by_broker=False, joined=True) == (
        "mqtt://b:1883 is silent: no answer to a ping"
    )
    assert unreachable(five, TimeoutError()) == "mqtt://b:1883 does not answer"


def test_the_file_of_a_relative_path_is_beside_the_tag_file(tmp_path: Path) -> None:
    folder = tmp_path / "tags"
    folder.mkdir()
    (folder / "secret").write_text("x")
    place = Place("line", folder, tmp_path)
    broker = mqtt.Settings(url="mqtt://b", user="u", password_file="secret")
    assert checked(place, broker).password == "x"
