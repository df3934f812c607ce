"""Decides who a session is: the realm, role and name that a key or a ticket gives.

Nothing here is taken from the client but what it proves: realm, role and authid are
always ours. A refusal is one of ``heddle.contract.gate.REFUSALS`` with a sentence
that tells the way out. Pure: no session, no clock, no disk.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from heddle.contract.declare import (
    PEOPLE,
    SYSTEM_REALM,
    InvalidRequest,
    Role,
    project_realm,
)
from heddle.contract.gate import (
    KeyOfAnotherProject,
    KeyUnknown,
    RealmUnknown,
    TicketInvalid,
)
from heddle.contract.people import ProjectNotFound
from services.gatekeeper.directory import Known
from services.gatekeeper.principals import PUBLIC_KEY, Principal

TICKET_AUDIENCE = "heddle"


@dataclass(frozen=True, slots=True)
class Admission:
    """Who a session will be, once it has proved what it claims."""

    realm: str
    role: Role
    authid: str
    session: str = ""  # a ticket's claim ``sid``; tickets of old have none
    until_s: float | None = None  # when the ticket expires


def admit_key(
    known: Known, principals: Mapping[str, Principal], realm: str | None, key: object
) -> Admission:
    """Who the holder of a key is in ``realm``; without one, a device's own project."""
    if not isinstance(key, str) or not PUBLIC_KEY.fullmatch(key):
        raise InvalidRequest("authextra.pubkey must be 64 hex digits")
    key = key.lower()
    principal = principals.get(key)
    if realm == SYSTEM_REALM:
        return _in_system(principal, key)
    if realm is not None and principal is not None:
        _known_project_of(known, realm)
        return Admission(realm, principal.role, principal.name)
    return _device(known, realm, key)


def _in_system(principal: Principal | None, key: str) -> Admission:
    if principal is None:
        return Admission(SYSTEM_REALM, Role.ENROLLING, key)
    role = Role.PERSON if principal.role in PEOPLE else principal.role
    return Admission(SYSTEM_REALM, role, principal.name)


def _device(known: Known, realm: str | None, key: str) -> Admission:
    device = known.device_of(key)
    if device is None:
        raise KeyUnknown(
            f"key {key[:8]}… is not enrolled: redeem an enrolment code in the realm "
            f"{SYSTEM_REALM} first; if it was enrolled, it has been revoked"
        )
    own = project_realm(device.project)
    if realm is not None and realm != own:
        _known_project_of(known, realm)
        raise KeyOfAnotherProject(
            f"key {key[:8]}… belongs to device {device.device} of another project "
            f"than {realm}: ask for no realm and it is placed into its own"
        )
    _known_project_of(known, own)
    return Admission(own, Role.AGENT, device.device)


def project_of(realm: str) -> str:
    """The project whose realm this is; raises ``RealmUnknown`` for another name."""
    prefix = project_realm("_")[:-1]
    if not realm.startswith(prefix):
        raise RealmUnknown(
            f"there is no realm {realm!r}: use {SYSTEM_REALM} or {prefix}<project>"
        )
    return realm.removeprefix(prefix)


def _known_project_of(known: Known, realm: str) -> str:
    project = project_of(realm)
    if project not in known.projects:
        raise ProjectNotFound(f"there is no project {project!r}")
    return project


def admit_ticket(
    known: Known, realm: str | None, user: str | None, ticket: str
) -> Admission:
    """Who the bearer of a backend's ticket is in a project's realm."""
    if realm is None:
        raise RealmUnknown(
            f"name a realm: {SYSTEM_REALM} for a password, a project's for a ticket"
        )
    project = _known_project_of(known, realm)
    claims = _claims(known.ticket_key, ticket)
    if (claims["sub"], claims["project"]) != (user, project):
        raise TicketInvalid(
            f"the ticket is not for user {user} in project {project}: open a session "
            "for this project and use the ticket it gives"
        )
    role = claims["role"]
    if role not in PEOPLE:
        raise TicketInvalid(f"the ticket gives the role {role!r}, which no person has")
    session = claims.get("sid", "")
    if not isinstance(session, str) or known.has_ended(project, session):
        raise TicketInvalid("the ticket's session has been ended: sign in again")
    return Admission(realm, Role(role), claims["sub"], session, float(claims["exp"]))


def _claims(ticket_key: str, ticket: str) -> Mapping[str, Any]:
    """The claims of a ticket that the backend signed and that is still good."""
    if not ticket_key:
        raise TicketInvalid(
            "tickets cannot be checked before the backend has been here: try again"
        )
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(ticket_key))
    try:
        claims: Mapping[str, Any] = jwt.decode(
            ticket,
            key,
            algorithms=["EdDSA"],
            audience=TICKET_AUDIENCE,
            options={"require": ["exp", "aud", "sub", "project", "role"]},
        )
    except jwt.ExpiredSignatureError:
        raise TicketInvalid("the ticket has expired: sign in again") from None
    except jwt.InvalidTokenError:
        raise TicketInvalid("the ticket is not one of the backend's") from None
    return claims
