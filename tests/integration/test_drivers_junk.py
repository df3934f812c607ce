"""Whatever a peer answers, its driver says that the link is lost, or what it refused.

Nothing else: no defect of a library, and no connection left open.
"""

import asyncio
import logging
import random
import struct
from collections.abc import Awaitable, Callable

import pytest

from edge_agent.drivers.linked import LinkLost, PeerRefused
from edge_agent.drivers.modbus.line import Line
from edge_agent.drivers.opcua.session import OpcSession
from edge_agent.drivers.opcua.settings import Settings

SEEDS = 25


@pytest.fixture(autouse=True)
def quiet():
    asyncios = logging.getLogger("asyncio")
    before = asyncios.level
    asyncios.setLevel(logging.CRITICAL + 1)
    yield
    asyncios.setLevel(before)


async def served(
    answer: Callable[[bytes], bytes], use: Callable[[int], Awaitable[None]]
) -> None:
    """Answer each request so, while it is used."""

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(answer(data))
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        await use(server.sockets[0].getsockname()[1])


async def all_at_once(
    junk: Callable[[random.Random], Callable[[bytes], bytes]],
    use: Callable[[int], Awaitable[None]],
) -> None:
    draws = [random.Random(seed) for seed in range(SEEDS)]  # noqa: S311
    await asyncio.gather(*(served(junk(draw), use) for draw in draws))


def modbus_junk(draw: random.Random) -> Callable[[bytes], bytes]:
    def answer(asked: bytes) -> bytes:
        body = draw.randbytes(draw.randrange(20))
        size = (len(body) + 2).to_bytes(2, "big")
        return draw.choice(
            [
                draw.randbytes(draw.randrange(1, 300)),
                asked[:4] + size + asked[6:8] + body,
                asked[:4] + size + asked[6:7] + draw.randbytes(1) + body,
                asked[:7] + draw.randbytes(3),
            ]
        )

    return answer


def opcua_junk(draw: random.Random) -> Callable[[bytes], bytes]:
    def answer(asked: bytes) -> bytes:
        if asked.startswith(b"HEL") and draw.random() < 0.8:
            return b"ACKF" + struct.pack("<6I", 28, 0, 65536, 65536, 0, 0)
        body = draw.randbytes(draw.randrange(60))
        head = draw.choice([b"OPNF", b"MSGF", b"ERRF", b"ACKF", asked[:4]])
        echo = bytearray(asked)
        for _ in range(draw.randrange(1, 6)):
            echo[draw.randrange(8, len(echo))] = draw.randrange(256)
        framed = head + struct.pack("<I", len(body) + 8) + body
        return draw.choice(
            [draw.randbytes(draw.randrange(1, 300)), framed, bytes(echo)]
        )

    return answer


def test_modbus() -> None:
    async def use(port: int) -> None:
        line = Line("127.0.0.1", port, 0.1)
        try:
            await line.connect()
            for _ in range(4):
                try:
                    assert len(await line.read("holding", 1, 0, 5)) == 5
                except PeerRefused:
                    continue
        except LinkLost:
            pass
        finally:
            line.close()

    asyncio.run(all_at_once(modbus_junk, use))


def test_opcua(tmp_path) -> None:
    async def use(port: int) -> None:
        url = f"opc.tcp://127.0.0.1:{port}"
        for security in ("none", "sign"):
            settings = Settings(url=url, timeout_ms=500, security=security)
            session = OpcSession("press", settings, tmp_path, tmp_path)
            try:
                with pytest.raises(LinkLost):
                    await session.open()
            finally:
                await session.close()

    asyncio.run(all_at_once(opcua_junk, use))
