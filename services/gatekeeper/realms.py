"""Makes realms in the running router, with the contract's permissions in each.

A realm is never removed: Crossbar 26.10 cannot stop one without harm. A project that
is gone is refused at the gate instead.
"""

from collections.abc import Container, Iterator
from typing import Any

from twisted.logger import Logger

from heddle.contract.declare import PEOPLE, SYSTEM_REALM, Role, Scope, project_realm
from services.gatekeeper.guard import GuardedSession, cut
from services.gatekeeper.roles import ContractRole, Refused

log = Logger()

_ROLES = {
    Scope.SYSTEM: (
        Role.BACKEND,
        Role.FLEETDATA,
        Role.GATEKEEPER,
        Role.ENROLLING,
        Role.PERSON,
    ),
    Scope.PROJECT: (Role.BACKEND, Role.FLEETDATA, Role.AGENT, *sorted(PEOPLE)),
}


class Realms:
    """The realms of one router worker."""

    def __init__(self, controller: Any, refused: Refused) -> None:
        self._controller = controller
        self._refused = refused

    async def open_project(self, project: str) -> None:
        """Make a project's realm if it is not there."""
        realm = project_realm(project)
        if self._controller.has_realm(realm):
            return
        await self._controller.start_router_realm(realm, {"name": realm})
        self._add_roles(realm, Scope.PROJECT)
        log.info("opened realm {realm}", realm=realm)

    def open_system(self) -> None:
        """Put the contract's permissions into the configured system realm."""
        self._add_roles(SYSTEM_REALM, Scope.SYSTEM)

    def cut(self, realm: str, roles: Container[str], authid: str | None = None) -> None:
        """Close the connections of sessions in these roles; of one name, if given."""
        for session in self._sessions(realm):
            if session._authrole in roles and authid in (None, session._authid):
                log.info("cut {authid} in {realm}", authid=session._authid, realm=realm)
                cut(session)

    def cut_session(self, realm: str, sessions: Container[str]) -> None:
        """Close the connections that tickets of these sessions opened."""
        for one in self._with_tickets(realm):
            if one.ticket_session in sessions:
                log.info("cut {authid} in {realm}", authid=one._authid, realm=realm)
                cut(one)

    def extend(self, realm: str, session: str, until_s: float) -> None:
        """Let the connections of a session stay until then."""
        for one in self._with_tickets(realm):
            if one.ticket_session == session:
                one.stay_until(until_s)

    def _with_tickets(self, realm: str) -> Iterator[GuardedSession]:
        for one in self._sessions(realm):
            if isinstance(one, GuardedSession) and one.ticket_session:
                yield one

    def _sessions(self, realm: str) -> list[Any]:
        if not self._controller.has_realm(realm):
            return []
        router = self._controller.realm_by_name(realm).router
        return list(router._session_id_to_session.values())

    def _add_roles(self, realm: str, scope: Scope) -> None:
        found = self._controller.realm_by_name(realm)
        for role in _ROLES[scope]:
            if role not in found.role_to_id:
                self._controller.start_router_realm_role(
                    self._controller.realm_to_id[realm],
                    role.value,
                    {"name": role.value},
                )
            found.router.add_role(
                ContractRole(found.router, role, scope, self._refused)
            )
