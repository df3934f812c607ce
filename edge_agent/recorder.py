"""Writes every reading into the outbox, a moment's worth at a time.

One append is one fsync, whatever the scan time; what is not appended yet is all that a
``kill -9`` costs. A disk that takes nothing for a while costs nothing: samples wait in
memory, in bounds. Those that find no room there either are counted, and recorded as
lost as soon as the disk takes something again.
"""

import math
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from edge_agent.budget import BATCH_ITEMS
from edge_agent.drivers.driver import Reading
from edge_agent.outbox import Outbox, OutboxFailed
from edge_agent.packing import span_ms
from edge_agent.typed import fitted
from heddle.contract.devices import Tag
from heddle.contract.samples import Quality, SampleColumns, SampleTag, Stream
from heddle.wamp.spawn import spawn

log = Logger()

MAX_HELD = 200_000  # samples in memory while the disk takes nothing
MAX_HELD_BYTES = 32 << 20
UNKEPT = "the outbox could not write to its disk"
_CHUNK_ITEMS = BATCH_ITEMS[Stream.SAMPLES]
_CHUNK_TEXT_BYTES = 250_000
_RETRY_S = 1.0


class Recorder:
    """Readings on their way into the outbox."""

    def __init__(
        self,
        clock: IReactorTime,
        outbox: Outbox,
        tags: Iterable[Tag],
        commit_ms: int = 250,
        *,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """``now_s`` is the clock that readings are dated by. What it says when columns
        are closed goes along: all that was read before is in them, or before them.
        """
        self._clock = clock
        self._outbox = outbox
        self._tags = tuple(
            SampleTag(tag=tag.tag, unit=tag.unit, type=tag.type) for tag in tags
        )
        self._index = {tag.tag: i for i, tag in enumerate(self._tags)}
        self._commit_s = commit_ms / 1000
        self._now_s = now_s
        self._open = _Columns()
        self._held: deque[_Held] = deque()  # closed, not on disk yet
        self._unkept = _Unkept()
        self._timer: IDelayedCall | None = None
        self._keeping: Deferred[None] | None = None
        self._failing = False

    def record(self, readings: Sequence[Reading]) -> None:
        """Take readings; they are on disk within a moment (``AGENT_COMMIT_MS``)."""
        for reading in readings:
            place = self._index[reading.tag]
            value = fitted(self._tags[place].type, reading.value)
            self._open.add(place, reading, value)
            if self._open.is_full():  # more readings of this moment may follow
                self._hold(reading.at_us // 1000)
        if self._timer is None:
            self._timer = self._clock.callLater(self._commit_s, self._due)

    async def stop(self) -> None:
        """Keep what is still open."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._hold()
        if self._keeping is not None:
            await self._keeping
        await self._keep_held()

    def _due(self) -> None:
        self._timer = None
        self._hold()
        if self._keeping is None:
            self._keeping = Deferred()
            spawn(self._keep(self._keeping), "keeping samples")

    def _hold(self, latest_ms: int | None = None) -> None:
        """Close the open columns; the oldest held give way if there are too many."""
        if len(self._open):
            now_ms = int(self._now_s() * 1000)
            at_ms = now_ms if latest_ms is None else min(latest_ms, now_ms)
            self._held.append(_Held(self._open.packed(self._tags), at_ms))
            self._open = _Columns()
        while len(self._held) > 1 and _is_too_much(self._held):
            given_up = self._held.popleft().columns
            self._unkept = self._unkept.joined(
                _Unkept(len(given_up.quality), span_ms(given_up))
            )

    async def _keep(self, done: Deferred[None]) -> None:
        try:
            await self._keep_held()
        finally:
            self._keeping = None
            done.callback(None)
        if self._held and self._timer is None:
            self._timer = self._clock.callLater(_RETRY_S, self._due)

    async def _keep_held(self) -> None:
        try:
            while self._held or self._unkept.items:
                if self._unkept.items:
                    await self._record_unkept()
                else:
                    await self._keep_oldest()
        except OutboxFailed as error:
            if not self._failing:
                log.warn("samples wait in memory: {error}", error=str(error))
            self._failing = True
        else:
            if self._failing:
                log.info("samples are kept again")
            self._failing = False

    async def _keep_oldest(self) -> None:
        held = self._held.popleft()
        try:
            await self._outbox.keep_samples(held.columns, held.at_ms)
        except OutboxFailed:
            self._held.appendleft(held)
            raise

    async def _record_unkept(self) -> None:
        unkept, self._unkept = self._unkept, _Unkept()
        try:
            await self._outbox.keep_loss(
                Stream.SAMPLES, unkept.items, UNKEPT, unkept.span
            )
        except OutboxFailed:
            self._unkept = unkept.joined(self._unkept)
            raise


class _Held(NamedTuple):
    """Columns, and what the clock said when they were closed."""

    columns: SampleColumns
    at_ms: int


@dataclass(frozen=True, slots=True)
class _Unkept:
    """Samples that found no room: how many, and from when to when (unix ms)."""

    items: int = 0
    span: tuple[int, int] | None = None

    def joined(self, other: "_Unkept") -> "_Unkept":
        """Both together."""
        spans = [span for span in (self.span, other.span) if span is not None]
        span = (min(a for a, _ in spans), max(b for _, b in spans)) if spans else None
        return _Unkept(self.items + other.items, span)


class _Columns:
    """Samples being gathered."""

    def __init__(self) -> None:
        self.tag, self.at = array("H"), array("q")
        self.value, self.quality = array("d"), array("B")
        self.texts: dict[str, int] = {}  # with its place
        self.text_bytes = 0

    def __len__(self) -> int:
        return len(self.quality)

    def is_full(self) -> bool:
        return len(self) >= _CHUNK_ITEMS or self.text_bytes >= _CHUNK_TEXT_BYTES

    def add(self, tag: int, reading: Reading, value: float | str | None) -> None:
        self.tag.append(tag)
        self.at.append(reading.at_us)
        if value is None:
            self.value.append(math.nan)
            self.quality.append(Quality.BAD)
            return
        self.value.append(self._place(value) if isinstance(value, str) else value)
        self.quality.append(reading.quality)

    def _place(self, text: str) -> float:
        if text not in self.texts:
            self.texts[text] = len(self.texts)
            self.text_bytes += len(text.encode())
        return float(self.texts[text])

    def packed(self, tags: tuple[SampleTag, ...]) -> SampleColumns:
        return SampleColumns(
            tags=tags,
            tag=self.tag.tobytes(),
            at=self.at.tobytes(),
            value=self.value.tobytes(),
            quality=self.quality.tobytes(),
            texts=tuple(self.texts),
        )


def _is_too_much(held: Sequence[_Held]) -> bool:
    rows = sum(len(each.columns.quality) for each in held)
    texts = sum(len(text) for each in held for text in each.columns.texts)
    return rows > MAX_HELD or texts > MAX_HELD_BYTES
