"""Keeps a project's roll-ups up to date, a bounded piece of work at a time.

It rests at least as long as it works, so that storing and answering go first; what is
not rolled up yet is read from samples and costs the reader time, never truth.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from heddle.contract.declare import StorageUnavailable
from services.fleetdata.store.links import StoreRefused, StoreTooSlow
from services.fleetdata.store.rollups import (
    HOURS,
    MARKS_PER_TURN,
    MINUTES,
    Grain,
    halve,
    roll_up,
)

log = Logger()

REST_S = 15.0
SHORT_REST_S = 0.05
SHORT_TURN_S, LONG_TURN_S = 0.5, 2.0
HOURS_EVERY_S = 60.0  # an hour's minutes come one by one
REFUSED_REST_S = 60.0
HELD_REST_S = 1.0


class Perform(Protocol):
    """Does work on a link. Raises ``StorageUnavailable`` and ``StoreTooSlow``."""

    def __call__(
        self, work: Callable[..., int | None], *args: object
    ) -> Awaitable[int | None]:
        """``work(link, *args)``."""
        ...


class _Held(Exception):
    """Somebody else is at the roll-ups."""


class Rolling:
    """Turn after turn of making roll-ups anew."""

    def __init__(self, clock: IReactorTime, perform: Perform, project: str) -> None:
        self._clock = clock
        self._perform = perform
        self._project = project
        self._most = MARKS_PER_TURN // 8
        self._next_hours = clock.seconds()

    async def turn(self) -> float:
        """Do some of what is to do; the seconds to rest until the next turn."""
        began = self._clock.seconds()
        try:
            is_more = await self._some(MINUTES)
            if began >= self._next_hours:
                if await self._some(HOURS):
                    is_more = True
                else:
                    self._next_hours = began + HOURS_EVERY_S
        except _Held:
            return HELD_REST_S
        except StorageUnavailable:
            return REST_S
        except StoreRefused as error:
            log.warn(
                "{project}: cannot roll up: {why}",
                project=self._project,
                why=str(error),
            )
            return REFUSED_REST_S
        took = self._clock.seconds() - began
        return max(took, SHORT_REST_S) if is_more else REST_S

    async def _some(self, grain: Grain) -> bool:
        """Whether there is more to do. What is too much at once is taken in parts."""
        began, most = self._clock.seconds(), self._most
        try:
            done = await self._perform(roll_up, grain, most)
        except StoreTooSlow:
            if most > 1:
                self._most = most // 2
            else:
                log.warn("{project}: a mark is too much at once", project=self._project)
                await self._perform(halve, grain)
            return True
        if done is None:
            raise _Held
        if done < most:
            return False
        took = self._clock.seconds() - began
        if took > LONG_TURN_S:
            self._most = max(most // 2, 1)
        elif took < SHORT_TURN_S:
            self._most = min(most * 2, MARKS_PER_TURN)
        return True
