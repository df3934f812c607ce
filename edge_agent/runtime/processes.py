"""Engines as child processes, where no Docker Engine answers.

A child's standard input is a pipe that it watches: should the agent die, however
suddenly, the child ends too, and the next agent's child resumes from the journal.
"""

import hashlib
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from edge_agent.runtime.imageless import Imageless
from edge_agent.runtime.runtime import (
    Condition,
    EngineFailed,
    EngineState,
    Found,
    LogLine,
    Order,
)

log = Logger()

STOP_WITHIN_S = 3.0
_LAST_WORDS = 5  # lines
_LINES_KEPT = 1000
_LINE_CHARACTERS = 2000


class Processes(Imageless):
    """One child process per flow."""

    def __init__(
        self,
        reactor: Any,
        *,
        now_s: Callable[[], float] = time.time,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._reactor = reactor
        self._now_s = now_s
        self._environ = {
            name: value
            for name, value in environ.items()
            # No code, no setting is the engine's; its log lines become ours.
            if not name.startswith("AGENT_") and name != "HEDDLE_LOG"
        }
        self._children: dict[tuple[str, str], _Child] = {}

    async def mark(self, order: Order) -> str:
        """Changes with whatever makes a child the wrong one."""
        parts = (order.release, str(order.directory), *_arguments(order))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    async def found(self) -> tuple[Found, ...]:
        """The children; none outlives its agent."""
        return tuple(child.found for child in self._children.values())

    async def create(self, order: Order) -> None:
        """Make room for a child."""
        at = order.flow, await self.mark(order)
        if at not in self._children:
            self._children[at] = _Child(*at, order.release, self._now_s)

    async def run(self, order: Order) -> None:
        """Start the child unless it runs."""
        mark = await self.mark(order)
        child = self._children.get((order.flow, mark))
        if child is None:
            raise EngineFailed(f"the engine of {order.flow} is gone")
        if child.condition is Condition.EXITED:
            last = child
            child = self._children[order.flow, mark] = _Child(
                order.flow, mark, order.release, self._now_s
            )
            child.lines.extend(last.lines)
        if child.condition is Condition.CREATED:
            self._spawn(child, order)

    async def end(self, flow: str, mark: str) -> None:
        """Ask the child to end, and make it."""
        child = self._children.get((flow, mark))
        if child is not None:
            await self._end(child)

    async def remove(self, flow: str, mark: str) -> None:
        """End the child and forget it."""
        await self.end(flow, mark)
        self._children.pop((flow, mark), None)

    async def state(self, flow: str) -> EngineState:
        """Whether the child runs, else its last words."""
        child = self._of_flow(flow)
        return child.state if child else EngineState(running=False)

    async def logs(
        self, flow: str, *, tail: int, since_s: float = 0.0
    ) -> tuple[LogLine, ...]:
        """The last thousand lines of this life of the agent."""
        child = self._of_flow(flow)
        lines = [line for line in (child.lines if child else ()) if line.at_s > since_s]
        return tuple(lines[-tail:] if tail > 0 else ())

    async def close(self, *, keep: bool) -> None:
        """End every child."""
        children, self._children = list(self._children.values()), {}
        for ending in [Deferred.fromCoroutine(self._end(child)) for child in children]:
            await ending

    def _of_flow(self, flow: str) -> "_Child | None":
        found = [child for (of, _), child in self._children.items() if of == flow]
        running = [child for child in found if child.state.running]
        return next(iter((*running, *found[::-1])), None)

    def _spawn(self, child: "_Child", order: Order) -> None:
        arguments = [sys.executable, "-m", "edge_agent.engine"]
        arguments += [os.fspath(order.directory), "--exit-with-parent"]
        arguments += _arguments(order)
        try:
            self._reactor.spawnProcess(
                child, sys.executable, arguments, env=self._environ
            )
        except OSError as error:
            raise EngineFailed(f"engine of {child.flow}: {error.strerror}") from None
        child.condition, child.since_s = Condition.RUNNING, self._now_s()

    async def _end(self, child: "_Child") -> None:
        if child.condition is not Condition.RUNNING:
            return
        child.wanted = False
        for signal in ("TERM", "KILL"):
            if child.ended.called:
                return
            child.signal(signal)
            waiting: Deferred[None] = Deferred()
            child.when_ended(waiting)
            try:
                await waiting.addTimeout(STOP_WITHIN_S, self._reactor)
            except defer.TimeoutError:
                log.warn(
                    "engine of {flow} heeds no SIG{signal}",
                    flow=child.flow,
                    signal=signal,
                )


class _Child(ProcessProtocol):
    """One engine process and its last words."""

    transport: IProcessTransport

    def __init__(
        self, flow: str, mark: str, release: str, now_s: Callable[[], float]
    ) -> None:
        self.flow = flow
        self.mark = mark
        self.release = release
        self.condition = Condition.CREATED
        self.since_s = 0.0
        self.wanted = True
        self.ended: Deferred[None] = Deferred()
        self.lines: deque[LogLine] = deque(maxlen=_LINES_KEPT)
        self._now_s = now_s
        self._last: deque[str] = deque(maxlen=_LAST_WORDS)
        self._partial = b""
        self._exit = ""

    @property
    def state(self) -> EngineState:
        if self.condition is Condition.RUNNING:
            return EngineState(running=True, label=f"pid {self.transport.pid}")
        return EngineState(running=False, detail=self._words)

    @property
    def found(self) -> Found:
        runs = self.condition is Condition.RUNNING
        return Found(
            flow=self.flow,
            mark=self.mark,
            condition=self.condition,
            label=self.state.label,
            detail="" if runs else self._words,
            release=self.release,
            since_s=self.since_s,
        )

    @property
    def _words(self) -> str:
        return " | ".join((self._exit, *self._last)) if self._exit else ""

    def when_ended(self, waiting: Deferred[None]) -> None:
        def tell(_: None) -> None:
            if not waiting.called:
                waiting.callback(None)

        _ = self.ended.addCallback(tell)

    def signal(self, name: str) -> None:
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)

    @override
    def outReceived(self, data: bytes) -> None:
        self.errReceived(data)

    @override
    def errReceived(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            if text:
                self._last.append(text)
                self.lines.append(LogLine(self._now_s(), text[:_LINE_CHARACTERS]))
                log.info("engine of {flow}: {text}", flow=self.flow, text=text)

    @override
    def processEnded(self, reason: Failure) -> None:
        status: Any = reason.value
        self.condition, self.since_s = Condition.EXITED, self._now_s()
        self._exit = (
            f"killed by signal {status.signal}"
            if status.signal
            else f"exit code {status.exitCode}"
        )
        if self.wanted:
            log.warn(
                "engine of {flow} ended: {detail}",
                flow=self.flow,
                detail=" | ".join((self._exit, *self._last)),
            )
        self.ended.callback(None)


def _arguments(order: Order) -> list[str]:
    scale = order.configuration.time_scale
    return [] if scale == 1.0 else ["--time-scale", f"{scale:g}"]
