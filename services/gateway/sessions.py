"""One WAMP session for each credential in use, in its project's realm.

The gateway may do nothing by itself: what somebody asks is called over a session that
their own ticket opened, and the router judges every call. A session is shared by the
requests of one credential and no other, so that a ticket that is ended, or forged,
never rides on another. It is closed when it idles, when its ticket ends, and when
there are too many; one that the router cut is opened anew by the next request.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from heddle.contract import ERRORS
from heddle.contract.declare import SYSTEM_REALM, FleetError, Role, project_realm
from heddle.contract.gate import TooManyAttempts
from heddle.contract.people import OPEN_SESSION, OpenSession, SessionTicket
from heddle.tls.trust import SYSTEM_TRUST, BadCertificate, Trust
from heddle.wamp.joining import Joined, Refused, TicketCredentials, Unreachable
from heddle.wamp.link import Client, connect
from heddle.wamp.session import Session
from heddle.wamp.spawn import spawn
from services.gateway.credentials import ApiKey, Credential, Ticket, mark
from services.gateway.problems import (
    RouterUnreachable,
    TooBusy,
    Unauthenticated,
    status_of,
)

log = Logger()

LOOK_EVERY_S = 10.0
RENEW_BEFORE_S = 30.0  # an API key's next ticket, before the last one ends
REFUSED_FOR_S = 10.0  # a credential that opens nothing is not tried again so soon
MOST_REFUSED = 5_000
_BY_URI = {error.uri: error for error in ERRORS}
_TOLD = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who a session is, as the router let them in."""

    user: str
    project: str
    role: Role
    expires_at_ms: int

    @property
    def mark(self) -> str:
        """Names them in all projects."""
        return f"{self.user}@{self.project}"


@dataclass(slots=True)
class _Open:
    """A session and what is known of it."""

    client: Client
    session: Session
    person: Person
    used_at_s: float
    users: int = 0
    is_retired: bool = False  # to be closed when nobody uses it any more


@dataclass(slots=True)
class _Opening:
    """Somebody is joining; others wait for the same."""

    waiting: list[Deferred[None]] = field(default_factory=list)


