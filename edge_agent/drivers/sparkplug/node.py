"""The agent as a Sparkplug edge node: its own tags, published to hosts.

    [connections.scada]
    driver = "sparkplug_node"
    url = "mqtt://broker.plant"
    group = "Line 1"
    edge_node = "press-7"
    commands = true

No tag comes by this connection. All tags, or those named in ``tags``, are metrics of
the node: born with it, told when they move, and with ``commands`` written by hosts as
by anybody else, within the tags' limits. Each session is a life with its own number,
which outlives the agent in a small file: a late will never ends a later life.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from twisted.logger import Logger

from edge_agent.drivers.connections import Place
from edge_agent.drivers.driver import Found, Reading, Value
from edge_agent.drivers.linked import LinkLost, Peer, PeerRefused, Raw, Tell
from edge_agent.drivers.mqtt.access import Access, Broker, checked
from edge_agent.drivers.mqtt.link import Message, MqttLink, Will
from edge_agent.drivers.mqtt.payload import Malformed
from edge_agent.drivers.outlet import Outlet
from edge_agent.drivers.points import Point
from edge_agent.drivers.racing import first_to_fail
from edge_agent.drivers.sparkplug.birth import Table, death
from edge_agent.drivers.sparkplug.kind import Name, check_name
from edge_agent.drivers.sparkplug.payload import Payload, decode, encode
from edge_agent.drivers.sparkplug.view import NAMESPACE, NUMBERS, topic_of
from heddle.contract.samples import Quality
from heddle.files import write_whole
from heddle.wamp.process import ConfigError

log = Logger()

READS_BACK = False


class Settings(Broker, frozen=True, kw_only=True):
    """What a connection says."""

    group: Name
    edge_node: Name
    tags: tuple[str, ...] = ()  # none: all
    commands: bool = False  # whether hosts may write
    publish_ms: Annotated[int, msgspec.Meta(ge=10, le=3_600_000)] = 1000
    primary_host: str = ""  # without it on line, we are not born


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """No tag comes by this connection."""


def make(
    place: Place, settings: Settings, points: Sequence[Point[Address]]
) -> Callable[[], Peer]:
    """What makes a peer for each try. Raises ``ConfigError``."""
    for point in points:
        raise ConfigError(
            f"tag {point.name!r}: this connection publishes tags, none comes by it"
        )
    if not settings.clean_start:
        raise ConfigError(
            "Sparkplug wants a session of its own: leave clean_start true"
        )
    for name in ("group", "edge_node", "primary_host"):
        check_name(name, getattr(settings, name))
    if place.outlet is None:
        raise ConfigError("there are no tags to publish")
    outlet = place.outlet
    outlet.want(place.name, settings.tags)
    access = checked(place, settings)
    lives = Lives(place.data / f"{place.name}.bdseq")
    return lambda: NodePeer(access, settings, outlet, lives)


class Lives:
    """The numbers of the node's lives, 0 to 255 and round again.

    They are kept in a file; where it cannot be written they go on in memory.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._last: int | None = None

    def next(self) -> int:
        """The number of the life that begins now."""
        last = self._kept() if self._last is None else self._last
        self._last = number = (last + 1) % NUMBERS
        try:
            write_whole(self._file, f"{number}\n".encode(), durable=False)
        except OSError as error:
            log.warn(
                "{file} cannot be written: {error}; the next agent may begin a life "
                "with a number that was there before",
                file=str(self._file),
                error=error.strerror,
            )
        return number

    def _kept(self) -> int:
        try:
            return int(self._file.read_text())
        except (OSError, ValueError):
            return -1


