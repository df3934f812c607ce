"""The gate itself: what is known, and what it means for sessions now and to come."""

from collections.abc import Iterable, Mapping
from typing import Any

from twisted.internet.interfaces import IReactorTime

from heddle.contract.declare import (
    PEOPLE,
    SYSTEM_REALM,
    InvalidRequest,
    Role,
    check_id,
    project_realm,
)
from heddle.contract.gate import (
    CutPerson,
    DeviceKey,
    Directory,
    Done,
    ExtendSession,
    KeyOfAnotherProject,
    KeyUnknown,
    OpenRealm,
    RevokeDevice,
    RevokeSession,
    TicketInvalid,
    TooManyAttempts,
)
from heddle.contract.people import LoginRefused
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
from services.gatekeeper.refusals import Refusals

_MEMBERS = PEOPLE | {Role.AGENT}
_JOIN, _LOGIN = "router.join", "router.login"


class Gate:
    """Answers the router's questions and does what the backend tells."""

    def __init__(
        self,
        known: Known,
        principals: Mapping[str, Principal],
        realms: Realms,
        passwords: Passwords,
        refusals: Refusals,
        clock: IReactorTime,
    ) -> None:
        self._known = known
        self._principals = principals
        self._realms = realms
        self._passwords = passwords
        self._refusals = refusals
        self._clock = clock

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
        try:
            return admit_key(self._known, self._principals, realm, key)
        except KeyUnknown as why:
            self._refusals.joining(realm, str(key).lower(), _JOIN, why)
            raise
        except KeyOfAnotherProject as why:
            device = self._known.device_of(str(key))
            self._refusals.joining(realm, None, _JOIN, why, device)
            raise

    async def ticket(
        self, realm: str | None, authid: str | None, details: Mapping[str, Any]
    ) -> Admission:
        """Who the bearer of a password or of the backend's ticket is."""
        try:
            if realm != SYSTEM_REALM:
                return admit_ticket(self._known, realm, authid, details["ticket"])
            kind_and_host = str(details["transport"].get("peer", "")).rpartition(":")[0]
            peer = kind_and_host.partition(":")[2].strip("[]")
            return await self._passwords.check(authid, details["ticket"], peer)
        except (LoginRefused, TooManyAttempts, TicketInvalid) as why:
            action = _LOGIN if realm == SYSTEM_REALM else _JOIN
            self._refusals.joining(realm, authid, action, why)
            raise

    def welcomes(self, realm: str, role: str, authid: str, session: str) -> bool:
        """Whether a session that has proved itself is still wanted as it joins."""
        if realm == SYSTEM_REALM:
            return True
        project = project_of(realm)
        if role == Role.AGENT:
            return self._known.has_device(project, authid)
        ended = session and self._known.has_ended(project, session)
        return project in self._known.projects and not ended

    async def set_directory(self, directory: Directory, _caller: Caller) -> Done:
        """Know this and nothing else."""
        for project in directory.projects:
            check_id("project", project)
        for device in directory.devices:
            _check(device)
        for one in directory.revoked:
            check_id("project", one.project)
            check_id("session", one.session)
        _check_key("ticket_key", directory.ticket_key)
        before = self._known.projects
        ended = self._known.replace_all(directory)
        gone = before - self._known.projects
        for project in sorted(self._known.projects):
            await self._realms.open_project(project)
        self._cut(ended)
        for one in directory.revoked:
            self._realms.cut_session(
                project_realm(one.project), frozenset({one.session})
            )
        for project in gone:
            self._realms.cut(project_realm(project), _MEMBERS)
        return Done()

    async def open_realm(self, request: OpenRealm, _caller: Caller) -> Done:
        """Make a project's realm."""
        check_id("project", request.project)
        self._known.tell(request)
        await self._realms.open_project(request.project)
        return Done()

    async def admit_device(self, device: DeviceKey, _caller: Caller) -> Done:
        """Let a device's key join; another key it had is cut."""
        _check(device)
        self._cut(self._known.tell(device))
        await self._realms.open_project(device.project)
        return Done()

    async def revoke_device(self, request: RevokeDevice, _caller: Caller) -> Done:
        """Forget a device's key and cut its session."""
        self._cut(self._known.tell(request))
        return Done()

    async def revoke_session(self, request: RevokeSession, _caller: Caller) -> Done:
        """Refuse a person's session from now on, and cut its connections."""
        check_id("session", request.session)
        self._known.forget_ended(self._clock.seconds() * 1000)
        self._known.tell(request)
        self._realms.cut_session(
            project_realm(request.project), frozenset({request.session})
        )
        return Done()

    async def extend_session(self, request: ExtendSession, _caller: Caller) -> Done:
        """Let a person's session stay for longer."""
        check_id("session", request.session)
        realm = project_realm(request.project)
        self._realms.extend(realm, request.session, request.until_ms / 1000)
        return Done()

    async def cut_person(self, request: CutPerson, _caller: Caller) -> Done:
        """Cut a person's connections in the system realm."""
        self._realms.cut(SYSTEM_REALM, frozenset({Role.PERSON}), request.user)
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
