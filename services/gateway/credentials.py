"""Who asks: what an Authorization header says, before anybody has judged it.

Nothing here is proof. A ticket's claims tell where to knock with it; the router decides
whether it opens anything.
"""

import base64
import hashlib
import re
from dataclasses import dataclass, field

import msgspec

from heddle.contract.accounts import API_KEY_PREFIX
from heddle.contract.declare import ID
from services.gateway.problems import Unauthenticated

_API_KEY = re.compile(r"hdl_([a-z0-9]{1,60})_([A-Za-z0-9_-]{8,256})")
LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Ticket:
    """A session ticket, as it says of itself."""

    user: str
    project: str
    expires_at_s: float
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A program's key: it signs in as the user ``key_<id>``."""

    user: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Password:
    """A person's name and password, for what lies outside of any project."""

    user: str
    secret: str = field(repr=False)


Credential = Ticket | ApiKey | Password


class _Claims(msgspec.Struct):
    sub: str
    project: str
    exp: float


def mark(credential: Credential) -> str:
    """Names a credential without telling it."""
    kind = type(credential).__name__
    text = f"{kind}\n{credential.user}\n{credential.secret}"
    return hashlib.sha256(text.encode()).hexdigest()


def read(header: str | None) -> Credential:
    """What the header says; raises ``Unauthenticated``."""
    if header is None:
        raise Unauthenticated(
            "this needs `Authorization: Bearer` with a session ticket or an API key: "
            "POST /api/v1/login gives a ticket"
        )
    scheme, _, secret = header.strip().partition(" ")
    secret = secret.strip()
    if len(secret) <= LONGEST:
        if scheme.lower() == "bearer":
            return _bearer(secret)
        if scheme.lower() == "basic":
            return _basic(secret)
    raise Unauthenticated(
        "the Authorization header must be `Bearer` and a session ticket or API key"
    )


def _bearer(secret: str) -> Credential:
    if (key := _API_KEY.fullmatch(secret)) is not None:
        return ApiKey(API_KEY_PREFIX + key[1], secret)
    claims = _claims(secret)
    if claims is None or not (claims.sub and ID.fullmatch(claims.project)):
        raise Unauthenticated("the bearer is neither a session ticket nor an API key")
    return Ticket(claims.sub, claims.project, claims.exp, secret)


def _claims(ticket: str) -> _Claims | None:
    try:
        _, payload, _ = ticket.split(".")
        padded = payload + "=" * (-len(payload) % 4)
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=_Claims)
    except (ValueError, msgspec.MsgspecError):
        return None


def _basic(secret: str) -> Credential:
    try:
        text = base64.b64decode(secret, validate=True).decode()
    except ValueError:
        text = ""
    user, _, password = text.partition(":")
    if not (user and password):
        raise Unauthenticated("the Authorization header is no user and password")
    return Password(user, password)
