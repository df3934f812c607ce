"""What every driver offers, and what it may answer with.

A driver tells readings whenever it has some, never more than its scan time allows, and
carries out writes. It knows tags by their names; what a workflow calls them is the
mapping's matter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from heddle.contract.declare import LocalError
from heddle.contract.devices import Tag
from heddle.contract.samples import Quality

Value: TypeAlias = float | int | bool | str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A tag's value at an instant: unix microseconds, UTC."""

    tag: str
    at_us: int
    value: Value
    quality: Quality = Quality.GOOD


OnReadings: TypeAlias = Callable[[Sequence[Reading]], None]


class WriteRefused(LocalError):
    """The device does not take this value; the sentence says why."""


class Driver(Protocol):
    """A source of readings that may take setpoints."""

    def tags(self) -> tuple[Tag, ...]:
        """Every tag it has, with its unit and whether it can be written."""
        ...

    def start(self, on_readings: OnReadings) -> None:
        """Tell readings from now on; the first ones cover every tag."""
        ...

    async def write(self, tag: str, value: Value) -> None:
        """Write a setpoint. Raises ``WriteRefused``."""
        ...

    async def stop(self) -> None:
        """Tell no more."""
        ...
