"""The outbox as the agent uses it: the store behind a thread of its own.

A thread, because every append is an fsync, and on a device's flash that may take a
tenth of a second in which the reactor has other things to do. One thread keeps the
order: what is appended first is numbered first.
"""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.logger import Logger

from edge_agent.outbox_store import Executed, Lost, OutboxStore
from heddle.contract.declare import LocalError
from heddle.contract.runs import RunEvents
from heddle.contract.samples import Ingest, Receipt, SampleColumns, Stream
from heddle.wamp.blocking import Blocking

log = Logger()

P = ParamSpec("P")
T = TypeVar("T")


class OutboxFailed(LocalError):
    """The outbox cannot write to its disk; nothing was kept."""


class IReactor(IReactorFromThreads, IReactorTime):
    """What the outbox needs of a reactor."""


class Outbox:
    """Keeps samples and events until fleetdata has them."""

    def __init__(self, reactor: IReactor, path: Path, max_bytes: int) -> None:
        self._reactor = reactor
        self._path = path
        self._max_bytes = max_bytes
        self._door = Blocking(reactor, "outbox", 1)
        self._opened: OutboxStore | None = None
        self._filled: dict[Stream, Deferred[None]] = {}

    async def open(self) -> None:
        """Open the file; a broken one is put aside. Raises ``OutboxFailed``."""
        self._door.start()
        try:
            self._opened = await self._call(self._open)
        except OutboxFailed:
            self._door.stop()
            raise

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        if self._opened is not None:
            await self._call(self._opened.close)
            self._opened = None
            self._door.stop()

    async def keep_samples(self, columns: SampleColumns) -> None:
        """Samples are on disk when this returns. Raises ``OutboxFailed``."""
        _tell(await self._call(self._store.append_samples, columns))
        self._wake(Stream.SAMPLES)

    async def keep_events(self, told: RunEvents) -> RunEvents | None:
        """Events are on disk when this returns; tells those that are new.

        Raises ``OutboxFailed``.
        """
        fresh, lost = await self._call(self._store.append_events, told)
        _tell(lost)
        self._wake(Stream.RUN_EVENTS)
        return fresh

    async def batch(self, stream: Stream) -> Ingest | None:
        """The oldest items that wait."""
        return await self._call(self._store.batch, stream)

    async def acknowledge(self, receipt: Receipt) -> bool:
        """Forget what is committed; False if the receipt fits no number of ours."""
        return await self._call(self._store.acknowledge, receipt)

    async def resume_at(self, stream: Stream, epoch: str, wanted: int) -> None:
        """Go on with number ``wanted``, or begin a new epoch where that is gone."""
        _tell(await self._call(self._store.resume_at, stream, epoch, wanted))

    async def discard(self, refused: Ingest, why: str) -> None:
        """Drop a batch that will never be accepted."""
        _tell(await self._call(self._store.discard, refused, why))

    async def executed(self, run: str, number: int) -> Executed | None:
        """How a command ended, if it was carried out before."""
        return await self._call(self._store.executed, run, number)

    async def record_executed(self, run: str, number: int, error: str | None) -> None:
        """Remember that a command was carried out."""
        await self._call(self._store.record_executed, run, number, error)

    async def forget_run(self, run: str) -> None:
        """Forget what was remembered of a run."""
        await self._call(self._store.forget_run, run)

    async def waiting(self) -> dict[Stream, int]:
        """How many items of each stream wait."""
        return await self._call(self._store.waiting)

    def filled(self, stream: Stream) -> Deferred[None]:
        """Fires when something is next appended to the stream."""
        waiting = self._filled[stream] = Deferred()
        return waiting

    @property
    def _store(self) -> OutboxStore:
        if self._opened is None:
            raise OutboxFailed(
                "the outbox is not open: the agent is starting or ending"
            )
        return self._opened

    def _wake(self, stream: Stream) -> None:
        waiting = self._filled.pop(stream, None)
        if waiting is not None and not waiting.called:
            waiting.callback(None)

    async def _call(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            return await self._door(function, *args, **kwargs)
        except (sqlite3.Error, OSError) as error:
            raise OutboxFailed(f"outbox {self._path}: {error}") from None

    def _open(self) -> OutboxStore:
        try:
            return OutboxStore(self._path, self._max_bytes)
        except sqlite3.OperationalError:
            raise  # no right to write, a full disk: not a broken file
        except sqlite3.DatabaseError as flaw:
            aside = self._path.with_suffix(f".broken-{int(time.time())}")
            self._path.replace(aside)
            for side in ("-wal", "-shm"):
                self._path.with_name(self._path.name + side).unlink(missing_ok=True)
            log.warn(
                "outbox {path} is broken ({flaw}); put aside as {aside}, begun anew",
                path=str(self._path),
                flaw=str(flaw),
                aside=aside.name,
            )
            return OutboxStore(self._path, self._max_bytes)


def _tell(lost: Lost | None) -> None:
    if lost is not None:
        log.warn(
            "{items} {stream} lost: {why}",
            items=lost.items,
            stream=lost.stream.value,
            why=lost.why,
        )
