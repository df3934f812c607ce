"""Readings as the columns of a batch hold them, by the tag's declared type.

What does not fit its tag's type is no value of it: it is kept as such, of bad quality,
so that the record shows that something was read and could not be used.
"""

import math
from typing import assert_never

import msgspec

from edge_agent.drivers.driver import Value
from heddle.contract.devices import TagType

MAX_INTEGER = 2**53  # what a float64 holds exactly
MAX_TEXT_BYTES = 16_384


def fitted(kind: TagType, value: Value) -> float | str | None:
    """The number or text to be kept; None if there is none that fits the type."""
    if value is None:
        return None
    match kind:
        case TagType.FLOAT:
            return _number(value)
        case TagType.INTEGER:
            number = _number(value)
            whole = number is not None and number.is_integer()
            return number if whole and abs(value) <= MAX_INTEGER else None  # type: ignore[arg-type]
        case TagType.BOOLEAN:
            return float(value) if value in (0, 1) else None
        case TagType.TEXT:
            return _text(value if isinstance(value, str) else _json(value))
        case TagType.JSON:
            return _valid_json(value if isinstance(value, str) else _json(value))
        case _:
            assert_never(kind)


def _number(value: Value) -> float | None:
    if value is None or isinstance(value, str):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        return None
    return number if math.isfinite(number) else None


def _json(value: Value) -> str:
    return msgspec.json.encode(value).decode()


def _text(text: str) -> str | None:
    """What PostgreSQL and the wire can carry: Unicode without U+0000, not too long."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return None if size > MAX_TEXT_BYTES or "\0" in text else text


def _valid_json(text: str) -> str | None:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    return _text(text)
