"""What every driver offers, and what it may answer with.

A driver tells readings whenever it has some, never more often than a tag's scan time
allows; it reads, writes and browses on request. It knows tags by their names; what a
workflow calls them is the mapping's matter.
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


@dataclass(frozen=True, slots=True)
class Found:
    """What browsing found below a place of the peer."""

    address: str  # as the tag file writes it; of a folder: where to browse on
    name: str
    is_tag: bool  # it has a value
    type: str = ""  # in the peer's words
    writable: bool = False
    value: str = ""  # as it was just now, for a person


class DriverFailed(LocalError):
    """What was asked could not be done; the sentence says why."""


class WriteRefused(DriverFailed):
    """The device does not take this value; the sentence says why."""


class Link(Protocol):
    """A driver's connection to a peer."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def link_tag(self) -> str:
        """The tag that says whether it is up."""
        ...

    @property
    def why_down(self) -> str:
        """What went wrong last, while it is down."""
        ...

    def tags(self) -> tuple[Tag, ...]:
        """The tags that come by it, and its own."""
        ...


class Driver(Protocol):
    """A source of readings that may take setpoints."""

    def tags(self) -> tuple[Tag, ...]:
        """Every tag it has, with its unit and whether it can be written."""
        ...

    def connections(self) -> Sequence[Link]:
        """Its connections to peers; none, if it talks to nobody."""
        ...

    def subscribe(self, on_readings: OnReadings) -> None:
        """Tell readings from now on; the first ones cover every tag."""
        ...

    async def read(self, tag: str) -> Reading:
        """The tag's value now, from the device itself. Raises ``DriverFailed``."""
        ...

    async def write(self, tag: str, value: Value, *, key: str = "") -> None:
        """Write a setpoint, and see that it was taken. Raises ``WriteRefused``.

        ``key`` is the same if the same order comes twice.
        """
        ...

    async def browse(self, at: str = "") -> tuple[Found, ...]:
        """What there is at a place of the peer, "" for its top. Raises
        ``DriverFailed``.
        """
        ...

    async def stop(self) -> None:
        """Tell no more."""
        ...


def tags_found(tags: Sequence[Tag], at: str) -> tuple[Found, ...]:
    """What browsing finds where there are tags and no folders."""
    if at:
        raise DriverFailed(f"there is no place {at!r}: browse without one")
    return tuple(
        Found(tag.tag, tag.tag, is_tag=True, type=tag.type, writable=tag.writable)
        for tag in tags
    )
