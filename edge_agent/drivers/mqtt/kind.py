"""The MQTT driver: tags that are topics, in MQTT 3.1.1 and 5.

    [connections.line]
    driver = "mqtt"
    url = "mqtts://broker.plant:8883"
    user = "line"
    password_file = "line.password"

    [tags.temperature]
    connection = "line"
    topic = "plant/line/state"
    payload = "json"
    path = "data.temperature"
    write_topic = "plant/line/set"
    write_payload = '{"temperature": {value}, "key": {key}}'
    writable = true
    confirm = true

A value that was kept by the broker (retained) is of unknown age: uncertain, unless its
payload has a time that is young enough. A write counts when the broker has it; with
``confirm`` when the device answers on ``topic`` with that value.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import msgspec
from twisted.logger import Logger

from edge_agent.drivers.connections import Place
from edge_agent.drivers.driver import Found, Value
from edge_agent.drivers.linked import Peer, PeerRefused, Raw, Tell
from edge_agent.drivers.mqtt.access import Access, Broker, checked
from edge_agent.drivers.mqtt.echoes import ANSWER_WITHIN_S, Echoes
from edge_agent.drivers.mqtt.link import Message, MqttLink
from edge_agent.drivers.mqtt.look import look_around
from edge_agent.drivers.mqtt.pace import Paced
from edge_agent.drivers.mqtt.payload import (
    Form,
    Malformed,
    decoded,
    encoded,
    is_json,
    path_of,
)
from edge_agent.drivers.mqtt.times import Times
from edge_agent.drivers.points import Point
from heddle.contract.samples import Quality
from heddle.wamp.process import ConfigError

log = Logger()

READS_BACK = False  # a broker keeps no value to ask for: ``confirm`` waits for one
MAX_TOPIC_BYTES = 65_535

Qos = Literal[0, 1, 2]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Settings(Broker, frozen=True, kw_only=True):
    """What a connection says."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What a tag says."""

    topic: str = ""  # to read
    qos: Qos = 1
    payload: Literal["plain", "json"] = "plain"
    path: str = ""  # in JSON
    time_path: str = ""
    retained: Literal["uncertain", "good", "ignore"] = "uncertain"
    stale_after_ms: Annotated[int, msgspec.Meta(ge=10, le=604_800_000)] | None = None
    write_topic: str = ""
    write_payload: str = "{value}"
    write_qos: Literal[1, 2] = 1
    write_retain: bool = False
    confirm: bool = False
    true_word: Word = "true"
    false_word: Word = "false"

    def form(self, point: "Point[Address]") -> Form:
        """How its payloads are read and written."""
        return Form(
            type=point.tag.type,
            json=self.payload == "json",
            path=path_of(self.path),
            time_path=path_of(self.time_path) or None,
            true_word=self.true_word,
            false_word=self.false_word,
        )


Points = Sequence[Point[Address]]


def make(place: Place, settings: Settings, points: Points) -> Callable[[], Peer]:
    """What makes a peer for each try. Raises ``ConfigError``."""
    access = checked(place, settings)
    for point in points:
        try:
            _check(point)
        except ConfigError as flaw:
            raise ConfigError(f"tag {point.name!r}: {flaw}") from None
    told: dict[str, str] = {}
    return lambda: MqttPeer(access, points, told)


def _check(point: Point[Address]) -> None:
    at = point.address
    for name, topic in (("topic", at.topic), ("write_topic", at.write_topic)):
        _check_topic(name, topic)
    if not at.topic and not at.write_topic:
        raise ConfigError("it has neither topic nor write_topic")
    if at.payload == "plain" and (at.path or at.time_path):
        raise ConfigError('path and time_path are for payload = "json"')
    if at.true_word == at.false_word:
        raise ConfigError(f"true_word and false_word are both {at.true_word!r}")
    _check_writing(point)


def _check_writing(point: Point[Address]) -> None:
    at = point.address
    if point.settings.writable != bool(at.write_topic):
        raise ConfigError("writable = true and write_topic belong together")
    if at.confirm and at.topic in ("", at.write_topic):
        raise ConfigError(
            "confirm waits for what the device says on topic: "
            "give one, other than write_topic"
        )
    if at.write_payload.count("{value}") != 1:
        raise ConfigError("write_payload must have {value} in it, once")
    try:
        is_json(at.write_payload)
    except Malformed as flaw:
        raise ConfigError(f"write_payload {at.write_payload!r}: {flaw}") from None


def _check_topic(name: str, topic: str) -> None:
    if "+" in topic or "#" in topic:
        raise ConfigError(
            f"{name} {topic!r} has a wildcard: a tag is one topic, + and # are many"
        )
    if "\0" in topic or len(topic.encode()) > MAX_TOPIC_BYTES:
        raise ConfigError(f"{name} {topic[:40]!r} is no topic of MQTT")
    if name == "write_topic" and topic.startswith("$"):
        raise ConfigError(f"{name} {topic!r} is the broker's own")


