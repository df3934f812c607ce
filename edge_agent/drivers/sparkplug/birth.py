"""What an edge node says of itself: births, data and deaths from readings, and orders
from commands. Pure: the numbers and the time come in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edge_agent.drivers.driver import Reading, Value
from edge_agent.drivers.mqtt.payload import Malformed
from edge_agent.drivers.sparkplug.payload import (
    DataType,
    Metric,
    Payload,
    value_of,
    wire_of,
)
from edge_agent.drivers.sparkplug.view import BD_SEQ, REBIRTH
from heddle.contract.devices import Tag, TagType
from heddle.contract.samples import Quality

TYPES: Mapping[TagType, DataType] = {
    TagType.FLOAT: DataType.DOUBLE,
    TagType.INTEGER: DataType.INT64,
    TagType.BOOLEAN: DataType.BOOLEAN,
    TagType.TEXT: DataType.STRING,
    TagType.JSON: DataType.STRING,
}
# As the property "Quality" has it; good is not said.
QUALITIES: Mapping[Quality, int] = {Quality.UNCERTAIN: 500, Quality.BAD: 0}
FIRST_ALIAS = 2  # after the two of the node's own
REBIRTH_ALIAS = 1


@dataclass(frozen=True, slots=True)
class Order:
    """A command for a tag."""

    tag: str
    value: Value


@dataclass(frozen=True, slots=True)
class Orders:
    """What a command asks for."""

    rebirth: bool
    tags: tuple[Order, ...]


class Table:
    """The tags that are published, with their aliases."""

    def __init__(self, tags: Sequence[Tag]) -> None:
        self._tags = {tag.tag: tag for tag in tags}
        self._aliases = {name: n for n, name in enumerate(self._tags, FIRST_ALIAS)}
        self._names = {alias: name for name, alias in self._aliases.items()}

    def has(self, tag: str) -> bool:
        """Whether it is published."""
        return tag in self._tags

    def birth(self, bd_seq: int, now: Mapping[str, Reading], at_ms: int) -> Payload:
        """NBIRTH: every metric there will be, with its value; its number is 0."""
        unknown = Reading("", at_ms * 1000, None, Quality.BAD)
        own = (
            numbered(bd_seq, at_ms, alias=0),
            Metric(
                name=REBIRTH,
                alias=REBIRTH_ALIAS,
                at_ms=at_ms,
                type=DataType.BOOLEAN,
                wire=False,
            ),
        )
        tags = (
            self._metric(name, now.get(name, unknown), born=True) for name in self._tags
        )
        return Payload(at_ms=at_ms, seq=0, metrics=(*own, *tags))

    def data(self, seq: int, readings: Iterable[Reading], at_ms: int) -> Payload:
        """NDATA: what moved."""
        moved = (self._metric(each.tag, each, born=False) for each in readings)
        return Payload(at_ms=at_ms, seq=seq, metrics=tuple(moved))

    def orders(self, command: Payload) -> Orders:
        """NCMD: what is asked of us; metrics we do not have are none of ours."""
        rebirth = False
        orders: list[Order] = []
        for metric in command.metrics:
            if metric.name == REBIRTH or metric.alias == REBIRTH_ALIAS:
                rebirth = rebirth or metric.wire is True
                continue
            name = metric.name or self._names.get(metric.alias or 0, "")
            if name in self._tags:
                type_ = metric.type or TYPES[self._tags[name].type]
                orders.append(Order(name, value_of(type_, metric.wire)))
        return Orders(rebirth, tuple(orders))

    def _metric(self, name: str, reading: Reading, *, born: bool) -> Metric:
        type_ = TYPES[self._tags[name].type]
        return Metric(
            name=name if born else "",
            alias=self._aliases[name],
            at_ms=reading.at_us // 1000,
            type=type_,
            wire=_wire(type_, reading.value),
            quality=QUALITIES.get(reading.quality),
        )


def death(bd_seq: int, at_ms: int) -> Payload:
    """NDEATH: only the number that ties it to the birth."""
    return Payload(at_ms=at_ms, metrics=(numbered(bd_seq, at_ms),))


def numbered(bd_seq: int, at_ms: int, alias: int | None = None) -> Metric:
    """The number of a life."""
    return Metric(
        name=BD_SEQ, alias=alias, at_ms=at_ms, type=DataType.INT64, wire=bd_seq
    )


def _wire(type_: DataType, value: Value) -> float | int | bool | str | None:
    if value is None:
        return None
    if type_ is DataType.STRING:
        return str(value)
    if type_ is DataType.BOOLEAN:
        return bool(value)
    try:
        number = round(float(value)) if type_ is DataType.INT64 else float(value)
        return wire_of(type_, int(value) if isinstance(value, int) else number)
    except (ValueError, Malformed):
        return None  # text where the tag is a number, or beyond 64 bits
