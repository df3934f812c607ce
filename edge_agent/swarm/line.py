"""The network as one member finds it: a reactor whose connections can be ill-treated.

The member is the agent itself and knows of nothing; what its link does to it, it would
meet on a real one. ``cut`` breaks the link and lets no new one come about until
``mend``; ``hush`` swallows all it says but the frames that keep the link alive, as of
a program that hangs while its system answers; a latency holds up both directions.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress, IConnector, IReactorTime
from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import directlyProvides, providedBy

from edge_agent.swarm.turnstile import Turnstile

_CONTROL = range(0x8, 0xB)  # opcodes of WebSocket's close, ping and pong


class Line:
    """A reactor for one member: as the network is, but for a queue at its entrance."""

    def __init__(
        self,
        reactor: Any,
        turnstile: Turnstile | None = None,
        is_through: Callable[[], bool] = lambda: True,
    ) -> None:
        self._reactor = reactor
        self._turnstile = turnstile
        self._is_through = is_through
        self.seconds = reactor.seconds
        self.callLater = reactor.callLater
        self.callFromThread = reactor.callFromThread
        directlyProvides(self, *providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        """All else is the reactor's."""
        return getattr(self._reactor, name)

    def connectTCP(  # noqa: N802 -- Twisted's
        self,
        host: str,
        port: int,
        factory: ClientFactory,
        timeout: float = 30,
        bindAddress: Any = None,  # noqa: N803
    ) -> Any:
        """Connect when there is a place."""
        attempt = _Attempt(host, port, factory)

        def go() -> Callable[[], bool]:
            self.connect(host, port, factory, timeout, bindAddress)
            return self._is_through

        if self._turnstile is None:
            go()
        else:
            self._turnstile.enter(go, lambda: attempt.is_wanted)
        return attempt

    def connect(self, host: str, port: int, factory: Any, *options: Any) -> None:
        """Connect now."""
        self._reactor.connectTCP(host, port, factory, *options)


class BadLine(Line):
    """A line that can be ill-treated."""

    def __init__(self, *made_of: Any, latency_s: float = 0.0) -> None:
        super().__init__(*made_of)
        self._latency_s = latency_s
        self._wires: set[_Wire] = set()
        self.is_cut = False
        self.is_hushed = False

    def cut(self) -> None:
        """Break the link, and keep it broken."""
        self.is_cut = True
        for wire in tuple(self._wires):
            wire.abortConnection()

    def mend(self) -> None:
        """Let connections come about again."""
        self.is_cut = False

    def hush(self) -> None:
        """Let out nothing from now on but what keeps the link alive."""
        self.is_hushed = True

    @override
    def connect(self, host: str, port: int, factory: Any, *options: Any) -> None:
        if self.is_cut:  # told a moment later, as on a real one
            _ = self._reactor.callLater(0, _refuse, factory)
        else:
            super().connect(host, port, _Wired(self, factory), *options)

    # --- the wires' side ---

    def delayed(self, act: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """``act``, as late as this line is, and in order."""
        if not self._latency_s:
            return act
        return _Delay(self._reactor, self._latency_s, act).take

    def opened(self, wire: "_Wire") -> None:
        """A connection came about."""
        self._wires.add(wire)

    def closed(self, wire: "_Wire") -> None:
        """It is gone."""
        self._wires.discard(wire)


class _Wired(WrappingFactory, ClientFactory):
    """Puts a wire between a connection and its protocol."""

    noisy = False

    def __init__(self, line: BadLine, factory: Any) -> None:
        super().__init__(factory)  # type: ignore[no-untyped-call]
        self.line = line

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        inner = self.wrappedFactory.buildProtocol(addr)
        return None if inner is None else _Wire(self, inner)

    @override
    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        self.wrappedFactory.clientConnectionFailed(connector, reason)


class _Wire(ProtocolWrapper):
    """One connection of the line."""

    factory: _Wired

    def __init__(self, factory: _Wired, inner: Any) -> None:
        super().__init__(factory, inner)  # type: ignore[arg-type]
        self._line = factory.line
        self._out = self._line.delayed(self._send)
        self._in = self._line.delayed(self._receive)
        self._is_open = False

    def abortConnection(self) -> None:  # noqa: N802
        """Drop it."""
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    @override
    def connectionMade(self) -> None:
        self._is_open = True
        self._line.opened(self)
        super().connectionMade()  # type: ignore[no-untyped-call]

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._is_open = False
        self._line.closed(self)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    @override
    def dataReceived(self, data: bytes) -> None:
        self._in(data)

    @override
    def write(self, data: bytes) -> None:
        if not self._line.is_hushed or data[0] & 0x0F in _CONTROL:
            self._out(data)

    @override
    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def _send(self, data: bytes) -> None:
        if self._is_open:
            super().write(data)  # type: ignore[no-untyped-call]

    def _receive(self, data: bytes) -> None:
        if self._is_open:
            super().dataReceived(data)  # type: ignore[no-untyped-call]


class _Delay:
    """Passes on what it takes, in order, each a fixed time later."""

    def __init__(
        self, clock: IReactorTime, delay_s: float, act: Callable[[bytes], None]
    ) -> None:
        self._clock = clock
        self._delay_s = delay_s
        self._act = act
        self._waiting: deque[bytes] = deque()

    def take(self, data: bytes) -> None:
        self._waiting.append(data)
        _ = self._clock.callLater(self._delay_s, self._pass_on)

    def _pass_on(self) -> None:
        self._act(self._waiting.popleft())


class _Attempt:
    """A connection that waits to come about, as who asked for it sees it."""

    def __init__(self, host: str, port: int, factory: Any) -> None:
        self._at = IPv4Address("TCP", host, port)
        self._factory = factory
        self.is_wanted = True
        factory.startedConnecting(self)  # the real one will do so again

    def getDestination(self) -> IPv4Address:  # noqa: N802
        """Where to."""
        return self._at

    def stopConnecting(self) -> None:  # noqa: N802
        """Never mind."""
        self.is_wanted = False
        self._factory.clientConnectionFailed(self, Failure(error.UserError()))  # type: ignore[no-untyped-call]


def _refuse(factory: Any) -> None:
    factory.clientConnectionFailed(None, Failure(error.ConnectionRefusedError()))  # type: ignore[no-untyped-call]
