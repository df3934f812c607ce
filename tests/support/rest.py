"""The real gateway in the test's process, and a plain HTTP client."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.web.client import Agent, FileBodyProducer
from twisted.web.http_headers import Headers
from typing_extensions import override

from services.gateway.config import Config
from services.gateway.service import Gateway
from tests.support.ports import free_port


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Body(Protocol):
    """Collects a body, however it ends."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.whole: Deferred[bytes] = Deferred()

    @override
    def dataReceived(self, data: bytes) -> None:
        self.parts.append(data)

    @override
    def connectionLost(self, reason: Any = None) -> None:
        self.whole.callback(b"".join(self.parts))


async def _body(response: Any) -> bytes:
    collected = _Body()
    response.deliverBody(collected)
    return await collected.whole


class Stream:
    """An event stream, as far as it came."""

    def __init__(self) -> None:
        self.collected = _Body()

    @property
    def text(self) -> bytes:
        return b"".join(self.collected.parts)

    def has(self, part: bytes) -> Callable[[], Awaitable[bool]]:
        """For ``until``: whether this has come."""

        async def look() -> bool:
            return part in self.text

        return look

    def ids(self) -> list[int]:
        """The ids that came, in order."""
        return [
            int(one) for one in re.findall(rb"^id: (\d+)$", self.text, re.MULTILINE)
        ]

    def close(self) -> None:
        """Hang up."""
        transport: Any = self.collected.transport
        transport.loseConnection()


class Rest:
    """Asks a gateway; with a bearer once there is one."""

    def __init__(self, reactor: Any, url: str) -> None:
        self._agent = Agent(reactor)
        self.url = url
        self.bearer = ""

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        **headers: str,
    ) -> Reply:
        """Ask; header names have underscores for dashes."""
        sent = Headers()
        for name, value in headers.items():
            sent.setRawHeaders(name.replace("_", "-"), [value])
        if self.bearer and not sent.hasHeader("authorization"):
            sent.setRawHeaders("authorization", [f"Bearer {self.bearer}"])
        content = raw if raw is not None else b""
        if body is not None:
            content = json.dumps(body).encode()
        if content and not sent.hasHeader("content-type"):
            sent.setRawHeaders("content-type", ["application/json"])
        producer = FileBodyProducer(BytesIO(content)) if content else None
        response = await self._agent.request(
            method.encode(), f"{self.url}{path}".encode(), sent, producer
        )
        told = {
            name.decode().lower(): values[0].decode()
            for name, values in response.headers.getAllRawHeaders()
        }
        return Reply(response.code, told, await _body(response))

    def stream(self, path: str, **headers: str) -> Stream:
        """Begin to read an event stream."""
        sent = Headers({"authorization": [f"Bearer {self.bearer}"]})
        for name, value in headers.items():
            sent.setRawHeaders(name.replace("_", "-"), [value])
        stream = Stream()
        asked = self._agent.request(b"GET", f"{self.url}{path}".encode(), sent)
        asked.addCallback(lambda response: response.deliverBody(stream.collected))
        return stream

    async def log_in(self, user: str, password: str, **more: str) -> Reply:
        """Sign in; what follows is asked with the ticket."""
        given = {"user": user, "password": password, **more}
        reply = await self.ask("POST", "/api/v1/login", given)
        if reply.status == 200:
            self.bearer = reply.json["ticket"]
        return reply


@asynccontextmanager
async def running_gateway(
    reactor: Any, router_url: str, **settings: Any
) -> AsyncIterator[Rest]:
    """A gateway for the length of a ``with``."""
    address = f"127.0.0.1:{free_port()}"
    config = Config(router_url=router_url, listen=address, **settings)
    gateway = Gateway(reactor, config)
    gateway.start()
    try:
        yield Rest(reactor, f"http://{address}")
    finally:
        await gateway.stop()
