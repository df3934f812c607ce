"""Figures for Prometheus: what a process counts, served over HTTP where it is told to.

Every process has a registry of its own, handed down like anything else. ``/metrics`` is
served without a password: keep the address on loopback or on a closed network.
"""

from typing import Any

from prometheus_client import (
    CollectorRegistry,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from twisted.internet.error import CannotListenError
from twisted.web.resource import Resource

from heddle.wamp.process import ConfigError, Stop
from heddle.web import Bounded, BoundedSite

_LARGEST_PORT = 65535
_MOST_SCRAPERS = 20


def new_registry() -> CollectorRegistry:
    """A registry that tells of the process itself: CPU, memory, open files."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # twice the series
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


def serve_metrics(
    reactor: Any, address: str, registry: CollectorRegistry, *, setting: str
) -> Stop:
    """Serve ``/metrics`` at ``HOST:PORT``; returns how to stop it.

    Raises ``ConfigError`` naming ``setting`` if the address is none or is taken.
    """
    host, port = host_and_port(address, setting)
    root = Resource()  # type: ignore[no-untyped-call]
    root.putChild(b"metrics", _Metrics(registry))
    site: Any = Bounded(BoundedSite(root), _MOST_SCRAPERS)  # type: ignore[no-untyped-call]
    try:
        listening = reactor.listenTCP(port, site, interface=host)
    except CannotListenError as error:
        raise ConfigError(
            f"setting {setting} is unusable: nothing can listen on {address} "
            f"({error.socketError}): choose another port or address"
        ) from None

    async def stop() -> None:
        await listening.stopListening()

    return stop


class _Metrics(Resource):
    """One scrape; it is made in the reactor, where all that is counted lives."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._registry = registry

    def render_GET(self, request: Any) -> bytes:  # noqa: N802 -- Twisted's name
        """Twisted's word that somebody asks."""
        encode, content_type = choose_encoder(request.getHeader("accept") or "")
        request.setHeader("content-type", content_type)
        return encode(self._registry)


def host_and_port(address: str, setting: str) -> tuple[str, int]:
    """The parts of ``HOST:PORT``; raises ``ConfigError`` naming the setting."""
    host, colon, port = address.rpartition(":")
    if not (colon and port.isascii() and port.isdigit()) or not (
        1 <= int(port) <= _LARGEST_PORT
    ):
        raise ConfigError(
            f"setting {setting} is unusable: {address!r} is no HOST:PORT "
            "such as 127.0.0.1:9464"
        )
    return host.strip("[]"), int(port)
