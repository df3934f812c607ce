"""Tells the centre what this device refused, for its audit trail; never in floods.

Equal refusals are counted and told together, at most once in a while; what the centre
cannot hear now waits, as far as there is room.
"""

from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from heddle.contract.audit import REPORT_REFUSAL, ReportRefusal
from heddle.contract.declare import FleetError
from heddle.wamp.session import Session
from heddle.wamp.spawn import spawn

log = Logger()

TELL_AFTER_S = 1.0
TELL_AGAIN_S = 30.0
MOST = 50  # different ones that wait
_DETAIL_CHARACTERS = 500


class Refusals:
    """What was refused, and is still to be told."""

    def __init__(self, clock: IReactorTime, device: str) -> None:
        self._clock = clock
        self._device = device
        self._session: Session | None = None
        self._waiting: dict[tuple[str, str, str], int] = {}
        self._timer: IDelayedCall | None = None
        self._next_s = 0.0

    def note(self, action: str, subject: str, detail: str) -> None:
        """Something was refused."""
        log.warn(
            "{action} of {subject} refused: {why}",
            action=action,
            subject=subject,
            why=detail,
        )
        what = action, subject, detail[:_DETAIL_CHARACTERS]
        if what in self._waiting or len(self._waiting) < MOST:
            self._waiting[what] = self._waiting.get(what, 0) + 1
        self._tell_soon()

    def joined(self, session: Session) -> None:
        """There is a link."""
        self._session = session
        self._tell_soon()

    def left(self) -> None:
        """There is none."""
        self._session = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell_soon(self) -> None:
        if self._waiting and self._session is not None and self._timer is None:
            wait_s = max(TELL_AFTER_S, self._next_s - self._clock.seconds())
            self._timer = self._clock.callLater(wait_s, self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._next_s = self._clock.seconds() + TELL_AGAIN_S
        waiting, self._waiting = self._waiting, {}
        if self._session is not None:
            spawn(self._tell_all(self._session, waiting), "telling of refusals")

    async def _tell_all(self, session: Session, waiting: dict[Any, int]) -> None:
        for (action, subject, detail), times in waiting.items():
            refusal = ReportRefusal(
                actor=self._device,
                role="agent",
                action=action,
                subject=subject,
                detail=detail,
                times=times,
            )
            try:
                await session.call(REPORT_REFUSAL, refusal, timeout_s=10)
            except FleetError as error:
                log.debug("a refusal was not told: {error}", error=str(error))
                what = action, subject, detail
                self._waiting[what] = self._waiting.get(what, 0) + times
        self._tell_soon()
