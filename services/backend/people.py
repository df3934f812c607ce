"""People: passwords checked, tickets issued, users of a project."""

from functools import partial
from typing import Any

from typing_extensions import override

from heddle.contract.declare import ID, PEOPLE, InvalidRequest, Role, check_id
from heddle.contract.people import (
    CREATE_USER,
    LIST_USERS,
    RENEW_SESSION,
    CheckPassword,
    CreateUser,
    ListUsers,
    LoginRefused,
    OpenSession,
    PasswordChecked,
    ProjectNotFound,
    RenewSession,
    SessionTicket,
    User,
    UserExists,
    UserList,
)
from heddle.wamp.session import Caller, Session
from services.backend.passwords import Passwords
from services.backend.realm import Part, Serve
from services.backend.store import people, projects
from services.backend.store.database import Connection, Database
from services.backend.tickets import Tickets


class People:
    """Serves login in the system realm, and the people of each project."""

    def __init__(
        self, clock: Any, database: Database, passwords: Passwords, tickets: Tickets
    ) -> None:
        self._clock = clock
        self._database = database
        self._passwords = passwords
        self._tickets = tickets

    async def check(self, request: CheckPassword, _caller: Caller) -> PasswordChecked:
        """Serve CHECK_PASSWORD."""
        user, known = request.user, None
        if ID.fullmatch(user):
            known = await self._database(people.password_hash, user)
        if not await self._passwords.verify(known, request.password) or known is None:
            raise LoginRefused("user or password is wrong")
        if self._passwords.outdated(known):
            better = await self._passwords.rehash(request.password)
            await self._database(people.replace_hash, user, known, better)
        return PasswordChecked(user=user)

    async def open(self, request: OpenSession, caller: Caller) -> SessionTicket:
        """Serve OPEN_SESSION: the project named, or the only one there is."""
        project = request.project
        if project is None:
            project = await self._only_project(caller.authid)
        return await self._ticket(check_id("project", project), caller)

    async def renew(
        self, project: str, _request: RenewSession, caller: Caller
    ) -> SessionTicket:
        """Serve RENEW_SESSION, with the role of today."""
        return await self._ticket(project, caller)

    async def _only_project(self, user: str) -> str:
        rows = await self._database(projects.of_user, user)
        if not rows:
            raise ProjectNotFound(
                f"{user} is in no project: ask the owner of one to add you"
            )
        if len(rows) > 1:
            ids = ", ".join(row.project for row in rows)
            raise InvalidRequest(f"{user} is in several projects, name one: {ids}")
        return rows[0].project

    async def _ticket(self, project: str, caller: Caller) -> SessionTicket:
        user = caller.authid
        role = await self._database(people.role_in, project, user)
        if role is None:
            raise ProjectNotFound(
                f"there is no project {project}, or {user} is not in it"
            )
        return self._tickets.issue(user, project, Role(role), self._clock.seconds())

    async def create(self, project: str, request: CreateUser, _caller: Caller) -> User:
        """Serve CREATE_USER."""
        user = check_id("user", request.user)
        if request.role not in PEOPLE:
            raise InvalidRequest(
                f"a person cannot be {request.role}: use owner, operator or viewer"
            )
        hashed = None
        if request.password is not None:
            hashed = await self._passwords.hash(request.password)
        await self._database(add, project, user, request.role.value, hashed)
        return User(user=user, role=request.role)

    async def every(
        self, project: str, _request: ListUsers, _caller: Caller
    ) -> UserList:
        """Serve LIST_USERS."""
        rows = await self._database(people.members, project)
        return UserList(
            users=tuple(User(user=row.user_name, role=Role(row.role)) for row in rows)
        )


class Members(Part):
    """Serves what concerns the people of one project."""

    def __init__(self, people: People, project: str) -> None:
        self._people = people
        self._project = project

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(RENEW_SESSION, partial(self._people.renew, self._project))
        await serve(CREATE_USER, partial(self._people.create, self._project))
        await serve(LIST_USERS, partial(self._people.every, self._project))


def add(
    connection: Connection, project: str, user: str, role: str, hashed: str | None
) -> None:
    """Put a person into a project, making the user where there is none."""
    known = people.password_hash(connection, user) is not None
    if known and people.role_in(connection, project, user) is not None:
        raise UserExists(f"{user} is in project {project} already")
    if known and hashed is not None:
        raise InvalidRequest(
            f"there is a user {user} already, with a password of their own: leave the "
            "password out, or choose another name"
        )
    if not known and hashed is None:
        raise InvalidRequest(f"there is no user {user} yet: give a password")
    if hashed is not None:
        people.insert(connection, user, hashed)
    people.join(connection, project, user, role)
