"""The gate itself: what is known, and what it means for sessions now and to come."""

from collections.abc import Iterable, Mapping
from typing import Any

from heddle.contract.declare import (
    PEOPLE,
    SYSTEM_REALM,
    InvalidRequest,
    Role,
    check_id,
    project_realm,
)
from heddle.contract.gate import (
    DeviceKey,
    Directory,
    Done,
    OpenRealm,
    RevokeDevice,
)
from heddle.wamp.session import Caller
from services.gatekeeper.admission import (
    Admission,
    admit_key,
    admit_ticket,
    project_of,
)
from services.gatekeeper.directory import Known
from services.gatekeeper.passwords import Passwords
from services.gatekeeper.principals import PUBLIC_KEY, Principal
from services.gatekeeper.realms import Realms

_MEMBERS = PEOPLE | {Role.AGENT}


class Gate:
    """Answers the router's questions and does what the backend tells."""

    def __init__(
        self,
        known: Known,
        principals: Mapping[str, Principal],
        realms: Realms,
        passwords: Passwords,
    ) -> None:
        self._known = known
        self._principals = principals
        self._realms = realms
        self._passwords = passwords

    async def open(self) -> None:
        """Make the realms of all that is known."""
        self._realms.open_system()
        for project in sorted(self._known.projects):
            await self._realms.open_project(project)

    async def key(
        self, realm: str | None, _authid: str | None, details: Mapping[str, Any]
    ) -> Admission:
        """Who the holder of a key will be; the router then has it sign a challenge."""
        key = (details.get("authextra") or {}).get("pubkey")
        return admit_key(self._known, self._principals, realm, key)

    async def ticket(
        self, realm: str | None, authid: str | None, details: Mapping[str, Any]
    ) -> Admission:
        """Who the bearer of a password or of the backend's ticket is."""
        if realm != SYSTEM_REALM:
            return admit_ticket(self._known, realm, authid, details["ticket"])
        peer = str(details["transport"].get("peer", "")).rpartition(":")[0]
        return await self._passwords.check(authid, details["ticket"], peer)

    def welcomes(self, realm: str, role: str, authid: str) -> bool:
        """Whether a session that has proved itself is still wanted as it joins."""
        if realm == SYSTEM_REALM:
            return True
        project = project_of(realm)
        if role == Role.AGENT:
            return self._known.has_device(project, authid)
        return project in self._known.projects

    async def set_directory(self, directory: Directory, _caller: Caller) -> Done:
        """Know this and nothing else."""
        for project in directory.projects:
            check_id("project", project)
        for device in directory.devices:
            _check(device)
        _check_key("ticket_key", directory.ticket_key)
        gone = self._known.projects - set(directory.projects)
        ended = self._known.replace_all(directory)
        for project in directory.projects:
            await self._realms.open_project(project)
        self._cut(ended)
        for project in gone:
            self._realms.cut(project_realm(project), _MEMBERS)
        return Done()

    async def open_realm(self, request: OpenRealm, _caller: Caller) -> Done:
        """Make a project's realm."""
        self._known.open_project(check_id("project", request.project))
        await self._realms.open_project(request.project)
        return Done()

    async def admit_device(self, device: DeviceKey, _caller: Caller) -> Done:
        """Let a device's key join; another key it had is cut."""
        _check(device)
        self._cut(self._known.admit(device))
        await self._realms.open_project(device.project)
        return Done()

    async def revoke_device(self, request: RevokeDevice, _caller: Caller) -> Done:
        """Forget a device's key and cut its session."""
        self._cut(self._known.revoke(request.project, request.device))
        return Done()

    def _cut(self, ended: Iterable[DeviceKey]) -> None:
        for one in ended:
            self._realms.cut(
                project_realm(one.project), frozenset({Role.AGENT}), one.device
            )


def _check(device: DeviceKey) -> None:
    check_id("project", device.project)
    check_id("device", device.device)
    _check_key(f"public_key of {device.device}", device.public_key)


def _check_key(name: str, key: str) -> None:
    if not PUBLIC_KEY.fullmatch(key):
        raise InvalidRequest(f"{name} must be 64 hex digits")
