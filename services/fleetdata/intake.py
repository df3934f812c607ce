"""The way in: batches of a project's devices wait a moment and share one commit.

While a group is being stored the next one gathers; an idle intake waits a few
milliseconds for company. Each batch gets its own receipt or error: where the database
refuses a group, its batches are stored one by one. What may wait is bounded in bytes;
beyond that the sender is told to try again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from heddle.contract.declare import FleetError, StorageUnavailable
from heddle.contract.samples import (
    Receipt,
    SequenceGap,
    Stream,
)
from heddle.wamp.spawn import spawn
from services.fleetdata.batches import Batch
from services.fleetdata.store.links import StoreRefused
from services.fleetdata.store.writing import Missing, Outcome, Stored

log = Logger()

Store = Callable[[Sequence[Batch]], Awaitable[Sequence[Outcome]]]
"""Stores a group; an outcome for each. Raises a ``FleetError`` or ``StoreRefused``."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    batch: Batch
    answer: Deferred[Receipt] = field(default_factory=Deferred)


class Intake:
    """The queue in front of one project's database."""

    def __init__(
        self,
        clock: IReactorTime,
        store: Store,
        *,
        wait_s: float,
        group_rows: int,
        queue_bytes: int,
    ) -> None:
        self._clock = clock
        self._store = store
        self._wait_s = wait_s
        self._group_rows = group_rows
        self._queue_bytes = queue_bytes
        self._waiting: list[_Waiting] = []
        self._bytes = 0  # waiting and under way
        self._busy = False

    async def submit(self, batch: Batch) -> Receipt:
        """Store a batch; the receipt comes when it is committed.

        Raises ``SequenceGap`` and ``StorageUnavailable``.
        """
        if self._bytes + batch.weight > self._queue_bytes:
            raise StorageUnavailable(
                f"{self._bytes} bytes are waiting to be stored: busy, try again"
            )
        waiting = _Waiting(batch)
        self._waiting.append(waiting)
        self._bytes += batch.weight
        if not self._busy:
            self._busy = True
            spawn(self._drain(), "storing batches")
        return await waiting.answer

    async def _drain(self) -> None:
        try:
            while self._waiting:
                if sum(len(each.batch) for each in self._waiting) < self._group_rows:
                    await deferLater(self._clock, self._wait_s)
                await self._store_group(self._next_group())
        finally:
            self._busy = False

    def _next_group(self) -> list[_Waiting]:
        """The oldest batches, up to the rows of a group, at least one."""
        rows, size = 0, 0
        for each in self._waiting:
            rows += len(each.batch)
            if size and rows > self._group_rows:
                break
            size += 1
        group, self._waiting = self._waiting[:size], self._waiting[size:]
        return group

    async def _store_group(self, group: list[_Waiting]) -> None:
        try:
            outcomes = await self._store([each.batch for each in group])
        except StoreRefused as error:
            if len(group) > 1:
                log.warn(
                    "a group of {n} batches was refused, storing them singly: {why}",
                    n=len(group),
                    why=str(error),
                )
                for each in group:
                    await self._store_group([each])
                return
            _fail(group, error)
        except Exception as error:  # noqa: BLE001 -- it is each sender's answer
            _fail(group, error)
        else:
            for each, outcome in zip(group, outcomes, strict=True):
                _answer(each, outcome)
        self._bytes -= sum(each.batch.weight for each in group)


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for each in group:
        each.answer.errback(
            type(error)(str(error), **error.details)
            if isinstance(error, FleetError)
            else error
        )


def _answer(waiting: _Waiting, outcome: Outcome) -> None:
    batch = waiting.batch
    match outcome:
        case Stored(next_number, _, expired):
            if expired:
                log.warn(
                    "{expired} samples of {device} came too late to be kept",
                    expired=expired,
                    device=batch.key.device,
                )
            waiting.answer.callback(
                Receipt(
                    stream=Stream(batch.key.stream),
                    epoch=batch.key.epoch,
                    next_number=next_number,
                )
            )
        case Missing(wanted):
            waiting.answer.errback(
                SequenceGap(
                    f"stream {batch.key.stream}, epoch {batch.key.epoch}: the batch "
                    f"begins at {batch.first}, but {wanted} is the next number wanted",
                    wanted=wanted,
                )
            )
