"""Live values: what was stored, told to whoever watches, once a second and conflated.

Of each tag only the newest value since the last telling goes out, and none that is
older than one told before. Publishing waits for nobody: a watcher that reads slowly
costs the router memory, not us, and gets one message a second and device at most.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from heddle.contract.devices import TagType
from heddle.contract.history import LiveValues, TagValue
from services.fleetdata.batches import Batch, SampleBatch, TagKey, is_textual
from services.fleetdata.columns import Columns, newest
from services.fleetdata.store.reading import typed
from services.fleetdata.store.writing import Outcome, Stored

log = Logger()

EVERY_S = 1.0
ROWS_AT_ONCE = 20_000  # of a device, before its batches are let go
MESSAGE_BYTES = 500_000  # of one message; the router carries 1 MiB
_VALUE_BYTES = 120  # of a value, without tag and text

Publish = Callable[[LiveValues], None]


class Live:
    """The newest values of a project's devices, on their way to who watches."""

    def __init__(self, clock: IReactorTime) -> None:
        self._devices: dict[str, _Device] = {}
        self._publish: Publish | None = None
        self._loop = LoopingCall(self._tell)
        self._loop.clock = clock

    def start(self) -> None:
        """Tell from now on, once somebody publishes."""
        _ = self._loop.start(EVERY_S, now=False).addErrback(
            lambda flaw: log.failure("telling live values failed", flaw)
        )

    def stop(self) -> None:
        """Tell no more."""
        if self._loop.running:
            self._loop.stop()

    def publish_by(self, publish: Publish) -> None:
        """How to publish from now on."""
        self._publish = publish

    def stored(self, batches: Sequence[Batch], outcomes: Sequence[Outcome]) -> None:
        """Take note of what has been committed."""
        for batch, outcome in zip(batches, outcomes, strict=True):
            if (
                isinstance(batch, SampleBatch)
                and isinstance(outcome, Stored)
                and outcome.rows
            ):
                device = self._devices.get(batch.key.device) or _Device()
                self._devices[batch.key.device] = device
                device.take(batch)

    def _tell(self) -> None:
        if self._publish is None:
            return
        for name, device in self._devices.items():
            for values in _parted(device.moved()):
                self._publish(LiveValues(device=name, values=values))


class _Device:
    """Of each series of a device its newest value, and whether it was told."""

    def __init__(self) -> None:
        self._keys: list[TagKey] = []
        self._places: dict[TagKey, int] = {}
        self._tags: tuple[TagKey, ...] = ()  # of the last batch
        self._places_of_tags: NDArray[np.int32] = np.zeros(0, np.int32)
        self._at: NDArray[np.int64] = np.zeros(0, np.int64)
        self._value: NDArray[np.float64] = np.zeros(0)
        self._quality: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._moved: NDArray[np.bool_] = np.zeros(0, bool)
        self._texts: dict[int, str] = {}
        self._taken: list[SampleBatch] = []
        self._rows = 0  # taken

    def take(self, batch: SampleBatch) -> None:
        """Take a batch in; many are looked through together, for that is cheaper."""
        self._taken.append(batch)
        self._rows += len(batch)
        if self._rows > ROWS_AT_ONCE:
            self._look_through()

    def _look_through(self) -> None:
        for tags, alike in groupby(self._taken, key=lambda batch: batch.tags):
            if tags != self._tags:
                self._learn(tags)
            batches = list(alike)
            if any(batch.texts for batch in batches):
                for batch in batches:
                    self._keep_newest(batch.columns, batch.texts)
            else:
                self._keep_newest(_joined([batch.columns for batch in batches]), ())
        self._taken.clear()
        self._rows = 0

    def _keep_newest(self, columns: Columns, texts: tuple[str, ...]) -> None:
        """The newest of each series, as far as it is newer than ours."""
        of = self._places_of_tags[columns.tag]
        rows = self._last_of_each(of, columns.at)
        rows = rows[columns.at[rows] >= self._at[of[rows]]]
        places = of[rows]
        self._at[places] = columns.at[rows]
        self._value[places] = columns.value[rows]
        self._quality[places] = columns.quality[rows]
        self._moved[places] = True
        if texts:
            self._texts |= {
                int(place): texts[int(columns.value[row])]
                for place, row in zip(places, rows, strict=True)
                if is_textual(self._keys[place]) and not np.isnan(columns.value[row])
            }

    def _last_of_each(
        self, of: NDArray[np.int32], at: NDArray[np.int64]
    ) -> NDArray[np.intp]:
        """The rows with the newest sample of each place."""
        if (at[1:] < at[:-1]).any():
            return newest(of, at)
        last = np.full(len(self._keys), -1, np.intp)
        last[of] = np.arange(len(of))  # of several, the last is kept
        return last[last >= 0]

    def _learn(self, tags: tuple[TagKey, ...]) -> None:
        for key in tags:
            if key not in self._places:
                self._places[key] = len(self._keys)
                self._keys.append(key)
        more = len(self._keys) - len(self._at)
        self._at = np.append(self._at, np.zeros(more, np.int64))
        self._value = np.append(self._value, np.zeros(more))
        self._quality = np.append(self._quality, np.zeros(more, np.uint8))
        self._moved = np.append(self._moved, np.zeros(more, bool))
        self._tags = tags
        self._places_of_tags = np.array([self._places[key] for key in tags], np.int32)

    def moved(self) -> Iterator[TagValue]:
        """What moved since the last time."""
        self._look_through()
        places = np.flatnonzero(self._moved)
        self._moved[:] = False
        for place, at, value, quality in zip(
            places.tolist(),
            (self._at[places] // 1000).tolist(),
            self._value[places].tolist(),
            self._quality[places].tolist(),
            strict=True,
        ):
            key = self._keys[place]
            there = value == value  # noqa: PLR0124 -- NaN: no value
            text = self._texts.get(place) if there else None
            yield TagValue(
                tag=key.tag,
                unit=key.unit,
                at_ms=at,
                value=typed(TagType(key.type), value if there else None, text),
                quality=quality,
                type=TagType(key.type),
            )


def _joined(parts: Sequence[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    return Columns(
        np.concatenate([part.tag for part in parts]),
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.quality for part in parts]),
    )


def _parted(values: Iterator[TagValue]) -> Iterator[tuple[TagValue, ...]]:
    """As many at a time as a message carries."""
    part: list[TagValue] = []
    size = 0
    for value in values:
        own = _VALUE_BYTES + len((value.tag + value.unit).encode())
        if isinstance(value.value, str):
            own += len(value.value.encode())
        if part and size + own > MESSAGE_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(value)
        size += own
    if part:
        yield tuple(part)
