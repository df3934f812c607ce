"""Projects and people: login, tickets, users."""

from heddle.contract.declare import (
    PEOPLE,
    FleetError,
    Procedure,
    Role,
    Scope,
    Topic,
    message,
)


@message
class CheckPassword:
    """The gatekeeper asks whether a password is right."""

    user: str
    password: str


@message
class PasswordChecked:
    """It is; ``user`` may now open a session in a project."""

    user: str


@message
class OpenSession:
    """A signed-in person chooses a project; their only one when absent."""

    project: str | None = None
    client: str = ""  # what asks, for the list of sessions


@message
class RenewSession:
    """Ask for a fresh ticket for the present project."""


@message
class SessionTicket:
    """A short-lived ticket to join a project's realm with authmethod ``ticket``.

    It is a JWT signed with the backend's ed25519 key (EdDSA), with the claims
    ``sub`` user, ``project``, ``role``, ``sid`` session and ``exp``; its audience is
    ``heddle``.
    """

    user: str
    project: str
    realm: str
    role: Role
    ticket: str
    expires_at_ms: int
    session: str = ""


@message
class CreateProject:
    """Make a project with its realm and database."""

    project: str
    name: str = ""


@message
class Project:
    """A project."""

    project: str
    name: str


@message
class ListProjects:
    """Ask for the projects: a person's own, or all for a service."""


@message
class ProjectList:
    """Projects, by id."""

    projects: tuple[Project, ...]


@message
class CreateUser:
    """Add a person to the present project, making the user where there is none."""

    user: str
    role: Role
    password: str | None = None  # needed for a user who does not exist yet


@message
class User:
    """A person in the present project."""

    user: str
    role: Role


@message
class ListUsers:
    """Ask for the people of the present project."""


@message
class UserList:
    """People, by name."""

    users: tuple[User, ...]


class LoginRefused(FleetError):
    """User or password is wrong; which of them is not told."""

    uri = "heddle.error.login_refused"


class ProjectNotFound(FleetError):
    """There is no such project, or the caller is not in it."""

    uri = "heddle.error.project_not_found"


class ProjectExists(FleetError):
    """A project of this id is there already."""

    uri = "heddle.error.project_exists"


class UserExists(FleetError):
    """The person is in the project already."""

    uri = "heddle.error.user_exists"


CHECK_PASSWORD = Procedure(
    "heddle.backend.login.check",
    CheckPassword,
    PasswordChecked,
    scope=Scope.SYSTEM,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.GATEKEEPER}),
    summary="Verify a password (argon2) for the gatekeeper.",
    raises=(LoginRefused,),
)
OPEN_SESSION = Procedure(
    "heddle.backend.session.open",
    OpenSession,
    SessionTicket,
    scope=Scope.SYSTEM,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.PERSON}),
    summary="A ticket for one of the caller's projects.",
    raises=(ProjectNotFound,),
)
RENEW_SESSION = Procedure(
    "heddle.backend.session.renew",
    RenewSession,
    SessionTicket,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=PEOPLE,
    summary="A fresh ticket for the present project.",
    raises=(ProjectNotFound,),
)
CREATE_PROJECT = Procedure(
    "heddle.backend.project.create",
    CreateProject,
    Project,
    scope=Scope.SYSTEM,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.PERSON}),
    summary="Make a project; the caller becomes its owner. Administrators only.",
    raises=(ProjectExists,),
)
LIST_PROJECTS = Procedure(
    "heddle.backend.project.list",
    ListProjects,
    ProjectList,
    scope=Scope.SYSTEM,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.PERSON, Role.FLEETDATA}),
    summary="The caller's projects; all of them for a service.",
)
PROJECT_CREATED = Topic(
    "heddle.backend.project.created",
    Project,
    scope=Scope.SYSTEM,
    published_by=Role.BACKEND,
    subscribed_by=frozenset({Role.FLEETDATA, Role.BACKEND}),
    summary="A project was made and its realm is open.",
)
CREATE_USER = Procedure(
    "heddle.backend.user.create",
    CreateUser,
    User,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.OWNER}),
    summary="Add a person to the project.",
    raises=(UserExists,),
)
LIST_USERS = Procedure(
    "heddle.backend.user.list",
    ListUsers,
    UserList,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.OWNER}),
    summary="The people of the project.",
)
