"""Keys for programs: made for a project with a role, signing in as ``key_<id>``.

A token is ``hdl_<id>_<secret>``, shown once; its 256 random bits need no slow hash.
"""

import hashlib
import hmac
import secrets

from typing_extensions import override

from heddle.contract.accounts import (
    API_KEY_PREFIX,
    CREATE_API_KEY,
    LIST_API_KEYS,
    REVOKE_API_KEY,
    ApiKey,
    ApiKeyList,
    ApiKeyNotFound,
    CreateApiKey,
    ListApiKeys,
    RevokeApiKey,
    Revoked,
)
from heddle.contract.declare import PEOPLE, InvalidRequest, Role, check_id
from heddle.wamp.session import Caller, Session
from services.backend.accounts.sessions import Ending, Sessions, changed, end
from services.backend.audit import by, record
from services.backend.realm import Part, Serve
from services.backend.store import api_keys
from services.backend.store.api_keys import KeyRow
from services.backend.store.database import Connection, Database
from services.backend.text import check_name
from services.backend.times import unix_ms

LONGEST_VALID_S = 10 * 366 * 24 * 3600


class ApiKeys(Part):
    """Serves the procedures about the keys of one project."""

    def __init__(self, database: Database, sessions: Sessions, project: str) -> None:
        self._database = database
        self._sessions = sessions
        self._project = project

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(CREATE_API_KEY, self.create)
        await serve(LIST_API_KEYS, self.every)
        await serve(REVOKE_API_KEY, self.revoke)

    async def create(self, request: CreateApiKey, caller: Caller) -> ApiKey:
        """Serve CREATE_API_KEY."""
        _check(request)
        key, secret = secrets.token_hex(6), secrets.token_hex(32)
        row = await self._database(
            make, self._project, key, hashed(secret), request, caller
        )
        return _told(row, token=f"hdl_{key}_{secret}")

    async def every(self, _request: ListApiKeys, _caller: Caller) -> ApiKeyList:
        """Serve LIST_API_KEYS."""
        rows = await self._database(api_keys.every, self._project)
        return ApiKeyList(keys=tuple(_told(row) for row in rows))

    async def revoke(self, request: RevokeApiKey, caller: Caller) -> Revoked:
        """Serve REVOKE_API_KEY."""
        key = check_id("key", request.key.removeprefix(API_KEY_PREFIX))
        ending = await self._database(void, self._project, key, caller)
        if caller.authid == API_KEY_PREFIX + key:
            self._sessions.told_soon(ending)
        else:
            await self._sessions.told(ending)
        await self._sessions.cut_person(API_KEY_PREFIX + key)
        return Revoked(key=key)


def make(
    connection: Connection,
    project: str,
    key: str,
    secret_hash: bytes,
    request: CreateApiKey,
    caller: Caller,
) -> KeyRow:
    """Keep a new key."""
    row = api_keys.insert(
        connection,
        key,
        project,
        request.name,
        request.role.value,
        secret_hash,
        caller.authid,
        request.valid_s,
    )
    done = by(caller, "key.create", key, name=row.name, role=row.role)
    record(connection, project, done)
    return row


def void(connection: Connection, project: str, key: str, caller: Caller) -> Ending:
    """Revoke a key; its sessions end."""
    name = api_keys.revoke(connection, project, key)
    if name is None:
        raise ApiKeyNotFound(f"project {project} has no key {key}")
    ended = end(connection, API_KEY_PREFIX + key, project=project)
    done = by(caller, "key.revoke", key, name=name, ended=len(ended))
    record(connection, project, done)
    return changed(connection, ended)


def hashed(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def is_secret_of(key: KeyRow, secret: str) -> bool:
    """Whether this is a key's secret, alone or in the whole token."""
    alone = secret.removeprefix(f"hdl_{key.key}_")
    return hmac.compare_digest(hashed(alone), key.secret_hash)


def _check(request: CreateApiKey) -> None:
    check_name("name", request.name)
    if not request.name.strip():
        raise InvalidRequest("name says what the key is for: it must not be empty")
    if request.role not in PEOPLE:
        raise InvalidRequest(
            f"a key cannot be {request.role}: use owner, operator or viewer"
        )
    if request.valid_s is not None and not 1 <= request.valid_s <= LONGEST_VALID_S:
        raise InvalidRequest(
            f"valid_s is {request.valid_s}: a key may be valid for 1 to "
            f"{LONGEST_VALID_S} seconds, or without end"
        )


def _told(row: KeyRow, token: str = "") -> ApiKey:
    return ApiKey(
        key=row.key,
        name=row.name,
        role=Role(row.role),
        created_by=row.created_by,
        created_at_ms=unix_ms(row.created_at),
        last_used_at_ms=None if row.last_used_at is None else unix_ms(row.last_used_at),
        expires_at_ms=None if row.expires_at is None else unix_ms(row.expires_at),
        token=token,
    )
