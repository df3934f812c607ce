"""Protocol buffers as bytes: numbered fields, read and written. Nothing of a schema."""

from collections.abc import Iterator

from edge_agent.drivers.mqtt.payload import Malformed

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_LONGEST_VARINT = 10
_SEVEN_BITS = 0x7F
_64_BITS = 0xFFFF_FFFF_FFFF_FFFF

Field = tuple[int, int, int | memoryview]  # number, wire type, content


def fields(data: memoryview) -> Iterator[Field]:
    """What is in a message, in its order. Raises ``Malformed`` or ``IndexError``."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise Malformed("it is no protocol buffer")
        if kind == VARINT:
            found, at = _varint(data, at)
            yield number, kind, found
            continue
        length, at = _length(data, at, kind)
        if at + length > len(data):
            raise Malformed("it is cut off")
        yield number, kind, data[at : at + length]
        at += length


def _length(data: memoryview, at: int, kind: int) -> tuple[int, int]:
    if kind == BYTES:
        return _varint(data, at)
    if kind in (FIXED32, FIXED64):
        return 4 if kind == FIXED32 else 8, at
    raise Malformed("it is no protocol buffer")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    found = 0
    for shift in range(_LONGEST_VARINT):
        byte = data[at + shift]
        found |= (byte & _SEVEN_BITS) << 7 * shift
        if byte <= _SEVEN_BITS:
            return found & _64_BITS, at + shift + 1
    raise Malformed("it is no protocol buffer")


def number_field(number: int, value: int) -> bytes:
    """A whole number, not negative."""
    return tag(number, VARINT) + _number(value)


def bytes_field(number: int, data: bytes) -> bytes:
    """Bytes, text in UTF-8, or a message."""
    return tag(number, BYTES) + _number(len(data)) + data


def tag(number: int, kind: int) -> bytes:
    """What a field begins with."""
    return _number(number << 3 | kind)


def _number(value: int) -> bytes:
    made = bytearray()
    while value > _SEVEN_BITS:
        made.append(value & _SEVEN_BITS | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
