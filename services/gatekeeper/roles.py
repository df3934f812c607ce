"""The router's permissions: every action of every session is asked of the contract.

Crossbar's own rules are not used. Its cache forgets who asked, and its static wildcard
rules overwrite each other; here nothing is cached and nothing is configured. Who acts
is always disclosed, because services know a device by its authid.
"""

from collections.abc import Callable, Mapping
from typing import Any

from crossbar.router.role import RouterRole
from typing_extensions import override

from heddle.contract.declare import Role, Scope
from heddle.contract.permissions import Action, Match, allows

Refused = Callable[[str, Role, str, str, str], None]
"""Hears of realm, role and name of who was refused, what, and where."""


class ContractRole(RouterRole):  # type: ignore[misc]
    """One role of one realm."""

    def __init__(self, router: Any, role: Role, scope: Scope, refused: Refused) -> None:
        super().__init__(router, role.value)
        self._refused = refused
        self._role = role
        self._scope = scope

    @override
    def authorize(
        self, session: Any, uri: str, action: str, options: Mapping[str, Any]
    ) -> dict[str, bool]:
        """Crossbar's question, answered from the contract."""
        allowed = not options.get("retain") and allows(
            self._role,
            session._authid,
            self._scope,
            Action(action),
            uri,
            Match(options.get("match", Match.EXACT)),
        )
        if not allowed:
            self._refused(session._realm, self._role, session._authid, action, uri)
        return {"allow": allowed, "disclose": True, "cache": False}
