"""``If-Match``: a change is made only to what whoever asks has seen.

What has revisions is named here, with the procedure that tells the present one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heddle.contract.dashboards import GET_DASHBOARD, DashboardChanged
from heddle.contract.declare import FleetError, Procedure
from heddle.contract.lifecycle import GET_FLOW, FlowChanged
from heddle.wamp.session import Session
from services.gateway.problems import Unseen
from services.gateway.route import Precondition, Route

_ETAG = re.compile(r'"?([0-9]{1,9})(?:\.[0-9]{1,9})?"?')


@dataclass(frozen=True, slots=True)
class _Revised:
    """A thing with revisions; its id's name is its field in ``get``'s request, too."""

    get: Procedure[Any, Any]
    changed: type[FleetError]


_REVISED = {
    "flow": _Revised(GET_FLOW, FlowChanged),
    "dashboard": _Revised(GET_DASHBOARD, DashboardChanged),
}


def revision_of(etag: str) -> int | None:
    """The revision that an ETag names; None if it is none of ours."""
    found = _ETAG.fullmatch(etag)
    return int(found[1]) if found is not None else None


async def expected(
    route: Route, ids: Mapping[str, str], if_match: str | None, session: Session
) -> dict[str, Any]:
    """The request's field that says which revision is to be changed, if any.

    Raises ``Unseen`` where the route needs to be told, and the thing's own error for
    what is no ETag of it.
    """
    if route.precondition is Precondition.NONE:
        return {}
    name = next(name for name in _REVISED if name in ids)
    thing, its_id = _REVISED[name], ids[name]
    match = (if_match or "").strip()
    if not match:
        if route.precondition is Precondition.NEEDED:
            raise Unseen(
                f"this needs If-Match with the {name}'s ETag, as GET tells it, so "
                "that nobody's change is lost unseen; `If-Match: *` does without"
            )
        return {}
    if match == "*":
        found = await session.call(thing.get, thing.get.request(**{name: its_id}))
        return {"if_revision": found.revision}
    if (revision := revision_of(match)) is None:
        raise thing.changed(f"{match[:40]} is no ETag of {name} {its_id}: get it again")
    return {"if_revision": revision}
