"""Lets members begin what takes long one after the other, with looks around between.

All members share one thread. A thousand who begin at once what takes each some
milliseconds would keep it for many seconds, and every link would miss its pings.
"""

from collections import deque

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

AT_ONCE_S = 0.05  # for this long they follow each other without a look around


class Turns:
    """A queue: at each turn of the reactor as many go as begin in a moment."""

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
        since_s = self._clock.seconds()
        while self._waiting:
            turn = self._waiting[0]
            turn.callback(None)  # a turn that was given up is passed over
            del self._waiting[0]
            if self._clock.seconds() - since_s >= AT_ONCE_S:
                break
        if self._waiting:
            self._clock.callLater(0, self._next)
