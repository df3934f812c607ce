"""Alarms of the agent itself, which no rule asks for: a link that is lost, a full disk.

Each is raised and cleared once, also over restarts: what was told is remembered in the
transaction that tells it. Nobody judges them at the centre, so acknowledging one there
settles it. While the outbox takes nothing they wait.
"""

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from edge_agent.drivers.driver import Link, Reading
from edge_agent.outbox import Outbox, OutboxFailed
from edge_agent.reconcile.room import Room
from heddle.alarms.rule import OPC_UA, Severity
from heddle.alarms.state import Happened, State
from heddle.contract.alarms import AlarmTransition
from heddle.wamp.spawn import spawn

log = Logger()

LOST_AFTER_S = 5.0  # a link that is back sooner alarms nobody
RETRY_S = 5.0
DISK = "disk_low"
_ROW = "own/"


class OwnAlarms:
    """Raises and clears them."""

    def __init__(
        self, clock: IReactorTime, outbox: Outbox, now_s: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._outbox = outbox
        self._now_s = now_s
        self._up: set[str] = set()
        self._waiting: list[AlarmTransition] = []
        self._keeping = False
        self._again: IDelayedCall | None = None
        self._links: dict[str, Link] = {}
        self._patience: dict[str, IDelayedCall] = {}

    async def start(self, links: Sequence[Link]) -> None:
        """Go on where the outbox says. Raises ``OutboxFailed``."""
        self._links = {link.link_tag: link for link in links}
        rows = await self._outbox.alarm_rows()
        self._up = {x.removeprefix(_ROW) for x in rows if x.startswith(_ROW)}
        for gone in self._up - self._links.keys() - {DISK}:
            self._clear(gone, "the tag file has no such connection any more")

    def stop(self) -> None:
        """Look no more."""
        for timer in (self._again, *self._patience.values()):
            if timer is not None and timer.active():
                timer.cancel()
        self._again = None
        self._patience.clear()
        self._links = {}

    def disk(self, room: Room) -> None:
        """Look at the disk."""
        if room.is_low:
            severity = Severity.HIGH if room.is_tight else Severity.MEDIUM
            self._raise(DISK, room.sentence, severity)
        else:
            self._clear(DISK, room.sentence)

    def heard(self, readings: Sequence[Reading]) -> None:
        """Look at the links."""
        for reading in readings:
            if reading.tag not in self._links:
                continue
            if reading.value is True:
                self._connected(reading.tag)
            elif reading.tag not in self._patience:
                self._patience[reading.tag] = self._clock.callLater(
                    LOST_AFTER_S, self._lost, reading.tag
                )

    def _connected(self, tag: str) -> None:
        timer = self._patience.pop(tag, None)
        if timer is not None and timer.active():
            timer.cancel()
        self._clear(tag, f"{self._links[tag].name} is connected")

    def _lost(self, tag: str) -> None:
        link = self._links[tag]
        self._raise(tag, f"{link.name} is lost: {link.why_down or 'no answer'}")

    # --- telling ---------------------------------------------------------------------

    def _raise(self, alarm: str, why: str, severity: Severity = Severity.HIGH) -> None:
        if alarm not in self._up:
            self._up.add(alarm)
            self._tell(alarm, Happened.RAISED, why, severity)

    def _clear(self, alarm: str, why: str) -> None:
        if alarm in self._up:
            self._up.remove(alarm)
            self._tell(alarm, Happened.CLEARED, why, Severity.HIGH)

    def _tell(self, alarm: str, cause: Happened, why: str, severity: Severity) -> None:
        raised = cause is Happened.RAISED
        before, after = (
            (State.NORMAL, State.UNACKNOWLEDGED)
            if raised
            else (State.UNACKNOWLEDGED, State.RETURNED)
        )
        self._waiting.append(
            AlarmTransition(
                alarm=alarm,
                tag=alarm if alarm in self._links else "",
                at_us=int(self._now_s() * 1_000_000),
                cause=cause.value,
                before=before.value,
                after=after.value,
                severity=OPC_UA[severity],
                comment=why,
            )
        )
        self._keep()

    def _keep(self) -> None:
        self._again = None
        if not self._keeping:
            self._keeping = True
            spawn(self._keep_all(), "keeping the agent's own alarms")

    async def _keep_all(self) -> None:
        try:
            while told := tuple(self._waiting):
                rows = {
                    _ROW + one.alarm: b"" if one.cause == Happened.RAISED else None
                    for one in told
                }
                await self._outbox.keep_alarms(told, rows)
                del self._waiting[: len(told)]
        except OutboxFailed as error:
            log.warn("{error}; the alarm waits", error=str(error))
            if self._again is None:
                self._again = self._clock.callLater(RETRY_S, self._keep)
        finally:
            self._keeping = False
