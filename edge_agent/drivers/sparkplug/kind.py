"""The Sparkplug B driver: reads and commands the metrics of edge nodes, as a host.

    [connections.plant]
    driver = "sparkplug"
    url = "mqtt://broker.plant"
    host_id = "heddle-press-7"

    [tags.pressure]
    connection = "plant"
    group = "Line 1"
    edge_node = "PLC"
    device = "Pump"
    metric = "Outlet/Pressure"

A tag is good while its node and device are alive and nothing was missed. A setpoint is
a command; it counts when the node's data say so.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Annotated

import msgspec
from twisted.logger import Logger

from edge_agent.drivers.connections import Place
from edge_agent.drivers.driver import Found, Value
from edge_agent.drivers.linked import LinkLost, Peer, PeerRefused, Raw, Tell
from edge_agent.drivers.mqtt.access import Access, Broker, checked
from edge_agent.drivers.mqtt.echoes import ANSWER_WITHIN_S, Echoes
from edge_agent.drivers.mqtt.link import Message, MqttLink, Will
from edge_agent.drivers.mqtt.pace import Paced
from edge_agent.drivers.mqtt.payload import Form, Malformed, typed
from edge_agent.drivers.mqtt.times import Times
from edge_agent.drivers.points import Point
from edge_agent.drivers.sparkplug.look import look_around
from edge_agent.drivers.sparkplug.nodes import (
    EdgeNode,
    NodeName,
    rebirth_of,
    spoken,
)
from edge_agent.drivers.sparkplug.payload import Metric, Payload, encode, wire_of
from edge_agent.drivers.sparkplug.view import NAMESPACE, Key, topic_of
from heddle.contract.samples import Quality
from heddle.wamp.process import ConfigError

log = Logger()

READS_BACK = False  # a node tells by itself: the peer waits for it
RESERVED = "+/#"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class Settings(Broker, frozen=True, kw_only=True):
    """What a connection says."""

    host_id: str = ""  # tells the nodes our state; "": they need not know
    ask_rebirth: bool = True
    reorder_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 2000


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What a tag says."""

    group: Name
    edge_node: Name
    metric: Name
    device: str = ""  # "": the node itself

    @property
    def owner(self) -> NodeName:
        """The node."""
        return self.group, self.edge_node

    @property
    def key(self) -> Key:
        """Its metric."""
        return self.device, self.metric


Points = Sequence[Point[Address]]


def make(place: Place, settings: Settings, points: Points) -> Callable[[], Peer]:
    """What makes a peer for each try. Raises ``ConfigError``."""
    if not settings.clean_start:
        raise ConfigError(
            "Sparkplug wants a session of its own: leave clean_start true"
        )
    check_name("host_id", settings.host_id)
    access = checked(place, settings)
    for point in points:
        at = point.address
        for name in ("group", "edge_node", "device"):
            check_name(f"tag {point.name!r}: {name}", getattr(at, name))
    told: set[str] = set()
    return lambda: SparkplugPeer(access, settings, points, told)


def check_name(setting: str, name: str) -> None:
    """Raises ``ConfigError`` for what cannot be a part of a topic."""
    if any(each in name for each in RESERVED) or "\0" in name:
        raise ConfigError(f"{setting} {name!r} has one of {' '.join(RESERVED)} in it")
    if name == "STATE":
        raise ConfigError(f"{setting} {name!r} is Sparkplug's own word")


