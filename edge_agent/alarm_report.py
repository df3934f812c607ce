"""Tells fleetdata how this device's own alarms stand.

Transitions are told by the outbox; should some of them be lost, with a disk or for want
of room, fleetdata's picture is put right by this. A report waits until what the outbox
has to tell of alarms is delivered: it comes after it, never before.
"""

from collections.abc import Awaitable, Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from heddle.backoff import backoff_s
from heddle.contract.alarm_procedures import REPORT_ALARMS
from heddle.contract.alarms import ReportAlarms
from heddle.contract.declare import FleetError
from heddle.wamp.session import ConnectionLost, Session
from heddle.wamp.spawn import spawn

log = Logger()

FIRST_RETRY_S, MAX_RETRY_S = 0.25, 30.0
ANSWER_WITHIN_S = 10.0

Ask = Callable[[], Awaitable[ReportAlarms | None]]
"""How the alarms stand; None: ask again in a moment."""


class StateReport:
    """Reports until fleetdata is in step."""

    def __init__(self, clock: IReactorTime, ask: Ask) -> None:
        self._clock = clock
        self._ask = ask
        self._session: Session | None = None
        self._telling: Session | None = None

    def begin(self, session: Session) -> None:
        """Report, over this session."""
        self._session = session
        if self._telling is not session:
            self._telling = session
            spawn(self._tell(session), "reporting how alarms stand")

    def left(self) -> None:
        """The session is gone; the next one begins anew."""
        self._session = self._telling = None

    async def _tell(self, session: Session) -> None:
        tries = 0
        try:
            while self._session is session and not await self._told(session):
                wait_s = backoff_s(FIRST_RETRY_S, tries, MAX_RETRY_S)
                await deferLater(self._clock, wait_s)
                tries += 1
        except ConnectionLost:
            return
        if self._telling is session:
            self._telling = None

    async def _told(self, session: Session) -> bool:
        try:
            report = await self._ask()
            if report is None or self._session is not session:
                return False
            done = await session.call(REPORT_ALARMS, report, timeout_s=ANSWER_WITHIN_S)
        except ConnectionLost:
            raise
        except FleetError as error:
            log.debug("the report on alarms waits: {error}", error=str(error))
            return False
        if done.alarms:
            log.warn(
                "fleetdata had {alarms} otherwise: it is put right",
                alarms=", ".join(done.alarms),
            )
        return done.in_step
