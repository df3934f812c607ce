"""Joining a realm and staying in it: one ``Uplink`` is one session that comes back.

It connects, authenticates, hands the typed session to ``on_join``, and starts again
with a growing, jittered delay whenever the link, the router or ``on_join`` fails. It
never gives up by itself; a refusal by the gatekeeper is told through ``on_refused`` and
tried again more and more slowly, for it may be mended on the other side.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from autobahn.wamp.cryptosign import CryptosignKey
from nacl.signing import SigningKey
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from heddle.backoff import backoff_s
from heddle.contract.declare import FleetError
from heddle.tls.trust import SYSTEM_TRUST, Trust
from heddle.wamp.keys import public_hex
from heddle.wamp.link import Client, Credentials, Refused, Unreachable, connect
from heddle.wamp.session import Session

__all__ = [
    "Credentials",
    "Joined",
    "KeyCredentials",
    "Refused",
    "TicketCredentials",
    "Unreachable",
    "Uplink",
]

log = Logger()

FIRST_RETRY_S, MAX_RETRY_S, MAX_REFUSED_RETRY_S = 0.25, 4.0, 10.0
SERVICE_RETRY_S = 1.0  # services are few, and a whole fleet waits for them
RETIRE_WITHIN_S = 5.0
STEADY_AFTER_S = 5.0  # a session that lasted this long ends a row of failures


@dataclass(frozen=True, slots=True)
class KeyCredentials:
    """An ed25519 key: devices, services, the owner of a local stack."""

    key: SigningKey

    def hello(self) -> dict[str, Any]:
        """Name the public key; the authid is the gatekeeper's to give."""
        return {
            "authmethods": ["cryptosign"],
            "authextra": {"pubkey": public_hex(self.key)},
        }

    def answer(self, challenge: Any) -> object:
        """Sign the challenge."""
        return CryptosignKey.from_bytes(self.key.encode()).sign_challenge(challenge)


@dataclass(frozen=True, slots=True)
class TicketCredentials:
    """A name and a secret: a password in the system realm, a ticket in a project's."""

    user: str
    ticket: str

    def hello(self) -> dict[str, Any]:
        """Name the user."""
        return {"authmethods": ["ticket"], "authid": self.user}

    def answer(self, challenge: Any) -> object:
        """The secret itself."""
        return self.ticket


class Joined:
    """A single session for a single purpose: ``async with Joined(...) as session``.

    Without a realm, a device is placed into its own project's.
    """

    def __init__(
        self,
        reactor: Any,
        url: str,
        realm: str | None,
        credentials: Credentials,
        trust: Trust = SYSTEM_TRUST,
    ) -> None:
        self._reactor = reactor
        self._url = url
        self._realm = realm
        self._credentials = credentials
        self._trust = trust
        self._client: Client | None = None

    async def __aenter__(self) -> Session:
        """Join; raises ``Refused``, ``Unreachable`` or ``BadCertificate``."""
        self._client, session = await _join(
            self._reactor, self._url, self._realm, self._credentials, self._trust
        )
        return session

    async def __aexit__(self, *_: object) -> None:
        """Leave."""
        if self._client is not None:
            await self._client.part(self._reactor)


async def _join(
    reactor: Any, url: str, realm: str | None, credentials: Credentials, trust: Trust
) -> tuple[Client, Session]:
    client, details = await connect(reactor, url, realm, credentials, trust)
    return client, Session(client, reactor, details.authid, details.realm)


class Uplink:
    """A session that comes back. ``session`` is None while there is none."""

    def __init__(
        self,
        reactor: Any,
        url: str,
        realm: str | None,
        credentials: Credentials | Callable[[], Credentials],
        *,
        on_join: Callable[[Session], Awaitable[None]],
        on_leave: Callable[[str], None] = lambda _why: None,
        on_refused: Callable[[Refused], None] | None = None,
        trust: Trust = SYSTEM_TRUST,
        is_service: bool = False,
    ) -> None:
        """A service comes back sooner, and answers what it was asked before it goes."""
        self._reactor = reactor
        self._url = url
        self._realm = realm
        self._credentials = credentials
        self._is_service = is_service
        self._on_join = on_join
        self._on_leave = on_leave
        self._on_refused = on_refused
        self._trust = trust
        self._loop: Deferred[None] | None = None
        self._client: Client | None = None
        self._stopping = False
        self._failures = 0
        self._told = ""
        self.session: Session | None = None

    def start(self) -> None:
        """Join, and keep joining, until ``stop``."""
        self._stopping = False
        self._loop = Deferred.fromCoroutine(self._stay()).addErrback(self._ended)

    async def stop(self) -> None:
        """Leave the realm politely and stay away."""
        self._stopping = True
        loop, self._loop = self._loop, None
        if self.session is not None and self._is_service:
            await self.session.retire(RETIRE_WITHIN_S)
        if self._client is not None:
            await self._client.part(self._reactor)
        if loop is not None:
            loop.cancel()
            await loop

    def _ended(self, failure: Any) -> None:
        if not failure.check(CancelledError):
            log.failure("uplink to {url} ended", failure, url=self._url)

    async def _stay(self) -> None:
        while not self._stopping:
            since_s = self._reactor.seconds()
            longest_s = SERVICE_RETRY_S if self._is_service else MAX_RETRY_S
            try:
                await self._once()
            except Refused as refused:
                longest_s = MAX_REFUSED_RETRY_S
                self._tell_refused(refused)
            except FleetError as error:
                self._tell_failed(error)
            if self._reactor.seconds() - since_s > STEADY_AFTER_S:
                self._failures = 0
            if not self._stopping:
                await self._pause(longest_s)

    async def _pause(self, longest_s: float) -> None:
        delay_s = backoff_s(FIRST_RETRY_S, self._failures, longest_s)
        self._failures += 1
        jitter = random.uniform(0.7, 1.3)  # noqa: S311 -- no secret
        await deferLater(self._reactor, delay_s * jitter)

    def _tell_refused(self, refused: Refused) -> None:
        if self._news(refused):
            if self._on_refused is not None:
                self._on_refused(refused)
            else:
                log.error(
                    "{url} refuses us: {why} ({reason})",
                    url=self._url,
                    why=str(refused),
                    reason=refused.reason,
                )

    def _tell_failed(self, error: FleetError) -> None:
        if not self._stopping and self._news(error):
            log.warn("{error}; trying again", error=str(error))

    def _news(self, error: FleetError) -> bool:
        """Whether this differs from the last trouble since a session that settled."""
        told, self._told = self._told, str(error)
        return told != self._told

    async def _once(self) -> None:
        """One session from join to leave."""
        credentials = self._credentials
        if callable(credentials):
            credentials = credentials()
        client, session = await _join(
            self._reactor, self._url, self._realm, credentials, self._trust
        )
        gone = client.gone()
        self._client, self.session = client, session
        why = "could not settle"
        try:
            await self._settle(client, session)
            why = await gone
            log.info("left {realm}: {why}", realm=session.realm, why=why)
        finally:
            self._client = self.session = None
            self._on_leave(why)

    async def _settle(self, client: Client, session: Session) -> None:
        """Run ``on_join``; a joined session that serves nothing is worse than none."""
        try:
            await self._on_join(session)
        except Exception as error:  # noqa: BLE001 -- told; the session cannot stay
            if not isinstance(error, FleetError | CancelledError):
                log.failure("settling in {realm} failed", realm=session.realm)
            await client.part(self._reactor)
            raise Unreachable(
                f"joined {session.realm}, but could not settle: {error}"
            ) from None
        self._told = ""
