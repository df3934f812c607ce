"""Writes every reading into the outbox, a second's worth at a time.

One append a second is one fsync a second, whatever the scan time. A value that is no
number is kept as NaN of bad quality if it is missing; text has no column and is shown
live only.
"""

import math
from array import array
from collections.abc import Iterable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from edge_agent.drivers.driver import Reading
from edge_agent.outbox import Outbox, OutboxFailed
from edge_agent.outbox_store import BATCH_ITEMS
from heddle.contract.devices import Tag
from heddle.contract.samples import Quality, SampleColumns, SampleTag, Stream
from heddle.wamp.spawn import spawn

log = Logger()

COMMIT_EVERY_S = 1.0
_CHUNK = BATCH_ITEMS[Stream.SAMPLES]


class Recorder:
    """Readings on their way into the outbox."""

    def __init__(self, clock: IReactorTime, outbox: Outbox, tags: Iterable[Tag]):
        self._clock = clock
        self._outbox = outbox
        self._tags = tuple(SampleTag(tag=tag.tag, unit=tag.unit) for tag in tags)
        self._index = {tag.tag: i for i, tag in enumerate(self._tags)}
        self._open = _Columns()
        self._timer: IDelayedCall | None = None
        self._failing = False

    def record(self, readings: Sequence[Reading]) -> None:
        """Take readings; they are on disk within a second."""
        for reading in readings:
            number = _number(reading)
            if number is not None:
                self._open.add(self._index[reading.tag], reading.at_us, *number)
                if len(self._open) >= _CHUNK:
                    self._commit()
        if len(self._open) and self._timer is None:
            self._timer = self._clock.callLater(COMMIT_EVERY_S, self._due)

    async def stop(self) -> None:
        """Keep what is still open."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if len(self._open):
            await self._keep(self._taken())

    def _due(self) -> None:
        self._timer = None
        if len(self._open):
            self._commit()

    def _commit(self) -> None:
        spawn(self._keep(self._taken()), "keeping samples")

    def _taken(self) -> SampleColumns:
        columns = self._open.packed(self._tags)
        self._open = _Columns()
        return columns

    async def _keep(self, columns: SampleColumns) -> None:
        try:
            await self._outbox.keep_samples(columns)
        except OutboxFailed as error:
            if not self._failing:
                log.warn("samples are being lost: {error}", error=str(error))
            self._failing = True
        else:
            if self._failing:
                log.info("samples are kept again")
            self._failing = False


class _Columns:
    """Samples being gathered."""

    def __init__(self) -> None:
        self.tag, self.at = array("H"), array("q")
        self.value, self.quality = array("d"), array("B")

    def __len__(self) -> int:
        return len(self.quality)

    def add(self, tag: int, at_us: int, value: float, quality: int) -> None:
        self.tag.append(tag)
        self.at.append(at_us)
        self.value.append(value)
        self.quality.append(quality)

    def packed(self, tags: tuple[SampleTag, ...]) -> SampleColumns:
        return SampleColumns(
            tags=tags,
            tag=self.tag.tobytes(),
            at=self.at.tobytes(),
            value=self.value.tobytes(),
            quality=self.quality.tobytes(),
        )


def _number(reading: Reading) -> tuple[float, int] | None:
    """Value and quality for the columns; None for text."""
    value = reading.value
    if isinstance(value, str):
        return None
    if value is None or not math.isfinite(value):
        return math.nan, Quality.BAD
    return float(value), reading.quality
