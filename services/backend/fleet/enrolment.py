"""Enrolment: a one-time code turns an unknown key into a device of a project.

A code is told once and kept as a hash. Redeeming is one transaction that locks the
code's row; the same key redeeming again gets the same answer, so that a device whose
answer was lost on the way can simply ask again.
"""

import hashlib
import re
import secrets
from datetime import datetime
from functools import partial
from typing import NamedTuple

from twisted.logger import Logger
from typing_extensions import override

from heddle.contract.declare import (
    InvalidRequest,
    NotPermitted,
    check_id,
    project_realm,
)
from heddle.contract.devices import (
    CREATE_CODE,
    CodeExpired,
    CodeUnknown,
    CodeUsed,
    CreateCode,
    DeviceExists,
    Enrolled,
    EnrolmentCode,
    RedeemCode,
)
from heddle.wamp.session import Caller, Session
from services.backend.audit import by, record
from services.backend.flows.release_keys import ReleaseKeys
from services.backend.gate import Gate
from services.backend.realm import Part, Serve
from services.backend.store import codes, devices, gate
from services.backend.store.database import Connection, Database
from services.backend.times import unix_ms

log = Logger()

LONGEST_VALID_S = 31 * 24 * 3600
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
_MISREAD = str.maketrans("OIL", "011")


class Redeemed(NamedTuple):
    """Which device a key has become, by which change."""

    project: str
    device: str
    change: int


class Enrolment:
    """Makes codes and redeems them."""

    def __init__(self, database: Database, gate: Gate, keys: ReleaseKeys) -> None:
        self._database = database
        self._gate = gate
        self._keys = keys

    async def create(
        self, project: str, request: CreateCode, caller: Caller
    ) -> EnrolmentCode:
        """Serve CREATE_CODE."""
        device = check_id("device", request.device or f"device_{secrets.token_hex(4)}")
        if not 1 <= request.valid_s <= LONGEST_VALID_S:
            raise InvalidRequest(
                f"valid_s is {request.valid_s}: a code may be valid for 1 to "
                f"{LONGEST_VALID_S} seconds"
            )
        code = make_code()
        expires_at = await self._database(
            keep_code,
            code,
            project,
            device,
            request.kind.value,
            caller.authid,
            request.valid_s,
            caller,
        )
        log.info(
            "{by} made an enrolment code for {device} in {project}",
            by=caller.authid,
            device=device,
            project=project,
        )
        return EnrolmentCode(
            code=code, device=device, expires_at_ms=unix_ms(expires_at)
        )

    async def redeem(self, request: RedeemCode, caller: Caller) -> Enrolled:
        """Serve REDEEM_CODE; the key is the caller's authid, as the gatekeeper gave it.

        Replies when the gatekeeper lets the device in.
        """
        key = caller.authid
        project, device, change = await self._database(redeem, request.code, caller)
        await self._gate.admit(project, device, key, change)
        log.info("{device} is enrolled in {project}", device=device, project=project)
        return Enrolled(
            project=project,
            realm=project_realm(project),
            device=device,
            release_key=await self._keys.public(project),
        )


def make_code() -> str:
    """A readable code of 80 random bits, e.g. ``7K3M-9QXA-0C5T-WWE2``."""
    return "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4)
    )


def code_hash(code: str) -> bytes:
    """What is kept of a code; blind to case, dashes, and letters misread as digits."""
    normal = re.sub(r"[^0-9A-Z]", "", code.upper()).translate(_MISREAD)
    return hashlib.sha256(normal.encode()).digest()


def keep_code(
    connection: Connection,
    code: str,
    project: str,
    device: str,
    kind: str,
    created_by: str,
    valid_s: int,
    caller: Caller | None = None,
) -> datetime:
    """Keep a code for a device to come; a former open code for it ends."""
    if devices.exists(connection, project, device):
        raise DeviceExists(
            f"project {project} has a device {device} already: choose another id"
        )
    expires_at = codes.insert(
        connection, code_hash(code), project, device, kind, created_by, valid_s
    )
    if caller is not None:
        record(connection, project, by(caller, "device.code", device, kind=kind))
    return expires_at


def redeem(connection: Connection, code: str, caller: Caller) -> Redeemed:
    """Turn the caller's key into the code's device, once."""
    hashed, public_key = code_hash(code), caller.authid
    found = codes.lock(connection, hashed)
    if found is None:
        raise CodeUnknown("there is no such enrolment code: check it for typing errors")
    project, device = found.project, found.device
    if found.redeemed_key is not None:
        change = gate.changed(connection)  # first: the device cannot go meanwhile
        if (
            found.redeemed_key
            == public_key
            == devices.key_of(connection, project, device)
        ):
            return Redeemed(project, device, change)
        raise CodeUsed(
            "the enrolment code has been used by another key: ask for a new one"
        )
    if found.expired:
        raise CodeExpired(
            f"the enrolment code expired at {found.expires_at:%Y-%m-%d %H:%M:%S} UTC: "
            "ask for a new one"
        )
    if devices.exists(connection, project, device):
        raise DeviceExists(
            f"project {project} has a device {device} already: ask for a code for "
            "another id"
        )
    if not devices.insert(connection, project, device, found.kind, public_key):
        raise NotPermitted("this key is a device already: it needs no code")
    codes.redeemed(connection, hashed, public_key)
    record(connection, project, by(caller, "device.enrol", device, kind=found.kind))
    return Redeemed(project, device, gate.changed(connection))


class Codes(Part):
    """Serves the making of codes for one project."""

    def __init__(self, enrolment: Enrolment, project: str) -> None:
        self._enrolment = enrolment
        self._project = project

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(CREATE_CODE, partial(self._enrolment.create, self._project))
