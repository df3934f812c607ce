"""One reader of server-sent events: what is written waits until it can be taken.

Nothing is put into a socket that is full, so a slow reader costs no memory; one that
takes nothing for long is cut off. Comments keep proxies from hanging up.
"""

from typing import Any

import msgspec
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from services.gateway.bell import Bell

EVENTS = "text/event-stream"
HEARTBEAT_S = 15.0
PATIENCE_S = 60.0
RETRY_MS = 3000


@implementer(IPushProducer)
class Outlet:
    """Writes to a request; ``bell`` rings when there is something to look at."""

    def __init__(self, request: Any, clock: Any) -> None:
        self._request = request
        self._clock = clock
        self._is_full = False
        self.bell = Bell(clock)
        self.is_over = False
        _ = request.notifyFinish().addBoth(lambda _: self.end())

    def begin(self) -> None:
        """The answer's head."""
        self._request.is_stream = True
        self._request.setHeader("content-type", EVENTS)
        self._request.setHeader("x-accel-buffering", "no")
        self._request.registerProducer(self, True)
        self._request.write(f"retry: {RETRY_MS}\n\n".encode())

    def end(self) -> None:
        """There is nothing more to write, or nobody to read it."""
        self.is_over = True
        self.bell.ring()

    def finish(self) -> None:
        """Let go of the request."""
        if not self._request._disconnected:
            self._request.unregisterProducer()

    def send(self, event: str, body: object, id_: str = "") -> None:
        """One event."""
        if self.is_over:
            return
        head = f"id: {id_}\n" if id_ else ""
        data = msgspec.json.encode(body)
        self._request.write(f"{head}event: {event}\ndata: ".encode() + data + b"\n\n")

    async def news(self) -> bool:
        """Wait for the bell and room to write; False: it was only the heartbeat."""
        rung = await self.bell.heard(HEARTBEAT_S)
        waited_s = 0.0
        while self._is_full and not self.is_over:
            if not await self.bell.heard(HEARTBEAT_S):
                waited_s += HEARTBEAT_S
            if waited_s >= PATIENCE_S:
                self._request.channel.forceAbortClient()
                self.end()
        if not rung and not self.is_over:
            self._request.write(b": still here\n\n")
        return rung

    def pauseProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """The socket is full."""
        self._is_full = True

    def resumeProducing(self) -> None:  # noqa: N802
        """There is room again."""
        self._is_full = False
        self.bell.ring()

    def stopProducing(self) -> None:  # noqa: N802
        """Nobody reads any more."""
        self.end()
