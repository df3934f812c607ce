"""The engine's end of the Unix sockets: its agent's, and the health check's.

Whoever connects last is the agent. Bytes that are no message close the connection with
a line in the log; they never reach the engine. The health socket answers ``ok`` and
closes: a live reactor is all it proves, and it disturbs no agent.
"""

from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from edge_agent.engine.engine import Engine
from edge_agent.engine.outlet import Outlet
from edge_agent.engine.protocol import (
    MAX_FRAME_BYTES,
    Acked,
    Answered,
    Executed,
    Frames,
    GarbledFrame,
    Readings,
    Refusal,
    Request,
    decode_to_engine,
    encode,
)
from edge_agent.engine.turn import refused_with
from heddle.contract.declare import InternalError

log = Logger()

MAX_UNREAD_BYTES = 1024 * 1024
HEALTH_NAME = "health.sock"
HEALTHY = b"ok\n"


class AgentLink(Protocol):
    """One connection of an agent."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._frames = Frames()
        self._outlet = Outlet(self._drained)
        self._open = False
        self._paused = False
        self._unread = 0  # bytes of answers since the agent last had read everything

    @property
    def _wire(self) -> Any:
        """The transport; Twisted's interfaces do not tell all it can."""
        return self.transport

    @override
    def connectionMade(self) -> None:
        """Begin to speak."""
        self._open = True
        self._outlet.open(self._wire)
        self._engine.connect(self)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Nothing more will arrive."""
        self._open = False
        self._outlet.close()
        self._engine.disconnect(self)

    @override
    def dataReceived(self, data: bytes) -> None:
        """Some frames came in, or parts of them: they make one turn."""
        self._engine.gather()
        try:
            for frame in self._frames.cut(data):
                self._heed(frame)
        except GarbledFrame as garbled:
            log.warn("connection closed: {why}", why=str(garbled)[:300])
            self.close()
        finally:
            self._engine.hurry()
        self.relieve()

    def _heed(self, frame: bytes) -> None:
        match decode_to_engine(frame):
            case Request() as request:
                self._engine.ask(request, self._answer)
            case Acked() as acked:
                self._engine.acked(acked)
            case Executed() as executed:
                self._engine.executed(executed)
            case Readings() as readings:
                self._engine.read(readings)

    def _answer(self, answer: Answered | Refusal) -> None:
        frame = encode(answer)
        while len(frame) > MAX_FRAME_BYTES:
            answer = _shortened(answer)
            frame = encode(answer)
        self._unread = self._unread + len(frame) if self._outlet.is_full else 0
        self._outlet.add(frame)

    # --- the engine's side ---

    def send(self, frame: bytes) -> None:
        """Send one frame with the next ``flush``, if the connection is open."""
        self._outlet.add(frame)

    def flush(self) -> None:
        """Let out what was sent."""
        self._outlet.flush()

    def is_full(self) -> bool:
        """Whether the agent is slow to read."""
        return self._outlet.is_full

    def relieve(self) -> None:
        """Read on, unless it asks without listening, or faster than the disk takes."""
        wait = self._unread > MAX_UNREAD_BYTES or self._engine.is_behind()
        if wait != self._paused and self._open:
            self._paused = wait
            if wait:
                self._wire.pauseProducing()
            else:
                self._wire.resumeProducing()

    def _drained(self) -> None:
        self._unread = 0
        self._engine.drained(self)
        self.relieve()

    def close(self) -> None:
        """End the connection without waiting for a slow reader."""
        self._open = False
        self._outlet.close()
        self._wire.abortConnection()


def _shortened(answer: Answered | Refusal) -> Answered | Refusal:
    """Half of the runs asked for: the newest; one that is too long is an error."""
    if isinstance(answer, Answered) and len(answer.runs) > 1:
        return Answered(answer.id, answer.runs[: len(answer.runs) // 2])
    return refused_with(answer.id, InternalError("the answer is too long to be sent"))


class AgentLinks(Factory):
    """Makes a link for each connection."""

    noisy = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @override
    def buildProtocol(self, addr: IAddress | None) -> AgentLink:
        """A link for one connection."""
        link = AgentLink(self._engine)
        link.factory = self
        return link


class HealthLink(Protocol):
    """Says ``ok``."""

    @override
    def connectionMade(self) -> None:
        """Answer at once."""
        if self.transport is not None:
            self.transport.write(HEALTHY)
            self.transport.loseConnection()


class HealthLinks(Factory):
    """Makes a link for each health check."""

    noisy = False
    protocol = HealthLink
