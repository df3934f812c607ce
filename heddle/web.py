"""HTTP servers that stay small: bodies and connections, bounded."""

from typing import Any

from twisted.protocols.policies import WrappingFactory
from twisted.web.server import Request, Site
from typing_extensions import override

MAX_BODY_BYTES = 900_000  # what the router takes of a workflow, less what goes with it
MAX_DROPPED_BYTES = 50_000_000


class BoundedRequest(Request):
    """A request of whose body only so much is kept: what is more is read and dropped,
    so that whoever sends it hears why; what is endless is cut off.
    """

    taken = 0

    @property
    def is_too_large(self) -> bool:
        """Whether there was more of it than is kept."""
        return self.taken > MAX_BODY_BYTES

    @override
    def gotLength(self, length: int | None) -> None:
        """Twisted's word that the body begins; it is small enough for memory."""
        super().gotLength(0)  # type: ignore[no-untyped-call]

    @override
    def handleContentChunk(self, data: bytes) -> None:
        """Twisted's word that some of it is there."""
        self.taken += len(data)
        if self.taken > MAX_DROPPED_BYTES:
            channel: Any = self.channel
            channel.forceAbortClient()
        elif not self.is_too_large:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]


class Bounded(WrappingFactory):
    """The site with a bounded number of connections; what is more is hung up on."""

    noisy = False

    def __init__(self, site: Site, most: int) -> None:
        super().__init__(site)  # type: ignore[no-untyped-call]
        self._most = most

    @override
    def buildProtocol(self, addr: Any) -> Any:
        """Twisted's word that somebody connects."""
        if len(self.protocols) >= self._most:
            return None
        return super().buildProtocol(addr)
