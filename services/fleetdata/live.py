"""Live values: what was stored, told to whoever watches, once a second and conflated.

Of each tag only the newest value since the last telling goes out, and none that is
older than one told before. A device nobody watches costs nothing: it is not even
remembered. Publishing waits for nobody: a watcher that reads slowly costs the router
memory, not us, and gets one message a second and device at most.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from heddle.contract.history import LIVE, LiveValues, ValueColumns
from heddle.wamp.session import Session
from services.fleetdata.batches import Batch, SampleBatch, TagKey, is_textual
from services.fleetdata.columns import Columns, newest
from services.fleetdata.packing import VALUE_BYTES, pack, parts
from services.fleetdata.store.writing import Outcome, Stored

log = Logger()

EVERY_S = 1.0
ROWS_AT_ONCE = 20_000  # of a device, before its batches are let go
MESSAGE_BYTES = 500_000  # of one message; the router carries 1 MiB

Publish = Callable[[LiveValues], None]


class Watchers(Protocol):
    """Who listens to the live topic."""

    def listens(self, device: str, /) -> bool:
        """Whether anybody watches the device."""
        ...

    async def follow(self, session: Session) -> None:
        """Know it from now on, over this session."""
        ...

    def stop(self) -> None:
        """Look no more."""
        ...


class Live:
    """The newest values of a project's devices, on their way to who watches."""

    def __init__(self, clock: IReactorTime, watchers: Watchers) -> None:
        self._watchers = watchers
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
        self._watchers.stop()
        if self._loop.running:
            self._loop.stop()

    async def settle(self, session: Session) -> None:
        """Tell over this session from now on, whoever watches there."""
        await self._watchers.follow(session)
        self.publish_by(
            lambda values: session.publish(LIVE, values, device=values.device)
        )

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
                and self._watchers.listens(batch.key.device)
            ):
                device = self._devices.get(batch.key.device) or _Device()
                self._devices[batch.key.device] = device
                device.take(batch)

    def _tell(self) -> None:
        if self._publish is None:
            return
        for name in [x for x in self._devices if not self._watchers.listens(x)]:
            del self._devices[name]
        for name, device in self._devices.items():
            for values in device.moved():
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

    def moved(self) -> Iterator[ValueColumns]:
        """What moved since the last time, as much at a time as a message carries."""
        self._look_through()
        places = np.flatnonzero(self._moved)
        self._moved[:] = False
        sizes = [self._size(place) for place in places.tolist()]
        for part in parts(sizes, MESSAGE_BYTES):
            yield self._packed(places[part])

    def _size(self, place: int) -> int:
        key = self._keys[place]
        text = self._texts.get(place, "")
        return VALUE_BYTES + sum(len(x.encode()) for x in (key.tag, key.unit, text))

    def _packed(self, places: NDArray[np.intp]) -> ValueColumns:
        keys = [self._keys[place] for place in places.tolist()]
        value = self._value[places]
        return pack(
            [key.tag for key in keys],
            [key.unit for key in keys],
            [key.type for key in keys],
            self._at[places],
            value,
            self._quality[places],
            {
                row: self._texts[place]
                for row, place in enumerate(places.tolist())
                if place in self._texts and not np.isnan(value[row])
            },
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