class Sessions:
    """Opens, shares and closes them."""

    def __init__(
        self,
        reactor: Any,
        url: str,
        most: int,
        idle_s: float,
        trust: Trust = SYSTEM_TRUST,
    ) -> None:
        self._reactor = reactor
        self._url = url
        self._trust = trust
        self._most = most
        self._idle_s = idle_s
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._opening: dict[str, _Opening] = {}
        self._refused: OrderedDict[str, tuple[float, FleetError]] = OrderedDict()
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def start(self) -> None:
        """Look after them."""
        _ = self._loop.start(LOOK_EVERY_S, now=False).addErrback(
            lambda flaw: log.failure("looking after sessions failed", flaw)
        )

    async def stop(self) -> None:
        """Close them all."""
        if self._loop.running:
            self._loop.stop()
        while self._open:
            _, one = self._open.popitem()
            await one.client.part(self._reactor)

    def known(self, credential: Credential) -> Person | None:
        """Who it is, if the router has let this credential in and it is in use."""
        found = self._open.get(mark(credential))
        return None if found is None else found.person

    @asynccontextmanager
    async def of(
        self, credential: Ticket | ApiKey
    ) -> AsyncIterator[tuple[Session, Person]]:
        """The credential's session, kept open while it is used.

        Raises ``Unauthenticated``, ``RouterUnreachable``, ``TooBusy`` and what the
        gatekeeper refuses with.
        """
        one = await self._one(mark(credential), credential)
        one.users += 1
        try:
            yield one.session, one.person
        finally:
            one.users -= 1
            one.used_at_s = self._reactor.seconds()
            if one.is_retired and not one.users:
                await one.client.part(self._reactor)

    @asynccontextmanager
    async def own(
        self, credential: Ticket | ApiKey, on_gone: Callable[[], None]
    ) -> AsyncIterator[tuple[Session, Person]]:
        """A session of one's own, for a stream; ``on_gone`` when the router ends it."""
        one = await self._join(credential)
        _ = one.client.gone().addCallback(lambda _: on_gone())
        try:
            yield one.session, one.person
        finally:
            await one.client.part(self._reactor)

    @asynccontextmanager
    async def system(self, credential: Credential) -> AsyncIterator[Session]:
        """A session in the realm outside of all projects, for one purpose."""
        if isinstance(credential, Ticket):
            raise Unauthenticated(
                "a session ticket is for one project: this needs `Authorization: "
                "Basic` with user and password, or an API key"
            )
        place = mark(credential)
        self._check_refused(place)
        who = TicketCredentials(credential.user, credential.secret)
        joined = Joined(self._reactor, self._url, SYSTEM_REALM, who, self._trust)
        try:
            session = await joined.__aenter__()
        except FleetError as error:
            raise self._told(place, error) from None
        try:
            yield session
        finally:
            await joined.__aexit__()

    async def _one(self, place: str, credential: Ticket | ApiKey) -> _Open:
        self._check_refused(place)
        while (opening := self._opening.get(place)) is not None:
            waiting: Deferred[None] = Deferred()
            opening.waiting.append(waiting)
            await waiting
            self._check_refused(place)
        known = self._open.get(place)
        if known is not None:
            enough_s = 0 if isinstance(credential, Ticket) else RENEW_BEFORE_S
            if self._left_s(known) > enough_s:
                self._open.move_to_end(place)
                return known
            self._close(place)
        self._opening[place] = _Opening()
        try:
            self._make_room()
            one = await self._join(credential)
            self._open[place] = one
            _ = one.client.gone().addCallback(lambda _: self._lost(place, one))
        finally:
            for each in self._opening.pop(place).waiting:
                each.callback(None)
        return one

    async def _join(self, credential: Ticket | ApiKey) -> _Open:
        place = mark(credential)
        ticket = await self._ticket(place, credential)
        if ticket.expires_at_s <= self._reactor.seconds():
            raise Unauthenticated("the ticket has expired: sign in again")
        realm = project_realm(ticket.project)
        who = TicketCredentials(ticket.user, ticket.secret)
        try:
            client, details = await connect(
                self._reactor, self._url, realm, who, self._trust
            )
        except FleetError as error:
            raise self._told(place, error) from None
        person = Person(
            details.authid,
            ticket.project,
            Role(details.authrole),
            round(ticket.expires_at_s * 1000),
        )
        session = Session(client, self._reactor, details.authid, details.realm)
        return _Open(client, session, person, self._reactor.seconds())

    async def _ticket(self, place: str, credential: Ticket | ApiKey) -> Ticket:
        if isinstance(credential, Ticket):
            return credential
        async with self.system(credential) as system:
            opened = await system.call(OPEN_SESSION, OpenSession(client="rest"))
        return _as_ticket(opened)

    def _left_s(self, one: _Open) -> float:
        return one.person.expires_at_ms / 1000 - float(self._reactor.seconds())

    def _check_refused(self, place: str) -> None:
        until_s, error = self._refused.get(place, (0.0, None))
        if error is not None and self._reactor.seconds() < until_s:
            raise type(error)(str(error))  # a new one: each keeps its own traceback

    def _told(self, place: str, error: FleetError) -> FleetError:
        """The refusal in the contract's words; it is remembered for a moment."""
        if isinstance(error, Unreachable | BadCertificate):
            return RouterUnreachable("the router does not answer now: try again")
        if not isinstance(error, Refused):
            return error
        kind = _BY_URI.get(error.reason, Unauthenticated)
        if status_of(kind) not in _TOLD:
            kind = Unauthenticated  # such as: the ticket's project is no more
        told = kind(str(error))
        if kind is TooManyAttempts:
            told.details = {"retry_in_s": REFUSED_FOR_S}
        if status_of(kind) is HTTPStatus.UNAUTHORIZED:
            self._refused[place] = self._reactor.seconds() + REFUSED_FOR_S, told
            while len(self._refused) > MOST_REFUSED:
                self._refused.popitem(last=False)
        return told

    def _make_room(self) -> None:
        if len(self._open) + len(self._opening) <= self._most:
            return
        for place, one in self._open.items():
            if not one.users:
                self._close(place)
                return
        raise TooBusy(f"all {self._most} sessions are in use: try again in a moment")

    def _lost(self, place: str, one: _Open) -> None:
        if self._open.get(place) is one:
            del self._open[place]

    def _close(self, place: str) -> None:
        one = self._open.pop(place)
        one.is_retired = True
        if not one.users:
            spawn(one.client.part(self._reactor), "leaving the router")

    def _look(self) -> None:
        now_s = self._reactor.seconds()
        for place, one in list(self._open.items()):
            if one.users:
                continue
            if one.used_at_s + self._idle_s < now_s or self._left_s(one) <= 0:
                self._close(place)


def _as_ticket(opened: SessionTicket) -> Ticket:
    return Ticket(
        opened.user, opened.project, opened.expires_at_ms / 1000, opened.ticket
    )
