"""Lets only so many members reach for the router at the same time.

A thousand links that break together would all come back together, each too late for the
other side's patience, and so for ever. Who waits here does not notice: its connection
takes a little longer to come about.
"""

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

LOOK_EVERY_S = 0.05
PATIENCE_S = 10.0  # with one that is not through; the next may go then, too

Question = Callable[[], bool]


class Turnstile:
    """A queue with so many places in front of it."""

    def __init__(self, clock: IReactorTime, places: int) -> None:
        self._clock = clock
        self._places = places
        self._queue: deque[tuple[Callable[[], Question], Question]] = deque()
        self._within: dict[int, tuple[Question, float]] = {}
        self._count = 0
        self._look: IDelayedCall | None = None

    def enter(self, go: Callable[[], Question], is_wanted: Question) -> None:
        """Call ``go`` when there is a place, if that is still wanted then.

        What ``go`` returns tells whether the place is free again.
        """
        self._queue.append((go, is_wanted))
        self._move()

    def stop(self) -> None:
        """Let nobody through any more."""
        self._queue.clear()
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _move(self) -> None:
        while self._queue and len(self._within) < self._places:
            go, is_wanted = self._queue.popleft()
            if is_wanted():
                self._count += 1
                self._within[self._count] = (go(), self._clock.seconds())
        if self._within and self._look is None:
            self._look = self._clock.callLater(LOOK_EVERY_S, self._look_around)

    def _look_around(self) -> None:
        self._look = None
        late = self._clock.seconds() - PATIENCE_S
        self._within = {
            number: (is_through, since_s)
            for number, (is_through, since_s) in self._within.items()
            if since_s > late and not is_through()
        }
        self._move()
