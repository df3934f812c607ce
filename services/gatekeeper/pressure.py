"""Cuts who does not take what is sent to them, before the router's memory fills.

Crossbar writes every event into the buffer of every subscriber's socket and never looks
back: a browser that stalls, or an agent on a line too thin, would have the router keep
all that is meant for it. Here each connection knows how much it was given and how much
of that still waits. It is cut when more waits than fits, or when a byte has waited too
long; one that catches up in time stays. Nobody else waits for it meanwhile.

A WebSocket that stalls altogether is found by its ping, mostly sooner.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

TURN_BYTES = 1 << 16  # waits for a turn of the reactor only: no backlog yet
TAKEN_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much may wait for a connection to take it, and for how long."""

    people_bytes: int = 8 << 20  # and devices, and who has not joined
    services_bytes: int = 64 << 20  # they take the telemetry of all devices
    within_s: float = TAKEN_WITHIN_S


class Given:
    """What one connection was given, and how long its oldest byte has waited.

    The age is known without a list of messages: all that was given by some moment is
    taken once no more waits than was given since.
    """

    def __init__(self) -> None:
        self._given = 0
        self._mark = 0  # all that had been given when the look began

    def more(self, size: int) -> None:
        """So many bytes were written into its buffer."""
        self._given += size

    def begin(self) -> None:
        """From now on, wait for what was given until now."""
        self._mark = self._given

    def is_taken(self, waiting: int) -> bool:
        """Whether all that was given until ``begin`` has left the buffer."""
        return self._given - waiting >= self._mark


class Takes(Protocol):
    """A connection, as far as its watch needs to know it."""

    def waiting(self) -> int:
        """How many bytes of what it was given are still in the router."""

    def most(self) -> int:
        """How many may be."""

    def drop(self, why: str) -> None:
        """Cut it."""


class Watch:
    """Watches what one connection takes; quiet and nearly free while it keeps up."""

    def __init__(self, peer: Takes, clock: IReactorTime, within_s: float) -> None:
        self._peer = peer
        self._clock = clock
        self._within_s = within_s
        self._given = Given()
        self._look_later: IDelayedCall | None = None
        self.is_over = False

    def gave(self, size: int) -> None:
        """It was given so much more."""
        self._given.more(size)
        waiting = self._peer.waiting()
        if waiting <= TURN_BYTES or self.is_over:
            return
        if waiting > self._peer.most():
            self._end(f"it has not taken {waiting:,} bytes of what was sent to it")
        elif self._look_later is None:
            self._begin()

    def stop(self) -> None:
        """The connection is gone."""
        self.is_over = True
        if self._look_later is not None and self._look_later.active():
            self._look_later.cancel()
        self._look_later = None

    def _begin(self) -> None:
        self._given.begin()
        self._look_later = self._clock.callLater(self._within_s, self._look)

    def _look(self) -> None:
        self._look_later = None
        waiting = self._peer.waiting()
        if not self._given.is_taken(waiting):
            self._end(
                f"it has not taken for {self._within_s:g} s what was sent to it "
                f"({waiting:,} bytes)"
            )
        elif waiting > TURN_BYTES:
            self._begin()

    def _end(self, why: str) -> None:
        self.stop()
        self._peer.drop(why)


def waiting_in(transport: Any) -> int:
    """How many bytes a Twisted transport has buffered, below TLS too."""
    while transport is not None and not hasattr(transport, "_tempDataLen"):
        transport = getattr(transport, "transport", None)
    if transport is None:
        return 0
    buffered: int = len(transport.dataBuffer) - transport.offset
    return buffered + int(transport._tempDataLen)


Dropped = Callable[[Any, str], None]
"""Hears of a session, as it is cut, and why."""
