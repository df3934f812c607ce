"""The way in: batches of a project's devices wait a moment and share one commit.

While a group is being stored the next one gathers; an idle intake waits a few
milliseconds for company, and a second group goes on its way only when it is full. A
group takes one batch of each device in turn, so that a backlog holds up nobody else,
and a device's batches are never in two groups at once. Each batch gets its own receipt
or error: where the database refuses a group, its batches are stored one by one. What
may wait is bounded in bytes; beyond that the sender is told to try again.
"""

from collections import deque
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
from services.fleetdata.pressure import Advice, Pressure
from services.fleetdata.store.links import StoreRefused
from services.fleetdata.store.writing import Missing, Outcome, Stored

log = Logger()

Store = Callable[[Sequence[Batch]], Awaitable[Sequence[Outcome]]]
"""Stores a group; an outcome for each. Raises a ``FleetError`` or ``StoreRefused``."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    batch: Batch
    weight: int
    answer: Deferred[Receipt] = field(default_factory=Deferred)


@dataclass(slots=True)
class _Device:
    """What a device has here."""

    queue: deque[_Waiting] = field(default_factory=deque)
    rows: int = 0  # waiting
    bytes: int = 0  # waiting and under way
    under_way: bool = False


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
        groups_at_once: int = 1,
    ) -> None:
        self._clock = clock
        self._store = store
        self._wait_s = wait_s
        self._group_rows = group_rows
        self._groups_at_once = groups_at_once
        self._pressure = Pressure(queue_bytes)
        self._devices: dict[str, _Device] = {}  # whose turn it is comes first
        self._rows = 0  # waiting, of devices with nothing under way
        self._bytes = 0  # waiting and under way
        self._groups = 0  # under way
        self._gathering = False

    @property
    def queued_bytes(self) -> int:
        """Bytes waiting or being stored."""
        return self._bytes

    @property
    def queued_batches(self) -> int:
        """Batches waiting."""
        return sum(len(device.queue) for device in self._devices.values())

    async def submit(self, batch: Batch) -> Receipt:
        """Store a batch; the receipt comes when it is committed.

        Raises ``SequenceGap`` and ``StorageUnavailable``.
        """
        device = self._devices.get(batch.key.device) or _Device()
        waiting = _Waiting(batch, batch.weight)
        if not self._pressure.admits(self._bytes, device.bytes, waiting.weight):
            raise StorageUnavailable(
                f"{self._bytes} bytes are waiting to be stored: busy, try again",
                retry_in_ms=self._pressure.retry_in_ms(self._bytes),
            )
        self._devices[batch.key.device] = device
        device.queue.append(waiting)
        device.bytes += waiting.weight
        self._bytes += waiting.weight
        device.rows += len(batch)
        if not device.under_way:
            self._rows += len(batch)
        self._go_on()
        return await waiting.answer

    def _go_on(self) -> None:
        """Start what may start: a full group, or one that waits for company first."""
        while self._rows >= self._group_rows and self._groups < self._groups_at_once:
            self._start()
        idle = not (self._groups or self._gathering)
        if idle and any(device.queue for device in self._devices.values()):
            self._gathering = True
            spawn(self._gather(), "gathering a group")

    async def _gather(self) -> None:
        await deferLater(self._clock, self._wait_s)
        self._gathering = False
        if self._devices and not self._groups:
            self._start()

    def _start(self) -> None:
        self._groups += 1
        spawn(self._store_one(self._next_group()), "storing batches")

    def _next_group(self) -> list[_Waiting]:
        """The oldest batch of each device in turn, up to the rows of a group, but one
        at least.
        """
        group: list[_Waiting] = []
        rows = 0
        ready = {n: d for n, d in self._devices.items() if d.queue and not d.under_way}
        while ready:
            for name, device in list(ready.items()):
                rows += max(len(device.queue[0].batch), 1)
                if group and rows > self._group_rows:
                    ready = {}
                    break
                if not device.under_way:
                    device.under_way = True
                    self._rows -= device.rows
                group.append(device.queue.popleft())
                device.rows -= len(group[-1].batch)
                if not device.queue:
                    del ready[name]
        return group

    async def _store_one(self, group: list[_Waiting]) -> None:
        began = self._clock.seconds()
        size = sum(each.weight for each in group)
        try:
            await self._store_group(group)
        finally:
            self._groups -= 1
            self._pressure.stored(size, self._clock.seconds() - began)
            for name in dict.fromkeys(each.batch.key.device for each in group):
                device = self._devices.pop(name)
                device.under_way = False
                self._rows += device.rows
                if device.queue:
                    self._devices[name] = device  # at the end: others first
            self._go_on()

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
            self._release(group)
            _fail(group, error)
        except Exception as error:  # noqa: BLE001 -- it is each sender's answer
            self._release(group)
            _fail(group, error)
        else:
            self._release(group)
            with_something = sum(bool(d.bytes) for d in self._devices.values())
            advice = self._pressure.advice(self._bytes, with_something)
            for each, outcome in zip(group, outcomes, strict=True):
                _answer(each, outcome, advice)

    def _release(self, group: Sequence[_Waiting]) -> None:
        """Give back the room of batches that are done with."""
        for each in group:
            self._bytes -= each.weight
            self._devices[each.batch.key.device].bytes -= each.weight


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for each in group:
        each.answer.errback(
            type(error)(str(error), **error.details)
            if isinstance(error, FleetError)
            else error
        )


def _answer(waiting: _Waiting, outcome: Outcome, advice: Advice) -> None:
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
                    most_items=advice.most_items,
                    pause_ms=advice.pause_ms,
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
