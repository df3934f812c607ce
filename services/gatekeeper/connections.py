"""The two kinds of connection that the router accepts, each with an eye on its peer.

What its peer does not take is watched (``pressure``), and so are frames that make no
message (``frames``). Until somebody of the fleet has joined, messages have to be small.
"""

from typing import Any

from autobahn.exception import Disconnected
from autobahn.wamp.exception import InvalidUriError, ProtocolError, TransportLost
from crossbar.router.protocol import (
    WampRawSocketServerProtocol,
    WampWebSocketServerProtocol,
)
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from heddle.contract.declare import Role
from services.gatekeeper.frames import Frames
from services.gatekeeper.pressure import Allowance, Dropped, Watch, waiting_in
from services.gatekeeper.throttle import Arrivals

log = Logger()

JOIN_WITHIN_S = 10.0
STRANGERS_BYTES = 1 << 16  # of a message: a HELLO, an answer, a code
LEAST_TAKEN_BYTES = 1 << 20  # what anybody may be sent
_PROTOCOL_ERROR = 1002  # RFC 6455, 7.4.1
_BATCHED = ".batched"


def hang_up(transport: Any) -> None:
    """Close a connection now, without asking its other side."""
    if transport is None:
        return
    if hasattr(transport, "dropConnection"):  # WebSocket
        transport.dropConnection(abort=True)
    else:
        transport.abort()


class GuardedConnection:
    """What both kinds of connection share: a watch over what their peer takes."""

    allowance: Allowance
    arrivals: Arrivals
    clock: IReactorTime
    dropped: Dropped
    transport: Any
    _session: Any
    _watch: Watch
    _is_cut = False

    def _begin_watch(self) -> None:
        self._watch = Watch(self, self.clock, self.allowance.within_s)

    def waiting(self) -> int:
        """How many bytes its peer has not taken."""
        return waiting_in(self.transport)

    def most(self) -> int:
        """How many may wait."""
        role = self._session._authrole if self._session is not None else None
        is_service = role in (Role.BACKEND, Role.FLEETDATA)
        allowed = self.allowance
        return allowed.services_bytes if is_service else allowed.people_bytes

    def drop(self, why: str) -> None:
        """Cut it, telling who it was and why."""
        if self._session is not None:
            type(self).dropped(self._session, why)
        hang_up(self)

    def send(self, msg: Any) -> None:
        """Who is just leaving is sent nothing, and nobody else has to know.

        Crossbar lets go of a session and interrupts what it had asked for. Should one
        of those whom it tells be closing, the error would keep it from letting go: the
        session and what it served would stay, and be called, for ever.
        """
        try:
            super().send(msg)  # type: ignore[misc]
        except (Disconnected, TransportLost):
            log.debug("not sent to {peer}: it is leaving", peer=self.peer)  # type: ignore[attr-defined]

    def let_in(self) -> None:
        """Somebody of the fleet has joined: their messages may be large."""
        host = str(getattr(self.transport.getPeer(), "host", ""))
        self.arrivals.joined(host, self.clock.seconds())
        self._take_large()

    def _take_large(self) -> None:
        raise NotImplementedError

    def _cut_for(self, flaw: str) -> None:
        who = self._session._authid if self._session is not None else None
        peer = getattr(self, "peer", "somebody")
        log.warn("cut {peer} ({authid}): {flaw}", peer=peer, authid=who, flaw=flaw)
        self._is_cut = True
        hang_up(self)


