"""The web port as HTTP sees it: small requests, soon sent, and one kind of HTTP.

Nobody has to send this port a body: a page is fetched, a WebSocket asked for. Crossbar
would write any body into a file, however long it is.
"""

from crossbar.worker import transport
from typing_extensions import override

from heddle.web import BoundedRequest, KeepsLittle, PunctualChannel

MOST_KEPT_BYTES, MOST_SENT_BYTES = 1_000, 1_000_000


class SmallRequest(BoundedRequest):
    """A request whose body nobody reads."""

    keeps_bytes = MOST_KEPT_BYTES
    drops_bytes = MOST_SENT_BYTES


class SmallSite(KeepsLittle, transport.Site):  # type: ignore[misc]
    """Crossbar's site for such requests."""

    protocol = PunctualChannel
    requestFactory = SmallRequest  # noqa: N815 -- Twisted's name

    @override
    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/2 would open streams that nobody here counts, and cannot be upgraded."""
        return [b"http/1.1"]


def serve_small_requests() -> None:
    """Every web port that this router worker opens from now on does so."""
    transport.Site = SmallSite
