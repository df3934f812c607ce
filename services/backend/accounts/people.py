"""People: passwords checked, and who is in a project as what."""

from typing_extensions import override

from heddle.contract.accounts import (
    API_KEY_PREFIX,
    CHANGE_ROLE,
    REMOVE_USER,
    ChangeRole,
    LastOwner,
    RemoveUser,
    UserNotFound,
)
from heddle.contract.declare import ID, PEOPLE, InvalidRequest, Role, check_id
from heddle.contract.people import (
    CREATE_USER,
    LIST_USERS,
    CheckPassword,
    CreateUser,
    ListUsers,
    LoginRefused,
    PasswordChecked,
    User,
    UserExists,
    UserList,
)
from heddle.wamp.session import Caller, Session
from services.backend.accounts.api_keys import is_secret_of
from services.backend.accounts.passwords import Passwords
from services.backend.accounts.sessions import Ending, Sessions, changed, end, is_key
from services.backend.audit import by, record
from services.backend.realm import Part, Serve
from services.backend.store import api_keys, people
from services.backend.store.database import Connection, Database


class Login:
    """Verifies passwords, and the secrets of keys, for the gatekeeper."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    async def check(self, request: CheckPassword, _caller: Caller) -> PasswordChecked:
        """Serve CHECK_PASSWORD."""
        user, known = request.user, None
        if not ID.fullmatch(user):
            user = ""
        if is_key(user):
            return await self._check_key(user, request.password)
        if user:
            known = await self._database(people.password_hash, user)
        if not await self._passwords.verify(known, request.password) or known is None:
            raise LoginRefused("user or password is wrong")
        if self._passwords.outdated(known):
            better = await self._passwords.rehash(request.password)
            await self._database(people.replace_hash, user, known, better)
        return PasswordChecked(user=user)

    async def _check_key(self, user: str, secret: str) -> PasswordChecked:
        key = await self._database(api_keys.one, user.removeprefix(API_KEY_PREFIX))
        if key is None or not is_secret_of(key, secret):
            raise LoginRefused("user or password is wrong")
        return PasswordChecked(user=user)


class Members(Part):
    """Serves what concerns the people of one project."""

    def __init__(
        self, database: Database, passwords: Passwords, sessions: Sessions, project: str
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._sessions = sessions
        self._project = project

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(CREATE_USER, self.create)
        await serve(LIST_USERS, self.every)
        await serve(CHANGE_ROLE, self.change_role)
        await serve(REMOVE_USER, self.remove)

    async def create(self, request: CreateUser, caller: Caller) -> User:
        """Serve CREATE_USER."""
        user, role = check_user(request.user), check_role(request.role)
        hashed = None
        if request.password is not None:
            hashed = await self._passwords.hash(request.password)
        await self._database(add, self._project, user, role.value, hashed, caller)
        return User(user=user, role=role)

    async def every(self, _request: ListUsers, _caller: Caller) -> UserList:
        """Serve LIST_USERS."""
        rows = await self._database(people.members, self._project)
        return UserList(
            users=tuple(User(user=row.user_name, role=Role(row.role)) for row in rows)
        )

    async def change_role(self, request: ChangeRole, caller: Caller) -> User:
        """Serve CHANGE_ROLE; the person's sessions end, for they have the former."""
        user, role = check_id("user", request.user), check_role(request.role)
        ending = await self._database(give, self._project, user, role.value, caller)
        await self._end(ending, user, caller)
        return User(user=user, role=role)

    async def remove(self, request: RemoveUser, caller: Caller) -> User:
        """Serve REMOVE_USER; answers with what they were."""
        user = check_id("user", request.user)
        role, ending = await self._database(take_out, self._project, user, caller)
        await self._end(ending, user, caller)
        return User(user=user, role=Role(role))

    async def _end(self, ending: Ending, user: str, caller: Caller) -> None:
        if user == caller.authid:
            self._sessions.told_soon(ending)
        else:
            await self._sessions.told(ending)


def check_user(user: str) -> str:
    """A person's name; not one of those that keys have."""
    if is_key(check_id("user", user)):
        raise InvalidRequest(
            f"{user!r} would be a program's key: choose a name that does not begin "
            f"with {API_KEY_PREFIX}"
        )
    return user


def check_role(role: Role) -> Role:
    """A role that a person, or a key, can have in a project."""
    if role not in PEOPLE:
        raise InvalidRequest(
            f"a person cannot be {role}: use owner, operator or viewer"
        )
    return role


def add(
    connection: Connection,
    project: str,
    user: str,
    role: str,
    hashed: str | None,
    caller: Caller,
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
    record(connection, project, by(caller, "user.create", user, role=role))


def give(
    connection: Connection, project: str, user: str, role: str, caller: Caller
) -> Ending:
    """Give a person of the project another role."""
    former = _locked(connection, project, user, stays_owner=role == Role.OWNER.value)
    if former == role:
        return Ending((), 0)
    people.set_role(connection, project, user, role)
    ended = end(connection, user, project=project)
    done = by(caller, "user.role", user, role=role, former=former, ended=len(ended))
    record(connection, project, done)
    return changed(connection, ended)


def take_out(
    connection: Connection, project: str, user: str, caller: Caller
) -> tuple[str, Ending]:
    """Take a person out of the project; what they were."""
    role = _locked(connection, project, user, stays_owner=False)
    people.leave(connection, project, user)
    ended = end(connection, user, project=project)
    done = by(caller, "user.remove", user, role=role, ended=len(ended))
    record(connection, project, done)
    return role, changed(connection, ended)


def _locked(
    connection: Connection, project: str, user: str, *, stays_owner: bool
) -> str:
    """A person's role, with nobody else changing roles until we are done."""
    members = people.lock_members(connection, project)
    if user not in members:
        raise UserNotFound(f"{user} is not in project {project}")
    owners = [name for name, role in members.items() if role == Role.OWNER.value]
    if owners == [user] and not stays_owner:
        raise LastOwner(
            f"{user} is the last owner of {project}: make somebody else an owner first"
        )
    return members[user]
