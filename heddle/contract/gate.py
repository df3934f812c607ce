"""The gate: what the backend tells the gatekeeper, and why it lets nobody in.

A refused session gets one of ``REFUSALS`` as the reason of its ABORT.

Several backends tell it side by side. ``change`` orders what they tell: it grows with
every change in their database, so that what arrives late undoes nothing; 0 is a teller
who knows no order.
"""

from typing import Any

from heddle.contract.declare import FleetError, Procedure, Role, Scope, message
from heddle.contract.people import LoginRefused, ProjectNotFound


@message
class DeviceKey:
    """A device's ed25519 public key, 64 hex digits."""

    project: str
    device: str
    public_key: str
    change: int = 0


@message
class Directory:
    """Everything the gatekeeper must know, as of a change; replaces what it knew."""

    projects: tuple[str, ...]
    devices: tuple[DeviceKey, ...]
    ticket_key: str  # ed25519 public key of the backend's tickets, 64 hex digits
    revoked: tuple["RevokeSession", ...] = ()  # sessions ended before their time
    change: int = 0


@message
class OpenRealm:
    """Make a project's realm if it is not there."""

    project: str
    change: int = 0


@message
class RevokeDevice:
    """Forget a device's key and cut its session."""

    project: str
    device: str
    change: int = 0


@message
class RevokeSession:
    """Refuse the tickets of a session from now on, and cut its connections."""

    project: str
    session: str  # the tickets' claim ``sid``
    until_ms: int  # when its last ticket expires; it can be forgotten then
    change: int = 0


@message
class ExtendSession:
    """A session's ticket was renewed: its connections may stay until then."""

    project: str
    session: str
    until_ms: int


@message
class CutPerson:
    """Cut a person's connections in the system realm: what opened them is void."""

    user: str


@message
class Done:
    """It is done, and will still be so after a restart of the router."""


class KeyUnknown(FleetError):
    """The key is neither a device's nor a service's."""

    uri = "heddle.error.key_unknown"


class KeyOfAnotherProject(FleetError):
    """The key is a device's, but of another project than the realm asked for."""

    uri = "heddle.error.key_of_another_project"


class TicketInvalid(FleetError):
    """The ticket is expired, not the backend's, or for another user or project."""

    uri = "heddle.error.ticket_invalid"


class TooManyAttempts(FleetError):
    """Too many wrong passwords; ``details["retry_in_s"]`` says when to try again."""

    uri = "heddle.error.too_many_attempts"


class LoginUnavailable(FleetError):
    """The backend, which knows the passwords, does not answer now; try again."""

    uri = "heddle.error.login_unavailable"


class RealmUnknown(FleetError):
    """The realm asked for is neither the system realm nor a project's."""

    uri = "heddle.error.realm_unknown"


REFUSALS: tuple[type[FleetError], ...] = (
    KeyUnknown,
    KeyOfAnotherProject,
    TicketInvalid,
    TooManyAttempts,
    LoginRefused,
    LoginUnavailable,
    ProjectNotFound,
    RealmUnknown,
)

AUTHENTICATE_KEY = "heddle.gatekeeper.authenticate.key"
AUTHENTICATE_TICKET = "heddle.gatekeeper.authenticate.ticket"
AUTHENTICATORS = (AUTHENTICATE_KEY, AUTHENTICATE_TICKET)
"""Called by the router alone, with WAMP's own arguments, before it admits a session."""


def _from_backend(name: str, request: type[Any], summary: str) -> Procedure[Any, Done]:
    return Procedure(
        f"heddle.gatekeeper.{name}",
        request,
        Done,
        scope=Scope.SYSTEM,
        served_by=Role.GATEKEEPER,
        called_by=frozenset({Role.BACKEND}),
        summary=summary,
    )


SET_DIRECTORY: Procedure[Directory, Done] = _from_backend(
    "directory.set",
    Directory,
    "Replace all the gatekeeper knows; makes missing realms, cuts unknown devices.",
)
OPEN_REALM: Procedure[OpenRealm, Done] = _from_backend(
    "realm.open", OpenRealm, "Make a project's realm."
)
ADMIT_DEVICE: Procedure[DeviceKey, Done] = _from_backend(
    "device.admit", DeviceKey, "Let a device's key join its project's realm."
)
REVOKE_DEVICE: Procedure[RevokeDevice, Done] = _from_backend(
    "device.revoke", RevokeDevice, "Forget a device's key and cut its session."
)
REVOKE_SESSION: Procedure[RevokeSession, Done] = _from_backend(
    "session.revoke", RevokeSession, "End a person's session before its time."
)
EXTEND_SESSION: Procedure[ExtendSession, Done] = _from_backend(
    "session.extend", ExtendSession, "Let a session's connections stay for longer."
)
CUT_PERSON: Procedure[CutPerson, Done] = _from_backend(
    "person.cut", CutPerson, "Cut a person's connections in the system realm."
)
