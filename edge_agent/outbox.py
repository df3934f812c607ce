"""The outbox as the agent uses it: the store behind a thread of its own.

A thread, because every append is an fsync, and on a device's flash that may take a
tenth of a second in which the reactor has other things to do. One thread keeps the
order: what is appended first is numbered first. Where nothing is synced (a swarm), it
may have another door.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import ParamSpec, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.logger import Logger

from edge_agent.alerts import Alert
from edge_agent.budget import Budget
from edge_agent.executed import Executed
from edge_agent.outbox_store import Lost, OutboxStore
from heddle.contract.alarms import AlarmTransition
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


class Door(Protocol):
    """Where the store's calls are made, one after the other in the order they came."""

    def start(self) -> None:
        """Open."""
        ...

    def stop(self) -> None:
        """Finish what is under way, and close."""
        ...

    def __call__(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Call it; fires with its result, fails with its error."""
        ...


class Outbox:
    """Keeps samples, events and alarms until fleetdata has them."""

    def __init__(
        self,
        reactor: IReactor,
        path: Path,
        budget: Budget,
        *,
        door: Door | None = None,
        durable: bool = True,
    ) -> None:
        """``durable`` promises that what was kept outlives a power cut; without it,
        it outlives the process only, and costs a small part of it.
        """
        self._path = path
        self._budget = budget
        self._durable = durable
        self._door: Door = door or Blocking(reactor, "outbox", 1)
        self._opened: OutboxStore | None = None
        self._filled: dict[Stream, Deferred[None]] = {}

    async def open(self) -> None:
        """Open the file; a broken one is put aside, a newer version's left alone.

        Raises ``OutboxFailed`` and ``NewerStore``.
        """
        self._door.start()
        try:
            self._opened = await self._call(self._open)
        finally:
            if self._opened is None:  # failed, or told to stop meanwhile
                self._door.stop()

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        if self._opened is not None:
            await self._call(self._opened.close)
            self._opened = None
            self._door.stop()

    async def keep_samples(
        self, columns: SampleColumns, at_ms: int | None = None
    ) -> None:
        """Samples are on disk when this returns. Raises ``OutboxFailed``.

        ``at_ms`` is up to when they were read; left out, up to now.
        """
        lost = await self._call(self._store.append_samples, columns, at_ms)
        self._kept(Stream.SAMPLES, *lost)

    async def keep_events(
        self, told: RunEvents, alerts: Sequence[Alert] = ()
    ) -> RunEvents | None:
        """Events are on disk when this returns, with the alerts that come of those
        that are new; tells those. Raises ``OutboxFailed``.
        """
        fresh, lost = await self._call(self._store.append_events, told, alerts)
        self._kept(Stream.RUN_EVENTS, *lost)
        if alerts:
            self._wake(Stream.ALARMS)
        return fresh

    async def keep_alarms(
        self,
        transitions: Sequence[AlarmTransition],
        rows: Mapping[str, bytes | None] = MappingProxyType({}),
    ) -> None:
        """Transitions are on disk when this returns, and what the alarms remember
        (rows by name, None to forget one). Raises ``OutboxFailed``.
        """
        lost = await self._call(self._store.append_alarms, tuple(transitions), rows)
        self._kept(Stream.ALARMS, *lost)

    async def alarm_rows(self) -> dict[str, bytes]:
        """What the alarms remember. Raises ``OutboxFailed``."""
        return await self._call(self._store.alarms.rows)

    async def keep_loss(
        self, stream: Stream, items: int, reason: str, span_ms: tuple[int, int] | None
    ) -> None:
        """Record that items never came to the disk. Raises ``OutboxFailed``."""
        lost = await self._call(
            self._store.append_unkept, stream, items, reason, span_ms
        )
        self._kept(stream, *lost)

    async def batch(
        self,
        stream: Stream,
        following: Ingest | None = None,
        most: int | None = None,
    ) -> Ingest | None:
        """The oldest items that wait, or those after a batch that is on its way."""
        return await self._call(self._store.batch, stream, following, most)

    async def acknowledge(self, receipt: Receipt) -> bool:
        """Forget what is committed; False if the receipt fits no number of ours."""
        taken = await self._call(self._store.acknowledge, receipt)
        if taken.told:
            self._wake(Stream.LOSSES)
        return taken.fits

    async def resume_at(self, stream: Stream, epoch: str, wanted: int) -> None:
        """Go on with number ``wanted``, or begin a new epoch where that is gone."""
        lost = await self._call(self._store.resume_at, stream, epoch, wanted)
        self._kept(stream, *[lost] if lost else [])

    async def discard(self, refused: Ingest, why: str) -> None:
        """Drop a batch that will never be accepted."""
        lost = await self._call(self._store.discard, refused, why)
        self._kept(refused.stream, *[lost] if lost else [])

    async def executed(self, run: str, number: int) -> Executed | None:
        """How a command ended, if it was carried out before."""
        return await self._call(self._store.commands.outcome, run, number)

    async def record_executed(self, run: str, number: int, error: str | None) -> None:
        """Remember that a command was carried out."""
        await self._call(self._store.commands.record, run, number, error)

    async def forget_run(self, run: str) -> None:
        """Forget what was remembered of a run."""
        await self._call(self._store.forget_run, run)

    async def waiting(self) -> dict[Stream, int]:
        """How many items of each stream wait."""
        return await self._call(self._store.waiting)

    async def position(self, stream: Stream) -> tuple[str, int] | None:
        """The epoch and its next number; None while anything waits."""
        return await self._call(self._store.position, stream)

    async def oldest_ms(self) -> int | None:
        """When the oldest item that waits was written; None if none waits."""
        return await self._call(self._store.oldest_ms)

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

    def _kept(self, stream: Stream, *lost: Lost) -> None:
        for each in lost:
            log.warn(
                "{items} {stream} lost: {why}",
                items=each.items,
                stream=each.stream.value,
                why=each.why,
            )
        self._wake(stream)
        if lost:
            self._wake(Stream.LOSSES)

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
            return self._store_of_file()
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
            return self._store_of_file()

    def _store_of_file(self) -> OutboxStore:
        return OutboxStore(self._path, self._budget, durable=self._durable)
