"""Waiting until something happens, or some time has passed."""

from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred


class Bell:
    """Rings for who waits; a ring while nobody waits is heard by the next."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._waiting: Deferred[None] | None = None
        self._rung = False

    def ring(self) -> None:
        """Something happened."""
        self._rung = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)

    async def heard(self, within_s: float) -> bool:
        """Whether it rang in time."""
        if not self._rung:
            self._waiting = Deferred()
            try:
                await self._waiting.addTimeout(within_s, self._clock)
            except defer.TimeoutError:
                self._waiting = None
        rung, self._rung = self._rung, False
        return rung
