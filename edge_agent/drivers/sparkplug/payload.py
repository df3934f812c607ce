"""Sparkplug B payloads: the part of its protocol buffer that tags need.

Written by hand against the field numbers of the specification (3.0, chapter 6), so that
no code is generated and no library loaded for three messages. Fields we do not know are
skipped; data sets, templates, files and arrays are seen as metrics without a value.
"""

import enum
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from edge_agent.drivers.driver import Value
from edge_agent.drivers.mqtt.payload import Malformed
from edge_agent.drivers.sparkplug.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    bytes_field,
    fields,
    number_field,
    tag,
)

MAX_BYTES = 4_194_304
MAX_METRICS = 100_000

Wire: TypeAlias = int | float | bool | str | None


class DataType(enum.IntEnum):
    """What a metric's value is."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UUID = 15


BITS = {
    DataType.INT8: 8,
    DataType.INT16: 16,
    DataType.INT32: 32,
    DataType.INT64: 64,
    DataType.UINT8: 8,
    DataType.UINT16: 16,
    DataType.UINT32: 32,
    DataType.UINT64: 64,
    DataType.DATE_TIME: 64,
}
SIGNED = frozenset((DataType.INT8, DataType.INT16, DataType.INT32, DataType.INT64))
LONG = frozenset((DataType.INT64, DataType.UINT64, DataType.DATE_TIME))
MAX_INT_VALUE = 0xFFFF_FFFF
TEXTS = frozenset((DataType.STRING, DataType.TEXT, DataType.UUID))


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of a payload. In data it may be named by its alias only."""

    name: str = ""
    alias: int | None = None
    at_ms: int | None = None
    type: int = DataType.UNKNOWN
    wire: Wire = None  # as it is sent: integers without their sign
    historical: bool = False
    quality: int | None = None  # of the property "Quality": 0, 192 or 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A message's content."""

    at_ms: int | None = None
    seq: int | None = None
    metrics: tuple[Metric, ...] = ()


def value_of(type_: int, wire: Wire) -> Value:
    """The value behind what was sent; None if it has none that a tag can hold."""
    if wire is None:
        return None
    if type_ == DataType.BOOLEAN:
        return bool(wire) if isinstance(wire, bool | int) else None
    if type_ in (DataType.FLOAT, DataType.DOUBLE):
        is_number = isinstance(wire, int | float) and not isinstance(wire, bool)
        return float(wire) if is_number else None
    if type_ in TEXTS:
        return wire if isinstance(wire, str) else None
    if type_ not in BITS or isinstance(wire, bool) or not isinstance(wire, int):
        return None
    bits = BITS[DataType(type_)]
    whole = wire & ((1 << bits) - 1)  # some send -1 of 8 bits in 32
    return whole - (1 << bits) if type_ in SIGNED and whole >> (bits - 1) else whole


def wire_of(type_: int, value: Value) -> Wire:
    """How a value is sent. Raises ``Malformed`` if the type cannot hold it."""
    if type_ == DataType.BOOLEAN and value in (0, 1):
        return bool(value)
    if type_ in TEXTS and isinstance(value, str):
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and type_ in (DataType.FLOAT, DataType.DOUBLE):
        return _floating(type_, float(value))  # type: ignore[arg-type]
    if number and type_ in BITS and float(value).is_integer():  # type: ignore[arg-type]
        return _whole(DataType(type_), int(value))  # type: ignore[arg-type]
    raise Malformed(f"{_named(type_)} does not take {value!r}")


def decode(data: bytes) -> Payload:
    """Read a payload. Raises ``Malformed``."""
    if len(data) > MAX_BYTES:
        raise Malformed(f"it has {len(data)} bytes; {MAX_BYTES} are the most")
    try:
        return _payload(memoryview(data))
    except (IndexError, struct.error, UnicodeDecodeError):
        raise Malformed("it is no Sparkplug B payload") from None


def encode(payload: Payload) -> bytes:
    """Write a payload."""
    parts = []
    if payload.at_ms is not None:
        parts.append(number_field(1, payload.at_ms))
    parts += [bytes_field(2, _encoded(metric)) for metric in payload.metrics]
    if payload.seq is not None:
        parts.append(number_field(3, payload.seq))
    return b"".join(parts)


def _named(type_: int) -> str:
    try:
        return DataType(type_).name.lower()
    except ValueError:
        return f"type {type_}"


def _floating(type_: int, value: float) -> float:
    if type_ == DataType.FLOAT:
        try:
            struct.pack("<f", value)
        except OverflowError:
            raise Malformed(f"float does not take {value!r}") from None
    return value


