"""Keys that change, and devices that go: what ends what a key opens.

The database decides; the gatekeeper is told after it, and anew at each join, so that a
crash in between leaves no key open for longer than until the next join.
"""

import re

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from typing_extensions import override

from heddle.contract.alarms import DeviceOffline
from heddle.contract.declare import FleetError, check_id
from heddle.contract.devices import DeviceNotFound
from heddle.contract.upkeep import (
    DECOMMISSION,
    OFFER_KEY,
    RETIRE,
    Decommission,
    Decommissioned,
    KeyInvalid,
    KeyTaken,
    OfferKey,
    Retire,
)
from heddle.wamp.session import Caller, CallTimedOut, ConnectionLost, NotServed, Session
from heddle.wamp.spawn import spawn
from services.backend.audit import by, record
from services.backend.fleet.presence import Online
from services.backend.gate import Gate
from services.backend.realm import Part, Serve
from services.backend.store import devices, gate
from services.backend.store.database import Connection, Database

log = Logger()

ADMIT_AFTER_S = 0.5  # the answer goes first: telling the gatekeeper cuts the session
RETIRE_WITHIN_S = 60.0
_KEY = re.compile(r"[0-9a-f]{64}")


class Departures(Part):
    """Serves the procedures of one project."""

    def __init__(
        self,
        clock: IReactorTime,
        database: Database,
        project: str,
        *,
        online: Online,
        gate: Gate,
    ) -> None:
        self._clock = clock
        self._database = database
        self._project = project
        self._online = online
        self._gate = gate
        self._session: Session | None = None

    @override
    async def settle(self, session: Session, serve: Serve) -> None:
        """Serve what is ours, and speak to devices by this session."""
        self._session = session
        await serve(OFFER_KEY, self.rekey)
        await serve(DECOMMISSION, self.decommission)

    @override
    def left(self) -> None:
        """There is no session to speak by."""
        self._session = None

    async def rekey(self, request: OfferKey, caller: Caller) -> KeyTaken:
        """Serve OFFER_KEY; the device is the caller."""
        key, device = request.public_key.lower(), caller.authid
        if not _KEY.fullmatch(key):
            raise KeyInvalid("an ed25519 public key is 64 hex digits")
        change = await self._database(rekey, self._project, device, key, caller)
        log.info(
            "{device} of {project} has a new key", device=device, project=self._project
        )
        spawn(
            self._admit(device, key, change),
            "admitting the new key of {device}",
            device=device,
        )
        return KeyTaken()

    async def decommission(
        self, request: Decommission, caller: Caller
    ) -> Decommissioned:
        """Serve DECOMMISSION."""
        device = check_id("device", request.device)
        if not await self._database(devices.exists, self._project, device):
            raise DeviceNotFound(f"project {self._project} has no device {device}")
        told = await self._told(device, force=request.force)
        change = await self._database(
            forget, self._project, device, caller, told=told, forced=request.force
        )
        await self._gate.revoke(self._project, device, change)
        log.warn(
            "{by} has taken {device} out of {project}",
            by=caller.authid,
            device=device,
            project=self._project,
        )
        return Decommissioned(told=told)

    async def _told(self, device: str, *, force: bool) -> bool:
        """Have the device end. Raises what it refuses, and ``DeviceOffline``."""
        session = self._session
        why = f"{device} is offline"
        if session is not None and self._online.has(device):
            try:
                await session.call(
                    RETIRE,
                    Retire(force=force),
                    timeout_s=RETIRE_WITHIN_S,
                    device=device,
                )
            except (NotServed, CallTimedOut, ConnectionLost) as error:
                why = f"{device} does not answer: {error}"
            except FleetError:
                if not force:
                    raise
                why = f"{device} could not end"
            else:
                return True
        if not force:
            raise DeviceOffline(
                f"{why}; wait until it is back, or force: then its key is revoked, and "
                "what is on it stays there"
            )
        return False

    async def _admit(self, device: str, key: str, change: int) -> None:
        await deferLater(self._clock, ADMIT_AFTER_S)
        try:
            await self._gate.admit(self._project, device, key, change)
        except FleetError as error:  # at its next join the gatekeeper learns all
            log.warn("the router does not know the key yet: {why}", why=str(error))


def rekey(
    connection: Connection, project: str, device: str, key: str, caller: Caller
) -> int:
    """Replace the key. Raises ``KeyInvalid`` and ``DeviceNotFound``."""
    if devices.is_anothers(connection, project, device, key):
        raise KeyInvalid("this key is another device's already")
    if not devices.rekey(connection, project, device, key):
        raise DeviceNotFound(f"project {project} has no device {device} any more")
    record(connection, project, by(caller, "device.rekey", device, public_key=key))
    return gate.changed(connection)


def forget(
    connection: Connection,
    project: str,
    device: str,
    caller: Caller,
    *,
    told: bool,
    forced: bool,
) -> int:
    """Take a device out of the project; another may have done so meanwhile."""
    if devices.delete(connection, project, device):
        done = by(caller, "device.decommission", device, told=told, forced=forced)
        record(connection, project, done)
    return gate.changed(connection)
