"""Tells an engine that hangs from one that has nothing to say.

A dead engine closes its socket; one that was stopped or is stuck in the kernel does
not. So it is asked something now and then, and anything it says is a sign of life. It
hangs when it said nothing between several beats in a row. Beats are counted, not time:
a device that slept, or an agent that was held up itself, blames nobody for it.
"""

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from edge_agent.engine.protocol import Command, Status
from heddle.contract.runs import EngineUnavailable, RunNotFound, RunReport

BEATS = 3  # without a word
_NO_RUN = ""  # no run can have this id: the refusal is answer enough


class Speaks(Protocol):
    """The link to the engine."""

    heard: int

    def request(self, command: Command) -> Deferred[tuple[RunReport, ...]]:
        """Have a command done."""
        ...

    def close(self) -> None:
        """Drop the connection."""
        ...


class Pulse:
    """Closes a link over which nothing has come for so long; then it is ``silent``."""

    def __init__(
        self, clock: IReactorTime, link: Speaks, silent_after_s: float
    ) -> None:
        self._link = link
        self._heard = link.heard
        self._missed = 0
        self.silent = False
        self._beats: Any = LoopingCall(self._beat)
        self._beats.clock = clock
        _ = self._beats.start(silent_after_s / BEATS, now=False)

    def stop(self) -> None:
        """Listen no more."""
        if self._beats.running:
            self._beats.stop()

    def _beat(self) -> None:
        if self._link.heard != self._heard:
            self._heard, self._missed = self._link.heard, 0
        else:
            self._missed += 1
        if self._missed == BEATS:
            self.silent = True
            self.stop()
            self._link.close()
        else:
            _ = self._link.request(Status(run=_NO_RUN)).addErrback(_expected)


def _expected(failure: Failure) -> None:
    failure.trap(RunNotFound, EngineUnavailable)  # type: ignore[no-untyped-call]
