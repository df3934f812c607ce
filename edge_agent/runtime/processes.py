"""Engines as child processes, where no Docker Engine answers.

A child's standard input is a pipe that it watches: should the agent die, however
suddenly, the child ends too, and the next agent's child resumes from the journal.
"""

import os
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from edge_agent.runtime.runtime import EngineFailed, EngineState
from heddle.contract.flows import Runtime as Kind

log = Logger()

STOP_WITHIN_S = 3.0
_LAST_LINES = 5


class Processes:
    """One child process per flow."""

    kind = Kind.PROCESS
    docker: str | None = None

    def __init__(
        self,
        reactor: Any,
        *,
        time_scale: float = 1.0,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._reactor = reactor
        self._time_scale = time_scale
        self._environ = {
            name: value
            for name, value in environ.items()
            # No code, no setting is the engine's; its log lines become ours.
            if not name.startswith("AGENT_") and name != "HEDDLE_LOG"
        }
        self._children: dict[str, _Child] = {}

    async def start(self, flow: str, directory: Path) -> EngineState:
        """Start the flow's engine unless it runs."""
        child = self._children.get(flow)
        if child is None or child.ended.called:
            child = self._children[flow] = _Child(flow)
            self._spawn(child, directory)
        return child.state

    async def state(self, flow: str) -> EngineState:
        """Whether the child runs, else its last words."""
        child = self._children.get(flow)
        return child.state if child else EngineState(running=False)

    async def stop(self, flow: str) -> None:
        """Ask the child to end, and make it."""
        child = self._children.pop(flow, None)
        if child is not None:
            await self._end(child)

    async def found(self) -> frozenset[str]:
        """The children; none outlives its agent."""
        return frozenset(self._children)

    async def close(self, *, keep: bool) -> None:
        """End every child."""
        children, self._children = list(self._children.values()), {}
        for ending in [Deferred.fromCoroutine(self._end(child)) for child in children]:
            await ending

    def _spawn(self, child: "_Child", directory: Path) -> None:
        arguments = [sys.executable, "-m", "edge_agent.engine", os.fspath(directory)]
        arguments.append("--exit-with-parent")
        if self._time_scale != 1.0:
            arguments += ["--time-scale", f"{self._time_scale:g}"]
        try:
            self._reactor.spawnProcess(
                child, sys.executable, arguments, env=self._environ
            )
        except OSError as error:
            raise EngineFailed(f"engine of {child.flow}: {error.strerror}") from None

    async def _end(self, child: "_Child") -> None:
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

    def __init__(self, flow: str) -> None:
        self.flow = flow
        self.wanted = True
        self.ended: Deferred[None] = Deferred()
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._partial = b""
        self._exit = ""

    @property
    def state(self) -> EngineState:
        if self.ended.called:
            words = " | ".join((self._exit, *self._last))
            return EngineState(running=False, detail=words)
        return EngineState(running=True, label=f"pid {self.transport.pid}")

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
                log.info("engine of {flow}: {text}", flow=self.flow, text=text)

    @override
    def processEnded(self, reason: Failure) -> None:
        status: Any = reason.value
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
