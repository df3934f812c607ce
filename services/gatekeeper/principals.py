"""The keys that are trusted from the start: services, and a local stack's owner.

The file is the operator's: ``{"principals": [{"name", "role", "public_key"}]}``. The
roles are ``backend``, ``fleetdata`` and ``owner``, a person who owns every project. It
is read once, when the router starts.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from heddle.contract.declare import ID, Role, message

PUBLIC_KEY = re.compile(r"[0-9a-fA-F]{64}")
TRUSTED_ROLES = frozenset({Role.BACKEND, Role.FLEETDATA, Role.OWNER})


class BadPrincipals(Exception):
    """The file is missing or wrong; tells what and where."""


@message
class Principal:
    """One trusted key."""

    name: str
    role: Role
    public_key: str


@message
class Principals:
    """The file."""

    principals: tuple[Principal, ...]


def load_principals(path: Path) -> Mapping[str, Principal]:
    """The trusted keys by their 64 hex digits; raises ``BadPrincipals``."""
    try:
        file = msgspec.json.decode(path.read_bytes(), type=Principals)
    except OSError as error:
        raise BadPrincipals(f"principals file {path}: {error.strerror}") from None
    except msgspec.DecodeError as flaw:
        raise BadPrincipals(f"principals file {path}: {flaw}") from None
    by_key = {one.public_key.lower(): one for one in file.principals}
    flaws = [flaw for one in file.principals for flaw in _flaws(one)]
    if len(by_key) < len(file.principals):
        flaws.append("a key is named twice")
    if flaws:
        raise BadPrincipals(f"principals file {path}: {'; '.join(flaws)}")
    return by_key


def _flaws(one: Principal) -> list[str]:
    flaws = []
    if not ID.fullmatch(one.name):
        flaws.append(f"name {one.name!r} is not an id: use a-z, 0-9 and _")
    if one.role not in TRUSTED_ROLES:
        allowed = ", ".join(sorted(TRUSTED_ROLES))
        flaws.append(f"{one.name} has the role {one.role}: use one of {allowed}")
    if not PUBLIC_KEY.fullmatch(one.public_key):
        flaws.append(f"the key of {one.name} is not 64 hex digits")
    return flaws