class GuardedWebSocket(GuardedConnection, WampWebSocketServerProtocol):  # type: ignore[misc]
    """A WebSocket connection whose peer has to take what is sent to it.

    Its subprotocols are those with one message in each of WebSocket's: a batch of many
    small ones would be worked off in one go, while everybody else waits.
    """

    maxMessagePayloadSize: int  # noqa: N815 -- autobahn's name
    _large_bytes: int

    @override
    def connectionMade(self) -> None:
        super().connectionMade()
        self._begin_watch()
        self._frames = Frames()
        self._large_bytes = self.maxMessagePayloadSize
        self.maxMessagePayloadSize = min(STRANGERS_BYTES, self._large_bytes)

    @override
    def onConnect(self, request: Any) -> Any:
        request.protocols = [p for p in request.protocols if not p.endswith(_BATCHED)]
        return super().onConnect(request)

    @override
    def onFrameBegin(self) -> None:
        opcode = self.current_frame.opcode
        if flaw := self._frames.flaw(opcode, self.clock.seconds()):
            self._cut_for(flaw)
        else:
            super().onFrameBegin()

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Autobahn's own way, but what is no WAMP costs a line of the log, no page."""
        try:
            for msg in self._serializer.unserialize(payload, isBinary):
                self._session.onMessage(msg)
        except (ProtocolError, InvalidUriError) as flaw:
            log.warn("{peer} speaks no WAMP: {flaw}", peer=self.peer, flaw=_line(flaw))
            self._bailout(_PROTOCOL_ERROR, f"WAMP Protocol Error ({_line(flaw)})")

    @override
    def _take_large(self) -> None:
        self.maxMessagePayloadSize = self._large_bytes

    @override
    def sendData(
        self, data: bytes, sync: bool = False, chopsize: int | None = None
    ) -> None:
        if not self._watch.is_over:
            super().sendData(data, sync, chopsize)
            self._watch.gave(len(data))

    @override
    def onAutoPingTimeout(self) -> None:
        """Autobahn's own way, but its line in the log names who it was."""
        who = self._session._authid if self._session is not None else None
        self.wasClean, self.autoPingTimeoutCall = False, None
        self.wasNotCleanReason = (
            f"{who or 'who had not joined'} did not answer a ping, and has not taken "
            f"{self.waiting():,} bytes"
        )
        self.dropConnection(abort=True)

    @override
    def connectionLost(self, reason: Any) -> None:
        self._watch.stop()
        super().connectionLost(reason)


class GuardedRawSocket(GuardedConnection, WampRawSocketServerProtocol):  # type: ignore[misc]
    """A RawSocket connection that may neither stay silent nor let its events wait."""

    MAX_LENGTH: int
    patience_s = JOIN_WITHIN_S
    _deadline: IDelayedCall
    _large_bytes: int

    @override
    def connectionMade(self) -> None:
        super().connectionMade()
        self._begin_watch()
        self._deadline = self.clock.callLater(self.patience_s, self.abort)

    @override
    def dataReceived(self, data: bytes) -> None:
        if not self._is_cut:
            super().dataReceived(data)

    @override
    def _on_handshake_complete(self) -> Any:
        self._stop_waiting()
        if self._max_len_send < LEAST_TAKEN_BYTES:
            self._cut_for(f"it takes no more than {self._max_len_send} bytes a message")
            return None
        self._large_bytes = self.MAX_LENGTH
        self.MAX_LENGTH = min(STRANGERS_BYTES, self._large_bytes)
        return super()._on_handshake_complete()

    @override
    def lengthLimitExceeded(self, length: int) -> None:
        self._cut_for(f"a message of {length:,} bytes; {self.MAX_LENGTH:,} are taken")

    @override
    def _take_large(self) -> None:
        self.MAX_LENGTH = self._large_bytes

    @override
    def sendString(self, string: bytes) -> None:
        if not self._watch.is_over:
            super().sendString(string)
            self._watch.gave(len(string))

    @override
    def connectionLost(self, reason: Any) -> None:
        self._stop_waiting()
        self._watch.stop()
        super().connectionLost(reason)

    def _stop_waiting(self) -> None:
        if self._deadline.active():
            self._deadline.cancel()


def _line(flaw: Exception) -> str:
    """What fits into a line of a log, and into a WebSocket's reason."""
    text = "".join(c if c.isascii() and c.isprintable() else "?" for c in str(flaw))
    return text[:90]