class MqttPeer:
    """One session with a broker."""

    def __init__(self, access: Access, points: Points, told: dict[str, str]) -> None:
        self._access = access
        self._points = {point.name: point for point in points}
        self._forms = {point.name: point.address.form(point) for point in points}
        self._of_topic: dict[str, list[Point[Address]]] = {}
        for point in points:
            if point.address.topic:
                self._of_topic.setdefault(point.address.topic, []).append(point)
        self._told = told  # of each tag what is wrong with it; outlives the session
        self._link: MqttLink | None = None
        self._paced: Paced | None = None
        self._times = Times(time.time)
        self._known: dict[str, Raw] = {}
        self._echoes = Echoes()

    async def connect(self) -> None:
        """Join the broker and ask for all topics of the tags."""
        link = self._link = MqttLink(self._access)
        await link.connect()
        refused = await link.subscribe(
            {
                topic: max(point.address.qos for point in points)
                for topic, points in self._of_topic.items()
            }
        )
        for topic, why in refused.items():
            for point in self._of_topic[topic]:
                self._wrong(point.name, f"the broker refuses topic {topic}: {why}")

    async def follow(self, tell: Tell) -> None:
        """Tell what comes in."""
        link = self._joined()
        every = self._points.values()
        paced = self._paced = Paced(
            asyncio.get_running_loop(),
            tell,
            {point.name: point.settings.scan_ms / 1000 for point in every},
            {
                point.name: point.address.stale_after_ms / 1000
                for point in every
                if point.address.stale_after_ms is not None
            },
        )
        tell([_unknown(tag) for tag in self._points])
        link.hear(self._heard)
        try:
            await link.lost()
        finally:
            paced.stop()

    async def read(self, tag: str) -> Raw:
        """What was heard last."""
        if (known := self._known.get(tag)) is None:
            why = self._told.get(tag) or "nothing has come yet"
            raise PeerRefused(f"{tag} has no value: {why}")
        return known

    async def write(self, tag: str, raw: Value, key: str) -> None:
        """Publish; with ``confirm``, wait for the answer."""
        point, link = self._points[tag], self._joined()
        at = point.address
        wanted = point.value(raw)
        answer = self._echoes.expect(
            tag, lambda heard: point.took(wanted, point.value(heard.value))
        )
        try:
            await link.publish(
                at.write_topic,
                encoded(at.write_payload, raw, key, self._forms[tag]),
                qos=at.write_qos,
                retain=at.write_retain,
                key=key,
            )
            if at.confirm and not await self._echoes.came(answer):
                self._not_taken(point, wanted)
        finally:
            answer.cancel()
        if not at.topic:  # the only word on it is our own
            self._tell([Raw(tag, raw, quality=Quality.UNCERTAIN)])

    async def browse(self, at: str) -> tuple[Found, ...]:
        """The topics below a prefix on which something is said just now."""
        return await look_around(self._access, at)

    async def close(self) -> None:
        """Leave the broker."""
        if self._link is not None:
            await self._link.close()

    def _joined(self) -> MqttLink:
        if self._link is None:
            raise PeerRefused("the broker is not joined yet")
        return self._link

    def _heard(self, messages: Sequence[Message]) -> None:
        self._tell(
            [
                self._read(point, message)
                for message in messages
                for point in self._of_topic.get(message.topic, ())
                if not (message.retained and point.address.retained == "ignore")
            ]
        )

    def _read(self, point: Point[Address], message: Message) -> Raw:
        try:
            value, theirs_us = decoded(message.payload, self._forms[point.name])
        except Malformed as flaw:
            self._wrong(point.name, f"what {message.topic} says is malformed: {flaw}")
            return _unknown(point.name)
        self._told.pop(point.name, None)
        quality = Quality.GOOD
        if message.retained and not self._is_young(point.address, theirs_us):
            quality = Quality.UNCERTAIN
        return Raw(point.name, value, self._times.at_us(point.name, theirs_us), quality)

    def _is_young(self, at: Address, theirs_us: int | None) -> bool:
        """Whether a value the broker had kept is still worth something."""
        if at.retained == "good":
            return True
        if theirs_us is None or at.stale_after_ms is None:
            return False
        return self._times.age_ms(theirs_us) < at.stale_after_ms

    def _tell(self, raws: Sequence[Raw]) -> None:
        for raw in raws:
            self._known[raw.tag] = raw
            self._echoes.heard(raw)
        if self._paced is not None and raws:
            self._paced.tell(raws)

    def _not_taken(self, point: Point[Address], wanted: Value) -> None:
        known = self._known.get(point.name)
        shown = None if known is None else point.value(known.value)
        raise PeerRefused(
            f"{point.name} was set to {wanted!r}, but {point.address.topic} did not "
            f"say so within {ANSWER_WITHIN_S:g} s; it reads {shown!r}"
        )

    def _wrong(self, tag: str, words: str) -> None:
        """Told once, until the tag is well again."""
        if tag not in self._told:
            log.warn("tag {tag}: {words}", tag=tag, words=words)
        self._told[tag] = words


def _unknown(tag: str) -> Raw:
    return Raw(tag, None, quality=Quality.BAD)
