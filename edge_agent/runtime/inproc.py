"""Engines within the agent's own process, for very many agents in one.

It is the same engine over the same journal, in the flow's own folder. Only the socket
is left out: frames go from one side to the other through the reactor. A journal here is
committed without a sync of the disk: a run outlives this process, not a power cut. And
an engine that blocks blocks everybody, so this is nothing for a device that controls
something.
"""

import hashlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from edge_agent.engine.engine import Engine
from edge_agent.engine.flows import read_flow
from edge_agent.engine.journal import open_journal
from edge_agent.engine.process import UNUSABLE, compose
from edge_agent.engine.protocol import JOURNAL_NAME, Welcome
from edge_agent.engine.server import AgentLink
from edge_agent.link import EngineLink
from edge_agent.runtime.imageless import Imageless
from edge_agent.runtime.runtime import (
    Condition,
    EngineFailed,
    EngineState,
    Found,
    LogLine,
    Order,
)
from heddle.contract.runs import EngineUnavailable

log = Logger()

Turn = Callable[[], Awaitable[None]]

LABEL = "in the agent's process"


@dataclass(slots=True)
class _Made:
    """An engine that was made, and how it stands."""

    flow: str
    mark: str
    release: str
    directory: Path
    engine: Engine | None = None
    condition: Condition = Condition.CREATED
    since_s: float = 0.0
    why: str = ""  # it ended

    def become(self, condition: Condition, why: str = "") -> None:
        self.condition, self.why, self.since_s = condition, why, time.time()


class InProcess(Imageless):
    """One engine object per flow."""

    def __init__(
        self, reactor: Any, *, takes_mb: int = 0, turn: Turn | None = None
    ) -> None:
        """An engine that is to have less than it takes fails, as out of memory.

        An engine begins when it is its ``turn``; at once, otherwise.
        """
        self._reactor = reactor
        self._takes_mb = takes_mb
        self._turn = turn
        self._made: dict[tuple[str, str], _Made] = {}

    async def connect(
        self, _reactor: Any, directory: Path, link: EngineLink
    ) -> Welcome:
        """Connect ``link`` to the engine of a flow's directory, and be welcomed.

        Raises ``EngineUnavailable``.
        """
        for made in self._made.values():
            if made.directory == directory and made.engine is not None:
                join(self._reactor, link, AgentLink(made.engine))
                return await link.welcomed
        raise EngineUnavailable(f"no engine runs in {directory}")

    async def mark(self, order: Order) -> str:
        """Changes with whatever makes an engine the wrong one."""
        scale = f"{order.configuration.time_scale:g}"
        memory = str(order.configuration.memory_mb)
        parts = (order.release, str(order.directory), scale, memory)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    async def found(self) -> tuple[Found, ...]:
        """The engines; none outlives its agent."""
        return tuple(
            Found(
                flow=made.flow,
                mark=made.mark,
                condition=made.condition,
                label=LABEL,
                detail=made.why,
                release=made.release,
                since_s=made.since_s,
            )
            for made in self._made.values()
        )

    async def create(self, order: Order) -> None:
        """Make room for an engine."""
        at = order.flow, await self.mark(order)
        if at not in self._made:
            self._made[at] = _Made(*at, order.release, order.directory)

    async def run(self, order: Order) -> None:
        """Start the engine unless it runs."""
        at = order.flow, await self.mark(order)
        if self._turn is not None and at in self._made:
            await self._turn()
        made = self._made.get(at)
        if made is None:
            raise EngineFailed(f"the engine of {order.flow} is gone")
        has_mb = order.configuration.memory_mb
        if has_mb < self._takes_mb:
            why = f"out of memory: it takes {self._takes_mb} MB and may have {has_mb}"
            raise EngineFailed(why)
        if made.engine is None:
            made.engine = self._begun(made, order.configuration.time_scale)
            made.become(Condition.RUNNING)
            made.engine.start()

    async def end(self, flow: str, mark: str) -> None:
        """End the engine; it may resume from its journal."""
        made = self._made.get((flow, mark))
        if made is not None and made.engine is not None:
            engine, made.engine = made.engine, None
            made.become(Condition.EXITED, "it was ended")
            engine.stop()

    async def remove(self, flow: str, mark: str) -> None:
        """End the engine and forget it."""
        await self.end(flow, mark)
        self._made.pop((flow, mark), None)

    async def state(self, flow: str) -> EngineState:
        """Whether the engine runs, else why not."""
        why = ""
        for made in self._made.values():
            if made.flow == flow:
                why = made.why
                if made.engine is not None:
                    return EngineState(running=True, label=LABEL)
        return EngineState(running=False, detail=why)

    async def logs(
        self, flow: str, *, tail: int, since_s: float = 0.0
    ) -> tuple[LogLine, ...]:
        """None: what an engine says is in the log of its process."""
        return ()

    async def close(self, *, keep: bool) -> None:
        """End every engine."""
        for flow, mark in tuple(self._made):
            await self.remove(flow, mark)

    def _begun(self, made: _Made, time_scale: float) -> Engine:
        def broke() -> None:
            made.engine = None
            made.become(Condition.EXITED, "its journal broke; see the log")

        try:
            file = read_flow(made.directory)
            journal = open_journal(made.directory / JOURNAL_NAME, durable=False)
        except UNUSABLE as error:
            raise EngineFailed(str(error)) from None
        try:
            return compose(
                self._reactor,
                file,
                journal,
                time_scale=time_scale,
                on_broken=broke,
                directory=made.directory,
            )
        except UNUSABLE as error:
            journal.close()
            raise EngineFailed(str(error)) from None


