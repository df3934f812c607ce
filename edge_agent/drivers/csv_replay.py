"""A driver that replays recorded readings in a loop, with the times of now."""

from collections.abc import Callable, Sequence
from pathlib import Path

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from edge_agent.drivers.driver import (
    DriverFailed,
    Found,
    Link,
    OnReadings,
    Reading,
    Value,
    WriteRefused,
    tags_found,
)
from heddle.contract.devices import Tag, TagType
from heddle.contract.samples import Quality
from heddle.recordings import Recorded, read_csv

log = Logger()

AFTER_LAST_S = 1.0  # from the last reading of a round to the first of the next


class CsvReplay:
    """Tells the file's readings at their distances, again and again."""

    def __init__(
        self,
        clock: IReactorTime,
        file: Path,
        *,
        now_s: Callable[[], float],
        time_scale: float = 1.0,
    ) -> None:
        self._clock = clock
        self._now_s = now_s
        self._file = file
        self._time_scale = time_scale
        self._readings = read_csv(file)
        self._now: dict[str, Reading] = {}
        self._next = 0
        self._round_at = 0.0  # when the round under way began
        self._timer: IDelayedCall | None = None

    def tags(self) -> tuple[Tag, ...]:
        """The tags of the file, by first appearance."""
        found: dict[str, Tag] = {}
        for each in self._readings:
            found.setdefault(each.tag, Tag(tag=each.tag, type=_type(each)))
        return tuple(found.values())

    def subscribe(self, on_readings: OnReadings) -> None:
        """Tell the first value of tags that come later, then follow the file."""
        now_us = self._now_us()
        first: dict[str, Recorded] = {}
        for each in self._readings:
            first.setdefault(each.tag, each)
        self._tell(
            on_readings,
            [_told(each, now_us) for each in first.values() if each.at_s > 0],
        )
        self._round_at = self._clock.seconds()
        self._go_on(on_readings)

    def connections(self) -> Sequence[Link]:
        """None: it talks to nobody."""
        return ()

    async def read(self, tag: str) -> Reading:
        """The value that was replayed last."""
        if (now := self._now.get(tag)) is None:
            raise DriverFailed(f"{self._file.name} has told no value of {tag!r} yet")
        return now

    async def browse(self, at: str = "") -> tuple[Found, ...]:
        """All tags of the file."""
        return tags_found(self.tags(), at)

    async def write(self, tag: str, value: Value, *, key: str = "") -> None:
        """A recording takes no setpoints."""
        raise WriteRefused(
            f"tag {tag!r} is replayed from {self._file.name} and cannot be written"
        )

    async def stop(self) -> None:
        """Tell no more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _tell(self, on_readings: OnReadings, readings: Sequence[Reading]) -> None:
        self._now |= {each.tag: each for each in readings}
        on_readings(readings)

    def _go_on(self, on_readings: OnReadings) -> None:
        elapsed_s = (self._clock.seconds() - self._round_at) * self._time_scale
        due = []
        while (
            self._next < len(self._readings)
            and self._readings[self._next].at_s <= elapsed_s
        ):
            due.append(_told(self._readings[self._next], self._now_us()))
            self._next += 1
        if due:
            self._tell(on_readings, due)
        if self._next < len(self._readings):
            wait_s = self._readings[self._next].at_s - elapsed_s
        else:
            wait_s = self._readings[-1].at_s + AFTER_LAST_S - elapsed_s
            self._next = 0
            self._round_at = self._clock.seconds() + wait_s / self._time_scale
        self._timer = self._clock.callLater(
            max(wait_s / self._time_scale, 0.01), self._go_on, on_readings
        )

    def _now_us(self) -> int:
        return int(self._now_s() * 1_000_000)


def _told(recorded: Recorded, at_us: int) -> Reading:
    quality = Quality.BAD if recorded.value is None else recorded.quality
    return Reading(recorded.tag, at_us, recorded.value, quality)


def _type(recorded: Recorded) -> TagType:
    match recorded.value:
        case bool():
            return TagType.BOOLEAN
        case str():
            return TagType.TEXT
        case _:
            return TagType.FLOAT
