"""Lets members begin what takes long one after the other, with a look around between.

All members share one thread. A thousand who begin at once what takes each some
milliseconds would keep it for many seconds, and every link would miss its pings.
"""

from collections import deque

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime


class Turns:
    """A queue of which one goes at each turn of the reactor."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: deque[Deferred[None]] = deque()

    def mine(self) -> Deferred[None]:
        """Fires when it is one's turn."""
        turn: Deferred[None] = Deferred()
        self._waiting.append(turn)
        if len(self._waiting) == 1:
            self._clock.callLater(0, self._next)
        return turn

    def _next(self) -> None:
        turn = self._waiting[0]
        turn.callback(None)  # a turn that was given up is passed over
        del self._waiting[0]
        if self._waiting:
            self._clock.callLater(0, self._next)