def join(clock: IReactorTime, one: Protocol, other: Protocol) -> None:
    """Connect two protocols with each other."""
    left, right = _End(clock, one), _End(clock, other)
    left.peer, right.peer = right, left
    one.makeConnection(left)  # type: ignore[no-untyped-call]
    other.makeConnection(right)  # type: ignore[no-untyped-call]


class _End:
    """One protocol's transport: what it writes reaches the other in a later turn."""

    peer: "_End"

    def __init__(self, clock: IReactorTime, protocol: Protocol) -> None:
        self._clock = clock
        self._protocol = protocol
        self._coming: deque[bytes] = deque()
        self._call: IDelayedCall | None = None
        self._is_paused = self._is_closed = False

    def write(self, data: bytes) -> None:
        """Send; the other side is never slow."""
        if not self._is_closed:
            self.peer.take(data)

    def writeSequence(self, data: Any) -> None:  # noqa: N802
        """Send these."""
        self.write(b"".join(data))

    def getHandle(self) -> "_End":  # noqa: N802
        """What takes as much as a socket with room: everything."""
        return self

    def send(self, data: bytes) -> int:
        """Send, as a socket does."""
        self.write(data)
        return len(data)

    def registerProducer(self, _producer: Any, _streaming: bool) -> None:  # noqa: N802
        """Nobody needs to be held up."""

    def unregisterProducer(self) -> None:  # noqa: N802
        """Nobody was."""

    def pauseProducing(self) -> None:  # noqa: N802
        """Hear nothing for a while."""
        self._is_paused = True

    def resumeProducing(self) -> None:  # noqa: N802
        """Hear again."""
        self._is_paused = False
        self._soon()

    def abortConnection(self) -> None:  # noqa: N802
        """Part, both sides."""
        self.close()
        self.peer.close()

    loseConnection = abortConnection  # noqa: N815

    def take(self, data: bytes) -> None:
        """From the other side."""
        self._coming.append(data)
        self._soon()

    def close(self) -> None:
        """Nothing more will come."""
        if not self._is_closed:
            self._is_closed = True
            self._later(self._lost)

    def _soon(self) -> None:
        if self._call is None and self._coming and not self._is_closed:
            self._call = self._clock.callLater(0, self._hand_over)

    def _hand_over(self) -> None:
        self._call = None
        while self._coming and not (self._is_paused or self._is_closed):
            self._protocol.dataReceived(self._coming.popleft())

    def _later(self, act: Callable[[], None]) -> None:
        _ = self._clock.callLater(0, act)

    def _lost(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._protocol.connectionLost(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]
