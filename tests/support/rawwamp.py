"""A WAMP client that says whatever it is told, for hostile and clumsy peers.

Messages are WAMP's own lists, over RawSocket, or as JSON over a WebSocket as from a
browser. What arrives is queued; ``receive`` waits for the next, ``closed`` fires when
the router ends the connection.
"""

import json
from collections.abc import Callable
from typing import Any

import cbor2
import msgspec
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from nacl.signing import SigningKey
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory
from twisted.protocols.basic import Int32StringReceiver
from typing_extensions import override

from heddle.wamp.keys import public_hex

HELLO, WELCOME, ABORT, CHALLENGE, AUTHENTICATE, GOODBYE = 1, 2, 3, 4, 5, 6
ERROR, PUBLISH, PUBLISHED, SUBSCRIBE, SUBSCRIBED, EVENT = 8, 16, 17, 32, 33, 36
CALL, RESULT, REGISTER, REGISTERED, INVOCATION, YIELD = 48, 50, 64, 65, 68, 70
ALL_ROLES = {
    role: {"features": {}} for role in ("caller", "callee", "publisher", "subscriber")
}
WITHIN_S = 60

Serializer = tuple[int, Callable[[Any], bytes], Callable[[bytes], Any]]
MSGPACK: Serializer = (2, msgspec.msgpack.encode, msgspec.msgpack.decode)
CBOR: Serializer = (3, cbor2.dumps, cbor2.loads)


def signed(key: SigningKey, challenge: str) -> str:
    """The answer to a challenge: signature and challenge in one, as hex."""
    return key.sign(bytes.fromhex(challenge)).hex()


class Speaker:
    """What is said and heard, whatever carries it."""

    _reactor: Any
    _queue: DeferredQueue[list[Any]]
    closed: Deferred[None]
    transport: Any

    def say(self, *message: Any) -> None:
        """Send a message."""
        raise NotImplementedError

    async def next(self) -> list[Any]:
        """The next message; nothing when the router has ended the connection."""
        return await self._queue.get().addTimeout(WITHIN_S, self._reactor)

    async def receive(self) -> list[Any]:
        """The next message; fails when the router ends the connection instead."""
        message = await self.next()
        assert message, "the router has closed the connection"
        return message

    async def ask(self, *message: Any) -> list[Any]:
        """Send a message and take the next one as its answer."""
        self.say(*message)
        return await self.receive()

    def hello(self, realm: str | None, **details: Any) -> None:
        """Say HELLO."""
        self.say(HELLO, realm, {"roles": ALL_ROLES, **details})

    async def challenge(self, realm: str | None, key: SigningKey) -> str:
        """Say HELLO with a key; the answer to its challenge."""
        extra = {"pubkey": public_hex(key)}
        self.hello(realm, authmethods=["cryptosign"], authextra=extra)
        kind, method, details = await self.receive()
        assert (kind, method) == (CHALLENGE, "cryptosign"), details
        return signed(key, details["challenge"])

    async def join(self, realm: str | None, key: SigningKey) -> dict[str, Any]:
        """Join with a key; WELCOME's details."""
        kind, _, details = await self.ask(
            AUTHENTICATE, await self.challenge(realm, key), {}
        )
        assert kind == WELCOME, (kind, details)
        return details

    async def ended(self, within_s: float = WITHIN_S) -> None:
        """Wait until the router has closed the connection."""
        await self.closed.addTimeout(within_s, self._reactor)

    def drop(self) -> None:
        """Close it ourselves."""
        self.transport.abortConnection()


class RawWamp(Speaker, Int32StringReceiver):
    """One connection over RawSocket."""

    MAX_LENGTH = 1 << 20

    def __init__(self, reactor: Any, serializer: Serializer) -> None:
        self._reactor = reactor
        self._number, self._encode, self._decode = serializer
        self._handshake = b""
        self._queue: DeferredQueue[list[Any]] = DeferredQueue()
        self.closed: Deferred[None] = Deferred()

    @classmethod
    async def connect(
        cls,
        reactor: Any,
        port: int,
        *,
        greet: bool = True,
        serializer: Serializer = MSGPACK,
    ) -> "RawWamp":
        """Open a connection; ``greet`` says RawSocket's opening handshake."""
        factory = Factory.forProtocol(lambda: cls(reactor, serializer))
        factory.noisy = False
        raw = await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory)
        if greet:
            raw.transport.write(bytes([0x7F, 0xF0 | serializer[0], 0, 0]))
        return raw

    @override
    def dataReceived(self, data: bytes) -> None:
        missing = 4 - len(self._handshake)
        self._handshake += data[:missing]
        super().dataReceived(data[missing:])

    @override
    def stringReceived(self, string: bytes) -> None:
        self._queue.put(self._decode(string))

    @override
    def connectionLost(self, reason: Any) -> None:
        self._queue.put([])
        self.closed.callback(None)

    @override
    def say(self, *message: Any) -> None:
        self.sendString(self._encode(message))


class RawWeb(Speaker, WebSocketClientProtocol):  # type: ignore[misc]
    """One connection over a WebSocket, as JSON."""

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self._reactor = reactor
        self._queue = DeferredQueue()
        self.closed = Deferred()

    @classmethod
    async def connect(cls, reactor: Any, port: int) -> "RawWeb":
        """Open a connection."""
        url = f"ws://127.0.0.1:{port}/ws"
        factory = WebSocketClientFactory(url, protocols=["wamp.2.json"])
        factory.noisy = False
        factory.protocol = lambda: cls(reactor)
        raw = await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory)
        await raw.is_open.addTimeout(WITHIN_S, reactor)
        return raw

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._queue.put(json.loads(payload))

    @override
    def say(self, *message: Any) -> None:
        self.sendMessage(json.dumps(message).encode())

    @override
    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        self._queue.put([])
        if not self.closed.called:
            self.closed.callback(None)
