"""How registers hold values: formats, the order of bytes, and the order of words.

A register is 16 bits. Modbus sends its high byte first, and most devices put the high
word of a longer value first; what a device does otherwise is its settings' matter.
"""

import math
import re
import struct
from dataclasses import dataclass
from typing import Final

from edge_agent.drivers.driver import Value

BITS_OF_REGISTER: Final = 16
LONGEST_TEXT: Final = 246  # bytes: what one write request can carry

_NUMBERS: Final = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
_TEXT = re.compile(r"string\(\s*([1-9][0-9]{0,2})\s*\)")


class NoSuchFormat(ValueError):
    """The words name no format."""


class DoesNotFit(ValueError):
    """The value is none that the format can hold; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Format:
    """What the registers of one value mean."""

    name: str
    registers: int
    code: str = ""  # struct's; "" for text
    text_bytes: int = 0
    big_bytes: bool = True  # the high byte of a register comes first
    big_words: bool = True  # the high word of a number comes first

    @property
    def is_text(self) -> bool:
        """It holds text, not a number."""
        return not self.code

    @property
    def is_whole(self) -> bool:
        """It holds whole numbers only."""
        return self.code not in {"", "f", "d"}

    def value(self, registers: list[int]) -> Value:
        """What the registers say. None: no number, or no text."""
        raw = self._bytes(registers)
        if self.is_text:
            return _text(raw[: self.text_bytes])
        found: float | int = struct.unpack(f">{self.code}", raw)[0]
        return found if math.isfinite(found) else None

    def registers_of(self, value: Value) -> list[int]:
        """The registers that say it. Raises ``DoesNotFit``."""
        if self.is_text:
            return self._registers(self._text(value))
        if isinstance(value, str) or value is None:
            raise DoesNotFit(f"{value!r} is no number")
        return self._registers(self._number(value))

    def _number(self, value: float) -> bytes:
        try:
            if self.is_whole:
                return struct.pack(f">{self.code}", round(value))
            return struct.pack(f">{self.code}", value)
        except (struct.error, OverflowError):
            raise DoesNotFit(f"{value:g} does not fit {self.name}") from None

    def _text(self, value: Value) -> bytes:
        if not isinstance(value, str):
            raise DoesNotFit(f"{value!r} is no text")
        raw = value.encode()
        if len(raw) > self.text_bytes:
            raise DoesNotFit(f"the text has {len(raw)} bytes, more than {self.name}")
        return raw.ljust(self.registers * 2, b"\0")

    def _bytes(self, registers: list[int]) -> bytes:
        ordered = registers if self.big_words or self.is_text else registers[::-1]
        of_register = "big" if self.big_bytes else "little"
        return b"".join(each.to_bytes(2, of_register) for each in ordered)  # type: ignore[arg-type]

    def _registers(self, raw: bytes) -> list[int]:
        order = "big" if self.big_bytes else "little"
        pairs = [raw[at : at + 2] for at in range(0, len(raw), 2)]
        found = [int.from_bytes(pair, order) for pair in pairs]  # type: ignore[arg-type]
        return found if self.big_words or self.is_text else found[::-1]


def format_of(name: str, *, big_bytes: bool = True, big_words: bool = True) -> Format:
    """The format of that name. Raises ``NoSuchFormat``."""
    if (code := _NUMBERS.get(name)) is not None:
        size = struct.calcsize(f">{code}")
        return Format(name, size // 2, code, big_bytes=big_bytes, big_words=big_words)
    if (text := _TEXT.fullmatch(name)) is None or int(text[1]) > LONGEST_TEXT:
        raise NoSuchFormat(
            f"format {name!r} is none of bool, {', '.join(_NUMBERS)}, "
            f"string(1) to string({LONGEST_TEXT})"
        )
    size = int(text[1])
    return Format(name, (size + 1) // 2, text_bytes=size, big_bytes=big_bytes)


def _text(raw: bytes) -> str | None:
    try:
        return raw.split(b"\0", 1)[0].decode().rstrip(" ")
    except UnicodeDecodeError:
        return None
