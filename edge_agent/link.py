"""The agent's end of an engine's socket: requests out, events and commands in.

One link is one connection. ``request`` is on the path of every operator's command, so
nothing here waits for anything but the engine.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionDone,
)
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure
from typing_extensions import override

from edge_agent.engine.protocol import (
    MAX_FRAME_BYTES,
    SOCKET_NAME,
    Command,
    Events,
    Execute,
    GarbledFrame,
    Refusal,
    Reply,
    Request,
    ToAgent,
    ToEngine,
    Welcome,
    decode_to_agent,
    encode,
)
from heddle.contract import ERRORS
from heddle.contract.runs import EngineUnavailable, RunReport

log = Logger()

ANSWER_WITHIN_S = 10.0
WELCOME_WITHIN_S = 10.0
_LONGEST_SOCKET_PATH = 100  # bytes; the kernel takes 107
_BY_URI = {error.uri: error for error in ERRORS}


class Hears(Protocol):
    """Who hears what an engine says unasked."""

    def events(self, told: Events) -> None:
        """Events of a run."""
        ...

    def execute(self, wanted: Execute) -> None:
        """A command to carry out."""
        ...


class EngineLink(Int32StringReceiver):
    """One connection to one engine."""

    MAX_LENGTH = MAX_FRAME_BYTES

    def __init__(self, clock: IReactorTime, flow: str, hears: Hears) -> None:
        self._clock = clock
        self._flow = flow
        self._hears = hears
        self._asked: dict[int, Deferred[tuple[RunReport, ...]]] = {}
        self._last_id = 0
        self.open = False
        self.heard = 0  # frames so far
        self.welcomed: Deferred[Welcome] = Deferred()
        self.lost: Deferred[None] = Deferred()

    def request(self, command: Command) -> Deferred[tuple[RunReport, ...]]:
        """Have a command done. Fails with the engine's refusal as itself, or with
        ``EngineUnavailable``.
        """
        answer: Deferred[tuple[RunReport, ...]] = Deferred()
        if not self.open:
            answer.errback(self._unavailable("is being restarted"))
            return answer
        self._last_id += 1
        asked = self._last_id
        self._asked[asked] = answer
        self.send(Request(id=asked, command=command))
        return answer.addTimeout(
            ANSWER_WITHIN_S,
            self._clock,
            lambda _, seconds: self._late(asked, seconds),
        )

    def send(self, message: ToEngine) -> None:
        """Send, if the link is open; what must arrive is asked for again anyway."""
        if self.open:
            self.sendString(encode(message))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Drop the connection."""
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    @override
    def connectionMade(self) -> None:
        """Twisted's word that the socket is open."""
        self.open = True

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted's word that it is gone: nothing asked will be answered."""
        self.open = False
        asked, self._asked = self._asked, {}
        for answer in asked.values():
            answer.errback(self._unavailable("went away; it is being restarted"))
        if not self.welcomed.called:
            self.welcomed.errback(self._unavailable("closed the connection"))
        if not isinstance(reason.value, ConnectionDone):
            log.debug("link to {flow}: {why}", flow=self._flow, why=reason.value)
        self.lost.callback(None)

    @override
    def lengthLimitExceeded(self, length: int) -> None:
        """A frame that nobody of us would send."""
        log.warn(
            "engine of {flow} sent a frame of {n} bytes", flow=self._flow, n=length
        )
        self.close()

    @override
    def stringReceived(self, string: bytes) -> None:
        """One frame."""
        self.heard += 1
        try:
            self._heed(decode_to_agent(string))
        except GarbledFrame as flaw:
            log.warn("engine of {flow}: {flaw}", flow=self._flow, flaw=str(flaw))
            self.close()

    def _heed(self, message: ToAgent) -> None:
        match message:
            case Reply() | Refusal():
                self._answered(message)
            case Events():
                self._hears.events(message)
            case Execute():
                self._hears.execute(message)
            case Welcome():
                if not self.welcomed.called:
                    self.welcomed.callback(message)

    def _answered(self, message: Reply | Refusal) -> None:
        answer = self._asked.pop(message.id, None)
        if answer is None:
            return  # too late: whoever asked was told so
        if isinstance(message, Reply):
            answer.callback(message.runs)
        else:
            answer.errback(_refused(message))

    def _unavailable(self, what: str) -> EngineUnavailable:
        return EngineUnavailable(f"the engine of flow {self._flow!r} {what}")

    def _late(self, asked: int, seconds: float) -> Failure:
        self._asked.pop(asked, None)
        late: Any = self._unavailable(f"gave no answer in {seconds:g} s")
        return Failure(late)  # type: ignore[no-untyped-call]


Dial = Callable[[Any, Path, EngineLink], Awaitable[Welcome]]
"""Connects a link to the engine of a flow's directory, as ``connect`` does."""


def _refused(refusal: Refusal) -> Exception:
    kind = _BY_URI.get(refusal.uri)
    if kind is None:
        return EngineUnavailable(f"the engine failed: {refusal.sentence}")
    return kind(refusal.sentence, **refusal.details)


async def connect(reactor: Any, directory: Path, link: EngineLink) -> Welcome:
    """Connect ``link`` to the engine of a flow's directory, and be welcomed.

    Raises ``EngineUnavailable``.
    """
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        path = directory / SOCKET_NAME
        if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
            path = Path(f"/proc/self/fd/{folder}") / SOCKET_NAME
        endpoint: Any = UNIXClientEndpoint(reactor, os.fspath(path), timeout=5)  # type: ignore[no-untyped-call]
        await endpoint.connect(Factory.forProtocol(_same(link)))
    except ConnectError as error:
        raise EngineUnavailable(f"{directory / SOCKET_NAME}: {error}") from None
    except ConnectingCancelledError:
        raise CancelledError from None  # by whoever wants the engine no longer
    finally:
        os.close(folder)
    try:
        return await link.welcomed.addTimeout(WELCOME_WITHIN_S, reactor)
    except CancelledError:
        link.close()
        raise
    except defer.TimeoutError:
        link.close()
        raise EngineUnavailable(
            f"the engine in {directory} did not greet in {WELCOME_WITHIN_S:g} s"
        ) from None


def _same(link: EngineLink) -> Callable[[], EngineLink]:
    return lambda: link
