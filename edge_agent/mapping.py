"""The tag file: connections, and the tags' units, types and workflow ids, from TOML.

    [tags.temperature]
    unit = "°C"
    node = "b505cf08-cc3f-4814-8d76-3dd23ad1ea35"
    deadband = 0.1

    [tags.power]
    expression = "voltage * current"
    unit = "W"

    [connections.press]
    driver = "modbus"
    host = "10.0.0.5"

    [tags.pressure]
    connection = "press"
    table = "holding"
    address = 40
    format = "float32"
    unit = "bar"

``node`` is what a workflow calls the tag: a ``reporterFctId`` or an ``inputNodeId``.
Without a file the example workflow's ids are known (OSPIN 004). What a connection and
its tags say besides is its driver's matter (``edge_agent.drivers.connections``).
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import msgspec

from edge_agent.filters import DEFAULT_HEARTBEAT_S, Rule
from heddle.contract.devices import Tag, TagType
from heddle.wamp.process import ConfigError

Fields = Mapping[str, object]

_Deadband = Annotated[float, msgspec.Meta(ge=0, le=1e300)]
_Interval = Annotated[int, msgspec.Meta(ge=1, le=86_400_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSettings:
    """What the file says of one tag; absent fields leave the driver's word."""

    unit: str | None = None
    type: TagType | None = None
    node: str | None = None
    expression: str | None = None  # a tag that is not measured but derived
    connection: str | None = None  # which of the file's it comes by
    deadband: _Deadband | None = None  # in the tag's unit
    min_interval_ms: _Interval | None = None
    max_interval_ms: _Interval | None = None
    address: Fields = field(default_factory=dict)  # what else its connection is told

    @property
    def rule(self) -> Rule | None:
        """How its readings are thinned out; None if they are not."""
        if self.deadband is None and self.min_interval_ms is None:
            return None
        greatest_ms = self.max_interval_ms
        return Rule(
            deadband=self.deadband,
            least_s=(self.min_interval_ms or 0) / 1000,
            greatest_s=DEFAULT_HEARTBEAT_S
            if greatest_ms is None
            else greatest_ms / 1000,
        )


Mapped = Mapping[str, TagSettings]


@dataclass(frozen=True, slots=True)
class TagFile:
    """What the file says."""

    tags: Mapped
    connections: Mapping[str, Fields] = field(default_factory=dict)
    source: str = "the example's tags"
    folder: Path = Path()  # what relative paths in it start from


EXAMPLE: Mapped = {
    "temperature": TagSettings(node="b505cf08-cc3f-4814-8d76-3dd23ad1ea35"),
    "temperature_setpoint": TagSettings(node="8006ba5a-30cf-4d15-b4cb-34fda02e87e3"),
}


class _File(msgspec.Struct, forbid_unknown_fields=True):
    connections: dict[str, dict[str, object]] = {}
    tags: dict[str, dict[str, object]] = {}


def load_mapping(file: Path | None) -> TagFile:
    """Read the file. Raises ``ConfigError`` naming the file and the place."""
    if file is None:
        return TagFile(EXAMPLE)
    try:
        read = msgspec.convert(tomllib.loads(file.read_text()), _File)
        tags = {name: _settings(name, each) for name, each in read.tags.items()}
    except OSError as error:
        raise ConfigError(f"tag file {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"tag file {file} is no text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"tag file {file} is no TOML: {error}") from None
    except msgspec.ValidationError as flaw:
        raise ConfigError(f"tag file {file}: {flaw}") from None
    return TagFile(tags, read.connections, f"tag file {file}", file.parent)


def _settings(name: str, fields: Fields) -> TagSettings:
    known = [each for each in TagSettings.__dataclass_fields__ if each != "address"]
    own = {key: each for key, each in fields.items() if key in known}
    other = {key: each for key, each in fields.items() if key not in known}
    if other and "connection" not in fields:
        raise msgspec.ValidationError(
            f"tag {name!r} has no setting {min(other)!r}; it has {', '.join(known)}"
        )
    try:
        settings = _sound(msgspec.convert(own, TagSettings))
    except msgspec.ValidationError as flaw:
        raise msgspec.ValidationError(f"tag {name!r}: {flaw}") from None
    return replace(settings, address=other)


def _sound(settings: TagSettings) -> TagSettings:
    """The settings, if they go together."""
    least, greatest = settings.min_interval_ms, settings.max_interval_ms
    if greatest is not None and settings.deadband is None:
        raise msgspec.ValidationError(
            "max_interval_ms bounds the silence of a deadband: give a deadband, too"
        )
    if settings.connection is not None and settings.expression is not None:
        raise msgspec.ValidationError(
            "a tag is either read by a connection or derived by an expression"
        )
    rule = settings.rule
    if (
        rule is not None
        and settings.deadband is not None
        and rule.greatest_s < rule.least_s
    ):
        raise msgspec.ValidationError(
            f"min_interval_ms is {least}, more than max_interval_ms, "
            f"{rule.greatest_s * 1000:g}"
        )
    return settings


def tags_of_connections(file: TagFile) -> dict[str, tuple[Tag, Fields]]:
    """The tags that come by a connection, with what the connection is told of each.

    Raises ``ConfigError`` for a connection that is not there.
    """
    found: dict[str, tuple[Tag, Fields]] = {}
    for name, settings in file.tags.items():
        if settings.connection is None:
            continue
        if settings.connection not in file.connections:
            have = ", ".join(file.connections)
            raise ConfigError(
                f"{file.source}: tag {name!r} is of connection "
                f"{settings.connection!r}; there are {have or 'none'}"
            )
        tag = Tag(
            tag=name,
            unit=settings.unit or "",
            type=settings.type or TagType.FLOAT,
            node=settings.node,
        )
        found[name] = tag, {**settings.address, "connection": settings.connection}
    return found


def rules(mapping: Mapped) -> dict[str, Rule]:
    """How tags are thinned out, by tag; those that are not are left out."""
    found = {name: settings.rule for name, settings in mapping.items()}
    return {name: rule for name, rule in found.items() if rule is not None}


def mapped(tags: Iterable[Tag], mapping: Mapped, *, source: str) -> tuple[Tag, ...]:
    """The driver's tags with what the mapping adds; derived tags are not among them.

    Raises ``ConfigError`` for a tag the driver does not have (``source`` names the
    file in it), and for a node named twice. The example mapping may lack tags.
    """
    by_name = {tag.tag: tag for tag in tags}
    nodes: dict[str, str] = {}
    for name, settings in mapping.items():
        if name not in by_name and settings.expression is None:
            if mapping is EXAMPLE:
                continue
            raise ConfigError(
                f"{source}: the driver has no tag {name!r}; "
                f"it has {', '.join(sorted(by_name))}"
            )
        if settings.node is not None and settings.node in nodes:
            raise ConfigError(
                f"{source}: node {settings.node} is given to both "
                f"{nodes[settings.node]!r} and {name!r}"
            )
        if settings.node is not None:
            nodes[settings.node] = name
        if settings.expression is not None:
            continue  # it is derived, not the driver's
        tag = by_name[name]
        by_name[name] = replace(
            tag,
            unit=tag.unit if settings.unit is None else settings.unit,
            type=settings.type or tag.type,
            node=settings.node or tag.node,
        )
    return tuple(by_name.values())
