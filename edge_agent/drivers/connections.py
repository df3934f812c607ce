"""The connections of the tag file, put together to one driver.

    [connections.press]
    driver = "opcua"
    url = "opc.tcp://10.0.0.5:4840"

    [tags.temperature]
    connection = "press"
    node_id = "ns=2;s=Temperature"

A kind of driver is a module with ``Settings`` (what its connection may say),
``Address`` (what its tags must say besides ``PointSettings``) and ``make``. It is
loaded when a connection asks for it and not before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import msgspec

from edge_agent.drivers.door import AsyncioDoor
from edge_agent.drivers.driver import (
    DriverFailed,
    Found,
    OnReadings,
    Reading,
    Value,
    WriteRefused,
)
from edge_agent.drivers.linked import SUFFIX, Linked, Peer
from edge_agent.drivers.outlet import Outlet
from edge_agent.drivers.points import Point, PointSettings
from edge_agent.tags import TagTable
from heddle.contract.devices import Tag
from heddle.wamp.process import ConfigError

Fields = Mapping[str, object]

KINDS: Mapping[str, str] = {
    "opcua": "edge_agent.drivers.opcua.kind",
    "modbus": "edge_agent.drivers.modbus.kind",
    "mqtt": "edge_agent.drivers.mqtt.kind",
    "sparkplug": "edge_agent.drivers.sparkplug.kind",
    "sparkplug_node": "edge_agent.drivers.sparkplug.node",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a driver finds and keeps things."""

    name: str  # the connection's
    files: Path  # what the tag file's relative paths are relative to
    data: Path  # the agent's own folder, for what the driver makes
    outlet: Outlet | None = None  # the agent's own tags, for who publishes them


class Kind(Protocol):
    """A driver's module."""

    Settings: type[msgspec.Struct]
    Address: type[msgspec.Struct]

    def make(
        self, place: Place, settings: Any, points: Sequence[Point[Any]]
    ) -> Callable[[], Peer]:
        """What makes a peer for each try. Raises ``ConfigError`` for what does not go
        together.
        """
        ...


def driver_of(
    reactor: Any,
    connections: Mapping[str, Fields],
    tags: Mapping[str, tuple[Tag, Fields]],
    *,
    source: str,
    files: Path,
    data: Path,
    now_s: Callable[[], float],
) -> "Connections":
    """One driver of all connections. ``tags`` has what the file says of each, without
    what is not the connection's. Raises ``ConfigError`` naming the place.
    """
    if taken := {name + SUFFIX for name in connections} & tags.keys():
        raise ConfigError(f"{source}: tag {min(taken)!r} is a connection's own tag")
    door = AsyncioDoor(reactor)
    outlet = Outlet(reactor)
    made: list[Linked] = []
    for name, fields in connections.items():
        where = f"{source}: connection {name!r}"
        kind = _kind(where, fields)
        said = {key: each for key, each in fields.items() if key != "driver"}
        settings = _convert(where, said, kind.Settings)
        points = [
            _point(f"{source}: tag {tag.tag!r}", tag, of, kind)
            for tag, of in tags.values()
            if of.get("connection") == name
        ]
        place = Place(name, files, data, outlet)
        try:
            make_peer = kind.make(place, settings, points)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None
        reads_back = getattr(kind, "READS_BACK", True)
        made.append(
            Linked(door, name, points, make_peer, now_s=now_s, reads_back=reads_back)
        )
    return Connections(door, made, outlet)


class Connections:
    """Several connections as one driver."""

    def __init__(
        self, door: AsyncioDoor, links: Sequence[Linked], outlet: Outlet | None = None
    ) -> None:
        self._door = door
        self._outlet = outlet
        self._links = {link.name: link for link in links}
        self._of_tag = {tag.tag: link for link in links for tag in link.tags()}

    def share(self, tags: TagTable, source: str) -> None:
        """Let connections that publish have all tags, derived ones too. Raises
        ``ConfigError`` for a tag that is to be published and is not there.
        """
        if self._outlet is not None:
            self._outlet.open(tags.tags, self.write, source)
            tags.hear(self._outlet.heard)

    def connections(self) -> tuple[Linked, ...]:
        """All of them."""
        return tuple(self._links.values())

    def links(self, names: Sequence[str]) -> tuple[Linked, ...]:
        """Connections by name. Raises ``DriverFailed`` for one that is not there."""
        return tuple(self._link(name) for name in names)

    def tags(self) -> tuple[Tag, ...]:
        """The tags of all connections."""
        return tuple(tag for link in self._links.values() for tag in link.tags())

    def subscribe(self, on_readings: OnReadings) -> None:
        """Reach for all peers."""
        for link in self._links.values():
            link.subscribe(on_readings)

    async def read(self, tag: str) -> Reading:
        """Read a tag from its peer."""
        if (link := self._of_tag.get(tag)) is None:
            raise DriverFailed(f"no connection has a tag {tag!r}")
        return await link.read(tag)

    async def write(self, tag: str, value: Value, *, key: str = "") -> None:
        """Write a tag at its peer."""
        if (link := self._of_tag.get(tag)) is None:
            raise WriteRefused(f"no connection has a tag {tag!r}")
        await link.write(tag, value, key=key)

    async def browse(self, at: str = "") -> tuple[Found, ...]:
        """The connections; what there is at ``CONNECTION`` or ``CONNECTION/PLACE``."""
        name, _, place = at.partition("/")
        if not name:
            return tuple(Found(each, each, is_tag=False) for each in self._links)
        return await self._link(name).browse(place)

    async def stop(self) -> None:
        """Let go of all peers."""
        for link in self._links.values():
            await link.stop()
        self._door.stop()

    def _link(self, name: str) -> Linked:
        if (link := self._links.get(name)) is None:
            raise DriverFailed(
                f"no connection {name!r}; there are {', '.join(self._links) or 'none'}"
            )
        return link


def _kind(where: str, fields: Fields) -> Kind:
    name = fields.get("driver")
    if not isinstance(name, str) or name not in KINDS:
        raise ConfigError(
            f"{where}: driver {name!r} is none of {', '.join(sorted(KINDS))}"
        )
    try:
        kind: Any = import_module(KINDS[name])
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"{where}: driver {name} needs the package {missing.name!r}: "
            "pip install 'heddle[agent]'"
        ) from None
    return kind  # type: ignore[no-any-return]


def _point(where: str, tag: Tag, fields: Fields, kind: Kind) -> Point[Any]:
    common = PointSettings.__struct_fields__
    settings = _convert(
        where, {k: v for k, v in fields.items() if k in common}, PointSettings
    )
    own = {k: v for k, v in fields.items() if k not in common and k != "connection"}
    if settings.scale == 0:
        raise ConfigError(f"{where}: scale must not be 0")
    low, high = settings.low, settings.high
    if low is not None and high is not None and low > high:
        raise ConfigError(f"{where}: low is more than high")
    tag = replace(tag, writable=settings.writable)
    return Point(tag, _convert(where, own, kind.Address), settings)


def _convert(where: str, fields: Fields, form: type[Any]) -> Any:
    known = form.__struct_fields__
    for field in fields:
        if field not in known:
            raise ConfigError(
                f"{where} has no setting {field!r}; it has {', '.join(known) or 'none'}"
            )
    try:
        return msgspec.convert(fields, form)
    except msgspec.ValidationError as flaw:
        raise ConfigError(f"{where}: {flaw}") from None
