"""The engine's end of the Unix sockets: its agent's, and the health check's.

Whoever connects last is the agent. Bytes that are no message close the connection with
a line in the log; they never reach the engine. The health socket answers ``ok`` and
closes: a live reactor is all it proves, and it disturbs no agent.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from edge_agent.engine.engine import Engine
from edge_agent.engine.protocol import (
    MAX_FRAME_BYTES,
    Acked,
    Executed,
    GarbledFrame,
    Readings,
    Refusal,
    Reply,
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


class AgentLink(Int32StringReceiver):
    """One connection of an agent."""

    MAX_LENGTH = MAX_FRAME_BYTES

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pace = _Pace(self._drained)
        self._open = False
        self._unread = 0  # bytes of answers since the agent last had read everything

    @property
    def _wire(self) -> Any:
        """The transport; Twisted's interfaces do not tell all it can."""
        return self.transport

    @override
    def connectionMade(self) -> None:
        """Begin to speak."""
        self._open = True
        self._wire.registerProducer(self._pace, True)
        self._engine.connect(self)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Nothing more will arrive."""
        self._open = False
        self._engine.disconnect(self)

    @override
    def dataReceived(self, data: bytes) -> None:
        """Some frames came in, or parts of them: they make one turn."""
        super().dataReceived(data)  # type: ignore[no-untyped-call]
        self._engine.hurry()

    @override
    def stringReceived(self, string: bytes) -> None:
        """One frame came in."""
        if not self._open:
            return
        try:
            message = decode_to_engine(string)
        except GarbledFrame as garbled:
            self._reject(str(garbled))
            return
        match message:
            case Request():
                self._engine.ask(message, self._answer)
            case Readings():
                self._engine.read(message)
            case Executed():
                self._engine.executed(message)
            case Acked():
                self._engine.acked(message)
        self.relieve()

    @override
    def lengthLimitExceeded(self, length: int) -> None:
        """A frame is longer than any message may be."""
        self._reject(f"a frame of {length} bytes, the most is {MAX_FRAME_BYTES}")

    def _reject(self, why: str) -> None:
        log.warn("connection closed: {why}", why=why[:300])
        self.close()

    def _answer(self, answer: Reply | Refusal) -> None:
        frame = encode(answer)
        while len(frame) > MAX_FRAME_BYTES:
            answer = _shortened(answer)
            frame = encode(answer)
        self._unread = self._unread + len(frame) if self._pace.is_full else 0
        self.send(frame)

    # --- the engine's side ---

    def send(self, frame: bytes) -> None:
        """Send one frame, if the connection is open."""
        if self._open:
            self._wire.write(len(frame).to_bytes(4, "big") + frame)

    def is_full(self) -> bool:
        """Whether the agent is slow to read."""
        return self._pace.is_full

    def relieve(self) -> None:
        """Read on, unless it asks without listening, or faster than the disk takes."""
        wait = self._unread > MAX_UNREAD_BYTES or self._engine.is_behind()
        if wait and not self.paused:
            self.pauseProducing()  # type: ignore[no-untyped-call]
        elif self.paused and not wait and self._open:
            self.resumeProducing()  # type: ignore[no-untyped-call]

    def _drained(self) -> None:
        self._unread = 0
        self._engine.drained(self)
        self.relieve()

    def close(self) -> None:
        """End the connection without waiting for a slow reader."""
        self._open = False
        self._wire.abortConnection()


def _shortened(answer: Reply | Refusal) -> Reply | Refusal:
    """Half of the runs asked for: the newest; one that is too long is an error."""
    if isinstance(answer, Reply) and len(answer.runs) > 1:
        return Reply(id=answer.id, runs=answer.runs[: len(answer.runs) // 2])
    return refused_with(answer.id, InternalError("the answer is too long to be sent"))


@implementer(IPushProducer)
class _Pace:
    """How fast the agent reads, as the transport tells it."""

    def __init__(self, go_on: Callable[[], None]) -> None:
        self._go_on = go_on
        self.is_full = False

    def pauseProducing(self) -> None:  # noqa: N802
        """The agent reads slowly."""
        self.is_full = True

    def resumeProducing(self) -> None:  # noqa: N802
        """The agent has read."""
        self.is_full = False
        self._go_on()

    def stopProducing(self) -> None:  # noqa: N802
        """The connection is lost; ``connectionLost`` follows."""


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
