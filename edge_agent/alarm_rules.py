"""The rules of this device's own alarms, fetched from fleetdata.

Asked for at each join, whenever fleetdata says that they changed, and now and then, for
such a word may be lost. Until there is an answer the rules that were kept go on.
"""

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from edge_agent.alarm_report import StateReport
from heddle.backoff import backoff_s
from heddle.contract.alarm_procedures import ALARM_RULES_CHANGED, LIST_ALARM_RULES
from heddle.contract.alarms import AlarmRule, ListAlarmRules
from heddle.contract.declare import FleetError
from heddle.wamp.session import ConnectionLost, Session
from heddle.wamp.spawn import spawn

log = Logger()

FIRST_RETRY_S, MAX_RETRY_S = 0.5, 30.0
AGAIN_S = 900.0
ANSWER_WITHIN_S = 10.0


class RuleWatch:
    """Tells ``heed`` the rules as fleetdata has them, and then has alarms reported."""

    def __init__(
        self,
        clock: IReactorTime,
        device: str,
        heed: Callable[[Sequence[AlarmRule]], None],
        report: StateReport,
    ) -> None:
        self._clock = clock
        self._device = device
        self._heed = heed
        self._report = report
        self._session: Session | None = None
        self._asking: Session | None = None
        self._outdated = False
        self._timer: IDelayedCall | None = None

    async def joined(self, session: Session) -> None:
        """Listen first, then ask: no change is missed in between."""
        await session.hear(
            ALARM_RULES_CHANGED, lambda _, __: self._ask(), device=self._device
        )
        self._session = session
        self._ask()

    def left(self) -> None:
        """The session is gone."""
        self._session = self._asking = None
        self._report.left()
        self._rest()

    def _ask(self) -> None:
        self._outdated = True
        self._rest()
        session = self._session
        if session is not None and self._asking is not session:
            self._asking = session
            spawn(self._learn(session), "learning the alarm rules")

    async def _learn(self, session: Session) -> None:
        tries = 0
        while self._outdated and self._session is session:
            self._outdated = False
            try:
                found = await session.call(
                    LIST_ALARM_RULES, ListAlarmRules(), timeout_s=ANSWER_WITHIN_S
                )
            except ConnectionLost:
                return  # the next session asks
            except FleetError as error:
                self._outdated, tries = True, tries + 1
                if tries == 2:  # noqa: PLR2004 -- once is nothing to tell
                    log.warn("the alarm rules wait: {error}", error=str(error))
                wait_s = backoff_s(FIRST_RETRY_S, tries - 1, MAX_RETRY_S)
                await deferLater(self._clock, wait_s)
            else:
                if self._session is session:
                    self._heed(found.rules)
                    self._report.begin(session)
        if self._session is session:
            self._asking = None
            self._timer = self._clock.callLater(AGAIN_S, self._due)

    def _due(self) -> None:
        self._timer = None
        self._ask()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
