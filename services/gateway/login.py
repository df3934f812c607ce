"""Signing in by password."""

from typing import Any

import msgspec

from heddle.contract.declare import Role, message
from services.gateway.route import Id


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signs in, and for which project."""

    user: str
    password: str
    project: Id | None = None  # their only one if absent


@message
class Me:
    """Who the bearer is, as the router let them in."""

    user: str
    project: str
    role: Role
    expires_at_ms: int  # of the session


def open_session(asked: Login) -> dict[str, Any]:
    """What is asked of the backend."""
    return {"project": asked.project, "client": "rest"}
