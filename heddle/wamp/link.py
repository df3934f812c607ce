"""One connection to a router and the one session on it, from connect to close.

Everything we know of autobahn's client side is here. A message that the router would
not take, and close the link for, is refused before it is sent.
"""

import socket
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

from autobahn.exception import Disconnected, PayloadExceededError
from autobahn.twisted.rawsocket import (
    WampRawSocketClientFactory,
    WampRawSocketClientProtocol,
)
from autobahn.twisted.wamp import ApplicationSession
from autobahn.twisted.websocket import (
    WampWebSocketClientFactory,
    WampWebSocketClientProtocol,
)
from autobahn.wamp import message
from autobahn.wamp.exception import ApplicationError, SerializationError
from autobahn.wamp.serializer import CBORSerializer, MsgPackSerializer
from autobahn.wamp.types import CloseDetails, ComponentConfig, SessionDetails
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    DNSLookupError,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from heddle.contract.declare import FleetError, InternalError, LocalError
from heddle.tls.trust import SYSTEM_TRUST, Trust, is_secure
from heddle.wamp.uncoloured import leave_uncoloured

log = Logger()
leave_uncoloured()

MAX_MESSAGE_BYTES = 1 << 20  # what router and clients accept
MAX_SENT_BYTES = 1_000_000  # less: the router adds who called, and the like
PING_EVERY_S, PING_TIMEOUT_S = 10, 5
CONNECT_TIMEOUT_S, JOIN_TIMEOUT_S, LEAVE_TIMEOUT_S = 10.0, 10.0, 2.0

_ORDINARY = (ConnectionDone, ConnectionLost, ConnectionAborted)


class Refused(LocalError):
    """The router did not let us in; the sentence is the gatekeeper's."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason  # the error URI the gatekeeper gave


class Unreachable(LocalError):
    """No router answers at the address."""


class Credentials(Protocol):
    """How a session proves who it is."""

    def hello(self) -> dict[str, Any]:
        """Arguments of autobahn's ``join``."""
        ...

    def answer(self, challenge: Any) -> object:
        """The answer to the router's challenge."""
        ...


Why = Callable[[BaseException | None], str | None]
"""Tells of what broke an encrypted link before it stood; None if that was not TLS."""


