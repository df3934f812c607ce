"""Ties a driver's tags to the workflow's ids: units, types and nodes, from TOML.

    [tags.temperature]
    unit = "°C"
    node = "b505cf08-cc3f-4814-8d76-3dd23ad1ea35"

``node`` is what a workflow calls the tag: a ``reporterFctId`` or an ``inputNodeId``.
Without a file the example workflow's ids are known (OSPIN 004).
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from heddle.contract.devices import Tag, TagType
from heddle.wamp.process import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSettings:
    """What the file says of one tag; absent fields leave the driver's word."""

    unit: str | None = None
    type: TagType | None = None
    node: str | None = None


Mapped = Mapping[str, TagSettings]

EXAMPLE: Mapped = {
    "temperature": TagSettings(node="b505cf08-cc3f-4814-8d76-3dd23ad1ea35"),
    "temperature_setpoint": TagSettings(node="8006ba5a-30cf-4d15-b4cb-34fda02e87e3"),
}


class _File(msgspec.Struct, forbid_unknown_fields=True):
    tags: dict[str, dict[str, object]] = {}


def load_mapping(file: Path | None) -> Mapped:
    """Read the file. Raises ``ConfigError`` naming the file and the place."""
    if file is None:
        return EXAMPLE
    try:
        read = msgspec.convert(tomllib.loads(file.read_text()), _File)
        return {name: _settings(name, each) for name, each in read.tags.items()}
    except OSError as error:
        raise ConfigError(f"tag file {file}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"tag file {file} is no TOML: {error}") from None
    except msgspec.ValidationError as flaw:
        raise ConfigError(f"tag file {file}: {flaw}") from None


def _settings(name: str, fields: Mapping[str, object]) -> TagSettings:
    known = TagSettings.__dataclass_fields__
    for field in fields:
        if field not in known:
            raise msgspec.ValidationError(
                f"tag {name!r} has no setting {field!r}; it has {', '.join(known)}"
            )
    try:
        return msgspec.convert(fields, TagSettings)
    except msgspec.ValidationError as flaw:
        raise msgspec.ValidationError(f"tag {name!r}: {flaw}") from None


def mapped(tags: Iterable[Tag], mapping: Mapped, *, source: str) -> tuple[Tag, ...]:
    """The driver's tags with what the mapping adds.

    Raises ``ConfigError`` for a tag the driver does not have (``source`` names the
    file in it), and for a node named twice. The example mapping may lack tags.
    """
    by_name = {tag.tag: tag for tag in tags}
    nodes: dict[str, str] = {}
    for name, settings in mapping.items():
        if name not in by_name:
            if mapping is EXAMPLE:
                continue
            raise ConfigError(
                f"{source}: the driver has no tag {name!r}; "
                f"it has {', '.join(sorted(by_name))}"
            )
        tag = by_name[name]
        if settings.node is not None and settings.node in nodes:
            raise ConfigError(
                f"{source}: node {settings.node} is given to both "
                f"{nodes[settings.node]!r} and {name!r}"
            )
        if settings.node is not None:
            nodes[settings.node] = name
        by_name[name] = replace(
            tag,
            unit=tag.unit if settings.unit is None else settings.unit,
            type=settings.type or tag.type,
            node=settings.node or tag.node,
        )
    return tuple(by_name.values())
