"""What has arrived and waits for the next turn, and when that turn is due.

Mostly at once: with the end of what was read from the socket, else with the next round
of the reactor. Only while the disk is full does a turn wait, unless something arrives.
"""

from collections.abc import Callable, Iterable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from edge_agent.engine.turn import Arrival

ARRIVALS_A_TURN = 1_000


class Arrivals:
    """The queue before the turns; calls ``turn`` when one is due."""

    def __init__(self, clock: IReactorTime, turn: Callable[[], None]) -> None:
        self._clock = clock
        self._turn = turn
        self._waiting: list[Arrival] = []
        self._call: IDelayedCall | None = None
        self._is_near = False  # the call is for the next round of the reactor
        self._gathering = False  # more will follow before ``hurry``
        self._due = False  # and then a turn is due
        self._closed = False

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def is_many(self) -> bool:
        """Whether more waits than should."""
        return len(self._waiting) > 2 * ARRIVALS_A_TURN

    def add(self, arrival: Arrival) -> None:
        """Let this wait for the next turn, which is due now."""
        self._waiting.append(arrival)
        if self._gathering:
            self._due = True
        elif not self._is_near:
            self.turn_in(0)

    def take(self) -> list[Arrival]:
        """What the turn that begins now shall take."""
        taken = self._waiting[:ARRIVALS_A_TURN]
        del self._waiting[:ARRIVALS_A_TURN]
        return taken

    def give_back(self, taken: Iterable[Arrival]) -> None:
        """It could not be taken: it comes first again."""
        self._waiting[:0] = taken

    def gather(self) -> None:
        """More will arrive in a moment: no turn before ``hurry``."""
        self._gathering = True

    def hurry(self) -> None:
        """No more will arrive now: take the turn, if one is due."""
        self._gathering = False
        if self._due or self._is_near:
            self.turn_now()

    def turn_in(self, seconds: float) -> None:
        """A turn is due then; one at once also does for one that was to wait."""
        if self._closed:
            return
        if self._call is not None:
            if self._is_near or seconds:
                return
            self._call.cancel()
        self._is_near = not seconds
        self._call = self._clock.callLater(seconds, self._come)

    def turn_now(self) -> None:
        """Take a turn without waiting for the reactor."""
        self._cancel()
        if not self._closed:
            self._turn()

    def close(self) -> None:
        """No turn is taken any more."""
        self._closed = True
        self._cancel()

    def _cancel(self) -> None:
        self._due = self._is_near = False
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _come(self) -> None:
        self._call = None
        self._is_near = False
        self._turn()