class Client(ApplicationSession):  # type: ignore[misc]
    """Autobahn's session: ``joined`` fires or fails once, ``gone()`` at the end."""

    def __init__(
        self,
        url: str,
        realm: str | None,
        credentials: Credentials,
        why: Why = lambda _: None,
    ) -> None:
        super().__init__(ComponentConfig(realm))
        self._url = url
        self._explain = why  # what ended an encrypted link before it stood
        self._credentials = credentials
        self._protocol: Any = None
        self._why: str | None = None
        self._waiting: list[Deferred[str]] = []
        self._over = False
        self.joined: Deferred[SessionDetails] = Deferred()

    def connected(self, protocol: Any) -> None:
        """The link is there; follow it to its end, however early that comes."""
        self._protocol = protocol
        protocol.is_closed.addCallback(lambda _: self._ended())

    def gone(self) -> Deferred[str]:
        """Fires with the reason once the link is closed."""
        waiting: Deferred[str] = Deferred()
        if self._over:
            waiting.callback(self._reason())
        else:
            self._waiting.append(waiting)
        return waiting

    def abort(self) -> None:
        """Drop the link without a word."""
        if self._protocol is not None and self._protocol.transport is not None:
            self._protocol.transport.abortConnection()

    async def part(self, clock: Any) -> None:
        """Leave politely; drop the link if that takes too long."""
        if self._over:
            return
        gone = self.gone()
        if self.is_attached():
            self.leave()
        else:
            self.abort()
        give_up = clock.callLater(LEAVE_TIMEOUT_S, self.abort)
        try:
            await gone
        finally:
            if give_up.active():
                give_up.cancel()

    @override
    def onConnect(self) -> None:
        self.join(self.config.realm, **self._credentials.hello())

    @override
    def onChallenge(self, challenge: Any) -> object:
        return self._credentials.answer(challenge)

    @override
    def onJoin(self, details: SessionDetails) -> None:
        if not self.joined.called:
            self.joined.callback(details)

    @override
    def onLeave(self, details: CloseDetails) -> None:
        if details.reason != CloseDetails.REASON_TRANSPORT_LOST:
            self._why = details.message or details.reason
        if not self.joined.called:
            self.joined.errback(Refused(details.reason, self._reason()))
        self.disconnect()

    @override
    def onMessage(self, msg: message.Message) -> None:
        """The router ends a call that was given up twice: at once, and once more when
        its callee leaves. For autobahn that would be a reason to drop the link.
        """
        if (
            isinstance(msg, message.Error)
            and msg.request_type == message.Call.MESSAGE_TYPE
            and msg.request not in self._call_reqs
        ):
            return
        super().onMessage(msg)

    @override
    def call(self, procedure: str, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """A call that is given up after the link broke has nobody to tell; autobahn's
        own way of giving up would trip over the missing link.
        """
        reply: Deferred[Any] = super().call(procedure, *args, **kwargs)
        tell = reply._canceller

        def give_up(given_up: Deferred[Any]) -> None:
            if self.is_attached() and tell is not None:
                tell(given_up)

        reply._canceller = give_up
        return reply

    @override
    def register(
        self, endpoint: Callable[..., Deferred[Any]], *args: Any, **kwargs: Any
    ) -> Deferred[Any]:
        """A refusal that comes when the link is gone has nobody to be told to; also
        there autobahn would trip over the missing link.
        """

        def answer(*asked: Any, **named: Any) -> Deferred[Any]:
            return endpoint(*asked, **named).addErrback(
                lambda refusal: refusal if self.is_attached() else None
            )

        made: Deferred[Any] = super().register(answer, *args, **kwargs)
        return made

    @override
    def onUserError(self, fail: Any, msg: str) -> None:
        """Errors that are answers are no news; anything else is a defect."""
        if not fail.check(ApplicationError, CancelledError):
            log.failure("{msg}", failure=fail, msg=msg)

    def _reason(self) -> str:
        return self._why or "the link broke"

    def _never_joined(self) -> str:
        return self._explain(self._protocol.broken_by) or (
            "closed the connection: is it a heddle router?"
        )

    def _ended(self) -> None:
        self._over = True
        if not self.joined.called:
            self.joined.errback(Unreachable(f"{self._url} {self._never_joined()}"))
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(self._reason())


class _Careful:
    """Answers for a reply that cannot be sent; autobahn's own answer would carry it.

    It keeps what broke the link, for whoever waits for it; autobahn would log it.
    """

    broken_by: BaseException | None = None

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 -- Twisted's name
        """Twisted's word that the link is gone."""
        self.broken_by = reason.value
        if not isinstance(reason.value, _ORDINARY):
            reason = Failure(ConnectionLost())  # type: ignore[no-untyped-call]
        super().connectionLost(reason)  # type: ignore[misc]

    def send(self, msg: message.Message) -> None:
        try:
            super().send(msg)  # type: ignore[misc]
        except Disconnected:
            if not isinstance(msg, message.Cancel):
                raise  # of a call that is given up, there is nobody left to tell
        except (PayloadExceededError, SerializationError) as flaw:
            if not isinstance(msg, message.Yield):
                raise
            log.warn("reply not sent: {flaw}", flaw=str(flaw))
            too_large = isinstance(flaw, PayloadExceededError)
            super().send(  # type: ignore[misc]
                message.Error(
                    message.Invocation.MESSAGE_TYPE,
                    msg.request,
                    ApplicationError.PAYLOAD_SIZE_EXCEEDED
                    if too_large
                    else InternalError.uri,
                    args=[str(flaw) if too_large else "the reply cannot be sent"],
                )
            )


class _WebSocket(_Careful, WampWebSocketClientProtocol):  # type: ignore[misc]
    @override
    def sendMessage(self, payload: bytes, *args: Any, **kwargs: Any) -> None:
        _check_size(payload)
        super().sendMessage(payload, *args, **kwargs)


class _RawSocket(_Careful, WampRawSocketClientProtocol):  # type: ignore[misc]
    @override
    def sendString(self, string: bytes) -> None:
        _check_size(string)
        super().sendString(string)


def _check_size(payload: bytes) -> None:
    if len(payload) > MAX_SENT_BYTES:
        raise PayloadExceededError(
            f"a message of {len(payload)} bytes is too large: "
            f"the router takes {MAX_SENT_BYTES}"
        )


async def connect(
    reactor: Any,
    url: str,
    realm: str | None,
    credentials: Credentials,
    trust: Trust = SYSTEM_TRUST,
) -> tuple[Client, SessionDetails]:
    """One attempt to join. Raises ``Refused``, ``Unreachable`` or ``BadCertificate``.

    ``trust`` is for wss:// and rss://, where the router's certificate must be signed by
    somebody trusted and made out to the host in the address.
    """
    endpoint, why = _endpoint(reactor, url, trust)
    client = Client(url, realm, credentials, why)
    try:
        protocol: Any = await endpoint.connect(_factory(url, lambda: client))
    except (ConnectError, ConnectingCancelledError, DNSLookupError) as error:
        raise Unreachable(f"no router answers at {url}: {error}") from None
    if _is_rawsocket(url):
        _watch(protocol.transport)
    client.connected(protocol)
    try:
        details = await client.joined.addTimeout(JOIN_TIMEOUT_S, reactor)
    except FleetError:
        client.abort()
        raise
    except (defer.TimeoutError, CancelledError):
        client.abort()
        raise Unreachable(f"{url} did not answer in {JOIN_TIMEOUT_S:g} s") from None
    return client, details


def _endpoint(
    reactor: Any, url: str, trust: Trust
) -> tuple[IStreamClientEndpoint, Why]:
    """Where to connect, and who can tell why that failed."""
    parts = urlsplit(url)
    secure = is_secure(url)
    none = Unreachable(
        f"{url!r} is no router address: use ws://, rs://, wss:// or rss://"
    )
    if parts.scheme not in ("ws", "wss", "rs", "rss") or not parts.hostname:
        raise none
    port = parts.port or (443 if secure else 80)
    endpoint: Any = HostnameEndpoint(
        reactor, parts.hostname, port, timeout=CONNECT_TIMEOUT_S
    )
    if not secure:
        return endpoint, lambda _: None
    from heddle.tls.dialling import (  # noqa: PLC0415 -- 15 MB, only where wanted
        Attempt,
    )

    try:
        attempt: Any = Attempt(parts.hostname, trust)
    except UnicodeError:
        raise none from None
    return wrapClientTLS(attempt, endpoint), attempt.why


def _is_rawsocket(url: str) -> bool:
    return urlsplit(url).scheme in ("rs", "rss")


def _factory(url: str, make: Callable[[], Client]) -> Factory:
    factory: Any
    if _is_rawsocket(url):
        factory = WampRawSocketClientFactory(make, serializer=MsgPackSerializer())
        factory.protocol = _RawSocket
        factory.setProtocolOptions(maxMessagePayloadSize=MAX_MESSAGE_BYTES)
    else:
        factory = WampWebSocketClientFactory(
            make, url=url, serializers=[CBORSerializer(), MsgPackSerializer()]
        )
        factory.protocol = _WebSocket
        factory.setProtocolOptions(
            autoPingInterval=PING_EVERY_S,
            autoPingTimeout=PING_TIMEOUT_S,
            maxMessagePayloadSize=MAX_MESSAGE_BYTES,
            maxFramePayloadSize=MAX_MESSAGE_BYTES,
            openHandshakeTimeout=CONNECT_TIMEOUT_S,
            closeHandshakeTimeout=LEAVE_TIMEOUT_S,
            tcpNoDelay=True,
        )
    factory.noisy = False
    return factory  # type: ignore[no-any-return]


def _watch(transport: Any) -> None:
    """RawSocket has no ping: let TCP notice a router that is gone."""
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    while not isinstance(link := transport.getHandle(), socket.socket):
        transport = transport.transport  # below TLS
    for option, value in (
        (socket.TCP_KEEPIDLE, PING_EVERY_S),
        (socket.TCP_KEEPINTVL, PING_TIMEOUT_S),
        (socket.TCP_KEEPCNT, 2),
        (socket.TCP_USER_TIMEOUT, 1000 * (PING_EVERY_S + PING_TIMEOUT_S)),
    ):
        link.setsockopt(socket.IPPROTO_TCP, option, value)
