"""What people do with their own sign-in: renew it, list it, end it, a new password."""

from typing import Any

from typing_extensions import override

from heddle.contract.accounts import (
    CHANGE_PASSWORD,
    END_SESSION,
    LIST_SESSIONS,
    ChangePassword,
    EndSession,
    ListSessions,
    OpenSessionReport,
    PasswordChanged,
    PasswordWrong,
    SessionEnded,
    SessionList,
    SessionNotFound,
)
from heddle.contract.audit import AuditOutcome
from heddle.contract.declare import NotPermitted, Role, check_id
from heddle.contract.people import RENEW_SESSION, RenewSession, SessionTicket
from heddle.wamp.session import Caller, Session
from services.backend.accounts.limits import Limit
from services.backend.accounts.passwords import Passwords, check_strength
from services.backend.accounts.sessions import (
    Ending,
    Sessions,
    changed,
    end,
    is_key,
    session_of,
)
from services.backend.audit import Entry, by, record
from services.backend.realm import Part, Serve
from services.backend.store import people, sessions
from services.backend.store.database import Connection, Database
from services.backend.store.sessions import SessionRow
from services.backend.times import unix_ms

TRIES, ONE_MORE_TRY_EVERY_S = 5, 30.0


class Account(Part):
    """Serves the sessions and passwords of who is in one project."""

    def __init__(
        self,
        clock: Any,
        database: Database,
        project: str,
        *,
        passwords: Passwords,
        sessions: Sessions,
    ) -> None:
        self._clock = clock
        self._database = database
        self._project = project
        self._passwords = passwords
        self._sessions = sessions
        self._session: Session | None = None
        self._tries = Limit(TRIES, ONE_MORE_TRY_EVERY_S)

    @override
    async def settle(self, session: Session, serve: Serve) -> None:
        """Serve what is ours, and ask the router who calls."""
        self._session = session
        await serve(RENEW_SESSION, self.renew)
        await serve(LIST_SESSIONS, self.every)
        await serve(END_SESSION, self.end)
        await serve(CHANGE_PASSWORD, self.change_password)

    @override
    def left(self) -> None:
        """There is no router to ask."""
        self._session = None

    async def renew(self, _request: RenewSession, caller: Caller) -> SessionTicket:
        """Serve RENEW_SESSION."""
        session = await session_of(self._session, caller)
        return await self._sessions.renew(self._project, session, caller)

    async def every(self, request: ListSessions, caller: Caller) -> SessionList:
        """Serve LIST_SESSIONS."""
        if not request.mine and caller.role is not Role.OWNER:
            raise NotPermitted("only an owner sees the sessions of others")
        user = caller.authid if request.mine else None
        rows = await self._database(sessions.every, self._project, user)
        this = await session_of(self._session, caller)
        return SessionList(sessions=tuple(_told(row, this) for row in rows))

    async def end(self, request: EndSession, caller: Caller) -> SessionEnded:
        """Serve END_SESSION."""
        session = check_id("session", request.session)
        this = await session_of(self._session, caller)
        ending = await self._database(end_one, self._project, session, caller)
        if session == this:
            self._sessions.told_soon(ending)
        else:
            await self._sessions.told(ending)
        return SessionEnded(session=session)

    async def change_password(
        self, request: ChangePassword, caller: Caller
    ) -> PasswordChanged:
        """Serve CHANGE_PASSWORD."""
        user = caller.authid
        if is_key(user):
            raise NotPermitted("a key has no password: make another key, revoke this")
        if not self._tries.take(user, self._clock.seconds()):
            raise NotPermitted(
                f"too many tries: wait {ONE_MORE_TRY_EVERY_S:g} s before the next one"
            )
        known = await self._database(people.password_hash, user)
        if not await self._passwords.verify(known, request.old) or known is None:
            await self._database(refused, self._project, caller)
            raise PasswordWrong("the old password is wrong")
        check_strength(user, request.new, request.old)
        better = await self._passwords.rehash(request.new)
        this = await session_of(self._session, caller)
        ending = await self._database(
            replace, self._project, known, better, this, caller
        )
        await self._sessions.cut_person(user)
        await self._sessions.told(ending)
        return PasswordChanged(sessions_ended=len(ending.sessions))


def end_one(
    connection: Connection, project: str, session: str, caller: Caller
) -> Ending:
    """End a session: one's own, or as owner anybody's in the project."""
    known = sessions.lock(connection, session)
    mine = known is not None and known.user_name == caller.authid
    if (
        known is None
        or known.project != project
        or not (mine or caller.role is Role.OWNER)
        or not (ended := end(connection, known.user_name, session=session))
    ):
        raise SessionNotFound(
            f"there is no open session {session} that is yours to end"
        )
    done = by(caller, "session.end", session, user=known.user_name)
    record(connection, project, done)
    return changed(connection, ended)


def replace(
    connection: Connection, project: str, old: str, new: str, this: str, caller: Caller
) -> Ending:
    """Keep the new password's hash; all sessions but this one end."""
    user = caller.authid
    if not people.replace_hash(connection, user, old, new):
        raise PasswordWrong("the password was changed meanwhile")
    ended = end(connection, user, but=this)
    record(connection, project, by(caller, "user.password", user, ended=len(ended)))
    return changed(connection, ended)


def refused(connection: Connection, project: str, caller: Caller) -> None:
    """Somebody tried to change a password that they do not know."""
    tried = Entry(
        actor=caller.authid,
        role=caller.role.value,
        action="user.password",
        subject=caller.authid,
        outcome=AuditOutcome.REFUSED,
        details={"detail": "the old password is wrong"},
        request_id=caller.request_id,
    )
    record(connection, project, tried)


def _told(row: SessionRow, this: str) -> OpenSessionReport:
    return OpenSessionReport(
        session=row.session,
        user=row.user_name,
        role=Role(row.role),
        opened_at_ms=unix_ms(row.opened_at),
        renewed_at_ms=unix_ms(row.renewed_at),
        expires_at_ms=unix_ms(row.expires_at),
        client=row.client,
        is_this=row.session == this,
    )
