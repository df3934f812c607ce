"""Sessions: from a sign-in over its renewals to its end.

A session is a row with an id that all its tickets carry (``sid``). Ending it is decided
in the database and then told to the gatekeeper, which refuses its tickets and cuts its
connections; a gatekeeper that cannot be told learns it when a backend joins again.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from twisted.internet.task import deferLater
from twisted.logger import Logger

from heddle.contract.accounts import API_KEY_PREFIX
from heddle.contract.declare import (
    FleetError,
    InvalidRequest,
    NotPermitted,
    Role,
    check_id,
)
from heddle.contract.people import OpenSession, ProjectNotFound, SessionTicket
from heddle.wamp.session import Caller, Session, UnexpectedError
from heddle.wamp.spawn import spawn
from services.backend.accounts.tickets import Tickets
from services.backend.audit import by, record
from services.backend.gate import Gate
from services.backend.store import api_keys, gate, people, projects, sessions
from services.backend.store.database import Connection, Database
from services.backend.store.gate import EndedRow
from services.backend.store.sessions import SessionRow
from services.backend.text import check_name

log = Logger()

ANSWER_FIRST_S = 0.5  # who ends the session that asks still gets the answer


class Standing(NamedTuple):
    """What somebody may be in a project, and for how long."""

    project: str
    role: str
    until: datetime | None = None


class Granted(NamedTuple):
    """A session that may have a ticket."""

    session: str
    standing: Standing
    expires_s: int


class Ending(NamedTuple):
    """Sessions that have ended, and the number of that change."""

    sessions: Sequence[SessionRow]
    change: int


class Sessions:
    """Opens and renews sessions, and makes their ends known."""

    def __init__(
        self, clock: Any, database: Database, tickets: Tickets, gate: Gate
    ) -> None:
        self._clock = clock
        self._database = database
        self._tickets = tickets
        self._gate = gate

    async def open(self, request: OpenSession, caller: Caller) -> SessionTicket:
        """Serve OPEN_SESSION: the project named, or the only one there is."""
        if request.project is not None:
            check_id("project", request.project)
        check_name("client", request.client)
        granted = await self._database(
            begin, caller, request.project, request.client, self._until_s()
        )
        return self._ticket(caller.authid, granted)

    async def renew(self, project: str, session: str, caller: Caller) -> SessionTicket:
        """Another ticket for a session, with the role of today.

        Who came by a ticket of old, or by a key, gets a session only now.
        """
        if not session:
            request = OpenSession(project=project)
            return await self.open(request, caller)
        granted = await self._database(
            prolong, caller, project, session, self._until_s()
        )
        ticket = self._ticket(caller.authid, granted)
        try:
            await self._gate.extend(project, session, ticket.expires_at_ms)
        except FleetError as error:  # the connection will be cut, the ticket is good
            log.debug("not told that a session goes on: {why}", why=str(error))
        return ticket

    async def told(self, ending: Ending) -> None:
        """Have ended sessions refused, and their connections cut."""
        rows = [EndedRow(x.project, x.session, x.expires_at) for x in ending.sessions]
        try:
            await self._gate.end(rows, ending.change)
        except FleetError as error:
            log.warn("the router does not know of ended sessions: {why}", why=error)

    def told_soon(self, ending: Ending) -> None:
        """The same, a moment later: who asked is among them, and awaits an answer."""

        async def later() -> None:
            await deferLater(self._clock, ANSWER_FIRST_S)
            await self.told(ending)

        if ending.sessions:
            spawn(later(), "ending sessions")

    async def cut_person(self, user: str) -> None:
        """End what a former password or key has opened in the system realm."""
        try:
            await self._gate.cut_person(user)
        except FleetError as error:
            log.debug("not cut, for there is no router: {why}", why=str(error))

    def _until_s(self) -> int:
        return int(self._clock.seconds()) + self._tickets.valid_s

    def _ticket(self, user: str, granted: Granted) -> SessionTicket:
        standing = granted.standing
        return self._tickets.issue(
            user,
            standing.project,
            Role(standing.role),
            granted.session,
            granted.expires_s,
        )


async def session_of(asking: Session | None, caller: Caller) -> str:
    """The ``sid`` by which a caller came, as the gatekeeper noted it; "" if by none."""
    if asking is None:
        return ""
    try:
        known = await asking.ask_router("wamp.session.get", caller.session)
    except UnexpectedError:  # the caller has left meanwhile
        return ""
    noted = ((known or {}).get("authextra") or {}).get("heddle_ticket") or {}
    return str(noted.get("session", ""))


def begin(
    connection: Connection, caller: Caller, project: str | None, client: str, until: int
) -> Granted:
    """Open a session; raises ``ProjectNotFound`` and ``InvalidRequest``."""
    user = caller.authid
    if project is None and not is_key(user):
        project = _only_project(connection, user)
    standing = standing_of(connection, user, project)
    session = secrets.token_hex(16)
    expires_s = _no_later(until, standing)
    sessions.insert(
        connection,
        session,
        standing.project,
        user,
        standing.role,
        client,
        datetime.fromtimestamp(expires_s, UTC),
    )
    if is_key(user):
        api_keys.used(connection, user.removeprefix(API_KEY_PREFIX))
    done = by(caller, "session.open", session, client=client, role=standing.role)
    record(connection, standing.project, done)
    return Granted(session, standing, expires_s)


def prolong(
    connection: Connection, caller: Caller, project: str, session: str, until: int
) -> Granted:
    """Renew a session; raises ``NotPermitted`` if it was ended."""
    standing = standing_of(connection, caller.authid, project)
    known = sessions.lock(connection, session)
    if known is None or known.ended or known.user_name != caller.authid:
        raise NotPermitted("this session has been ended: sign in again")
    expires_s = _no_later(until, standing)
    sessions.renew(
        connection, session, standing.role, datetime.fromtimestamp(expires_s, UTC)
    )
    return Granted(session, standing, expires_s)


def standing_of(connection: Connection, user: str, project: str | None) -> Standing:
    """What somebody is in a project; raises ``ProjectNotFound``."""
    if is_key(user):
        key = api_keys.one(connection, user.removeprefix(API_KEY_PREFIX), lock=True)
        if key is not None and project in (None, key.project):
            return Standing(key.project, key.role, key.expires_at)
    elif project is not None:
        role = people.role_in(connection, project, user, lock=True)
        if role is not None:
            return Standing(project, role)
    raise ProjectNotFound(f"there is no project {project}, or {user} is not in it")


def end(
    connection: Connection,
    user: str,
    *,
    project: str | None = None,
    session: str | None = None,
    but: str = "",
) -> Sequence[SessionRow]:
    """End a user's sessions; ``changed`` is to follow, as the last act."""
    return sessions.end(connection, user, project=project, session=session, but=but)


def changed(connection: Connection, ended: Sequence[SessionRow]) -> Ending:
    """The number of the change; the last act of a transaction that ended sessions."""
    return Ending(ended, gate.changed(connection) if ended else 0)


def is_key(user: str) -> bool:
    """Whether a user is a program's key."""
    return user.startswith(API_KEY_PREFIX)


def _no_later(until_s: int, standing: Standing) -> int:
    if standing.until is None:
        return until_s
    return min(until_s, int(standing.until.timestamp()))


def _only_project(connection: Connection, user: str) -> str:
    rows = projects.of_user(connection, user)
    if not rows:
        raise ProjectNotFound(
            f"{user} is in no project: ask the owner of one to add you"
        )
    if len(rows) > 1:
        ids = ", ".join(row.project for row in rows)
        raise InvalidRequest(f"{user} is in several projects, name one: {ids}")
    return rows[0].project
