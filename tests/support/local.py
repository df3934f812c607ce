"""Somebody beside the device: HTTP requests to its local API, from another thread."""

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from edge_agent.local.access import TOKEN_NAME
from tests.support.waiting import until


@dataclass(frozen=True)
class Said:
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Hand:
    """Asks one device."""

    url: str
    token: str | None
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> Said:
        """One request; ``if_match="…"`` is the header If-Match."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await deferToThread(self._ask, method, path, body, named)

    async def get(self, path: str) -> Any:
        """What is there; it must be."""
        said = await self.ask("GET", path)
        assert said.status == 200, said
        return said.json

    async def command(self, command: str, *flows: str, **more: Any) -> Said:
        """PATCH /flows/commands."""
        body = {"command": command, "flow_ids": list(flows), **more}
        return await self.ask("PATCH", "/flows/commands", body)

    async def until_ready(self, flow: str) -> None:
        """Until its engine answers."""

        async def ready() -> bool:
            return (await self.get(f"/flows/status/{flow}"))["is_current"]

        await until(reactor, ready)

    def _ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Said:
        place = urlsplit(self.url)
        assert place.hostname is not None
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
        if self.token is not None:
            headers = {"authorization": f"Bearer {self.token}", **headers}
        if body is not None:
            headers = {"content-type": "application/json", **headers}
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Said(answer.status, found, answer.read())
        finally:
            connection.close()


def beside(agent: Any, data: Any) -> Hand:
    """Somebody beside an agent in this process, who has read its token."""
    url = agent.local.url
    assert url is not None
    return Hand(url, (data / TOKEN_NAME).read_text().strip())
