"""HTTP servers that stay small: bodies, connections, and the time a request may take.

Who is slow to ask makes room for who asks: a connection on which no request is being
answered is hung up on as soon as its place is needed, the one that waits longest first.
"""

from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.protocols.policies import WrappingFactory
from twisted.web.http import HTTPChannel
from twisted.web.server import Request, Site
from typing_extensions import override

MAX_BODY_BYTES = 900_000  # what the router takes of a workflow, less what goes with it
MAX_DROPPED_BYTES = 50_000_000
HSTS = "max-age=31536000"  # said over TLS only
LOOK_EVERY_S = 0.02


class BoundedRequest(Request):
    """A request of whose body only so much is kept: what is more is read and dropped,
    so that whoever sends it hears why; what is endless is cut off.
    """

    keeps_bytes = MAX_BODY_BYTES
    drops_bytes = MAX_DROPPED_BYTES
    taken = 0
    _keeper: "KeepsLittle | None" = None
    _kept_bytes = 0

    @property
    def is_too_large(self) -> bool:
        """Whether there was more of it than is kept."""
        return self.taken > self.keeps_bytes

    @override
    def gotLength(self, length: int | None) -> None:
        """Twisted's word that the body begins; it is small enough for memory."""
        super().gotLength(0)  # type: ignore[no-untyped-call]

    @override
    def handleContentChunk(self, data: bytes) -> None:
        """Twisted's word that some of it is there."""
        self.taken += len(data)
        channel: Any = self.channel
        if self.taken > self.drops_bytes:
            channel.forceAbortClient()
        elif not self.is_too_large:
            self._keeper = keeper = channel.site
            if not keeper.keep(len(data)):
                self.taken = self.keeps_bytes + 1  # it is not there as a whole
                channel.forceAbortClient()
                return
            self._kept_bytes += len(data)
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]

    @override
    def finish(self) -> None:
        """The request is answered."""
        self._forget()
        super().finish()  # type: ignore[no-untyped-call]

    @override
    def connectionLost(self, reason: Any) -> None:
        """Twisted's word that whoever asked is gone."""
        self._forget()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _forget(self) -> None:
        if self._keeper is not None:
            self._keeper.keep(-self._kept_bytes)
        self._kept_bytes = 0


class PunctualChannel(HTTPChannel):
    """Whoever begins a request has to end it within the site's time: a byte now and
    then does not prolong it.
    """

    waiting_since_s = 0.0
    is_waiting = True  # no request is being answered
    _has_begun = False

    @override
    def connectionMade(self) -> None:
        """Twisted's word that somebody is there."""
        self._wait()
        super().connectionMade()  # type: ignore[no-untyped-call]

    @override
    def resetTimeout(self) -> None:
        """Twisted's word that some bytes came."""
        if not self._has_begun:
            self._has_begun = True
            super().resetTimeout()  # type: ignore[no-untyped-call]

    @override
    def allContentReceived(self) -> None:
        """Twisted's word that a request is there, as a whole."""
        self.is_waiting = False
        super().allContentReceived()  # type: ignore[no-untyped-call]

    @override
    def requestDone(self, request: Any) -> None:
        """Twisted's word that a request is answered; who wants no other has to take
        the answer in time too.
        """
        self._wait()
        super().requestDone(request)  # type: ignore[no-untyped-call]
        if not self.persistent:
            self.setTimeout(self._savedTimeOut)  # type: ignore[no-untyped-call]

    @override
    def timeoutConnection(self) -> None:
        """Twisted's word that time is up."""
        if self.is_waiting and not self.persistent:
            self.forceAbortClient()  # type: ignore[no-untyped-call]
        else:
            super().timeoutConnection()  # type: ignore[no-untyped-call]

    def _wait(self) -> None:
        site: Any = self.factory
        clock: IReactorTime = site.reactor
        self.is_waiting, self._has_begun = True, False
        self.waiting_since_s = clock.seconds()


class KeepsLittle:
    """What a site keeps of all bodies together, however many connections it has."""

    most_kept_bytes = 64_000_000
    _kept_bytes = 0

    def keep(self, size: int) -> bool:
        """Keep so much more, if there is room for it; less, if it is negative."""
        if size > 0 and self._kept_bytes + size > self.most_kept_bytes:
            return False
        self._kept_bytes += size
        return True


class BoundedSite(KeepsLittle, Site):
    """Bounded requests, in time, by HTTP/1.1; quiet, and without tracebacks."""

    displayTracebacks = False  # noqa: N815 -- Twisted's names
    noisy = False
    protocol = PunctualChannel  # type: ignore[assignment]
    requestFactory = BoundedRequest  # noqa: N815

    @override
    def acceptableProtocols(self) -> list[bytes]:
        """Of HTTP/2 one connection opens streams that nobody here counts."""
        return [b"http/1.1"]


class Bounded(WrappingFactory):
    """The site with a bounded number of connections."""

    noisy = False

    def __init__(self, site: Site, most: int) -> None:
        super().__init__(site)  # type: ignore[no-untyped-call]
        self._most = most

    @override
    def buildProtocol(self, addr: Any) -> Any:
        """Twisted's word that somebody connects."""
        if len(self.protocols) >= self._most and not self._make_room():
            return None
        return super().buildProtocol(addr)

    @override
    def unregisterProtocol(self, p: Any) -> None:
        """Twisted's word that a connection is gone; it may have had to go before."""
        if p in self.protocols:
            super().unregisterProtocol(p)  # type: ignore[no-untyped-call]

    async def hang_up(self, clock: IReactorTime, within_s: float) -> None:
        """End every connection: who is being answered has the answer first, if that is
        done in time; streams have no end, and are cut.
        """
        give_up_s = clock.seconds() + within_s
        while self.protocols and clock.seconds() < give_up_s:
            for one in list(self.protocols):
                channel = _channel(one)
                if any(getattr(each, "is_stream", False) for each in channel.requests):
                    one.transport.abortConnection()
                elif channel.is_waiting:
                    one.transport.loseConnection()
            await deferLater(clock, LOOK_EVERY_S)
        for one in list(self.protocols):
            one.transport.abortConnection()

    def _make_room(self) -> bool:
        """Hang up on who has waited longest without asking for anything."""
        waiting = [
            (channel.waiting_since_s, number, one)
            for number, one in enumerate(self.protocols)
            if (channel := _channel(one)).is_waiting
        ]
        if not waiting:
            return False
        _, _, longest = min(waiting)
        self.unregisterProtocol(longest)
        longest.transport.abortConnection()
        return True


def _channel(connection: Any) -> Any:
    """What speaks HTTP on a connection, below its count and TLS."""
    while hasattr(connection, "wrappedProtocol"):
        connection = connection.wrappedProtocol
    return connection
