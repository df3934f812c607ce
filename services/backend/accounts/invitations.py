"""Invitations: a code, shown once, by which one person comes into a project.

Who is signed in accepts as themselves; who has no account yet makes one with the code.
The row of the code is locked while it is accepted; the same person accepting again gets
the same answer, for an answer may be lost on the way.
"""

import secrets

from twisted.logger import Logger
from typing_extensions import override

from heddle.contract.accounts import (
    INVITE,
    LIST_INVITATIONS,
    WITHDRAW_INVITATION,
    AcceptInvitation,
    Invitation,
    InvitationInvalid,
    InvitationList,
    InvitationRef,
    Invite,
    ListInvitations,
    RegisterInvited,
)
from heddle.contract.declare import InvalidRequest, NotPermitted, Role, check_id
from heddle.contract.people import User, UserExists
from heddle.wamp.session import Caller, Session
from services.backend.accounts.passwords import Passwords, check_strength
from services.backend.accounts.people import check_role, check_user
from services.backend.accounts.sessions import is_key
from services.backend.audit import Entry, by, record
from services.backend.fleet.enrolment import code_hash, make_code
from services.backend.realm import Part, Serve
from services.backend.store import invitations, people
from services.backend.store.database import Connection, Database
from services.backend.store.invitations import InvitationRow
from services.backend.times import unix_ms

log = Logger()

LONGEST_VALID_S = 31 * 24 * 3600


class Guests:
    """Serves in the system realm those who come by a code."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    async def accept(self, request: AcceptInvitation, caller: Caller) -> User:
        """Serve ACCEPT_INVITATION: the person signed in joins the project."""
        if is_key(caller.authid):
            raise NotPermitted("a key belongs to its project: only people are invited")
        return await self._database(accept, request.code, caller)

    async def register(self, request: RegisterInvited, caller: Caller) -> User:
        """Serve REGISTER_INVITED: an unknown key's holder becomes a user."""
        user = check_user(request.user)
        await self._database(find, request.code, user)  # before any costly hash
        check_strength(user, request.password)
        hashed = await self._passwords.rehash(request.password)
        made = await self._database(register, request.code, user, hashed, caller)
        log.info("{user} has registered by an invitation", user=user)
        return made


class Invitations(Part):
    """Serves the procedures about the invitations of one project."""

    def __init__(self, database: Database, project: str) -> None:
        self._database = database
        self._project = project

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(INVITE, self.create)
        await serve(LIST_INVITATIONS, self.every)
        await serve(WITHDRAW_INVITATION, self.withdraw)

    async def create(self, request: Invite, caller: Caller) -> Invitation:
        """Serve INVITE."""
        check_role(request.role)
        if request.user is not None:
            check_user(request.user)
        if not 1 <= request.valid_s <= LONGEST_VALID_S:
            raise InvalidRequest(
                f"valid_s is {request.valid_s}: an invitation may be valid for 1 to "
                f"{LONGEST_VALID_S} seconds"
            )
        code = make_code()
        row = await self._database(invite, self._project, code, request, caller)
        return _told(row, code)

    async def every(self, _request: ListInvitations, _caller: Caller) -> InvitationList:
        """Serve LIST_INVITATIONS."""
        rows = await self._database(invitations.open_ones, self._project)
        return InvitationList(invitations=tuple(_told(row) for row in rows))

    async def withdraw(self, request: InvitationRef, caller: Caller) -> InvitationList:
        """Serve WITHDRAW_INVITATION."""
        invitation = check_id("invitation", request.invitation)
        rows = await self._database(withdraw, self._project, invitation, caller)
        return InvitationList(invitations=tuple(_told(row) for row in rows))


def invite(
    connection: Connection, project: str, code: str, request: Invite, caller: Caller
) -> InvitationRow:
    """Keep a new invitation."""
    row = invitations.insert(
        connection,
        secrets.token_hex(6),
        code_hash(code),
        project,
        request.role.value,
        request.user,
        caller.authid,
        request.valid_s,
    )
    done = by(
        caller, "invitation.create", row.invitation, role=row.role, user=row.user_name
    )
    record(connection, project, done)
    return row


def withdraw(
    connection: Connection, project: str, invitation: str, caller: Caller
) -> list[InvitationRow]:
    """Make an invitation void; those that are left."""
    if not invitations.withdraw(connection, project, invitation):
        raise InvitationInvalid(f"there is no open invitation {invitation}")
    left = invitations.open_ones(connection, project)
    record(connection, project, by(caller, "invitation.withdraw", invitation))
    return left


def find(connection: Connection, code: str, user: str) -> InvitationRow:
    """The invitation of a code, locked; raises ``InvitationInvalid``."""
    found = invitations.lock(connection, code_hash(code))
    if found is None or found.withdrawn:
        raise InvitationInvalid(
            "there is no such invitation: check it for typing errors"
        )
    if found.user_name not in (None, user):
        raise InvitationInvalid("the invitation is for another user")
    if found.accepted_by not in (None, user):
        raise InvitationInvalid("the invitation has been used: ask for a new one")
    if found.accepted_by is None and found.expired:
        raise InvitationInvalid(
            f"the invitation expired at {found.expires_at:%Y-%m-%d %H:%M:%S} UTC: "
            "ask for a new one"
        )
    return found


def accept(connection: Connection, code: str, caller: Caller) -> User:
    """Put who is signed in into the project, once."""
    user = caller.authid
    found = find(connection, code, user)
    if people.password_hash(connection, user) is None:
        raise NotPermitted(f"there is no user {user}: register by the invitation")
    role = people.role_in(connection, found.project, user)
    if found.accepted_by is not None:
        if role is None:
            raise InvitationInvalid("the invitation has been used: ask for a new one")
        return User(user=user, role=Role(role))
    if role is not None:
        raise InvitationInvalid(
            f"{user} is in project {found.project} already, as {role}; the invitation "
            "is still open for somebody else"
        )
    done = by(caller, "invitation.accept", found.invitation, role=found.role)
    return _taken(connection, found, user, done)


def register(
    connection: Connection, code: str, user: str, hashed: str, caller: Caller
) -> User:
    """Make a user of the holder of a code, in the project."""
    found = find(connection, code, user)
    if found.accepted_by is not None or not people.insert(connection, user, hashed):
        raise UserExists(
            f"there is a user {user} already: if that is you, sign in and accept the "
            "invitation, else choose another name"
        )
    done = Entry(
        actor=user,
        role=caller.role.value,
        action="invitation.register",
        subject=found.invitation,
        details={"role": found.role, "key": caller.authid},
        request_id=caller.request_id,
    )
    return _taken(connection, found, user, done)


def _taken(
    connection: Connection, found: InvitationRow, user: str, done: Entry
) -> User:
    people.join(connection, found.project, user, found.role)
    invitations.accepted(connection, found.invitation, user)
    record(connection, found.project, done)
    return User(user=user, role=Role(found.role))


def _told(row: InvitationRow, code: str = "") -> Invitation:
    return Invitation(
        invitation=row.invitation,
        code=code,
        role=Role(row.role),
        user=row.user_name,
        created_by=row.created_by,
        expires_at_ms=unix_ms(row.expires_at),
    )
