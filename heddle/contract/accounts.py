"""Accounts: roles, invitations, passwords, sessions, and keys for programs."""

from heddle.contract.declare import (
    PEOPLE,
    FleetError,
    Procedure,
    Role,
    Scope,
    message,
    of_backend,
)
from heddle.contract.people import User, UserExists

API_KEY_PREFIX = "key_"
"""A key signs in as a user of this prefix and its id, its secret as the password."""


@message
class Invite:
    """Invite a person to the project; the code is shown once."""

    role: Role
    user: str | None = None  # only for this name; anybody when absent
    valid_s: int = 7 * 24 * 3600


@message
class Invitation:
    """A code that one person may accept once."""

    invitation: str  # its id
    code: str  # "" in lists
    role: Role
    user: str | None
    created_by: str
    expires_at_ms: int


@message
class ListInvitations:
    """Ask for invitations that may still be accepted."""


@message
class InvitationList:
    """Open invitations, newest first."""

    invitations: tuple[Invitation, ...]


@message
class InvitationRef:
    """Names an invitation."""

    invitation: str


@message
class AcceptInvitation:
    """Join the project of a code: as oneself, when signed in."""

    code: str


@message
class RegisterInvited:
    """Become a user by an invitation; asked by the gatekeeper at the first sign-in."""

    user: str
    code: str
    password: str


@message
class ChangeRole:
    """Give a person another role in the project."""

    user: str
    role: Role


@message
class RemoveUser:
    """Take a person out of the project; their sessions in it end."""

    user: str


@message
class ChangePassword:
    """Choose another password; all other sessions of the caller end."""

    old: str
    new: str


@message
class PasswordChanged:
    """It holds from now on."""

    sessions_ended: int


@message
class ListSessions:
    """Ask for open sessions: one's own, or as owner all of the project."""

    mine: bool = True


@message
class OpenSessionReport:
    """A session: from a sign-in to its last ticket's end."""

    session: str
    user: str
    role: Role
    opened_at_ms: int
    renewed_at_ms: int
    expires_at_ms: int
    client: str = ""  # what it said it is
    is_this: bool = False  # it is the one that asks


@message
class SessionList:
    """Sessions, newest first."""

    sessions: tuple[OpenSessionReport, ...]


@message
class EndSession:
    """End a session: its ticket is void, its connections are cut."""

    session: str


@message
class SessionEnded:
    """It has ended."""

    session: str


@message
class CreateApiKey:
    """Make a key for a program; its secret is shown once."""

    name: str
    role: Role
    valid_s: int | None = None  # None: until it is revoked


@message
class ApiKey:
    """A key for programs; it acts as ``key_<id>`` with a role of its own."""

    key: str  # its id
    name: str
    role: Role
    created_by: str
    created_at_ms: int
    last_used_at_ms: int | None = None
    expires_at_ms: int | None = None
    token: str = ""  # only in the answer to its making: ``hdl_<id>_<secret>``


@message
class ListApiKeys:
    """Ask for the project's keys."""


@message
class ApiKeyList:
    """Keys that are not revoked, by name."""

    keys: tuple[ApiKey, ...]


@message
class RevokeApiKey:
    """Make a key void; its sessions end."""

    key: str


@message
class Revoked:
    """It opens nothing any more."""

    key: str


class UserNotFound(FleetError):
    """The project has no such person."""

    uri = "heddle.error.user_not_found"


class LastOwner(FleetError):
    """The project would have no owner left."""

    uri = "heddle.error.last_owner"


class InvitationInvalid(FleetError):
    """The invitation is unknown, used, expired, withdrawn or for another user."""

    uri = "heddle.error.invitation_invalid"


class PasswordWrong(FleetError):
    """The old password is wrong."""

    uri = "heddle.error.password_wrong"


class PasswordWeak(FleetError):
    """The new password is too short, or no better than the old one."""

    uri = "heddle.error.password_weak"


class SessionNotFound(FleetError):
    """There is no such session, or it is not the caller's to end."""

    uri = "heddle.error.session_not_found"


class ApiKeyNotFound(FleetError):
    """The project has no such key."""

    uri = "heddle.error.api_key_not_found"


_OWNER = frozenset({Role.OWNER})


INVITE: Procedure[Invite, Invitation] = of_backend(
    "invitation.create",
    Invite,
    Invitation,
    "Invite a person to the project.",
    called_by=_OWNER,
)
LIST_INVITATIONS: Procedure[ListInvitations, InvitationList] = of_backend(
    "invitation.list",
    ListInvitations,
    InvitationList,
    "Open invitations.",
    called_by=_OWNER,
)
WITHDRAW_INVITATION: Procedure[InvitationRef, InvitationList] = of_backend(
    "invitation.withdraw",
    InvitationRef,
    InvitationList,
    "Make an invitation void; answers with those left.",
    InvitationInvalid,
    called_by=_OWNER,
)
ACCEPT_INVITATION: Procedure[AcceptInvitation, User] = of_backend(
    "invitation.accept",
    AcceptInvitation,
    User,
    "Join a project by an invitation's code.",
    InvitationInvalid,
    called_by=frozenset({Role.PERSON}),
    scope=Scope.SYSTEM,
)
REGISTER_INVITED: Procedure[RegisterInvited, User] = of_backend(
    "invitation.register",
    RegisterInvited,
    User,
    "Become a user by an invitation's code, with a name and password of one's own.",
    InvitationInvalid,
    PasswordWeak,
    UserExists,
    called_by=frozenset({Role.ENROLLING}),
    scope=Scope.SYSTEM,
)
CHANGE_ROLE: Procedure[ChangeRole, User] = of_backend(
    "user.role",
    ChangeRole,
    User,
    "Give a person another role.",
    UserNotFound,
    LastOwner,
    called_by=_OWNER,
)
REMOVE_USER: Procedure[RemoveUser, User] = of_backend(
    "user.remove",
    RemoveUser,
    User,
    "Take a person out of the project.",
    UserNotFound,
    LastOwner,
    called_by=_OWNER,
)
CHANGE_PASSWORD: Procedure[ChangePassword, PasswordChanged] = of_backend(
    "user.password",
    ChangePassword,
    PasswordChanged,
    "Choose another password.",
    PasswordWrong,
    PasswordWeak,
    called_by=PEOPLE,
)
LIST_SESSIONS: Procedure[ListSessions, SessionList] = of_backend(
    "session.list", ListSessions, SessionList, "Open sessions.", called_by=PEOPLE
)
END_SESSION: Procedure[EndSession, SessionEnded] = of_backend(
    "session.end", EndSession, SessionEnded, "End a session.", SessionNotFound,
    called_by=PEOPLE,
)  # fmt: skip
CREATE_API_KEY: Procedure[CreateApiKey, ApiKey] = of_backend(
    "key.create",
    CreateApiKey,
    ApiKey,
    "Make a key for a program.",
    called_by=_OWNER,
)
LIST_API_KEYS: Procedure[ListApiKeys, ApiKeyList] = of_backend(
    "key.list",
    ListApiKeys,
    ApiKeyList,
    "The project's keys.",
    called_by=_OWNER,
)
REVOKE_API_KEY: Procedure[RevokeApiKey, Revoked] = of_backend(
    "key.revoke",
    RevokeApiKey,
    Revoked,
    "Make a key void.",
    ApiKeyNotFound,
    called_by=_OWNER,
)
