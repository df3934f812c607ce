"""The alarms that this device judges itself, with or without a router.

Every reading is judged as it comes; what it moved is put into the outbox at once, each
transition in one transaction with what the alarms remember. So a restart changes
nothing: what was told is remembered, and what is remembered was told. While the disk
takes nothing, transitions wait in memory, in bounds; orders are refused meanwhile.

One timer lets happen what falls due by itself. It looks a moment late, for a reading
taken before may still be on its way; transitions have the time they fell due.
"""

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from edge_agent.alarm_bank import Bank, Moved
from edge_agent.drivers.driver import Reading
from edge_agent.outbox import Outbox, OutboxFailed
from edge_agent.tags import TagTable
from heddle.contract.alarms import AlarmOrder, AlarmRule, AlarmsMoved, ReportAlarms
from heddle.contract.declare import StorageUnavailable
from heddle.contract.samples import Stream
from heddle.wamp.spawn import spawn

log = Logger()

UNDER_WAY_S = 0.25  # how long a reading may take from the plant to here
LONGEST_REST_S = 60.0  # somebody may set the clock
SHORTEST_REST_S = 0.01
RETRY_S = 1.0
MAX_HELD = 10_000  # transitions in memory while the disk takes nothing
UNKEPT = "the outbox could not write to its disk"


class Alarms:
    """The alarms of one device."""

    def __init__(
        self,
        clock: IReactorTime,
        outbox: Outbox,
        tags: TagTable,
        *,
        now_s: Callable[[], float],
        commit_ms: int = 250,
    ) -> None:
        self._clock = clock
        self._outbox = outbox
        self._tags = tags
        self._now_s = now_s
        self._commit_s = commit_ms / 1000
        self._bank = Bank((), {}, 0)
        self._due_timer: IDelayedCall | None = None
        self._wound_for: int | None = None
        self._held = Moved()  # not on disk yet
        self._unkept = 0  # transitions that found no room
        self._keep_timer: IDelayedCall | None = None
        self._keeping: Deferred[None] | None = None
        self._waiting: list[Deferred[None]] = []  # for what is held to be on disk
        self._failing = False
        self._stopped = False

    def __len__(self) -> int:
        """How many alarms."""
        return len(self._bank)

    async def start(self) -> None:
        """Go on where the outbox says. Raises ``OutboxFailed``."""
        kept = await self._outbox.alarm_rows()
        self._bank = Bank(self._tags.tags.values(), kept, self._now_us())
        self._look()

    async def stop(self) -> None:
        """Judge no more; keep what is held, if the disk takes it."""
        self._stopped = True
        for timer in (self._due_timer, self._keep_timer):
            if timer is not None:
                timer.cancel()
        self._due_timer = self._keep_timer = None
        if self._keeping is not None:
            await self._keeping
        await self._keep_held()

    def heard(self, readings: Sequence[Reading]) -> None:
        """Judge readings."""
        self._bank.judge(readings, self._now_us())
        self._go_on()

    def set_rules(self, rules: Sequence[AlarmRule]) -> None:
        """Have these rules and no others."""
        now_us = self._now_us()
        tags = self._bank.set_rules(rules, now_us)
        now = [self._tags.now(tag) for tag in sorted(tags)]
        self._bank.judge([reading for reading in now if reading.at_us], now_us)
        self._go_on()

    async def order(self, order: AlarmOrder) -> AlarmsMoved:
        """Do what a person asked; it is on disk when this returns.

        Raises ``AlarmNotFound``, ``WrongAlarmState``, ``InvalidRequest`` and
        ``StorageUnavailable``; then nothing was done.
        """
        if self._failing:
            raise StorageUnavailable(
                "the device cannot write to its disk: nothing was done, try again"
            )
        try:
            told = self._bank.obey(order, self._now_us())
        finally:
            self._go_on()
        if told:
            on_disk: Deferred[None] = Deferred()
            self._waiting.append(on_disk)
            await on_disk
        return AlarmsMoved(transitions=told)

    async def report(self) -> ReportAlarms | None:
        """How all alarms stand; None while what led there is not all delivered.

        Raises ``OutboxFailed``.
        """
        before = await self._outbox.position(Stream.ALARMS)
        if before is None or self._held or self._unkept or self._keeping is not None:
            return None
        standing = self._bank.standing()
        if await self._outbox.position(Stream.ALARMS) != before:
            return None
        epoch, next_number = before
        return ReportAlarms(epoch=epoch, next_number=next_number, standing=standing)

    # --- time ------------------------------------------------------------------------

    def _look(self) -> None:
        """Let happen what is due."""
        self._due_timer = self._wound_for = None
        self._bank.due(self._now_us() - int(UNDER_WAY_S * 1e6))
        self._go_on()

    def _wind(self) -> None:
        due_us = self._bank.next_due()
        if due_us == self._wound_for or self._stopped:
            return
        self._wound_for = due_us
        if self._due_timer is not None:
            self._due_timer.cancel()
            self._due_timer = None
        if due_us is not None:
            rest_s = due_us / 1e6 + UNDER_WAY_S - self._now_s()
            rest_s = min(max(rest_s, SHORTEST_REST_S), LONGEST_REST_S)
            self._due_timer = self._clock.callLater(rest_s, self._look)

    def _now_us(self) -> int:
        return int(self._now_s() * 1e6)

    # --- keeping ---------------------------------------------------------------------

    def _go_on(self) -> None:
        """Keep what moved, transitions at once; look again when something is due."""
        self._wind()
        moved = self._bank.take()
        if not moved:
            return
        self._hold(self._held.then(moved))
        if moved.told:
            self._keep_soon(0.0)
        else:
            self._keep_soon(self._commit_s)

    def _hold(self, moved: Moved) -> None:
        excess = max(len(moved.told) - MAX_HELD, 0)
        self._unkept += excess
        self._held = Moved(moved.told[excess:], moved.rows)

    def _keep_soon(self, wait_s: float) -> None:
        """In ``wait_s`` at the latest; what is being kept goes on with what is new."""
        if self._keeping is not None or self._stopped:
            return
        if self._keep_timer is None:
            self._keep_timer = self._clock.callLater(wait_s, self._keep)
        elif self._keep_timer.getTime() > self._clock.seconds() + wait_s:
            self._keep_timer.reset(wait_s)

    def _keep(self) -> None:
        self._keep_timer = None
        self._keeping = Deferred()
        spawn(self._keep_and_tell(self._keeping), "keeping alarms")

    async def _keep_and_tell(self, done: Deferred[None]) -> None:
        try:
            await self._keep_held()
        finally:
            self._keeping = None
            done.callback(None)
        if self._held:
            self._keep_soon(RETRY_S)

    async def _keep_held(self) -> None:
        try:
            while self._held or self._unkept:
                await self._keep_once()
        except OutboxFailed as error:
            if not self._failing:
                log.warn("alarms wait in memory: {error}", error=str(error))
            self._failing = True
        else:
            if self._failing:
                log.info("alarms are kept again")
            self._failing = False

    async def _keep_once(self) -> None:
        if self._unkept:
            unkept = self._unkept
            await self._outbox.keep_loss(Stream.ALARMS, unkept, UNKEPT, None)
            self._unkept -= unkept
        moved, self._held = self._held, Moved()
        waiting, self._waiting = self._waiting, []
        try:
            await self._outbox.keep_alarms(moved.told, moved.rows)
        except OutboxFailed:
            self._waiting = waiting + self._waiting
            self._hold(moved.then(self._held))
            raise
        for each in waiting:
            each.callback(None)