class SparkplugPeer:
    """One session of a host with a broker, and through it with nodes."""

    def __init__(
        self, access: Access, settings: Settings, points: Points, told: set[str]
    ) -> None:
        self._access = access
        self._settings = settings
        self._points = {point.name: point for point in points}
        self._of_metric: dict[tuple[NodeName, Key], list[Point[Address]]] = {}
        for point in points:
            where = (point.address.owner, point.address.key)
            self._of_metric.setdefault(where, []).append(point)
        self._told = told  # tags that do not fit their metrics; outlives the session
        self._born_ms = int(time.time() * 1000)
        self._link: MqttLink | None = None
        self._paced: Paced | None = None
        self._times = Times(time.time)
        self._echoes = Echoes()
        self._nodes = {
            name: EdgeNode(
                name,
                changed=self._changed,
                ask=self._ask,
                reorder_s=settings.reorder_ms / 1000,
            )
            for name in {point.address.owner for point in points}
        }

    async def connect(self) -> None:
        """Join the broker, hear the nodes, and tell them that we are here."""
        will = Will(self._state_topic, self._state(online=False), retain=True)
        named = bool(self._settings.host_id)
        link = self._link = MqttLink(self._access, will if named else None)
        await link.connect()
        wanted = [self._state_topic] if named else []
        for group, node in self._nodes:
            wanted += [topic_of(group, "+", node), topic_of(group, "+", node, "+")]
        for topic, why in (await link.subscribe(dict.fromkeys(wanted, 1))).items():
            raise LinkLost(f"{self._access.url} refuses topic {topic}: {why}")
        if named:
            state = self._state(online=True)
            await link.publish(self._state_topic, state, qos=1, retain=True)

    async def follow(self, tell: Tell) -> None:
        """Tell what the nodes say; those already at work are asked for their births."""
        link = self._joined()
        scan_s = {n: point.settings.scan_ms / 1000 for n, point in self._points.items()}
        paced = self._paced = Paced(asyncio.get_running_loop(), tell, scan_s)
        tell([self._raw(point) for point in self._points.values()])
        link.hear(self._heard)
        try:
            for node in self._nodes.values():
                if not node.view.online:
                    node.ask_rebirth("we came later than it, perhaps")
            await link.lost()
        finally:
            paced.stop()
            for node in self._nodes.values():
                node.stop()

    async def read(self, tag: str) -> Raw:
        """What the node said last."""
        point = self._points[tag]
        self._check_alive(point.address)
        return self._raw(point)

    async def write(self, tag: str, raw: Value, key: str) -> None:
        """Command the metric, and wait until the node says that it is so."""
        point, link = self._points[tag], self._joined()
        at = point.address
        command = encode(self._command(at, raw))
        wanted = point.value(raw)

        def fits(heard: Raw) -> bool:
            return point.took(wanted, point.value(heard.value))

        answer = self._echoes.expect(tag, fits)
        try:
            kind = "DCMD" if at.device else "NCMD"
            topic = topic_of(at.group, kind, at.edge_node, at.device)
            await link.publish(topic, command, key=key)
            if not fits(self._raw(point)) and not await self._echoes.came(answer):
                raise PeerRefused(
                    f"{tag} was set to {wanted!r}, but {'/'.join(at.owner)} did not "
                    f"say so within {ANSWER_WITHIN_S:g} s; "
                    f"it reads {point.value(self._raw(point).value)!r}"
                )
        finally:
            answer.cancel()

    async def browse(self, at: str) -> tuple[Found, ...]:
        """Nodes; at ``GROUP/NODE`` or ``GROUP/NODE/DEVICE`` what they have."""
        return await look_around(self._access, self._nodes, at)

    async def close(self) -> None:
        """Tell the nodes that we go, and leave the broker."""
        if self._link is None:
            return
        if self._settings.host_id:  # it goes out before the good-bye
            state = self._state(online=False)
            self._link.post(self._state_topic, state, qos=1, retain=True)
        await self._link.close()

    # --- hearing ---------------------------------------------------------------------

    def _heard(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.topic == self._state_topic and not message.retained:
                self._state_heard(message.payload)
        for name, said in spoken(messages).items():
            if name in self._nodes:
                self._nodes[name].hear(said)

    def _changed(self, node: EdgeNode, keys: Iterable[Key]) -> None:
        raws = [
            self._timed(self._raw(point))
            for key in keys
            for point in self._of_metric.get((node.name, key), ())
        ]
        for raw in raws:
            self._echoes.heard(raw)
        if self._paced is not None and raws:
            self._paced.tell(raws)

    def _timed(self, raw: Raw) -> Raw:
        return replace(raw, at_us=self._times.at_us(raw.tag, raw.at_us))

    def _raw(self, point: Point[Address]) -> Raw:
        known = self._nodes[point.address.owner].known.get(point.address.key)
        if known is None:
            return Raw(point.name, None, quality=Quality.BAD)
        try:
            value = typed(known.value, Form(point.tag.type))
        except Malformed as flaw:
            if point.name not in self._told:
                self._told.add(point.name)
                log.warn(
                    "tag {tag} is {type}, but {metric}: {flaw}",
                    tag=point.name,
                    type=point.tag.type.value,
                    metric=point.address.metric,
                    flaw=str(flaw),
                )
            return Raw(point.name, None, known.at_us, Quality.BAD)
        return Raw(point.name, value, known.at_us, known.quality)

    # --- speaking --------------------------------------------------------------------

    def _command(self, at: Address, raw: Value) -> Payload:
        self._check_alive(at)
        view = self._nodes[at.owner].view
        type_, alias = view.types[at.key], view.alias_of.get(at.key)
        now_ms = int(time.time() * 1000)
        try:
            wire = wire_of(type_, raw)
        except Malformed as flaw:
            raise PeerRefused(f"{'/'.join(at.owner)}: {at.metric}: {flaw}") from None
        metric = Metric(
            name=at.metric if alias is None else "",  # one or the other: 6.4.6
            alias=alias,
            at_ms=now_ms,
            type=type_,
            wire=wire,
        )
        return Payload(at_ms=now_ms, metrics=(metric,))

    def _check_alive(self, at: Address) -> None:
        node = self._nodes[at.owner]
        if not node.view.online:
            raise PeerRefused(f"edge node {node.words} is not online")
        if not node.view.is_up(at.device):
            raise PeerRefused(f"device {at.device} of {node.words} is not online")
        if at.key not in node.view.types:
            where = f"device {at.device} of {node.words}" if at.device else node.words
            raise PeerRefused(f"{where} has no metric {at.metric!r}")

    def _ask(self, node: EdgeNode) -> None:
        if self._settings.ask_rebirth and self._link is not None:
            self._link.post(*rebirth_of(node.name))

    def _state_heard(self, payload: bytes) -> None:
        """An old will of ours that came late: we are here."""
        try:
            said = msgspec.json.decode(payload, type=dict[str, object])
        except msgspec.MsgspecError:
            said = {}
        if said.get("online") is not True:
            state = self._state(online=True)
            self._joined().post(self._state_topic, state, qos=1, retain=True)

    @property
    def _state_topic(self) -> str:
        return f"{NAMESPACE}/STATE/{self._settings.host_id}"

    def _state(self, *, online: bool) -> bytes:
        return msgspec.json.encode({"online": online, "timestamp": self._born_ms})

    def _joined(self) -> MqttLink:
        if self._link is None:
            raise PeerRefused("the broker is not joined yet")
        return self._link
