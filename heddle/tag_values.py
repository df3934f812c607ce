"""Newest values as their readers want them: a row for each, of its tag's type.

They travel as packed columns (``ValueColumns``); this is the other end of that.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from heddle.contract.devices import TagType
from heddle.contract.history import ValueColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class TagValue:
    """The newest value of a tag."""

    tag: str
    unit: str
    at_ms: int
    value: float | int | bool | str | None
    quality: int
    type: TagType = TagType.FLOAT


def tag_values(columns: ValueColumns) -> Iterator[TagValue]:
    """The values of packed columns, in their order."""
    rows = len(columns.tags)
    texts = columns.texts
    for tag, unit, kind, at_us, value, quality in zip(
        columns.tags,
        struct.unpack(f"<{rows}H", columns.unit),
        columns.type,
        struct.unpack(f"<{rows}q", columns.at),
        struct.unpack(f"<{rows}d", columns.value),
        columns.quality,
        strict=True,
    ):
        type_ = columns.types[kind]
        yield TagValue(
            tag=tag,
            unit=columns.units[unit],
            at_ms=at_us // 1000,
            value=_typed(type_, value, texts),
            quality=quality,
            type=type_,
        )


def _typed(
    type_: TagType, value: float, texts: tuple[str, ...]
) -> float | int | bool | str | None:
    if value != value:  # noqa: PLR0124 -- NaN: there is no value
        return None
    match type_:
        case TagType.INTEGER:
            return int(value)
        case TagType.BOOLEAN:
            return value != 0
        case TagType.TEXT | TagType.JSON:
            return texts[int(value)]
        case TagType.FLOAT:
            return value
