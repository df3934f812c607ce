"""Hostile peers of the router: floods, bombs, and frames that no client sends.

Each ends its own connection and nobody else's; who asks afterwards is answered.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import cbor2
import pytest
import pytest_twisted
from cbor2 import CBORTag
from nacl.signing import SigningKey
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from typing_extensions import override

from heddle.contract.runs import RUN_STATUS
from heddle.contract.samples import TELEMETRY
from services.gatekeeper.connections import STRANGERS_BYTES
from services.gatekeeper.frames import MOST_CONTROLS, MOST_PIECES
from services.gatekeeper.hoards import MOST_CALLS, MOST_HEARD
from tests.support.neighbours import need
from tests.support.rawwamp import (
    CALL,
    ERROR,
    MSGPACK,
    REGISTER,
    REGISTERED,
    SUBSCRIBE,
    RawWamp,
    RawWeb,
    Speaker,
)
from tests.support.router import InProcRouter
from tests.support.waiting import becomes

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"
PLANT = "project_plant"
WITHIN_S = 60.0
BINARY, CONTINUED, TEXT, PING, PONG = 2, 0, 1, 9, 10


class Peer(Protocol):
    """Says bytes; keeps what it hears, and notes when it is hung up on."""

    def __init__(self) -> None:
        self.heard = b""
        self.is_over = False
        self.over: Deferred[None] = Deferred()

    @classmethod
    async def connect(cls, port: int, at: str = HERE) -> "Peer":
        factory = Factory.forProtocol(cls)
        factory.noisy = False
        endpoint = TCP4ClientEndpoint(reactor, HERE, port, bindAddress=(at, 0))
        peer: Peer = await endpoint.connect(factory)
        return peer

    def say(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    @override
    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    @override
    def connectionLost(self, reason: Any = None) -> None:
        self.is_over = True
        self.over.callback(None)

    async def hung_up(self) -> None:
        await self.over.addTimeout(WITHIN_S, reactor)

    def drop(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


def handshake(protocols: str, *more: str) -> bytes:
    lines = (
        "GET /ws HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {protocols}",
        *more,
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def frame(opcode: int, payload: bytes = b"", *, ends: bool = True) -> bytes:
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xff" + size.to_bytes(8, "big")
    return bytes([(0x80 if ends else 0) | opcode]) + length + bytes(4) + payload


async def by_websocket(router: InProcRouter, protocol: str = "wamp.2.cbor") -> Peer:
    peer = await Peer.connect(router.port)
    peer.say(handshake(protocol))
    await becomes(reactor, lambda: b"\r\n\r\n" in peer.heard)
    assert b" 101 " in peer.heard
    return peer


async def by_rawsocket(router: InProcRouter, serializer: int) -> Peer:
    peer = await Peer.connect(router.rawsocket_port)
    peer.say(bytes([0x7F, 0xF0 | serializer, 0, 0]))
    await becomes(reactor, lambda: len(peer.heard) == 4)
    return peer


async def still_serves(router: InProcRouter) -> None:
    for url in (router.url, router.ws_url):
        async with router.joined("system", router.owner_key, url) as owner:
            assert owner.authid == "owner"


@asynccontextmanager
async def crowded(folder: Path, **crowd: Any) -> AsyncIterator[InProcRouter]:
    """A router that lets in only a few."""
    need("crossbar")
    router = InProcRouter(reactor, folder, patience_s=1000)
    (gatekeeper,) = router.config_of_worker["components"]
    gatekeeper["extra"]["crowd"] = crowd
    await router.start()
    try:
        yield router
    finally:
        await router.stop()


# What a connection may be


@pytest_twisted.ensureDeferred
async def test_nothing_is_decompressed_and_nothing_comes_in_batches(
    router: InProcRouter,
) -> None:
    deflate = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
    both = await Peer.connect(router.port)
    both.say(handshake("wamp.2.cbor.batched, wamp.2.msgpack", deflate))
    await becomes(reactor, lambda: b"\r\n\r\n" in both.heard)
    told = both.heard.lower()
    assert b" 101 " in told
    assert b"sec-websocket-protocol: wamp.2.msgpack\r\n" in told
    assert b"sec-websocket-extensions" not in told
    both.say(bytes([0xC2]) + frame(BINARY, b"\x4b\xcc\x01\x00")[1:])  # RSV1: deflated
    await both.hung_up()
    for kind in ("json", "msgpack", "cbor"):
        batched = await Peer.connect(router.port)
        batched.say(handshake(f"wamp.2.{kind}.batched"))
        await batched.hung_up()
        assert b" 400 " in batched.heard
    await still_serves(router)


@pytest_twisted.ensureDeferred
async def test_who_takes_only_small_messages_is_sent_none(router: InProcRouter) -> None:
    for most in range(11):  # 512 bytes … half a megabyte
        peer = await Peer.connect(router.rawsocket_port)
        peer.say(bytes([0x7F, most << 4 | 2, 0, 0]))
        await peer.hung_up()
    assert not (await by_rawsocket(router, 2)).is_over


@pytest.mark.parametrize(
    ("flood", "one_less"),
    [
        pytest.param(
            frame(BINARY, b"", ends=False) + frame(CONTINUED, ends=False) * MOST_PIECES,
            frame(TEXT, b"", ends=False) + frame(CONTINUED, ends=False) * 500,
            id="pieces",
        ),
        pytest.param(
            frame(PING, b"x") * (MOST_CONTROLS + 1), frame(PING, b"x") * 20, id="pings"
        ),
        pytest.param(
            frame(PONG, b"x") * (MOST_CONTROLS + 1), frame(PONG, b"x") * 20, id="pongs"
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_frames_without_end_end_their_connection(
    router: InProcRouter, flood: bytes, one_less: bytes
) -> None:
    good = await by_websocket(router)
    good.say(one_less)
    bad = await by_websocket(router)
    bad.say(flood)
    await bad.hung_up()
    assert not good.is_over
    good.drop()
    await still_serves(router)


# What strangers may say


@pytest_twisted.ensureDeferred
async def test_a_stranger_says_little_and_a_member_as_much_as_fits(
    router: InProcRouter,
) -> None:
    large = "x" * 900_000
    for peer in (await by_rawsocket(router, 3), await by_websocket(router)):
        is_raw = peer.transport is not None and len(peer.heard) == 4
        size = STRANGERS_BYTES + 1
        head = size.to_bytes(4, "big") if is_raw else frame(BINARY, bytes(size))
        peer.say(head)
        await peer.hung_up()

    async def member(speaker: Speaker, key: SigningKey) -> None:
        await speaker.join(PLANT, key)
        kind, *_ = await speaker.ask(CALL, 1, {}, "heddle.nowhere", [large])
        assert kind == ERROR
        speaker.drop()

    async with router.backend() as backend:
        device = await backend.device("plant", "press_7")
        await member(await RawWamp.connect(reactor, router.rawsocket_port), device)
        await member(await RawWeb.connect(reactor, router.port), router.owner_key)


SAME_HASH = [[-1 - (n >> bit & 1) for bit in range(10)] for n in range(1_000)]
CBOR_BOMBS = [
    cbor2.dumps([1, "system", {"x": CBORTag(30, [3**20_000, 2**30_000])}]),
    cbor2.dumps([1, "system", {"x": CBORTag(35, "(a|b)*" * 9_000)}]),
    cbor2.dumps([1, "system", {"x": CBORTag(36, "From: x\n" * 5_000)}]),
    cbor2.dumps([1, "system", {"x": CBORTag(4, [10**15, 7])}]),
    cbor2.dumps([1, "system", {"x": CBORTag(5, [10**15, 7])}]),
    b"\x83\x01\x66system\xb9\x03\xe8"
    + b"".join(cbor2.dumps(k) + b"\xf6" for k in SAME_HASH),
    b"\x83\x01\x66system" + b"\x81" * 60_000 + b"\x80",
    bytes.fromhex("9b7fffffffffffffff"),
    bytes.fromhex("bbffffffffffffffff"),
    bytes.fromhex("5b7fffffffffffffff"),
    bytes.fromhex("830166") + b"system" + bytes.fromhex("a16178d81c81d81d00"),
]
MSGPACK_BOMBS = [
    *(bytes([kind]) + b"\xff" * 4 for kind in (0xC6, 0xC9, 0xDB, 0xDD, 0xDF)),
    b"\x93\x01\xa6system" + b"\x91" * 60_000 + b"\x90",
    b"\x93\x01\xa6system\x81\xa1x\xd7\xff" + b"\xff" * 8,
    b"\x93\x01\xa6system\xde\x03\xe8"
    + b"".join(b"\xcd%c%c\xc0" % (n >> 8, n & 255) for n in range(1000)),
]
JSON_BOMBS = [
    b'[1,"system",' + b"[" * 30_000 + b"]" * 30_000 + b"]",
    b'[1,"system",{"x":' + b"9" * 60_000 + b"}]",
    b'[1,"system",{"x":1e999999999}',
    b'[1,"\\ud800",{}]',
]  # fmt: skip


@pytest_twisted.ensureDeferred
async def test_bombs_go_off_before_anybody_knows_who_sends_them(
    router: InProcRouter,
) -> None:
    peers = []
    for serializer, bombs in ((3, CBOR_BOMBS), (2, MSGPACK_BOMBS)):
        for bomb in bombs:
            peer = await by_rawsocket(router, serializer)
            peer.say(len(bomb).to_bytes(4, "big") + bomb)
            peers.append(peer)
    for protocol, opcode, bombs in (
        ("wamp.2.cbor", BINARY, CBOR_BOMBS),
        ("wamp.2.msgpack", BINARY, MSGPACK_BOMBS),
        ("wamp.2.json", TEXT, JSON_BOMBS),
    ):
        for bomb in bombs:
            peer = await by_websocket(router, protocol)
            peer.say(frame(opcode, bomb))
            peers.append(peer)
    for peer in peers:
        await peer.hung_up()
    await still_serves(router)


@pytest_twisted.ensureDeferred
async def test_a_body_that_nobody_asked_for_is_not_kept(router: InProcRouter) -> None:
    peer = await Peer.connect(router.port)
    peer.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n")
    for _ in range(40):
        peer.say(bytes(100_000))
    await peer.hung_up()
    chunked = await Peer.connect(router.port)
    chunked.say(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(40):
        chunked.say(b"186a0\r\n" + bytes(100_000) + b"\r\n")
    await chunked.hung_up()
    await still_serves(router)


# What members may pile up


@pytest.mark.parametrize("is_service", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_member_keeps_only_so_much_in_the_router(
    router: InProcRouter, is_service: bool
) -> None:
    async with router.backend() as backend:
        device = await backend.device("plant", "press_7")
        silent = await RawWamp.connect(reactor, router.rawsocket_port)
        await silent.join(PLANT, device)
        procedure = RUN_STATUS.at(device="press_7")
        kind, *_ = await silent.ask(REGISTER, 1, {}, procedure)
        assert kind == REGISTERED
        caller = await RawWamp.connect(reactor, router.rawsocket_port)
        key = router.service_key("backend") if is_service else router.owner_key
        await caller.join(PLANT, key)
        for number in range(1, MOST_CALLS + 2):
            caller.say(CALL, number, {}, procedure)
        if is_service:
            kind, *_ = await caller.ask(CALL, MOST_CALLS + 2, {}, "heddle.nowhere")
            assert kind == ERROR
            caller.drop()
        else:
            await caller.ended()
            hearing = await RawWamp.connect(reactor, router.rawsocket_port)
            await hearing.join(PLANT, router.owner_key)
            for number in range(1, MOST_HEARD + 2):
                hearing.say(SUBSCRIBE, number, {}, TELEMETRY.at(device=f"d{number}"))
            await hearing.ended()
        silent.drop()
    await still_serves(router)


# How many may come

Connect = Callable[[InProcRouter], Awaitable[Peer]]


async def silent_on_web(router: InProcRouter) -> Peer:
    return await Peer.connect(router.port)


async def silent_on_rawsocket(router: InProcRouter) -> Peer:
    return await Peer.connect(router.rawsocket_port)


async def silent_after_upgrade(router: InProcRouter) -> Peer:
    return await by_websocket(router)


KINDS = pytest.mark.parametrize(
    "connect", [silent_on_web, silent_on_rawsocket, silent_after_upgrade]
)


def standing(peers: list[Peer]) -> int:
    return sum(not peer.is_over for peer in peers)


@KINDS
@pytest_twisted.ensureDeferred
async def test_strangers_make_room_for_who_comes_and_who_has_joined_stays(
    tmp_path: Path, connect: Connect
) -> None:
    async with crowded(tmp_path, strangers=4, grace_s=0.0) as router:
        joined = [router.joined("system", router.owner_key) for _ in range(3)]
        joined += [
            router.joined("system", router.owner_key, router.ws_url) for _ in range(3)
        ]
        owners = [await one.__aenter__() for one in joined]
        peers = [await connect(router) for _ in range(20)]
        await becomes(reactor, lambda: standing(peers), 4)
        assert [peer.is_over for peer in peers] == [True] * 16 + [False] * 4
        await still_serves(router)
        assert [owner.authid for owner in owners] == ["owner"] * 6
        for one in joined:
            await one.__aexit__()
        for peer in peers:
            peer.drop()


@KINDS
@pytest_twisted.ensureDeferred
async def test_who_has_just_come_is_not_pushed_out_by_who_comes_next(
    tmp_path: Path, connect: Connect
) -> None:
    async with crowded(tmp_path, strangers=4, grace_s=1000.0) as router:
        first = [await connect(router) for _ in range(4)]
        late = [await silent_on_web(router) for _ in range(5)]
        late += [await silent_on_rawsocket(router) for _ in range(5)]
        full, free = (late[5:], late[:5])
        if connect is not silent_on_rawsocket:
            full, free = free, full
        await becomes(reactor, lambda: standing(full), 0)
        await becomes(reactor, lambda: standing(free), 4)
        assert standing(first) == 4
        for peer in first + late:
            peer.drop()


@pytest_twisted.ensureDeferred
async def test_keys_that_may_only_enrol_stay_strangers(tmp_path: Path) -> None:
    async with crowded(tmp_path, strangers=4, grace_s=0.0) as router:
        enrolling = []
        for _ in range(6):
            speaker = await RawWamp.connect(reactor, router.rawsocket_port)
            await speaker.join("system", SigningKey.generate())
            enrolling.append(speaker)
        await enrolling[0].ended()
        await enrolling[1].ended()
        assert not any(one.closed.called for one in enrolling[2:])
        for speaker in enrolling[2:]:
            speaker.drop()


async def device_from(router: InProcRouter, key: SigningKey, at: str) -> RawWamp:
    """A device's connection that comes from another address."""
    factory = Factory.forProtocol(lambda: RawWamp(reactor, MSGPACK))
    factory.noisy = False
    endpoint = TCP4ClientEndpoint(
        reactor, HERE, router.rawsocket_port, bindAddress=(at, 0)
    )
    speaker: RawWamp = await endpoint.connect(factory)
    speaker.transport.write(bytes([0x7F, 0xF2, 0, 0]))
    await speaker.join(PLANT, key)
    return speaker


@pytest_twisted.ensureDeferred
async def test_an_address_may_come_in_vain_only_so_often(tmp_path: Path) -> None:
    pace = {"at_once": 3, "per_s": 1e-6, "home_per_s": 1e-6}
    async with crowded(tmp_path, pace=pace) as router, router.backend() as backend:
        device = await backend.device("plant", "press_7")
        for _ in range(8):  # a fleet joins as often as it likes
            (await device_from(router, device, ELSEWHERE)).drop()
        links = [await device_from(router, device, ELSEWHERE)]
        peers = [await Peer.connect(router.port, ELSEWHERE) for _ in range(6)]
        await becomes(reactor, lambda: standing(peers), 3)
        raw = await Peer.connect(router.rawsocket_port, ELSEWHERE)
        await raw.hung_up()
        assert not links[0].closed.called
        await still_serves(router)  # elsewhere, nobody notices
        for one in (*peers, *links):
            one.drop()
