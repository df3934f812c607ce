"""OPC UA's values and ours: types, qualities and times."""

import base64
import enum
import math
import uuid
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Final

import msgspec
from asyncua import ua

from edge_agent.drivers.driver import Value
from heddle.contract.devices import TagType
from heddle.contract.samples import Quality

MAX_LAG_S, MAX_LEAD_S = 60.0, 5.0  # a source's clock, against ours

_RANGES: Final = {
    ua.VariantType.SByte: (-(2**7), 2**7 - 1),
    ua.VariantType.Byte: (0, 2**8 - 1),
    ua.VariantType.Int16: (-(2**15), 2**15 - 1),
    ua.VariantType.UInt16: (0, 2**16 - 1),
    ua.VariantType.Int32: (-(2**31), 2**31 - 1),
    ua.VariantType.UInt32: (0, 2**32 - 1),
    ua.VariantType.Int64: (-(2**63), 2**63 - 1),
    ua.VariantType.UInt64: (0, 2**64 - 1),
}
_FLOATS: Final = {ua.VariantType.Float, ua.VariantType.Double}
_LARGEST_FLOAT: Final = 3.4028235677973366e38  # what rounds to a finite float32
_TEXTUAL: Final = {TagType.TEXT, TagType.JSON}


class Unsuitable(ValueError):
    """The value cannot be had, or not be written; the sentence says why."""


def quality_of(status: ua.StatusCode | None) -> Quality:
    """OPC UA's three severities are ours."""
    if status is None or status.is_good():
        return Quality.GOOD
    return Quality.UNCERTAIN if status.is_uncertain() else Quality.BAD


def value_of(variant: ua.Variant | None, kind: TagType) -> Value:
    """A tag's value of a node's. Raises ``Unsuitable`` for what the tag cannot hold."""
    held = None if variant is None else variant.Value
    if held is None:
        return None
    if isinstance(held, enum.Enum):
        held = held.value
    if isinstance(held, bool | int):
        return held
    if isinstance(held, float):
        return held if math.isfinite(held) else None
    text = _text(held)
    if kind not in _TEXTUAL:
        what = "a list" if isinstance(held, list) else type(held).__name__
        raise Unsuitable(f'it holds {what}, no number: set type = "text"')
    return text


def _text(held: object) -> str:
    plain = _plain(held)
    return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()


def _plain(held: Any) -> Any:
    """What JSON can say. Raises ``Unsuitable``."""
    for kinds, words in _WORDS:
        if isinstance(held, kinds):
            return words(held)
    if is_dataclass(held):
        return {f.name: _plain(getattr(held, f.name)) for f in fields(held)}
    raise Unsuitable(f"it holds {type(held).__name__}, which has no words here")


def _unknown(_: Any) -> Any:
    raise Unsuitable("it holds a structure this agent does not know")


_WORDS: Final[tuple[tuple[Any, Callable[[Any], Any]], ...]] = (
    (enum.Enum, lambda held: held.value),
    ((bool, int, str, NoneType), lambda held: held),
    (float, lambda held: held if math.isfinite(held) else None),
    (datetime, lambda held: _utc(held).isoformat().replace("+00:00", "Z")),
    (uuid.UUID, str),
    (bytes, lambda held: base64.b64encode(held).decode()),
    ((list, tuple), lambda held: [_plain(each) for each in held]),
    (ua.LocalizedText, lambda held: held.Text or ""),
    (ua.QualifiedName, lambda held: held.Name or ""),
    (ua.NodeId, lambda held: held.to_string()),
    (ua.StatusCode, lambda held: held.name),
    (ua.ExtensionObject, _unknown),
    ((ua.Variant, ua.DataValue), lambda held: _plain(held.Value)),
)


def variant_of(value: Value, kind: ua.VariantType) -> ua.Variant:
    """What is to be written to a variable of that type. Raises ``Unsuitable``."""
    if (span := _RANGES.get(kind)) is not None:
        return ua.Variant(_whole(value, kind, span), kind)
    if kind in _FLOATS:
        return ua.Variant(_float(value, kind), kind)
    make = _MAKERS.get(kind)
    if make is None:
        raise Unsuitable(f"the variable is of type {kind.name}, which is not written")
    try:
        return ua.Variant(make(value), kind)
    except (TypeError, ValueError):
        raise Unsuitable(f"{value!r} is no {kind.name}, as the variable is") from None


def _whole(value: Value, kind: ua.VariantType, span: tuple[int, int]) -> int:
    low, high = span
    if isinstance(value, str) or value is None or not float(value).is_integer():
        raise Unsuitable(f"{value!r} is no whole number, as {kind.name} is")
    if not low <= value <= high:
        raise Unsuitable(f"{value:g} does not fit {kind.name} ({low} to {high})")
    return int(value)


def _float(value: Value, kind: ua.VariantType) -> float:
    if isinstance(value, str) or value is None:
        raise Unsuitable(f"{value!r} is no number, as {kind.name} is")
    if kind is ua.VariantType.Float and abs(value) >= _LARGEST_FLOAT:
        raise Unsuitable(f"{value:g} does not fit Float")
    return float(value)


def _boolean(value: Value) -> bool:
    if value not in (0, 1):
        raise ValueError(value)
    return bool(value)


def _string(value: Value) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _instant(value: Value) -> datetime:
    return _utc(datetime.fromisoformat(_string(value)))


_MAKERS: Final[dict[ua.VariantType, Callable[[Value], object]]] = {
    ua.VariantType.Boolean: _boolean,
    ua.VariantType.String: _string,
    ua.VariantType.LocalizedText: lambda value: ua.LocalizedText(_string(value)),
    ua.VariantType.DateTime: _instant,
    ua.VariantType.Guid: lambda value: uuid.UUID(_string(value)),
}


class Times:
    """When values were so: the source's word where it can be, else ours.

    A source's time is kept if it is near ours and after what was told of the tag
    before: what was read once the link was up again never looks older than its loss.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._since_us = int(now_s() * 1_000_000)
        self._last_us: dict[str, int] = {}

    def at_us(self, tag: str, source: datetime | None) -> int:
        """The instant, unix microseconds."""
        now_us = int(self._now_s() * 1_000_000)
        at_us = now_us
        if source is not None:
            theirs_us = int(_utc(source).timestamp() * 1_000_000)
            least_us = max(
                self._last_us.get(tag, self._since_us),
                now_us - int(MAX_LAG_S * 1_000_000),
            )
            if least_us < theirs_us <= now_us + int(MAX_LEAD_S * 1_000_000):
                at_us = theirs_us
        self._last_us[tag] = at_us
        return at_us


def _utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