class NodePeer:
    """One life of the node."""

    def __init__(
        self, access: Access, settings: Settings, outlet: Outlet, lives: Lives
    ) -> None:
        self._access = access
        self._settings = settings
        self._outlet = outlet
        named = settings.tags or tuple(outlet.tags)
        self._table = Table([outlet.tags[name] for name in named])
        self._lives = lives
        self._life = 0
        self._seq = 0
        self._is_born = False
        self._moved: dict[str, Reading] = {}  # not said yet
        self._said: dict[str, tuple[Value, Quality]] = {}
        self._link: MqttLink | None = None
        self._host_at_ms = 0
        self._host_left: asyncio.Future[str] = (
            asyncio.get_running_loop().create_future()
        )

    async def connect(self) -> None:
        """Join the broker and hear commands."""
        self._life = self._lives.next()
        will = Will(self._topic("NDEATH"), encode(death(self._life, _now_ms())))
        link = self._link = MqttLink(self._access, will)
        await link.connect()
        wanted = [self._topic("NCMD")]
        if self._settings.primary_host:
            wanted.append(self._host_topic)
        for topic, why in (await link.subscribe(dict.fromkeys(wanted, 1))).items():
            raise LinkLost(f"{self._access.url} refuses topic {topic}: {why}")

    async def follow(self, tell: Tell) -> None:
        """Be born, and tell what moves."""
        del tell  # no tag comes from here
        link = self._joined()
        listener = self._outlet.listen(self._heard)
        try:
            if not self._settings.primary_host:
                self._be_born()
            link.hear(self._ordered)
            await first_to_fail(self._publish(link), link.lost(), self._host_gone())
        finally:
            self._outlet.leave(listener)

    async def read(self, tag: str) -> Raw:
        """Nothing can be read here."""
        raise PeerRefused(f"{tag} is published, not read")

    async def write(self, tag: str, raw: Value, key: str) -> None:
        """Nothing can be written here."""
        raise PeerRefused(f"{tag} is published; {raw!r} ({key}) is not written")

    async def browse(self, at: str) -> tuple[Found, ...]:
        """Nothing is here but our own tags."""
        raise PeerRefused(f"this connection publishes: there is nothing at {at!r}")

    async def close(self) -> None:
        """Die in words, and leave the broker."""
        if self._link is None:
            return
        if self._is_born:  # it goes out before the good-bye
            said = encode(death(self._life, _now_ms()))
            self._link.post(self._topic("NDEATH"), said, qos=1)
        await self._link.close()

    # --- telling ---------------------------------------------------------------------

    def _heard(self, readings: Sequence[Reading]) -> None:
        for each in readings:
            said = each.value, each.quality
            if self._table.has(each.tag) and self._said.get(each.tag) != said:
                self._said[each.tag] = said
                self._moved[each.tag] = each

    def _be_born(self) -> None:
        self._moved.clear()
        self._seq = 0
        self._is_born = True
        now = self._outlet.now()
        self._said = {tag: (each.value, each.quality) for tag, each in now.items()}
        birth = self._table.birth(self._life, now, _now_ms())
        self._post("NBIRTH", birth)

    async def _publish(self, link: MqttLink) -> None:
        while True:
            await asyncio.sleep(self._settings.publish_ms / 1000)
            if not self._is_born or not self._moved:
                continue
            moved, self._moved = self._moved, {}
            self._seq = (self._seq + 1) % NUMBERS
            said = encode(self._table.data(self._seq, moved.values(), _now_ms()))
            await link.publish(self._topic("NDATA"), said)

    async def _host_gone(self) -> None:
        raise LinkLost(await self._host_left)

    def _post(self, kind: str, payload: Payload) -> None:
        self._joined().post(self._topic(kind), encode(payload))

    # --- hearing ---------------------------------------------------------------------

    def _ordered(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.topic == self._host_topic:
                self._host_said(message.payload)
            elif not message.retained and self._is_born:
                self._command(message)

    def _command(self, message: Message) -> None:
        try:
            orders = self._table.orders(decode(message.payload))
        except Malformed as flaw:
            log.warn("a command to {node}: {flaw}", node=self._words, flaw=str(flaw))
            return
        if orders.rebirth:
            self._be_born()
        for order in orders.tags:
            if self._settings.commands:
                whose = f"a host of {self._words}"
                self._outlet.order(order.tag, order.value, message.key, whose)
            else:
                log.warn(
                    "a host would write {tag}, but {node} takes no commands",
                    tag=order.tag,
                    node=self._words,
                )

    def _host_said(self, payload: bytes) -> None:
        """The primary host comes, and we are born; it goes, and we die."""
        try:
            said = msgspec.json.decode(payload, type=_HostState)
        except msgspec.MsgspecError:
            return
        if said.timestamp < self._host_at_ms:
            return  # an old will that came late
        self._host_at_ms = said.timestamp
        if said.online and not self._is_born:
            self._be_born()
        elif not said.online and self._is_born and not self._host_left.done():
            host = self._settings.primary_host
            self._host_left.set_result(f"the primary host {host!r} went off line")

    @property
    def _words(self) -> str:
        return f"{self._settings.group}/{self._settings.edge_node}"

    @property
    def _host_topic(self) -> str:
        return f"{NAMESPACE}/STATE/{self._settings.primary_host}"

    def _topic(self, kind: str) -> str:
        return topic_of(self._settings.group, kind, self._settings.edge_node)

    def _joined(self) -> MqttLink:
        if self._link is None:
            raise PeerRefused("the broker is not joined yet")
        return self._link


class _HostState(msgspec.Struct):
    online: bool
    timestamp: int


def _now_ms() -> int:
    return int(time.time() * 1000)
