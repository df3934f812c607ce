"""Where a Modbus device keeps each tag, from what the tag file says; checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from edge_agent.drivers.driver import Value
from edge_agent.drivers.modbus.formats import (
    BITS_OF_REGISTER,
    DoesNotFit,
    Format,
    NoSuchFormat,
    format_of,
)
from edge_agent.drivers.modbus.line import Table
from edge_agent.drivers.points import Point
from heddle.contract.devices import TagType
from heddle.wamp.process import ConfigError

MAX_REGISTERS, MAX_BITS = 125, 2000  # what one request may read
ADDRESSES: Final = 65536

Order: TypeAlias = Literal["big", "little"]
UnitId: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=255)]

_BIT_TABLES = {"coil", "discrete"}
_WRITABLE_TABLES = {"coil", "holding"}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the tag file says of a connection."""

    host: Annotated[str, msgspec.Meta(min_length=1)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 502
    unit_id: UnitId = 1
    timeout_ms: Annotated[int, msgspec.Meta(ge=100, le=8000)] = 3000
    byte_order: Order = "big"
    word_order: Order = "big"
    max_registers: Annotated[int, msgspec.Meta(ge=1, le=MAX_REGISTERS)] = MAX_REGISTERS
    max_bits: Annotated[int, msgspec.Meta(ge=1, le=MAX_BITS)] = MAX_BITS
    max_gap: Annotated[int, msgspec.Meta(ge=0, le=MAX_BITS)] = 8
    bit_write: Literal["mask", "read_modify_write"] = "mask"
    write_multiple: bool = False  # functions 15 and 16 also for one bit or register

    def limit(self, table: Table) -> int:
        """How many addresses one request may read."""
        return self.max_bits if table in _BIT_TABLES else self.max_registers


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What the tag file says of a tag."""

    table: Table
    address: Annotated[int, msgspec.Meta(ge=0, lt=ADDRESSES)]
    format: str | None = None
    bit: Annotated[int, msgspec.Meta(ge=0, lt=BITS_OF_REGISTER)] | None = None
    unit_id: UnitId | None = None
    byte_order: Order | None = None
    word_order: Order | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one tag is."""

    point: Point[Address]
    unit_id: int
    table: Table
    start: int
    format: Format | None  # None: a bit
    bit: int | None  # of the register

    @property
    def tag(self) -> str:
        """The tag's name."""
        return self.point.name

    @property
    def count(self) -> int:
        """How many addresses it takes."""
        return 1 if self.format is None else self.format.registers

    def value(self, found: Sequence[int]) -> Value:
        """The value, of what is at its addresses."""
        values = list(found)
        if self.format is None:
            return bool(values[0])
        raw = self.format.value(values)
        if self.bit is None or not isinstance(raw, int):
            return raw
        return bool(raw >> self.bit & 1)

    def registers(self, value: Value) -> list[int]:
        """What is to be written. Raises ``DoesNotFit``."""
        if self.format is None or self.bit is not None:
            raise DoesNotFit("a bit is not written as registers")
        whole = isinstance(value, float) and value.is_integer()
        exact = self.point.settings.scale == 1.0 and self.format.is_whole
        if exact and isinstance(value, float) and not whole:
            raise DoesNotFit(f"{value:g} is no whole number, as {self.format.name} is")
        return self.format.registers_of(value)

    @property
    def mask(self) -> int:
        """The bit, as the register's number has it on the wire."""
        if self.format is None or self.bit is None:
            return 0
        return self.format.registers_of(1 << self.bit)[0]

    @property
    def where(self) -> str:
        """Its place, in words."""
        bit = "" if self.bit is None else f" bit {self.bit}"
        return f"unit {self.unit_id} {self.table} {self.start}{bit}"


def spots_of(settings: Settings, points: Sequence[Point[Address]]) -> tuple[Spot, ...]:
    """Where the tags are. Raises ``ConfigError`` naming the tag."""
    spots = tuple(_spot(settings, point) for point in points)
    taken: dict[tuple[object, ...], str] = {}
    for spot in spots:
        place = (spot.where, spot.format)
        if place in taken:
            raise ConfigError(
                f"tags {taken[place]!r} and {spot.tag!r} are both {spot.where}; "
                "keep one"
            )
        taken[place] = spot.tag
    return spots


def _spot(settings: Settings, point: Point[Address]) -> Spot:
    where, address = f"tag {point.name!r}", point.address
    if point.settings.writable and address.table not in _WRITABLE_TABLES:
        raise ConfigError(
            f"{where} is writable, but the table {address.table} can only be read; "
            "coil and holding can be written"
        )
    spot = Spot(
        point,
        settings.unit_id if address.unit_id is None else address.unit_id,
        address.table,
        address.address,
        _format(where, settings, address),
        address.bit,
    )
    if spot.start + spot.count > ADDRESSES:
        raise ConfigError(f"{where} ends beyond the last address, {ADDRESSES - 1}")
    if spot.count > settings.limit(spot.table):
        raise ConfigError(
            f"{where} takes {spot.count} registers, more than max_registers"
        )
    _check_type(where, point.tag.type, spot.format)
    return spot


def _format(where: str, settings: Settings, address: Address) -> Format | None:
    name, is_bit = address.format, address.table in _BIT_TABLES
    if is_bit and (name not in {None, "bool"} or address.bit is not None):
        raise ConfigError(
            f"{where}: a {address.table} is one bit; leave out format and bit"
        )
    if is_bit:
        return None
    if name == "bool" and address.bit is None:
        raise ConfigError(f"{where}: say which bit of the register, bit = 0 to 15")
    if address.bit is not None and name not in {None, "bool"}:
        raise ConfigError(f"{where}: a bit has no format {name!r}; leave it out")
    if name is None and address.bit is None:
        raise ConfigError(f"{where}: a register needs a format, or a bit")
    try:
        return format_of(
            "uint16" if address.bit is not None else name or "",
            big_bytes=(address.byte_order or settings.byte_order) == "big",
            big_words=(address.word_order or settings.word_order) == "big",
        )
    except NoSuchFormat as flaw:
        raise ConfigError(f"{where}: {flaw}") from None


def _check_type(where: str, kind: TagType, form: Format | None) -> None:
    is_text = form is not None and form.is_text
    if is_text != (kind in {TagType.TEXT, TagType.JSON}):
        wanted = "text" if is_text else "float, integer or boolean"
        held = "a bit" if form is None else form.name
        raise ConfigError(f"{where} is {held}: its type must be {wanted}, not {kind}")