def _whole(type_: DataType, value: int) -> int:
    bits = BITS[type_]
    low, high = (-(1 << bits - 1), 1 << bits - 1) if type_ in SIGNED else (0, 1 << bits)
    if not low <= value < high:
        raise Malformed(f"{_named(type_)} takes {low} to {high - 1}, not {value}")
    return value & ((1 << bits) - 1)


# --- reading -------------------------------------------------------------------------

Content: TypeAlias = int | memoryview


def _payload(data: memoryview) -> Payload:
    said: dict[str, Any] = {}
    metrics: list[Metric] = []
    for number, kind, found in fields(data):
        if (number, kind) == (2, BYTES):
            metrics.append(_metric(found))
        elif (reader := _OF_PAYLOAD.get((number, kind))) is not None:
            said[reader[0]] = reader[1](found)
        if len(metrics) > MAX_METRICS:
            raise Malformed(f"it has more than {MAX_METRICS} metrics")
    return Payload(**said, metrics=tuple(metrics))


def _metric(data: Content) -> Metric:
    said: dict[str, Any] = {}
    for number, kind, found in fields(_view(data)):
        if (reader := _OF_METRIC.get((number, kind))) is not None:
            said[reader[0]] = reader[1](found)
    if said.pop("is_null", False):
        said["wire"] = None
    return Metric(**said)


def _quality(data: Content) -> int | None:
    """The property ``Quality`` of a set: its keys and values stand side by side."""
    keys: list[str] = []
    values: list[int | None] = []
    for number, kind, found in fields(_view(data)):
        if (number, kind) == (1, BYTES):
            keys.append(_text(found))
        elif (number, kind) == (2, BYTES):
            said = [
                f for n, k, f in fields(_view(found)) if n in (3, 4) and k == VARINT
            ]
            values.append(_whole_number(said[-1]) if said else None)
    return dict(zip(keys, values, strict=False)).get("Quality")


def _whole_number(found: Content) -> int:
    assert isinstance(found, int)  # noqa: S101 -- by its wire type
    return found


def _view(found: Content) -> memoryview:
    assert isinstance(found, memoryview)  # noqa: S101 -- by its wire type
    return found


def _text(found: Content) -> str:
    return bytes(_view(found)).decode()


def _float(found: Content) -> float:
    return float(struct.unpack("<f", _view(found))[0])


def _double(found: Content) -> float:
    return float(struct.unpack("<d", _view(found))[0])


_Readers: TypeAlias = Mapping[tuple[int, int], tuple[str, Callable[[Content], object]]]

_OF_PAYLOAD: _Readers = {
    (1, VARINT): ("at_ms", _whole_number),
    (3, VARINT): ("seq", _whole_number),
}
_OF_METRIC: _Readers = {
    (1, BYTES): ("name", _text),
    (2, VARINT): ("alias", _whole_number),
    (3, VARINT): ("at_ms", _whole_number),
    (4, VARINT): ("type", _whole_number),
    (5, VARINT): ("historical", bool),
    (7, VARINT): ("is_null", bool),
    (9, BYTES): ("quality", _quality),
    (10, VARINT): ("wire", _whole_number),
    (11, VARINT): ("wire", _whole_number),
    (12, FIXED32): ("wire", _float),
    (13, FIXED64): ("wire", _double),
    (14, VARINT): ("wire", bool),
    (15, BYTES): ("wire", _text),
}


# --- writing -------------------------------------------------------------------------


def _encoded(metric: Metric) -> bytes:
    parts = []
    if metric.name:
        parts.append(bytes_field(1, metric.name.encode()))
    for number, said in (
        (2, metric.alias),
        (3, metric.at_ms),
        (4, metric.type or None),
        (5, 1 if metric.historical else None),
        (7, 1 if metric.wire is None else None),
    ):
        if said is not None:
            parts.append(number_field(number, said))
    if metric.quality is not None:
        parts.append(bytes_field(9, _quality_set(metric.quality)))
    if metric.wire is not None:
        parts.append(_value(metric.type, metric.wire))
    return b"".join(parts)


def _quality_set(quality: int) -> bytes:
    said = number_field(1, DataType.INT32) + number_field(3, quality)
    return bytes_field(1, b"Quality") + bytes_field(2, said)


def _value(type_: int, wire: Wire) -> bytes:
    if isinstance(wire, str):
        return bytes_field(15, wire.encode())
    if isinstance(wire, bool):
        return number_field(14, int(wire))
    if isinstance(wire, float):
        if type_ == DataType.FLOAT:
            return tag(12, FIXED32) + struct.pack("<f", wire)
        return tag(13, FIXED64) + struct.pack("<d", wire)
    assert wire is not None  # noqa: S101 -- told as null
    is_long = type_ in LONG or wire > MAX_INT_VALUE
    return number_field(11 if is_long else 10, wire)
