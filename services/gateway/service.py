"""The gateway, composed: a door, a desk, and the sessions of those who ask.

It has no key of its own. To know whether the router answers it stays in the system
realm as anybody may who has nothing yet, and there it asks for nothing.
"""

from typing import Any

from nacl.signing import SigningKey
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from heddle.contract.declare import SYSTEM_REALM
from heddle.metrics import host_and_port, new_registry, serve_metrics
from heddle.tls.trust import behind_tls, server_files, trust_of
from heddle.wamp.joining import KeyCredentials, Uplink
from heddle.wamp.process import ConfigError, Stop
from heddle.wamp.session import Session
from heddle.web import Bounded
from services.gateway.config import Config
from services.gateway.desk import Desk
from services.gateway.events import Places
from services.gateway.front import Front
from services.gateway.limits import Buckets
from services.gateway.meters import Meters
from services.gateway.sessions import Sessions
from services.gateway.web import QuietSite

log = Logger()

FINISH_WITHIN_S = 5.0  # what was asked, when told to end


class Gateway:
    """The whole service. ``start`` once, ``stop`` once."""

    def __init__(self, reactor: Any, config: Config) -> None:
        self._reactor = reactor
        self._config = config
        self._host, self._port = host_and_port(config.listen, "GATEWAY_LISTEN")
        self._registry = new_registry()
        meters = Meters(self._registry)
        trust = trust_of(config)
        files = server_files(config.tls_certificate, config.tls_key)
        self._sessions = Sessions(
            reactor, config.router_url, config.sessions, config.session_idle_s, trust
        )
        places = Places(config.streams, config.streams_each)
        self._watch = Uplink(
            reactor,
            config.router_url,
            SYSTEM_REALM,
            KeyCredentials(SigningKey.generate()),
            on_join=self._joined,
            trust=trust,
            is_service=True,
        )
        front = Front(
            reactor,
            self._sessions,
            Desk(reactor, self._sessions, config.call_timeout_s),
            known=Buckets(config.rate_per_minute, config.rate_burst),
            strangers=Buckets(config.strangers_per_minute, config.strangers_per_minute),
            wrong=Buckets(config.wrong_per_minute, config.wrong_per_minute),
            places=places,
            is_ready=self._is_ready,
            is_forwarded=config.is_forwarded,
        )
        meters.watch(lambda: self._sessions.count, lambda: places.count, self._is_ready)
        site: Any = QuietSite(front.resource(), meters, reactor)
        self._secured: Any = None
        if files is not None:
            site = self._secured = behind_tls(files, site, reactor, "the API")
        self._factory: Any = Bounded(site, config.connections)
        self._listening: Any = None
        self._stop_metrics: Stop | None = None

    @property
    def url(self) -> str:
        """Where the API is."""
        port = self._listening.getHost().port if self._listening else self._port
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'http' if self._secured is None else 'https'}://{host}:{port}/"

    @property
    def is_secured(self) -> bool:
        """Whether it speaks TLS."""
        return self._secured is not None

    def renew(self) -> None:
        """Take the certificate's files anew, for connections to come."""
        if self._secured is not None:
            self._secured.reload()

    def start(self) -> None:
        """Listen. Raises ``ConfigError`` if that is not possible."""
        if self._config.metrics is not None:
            self._stop_metrics = serve_metrics(
                self._reactor,
                self._config.metrics,
                self._registry,
                setting="GATEWAY_METRICS",
            )
        try:
            self._listening = self._reactor.listenTCP(
                self._port, self._factory, interface=self._host
            )
        except CannotListenError as error:
            raise ConfigError(
                f"setting GATEWAY_LISTEN is unusable: nothing can listen on "
                f"{self._config.listen} ({error.socketError}): choose another port or "
                "address"
            ) from None
        self._sessions.start()
        self._watch.start()
        log.info("the API is at {url}api/v1/docs", url=self.url)

    async def stop(self) -> None:
        """Listen no more, answer what was asked, hang up, leave all realms."""
        if self._listening is not None:
            await self._listening.stopListening()
            self._listening = None
        await self._factory.hang_up(self._reactor, FINISH_WITHIN_S)
        await self._watch.stop()
        await self._sessions.stop()
        if self._stop_metrics is not None:
            await self._stop_metrics()

    def _is_ready(self) -> bool:
        return self._watch.session is not None

    async def _joined(self, _session: Session) -> None:
        """The router answers; there is nothing to say to it."""
