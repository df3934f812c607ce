"""Tells the backend whom the router refused, for the audit trail.

Noting takes a dictionary's time and never waits; telling happens beside, when a backend
is there. What sessions in the fleet were refused is counted apart from what strangers
were, so that no flood of strangers hides a colleague.
"""

from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from heddle.contract.audit import ROUTER_REFUSED, ProjectRefusal, ReportRefusal
from heddle.contract.declare import (
    ID,
    SYSTEM_REALM,
    FleetError,
    Role,
    StorageUnavailable,
)
from heddle.contract.gate import DeviceKey, RealmUnknown
from heddle.wamp.session import CallTimedOut, ConnectionLost, NotServed, Session
from heddle.wamp.spawn import spawn
from services.gatekeeper.admission import project_of
from services.gatekeeper.tally import Kind, Tally

log = Logger()

TELL_EVERY_S = 1.0
RETRY_AFTER_S = 10.0
TOLD_WITHIN_S = 10.0
_SHOWN = 200
_CUT = "router.slow"
_PASSING = (NotServed, ConnectionLost, CallTimedOut, StorageUnavailable)
_TRUSTED = frozenset({Role.BACKEND, Role.FLEETDATA, Role.GATEKEEPER})


class Refusals:
    """Counts, and tells by the gatekeeper's session."""

    def __init__(self, session: Session, clock: IReactorTime) -> None:
        self._session = session
        self._clock = clock
        self._inside, self._outside = self._tallies = Tally(), Tally()
        self._next: IDelayedCall | None = None
        self._telling = False

    def action(self, realm: str, who: Role, authid: str, action: str, uri: str) -> None:
        """Somebody in a realm tried what their role may not."""
        if who not in _TRUSTED:
            kind = Kind(
                _project(realm), _shown(authid), who, f"router.{action}", _shown(uri)
            )
            self._note(self._inside, kind, f"{who.value} may not {action} this")

    def dropped(self, session: Any, why: str) -> None:
        """A connection was cut, for it does not take what is sent to it."""
        realm, who = session._realm, session._authrole
        log.warn(
            "cut {peer} ({authid} in {realm}): {why}",
            peer=session._transport.peer,
            authid=session._authid,
            realm=realm,
            why=why,
        )
        if who is not None and who not in _TRUSTED:
            kind = Kind(_project(realm), _shown(session._authid), who, _CUT, "")
            self._note(self._inside, kind, why)

    def joining(
        self,
        realm: str | None,
        claimed: str | None,
        action: str,
        why: FleetError,
        device: DeviceKey | None = None,
    ) -> None:
        """Somebody was not let in; who they say they are need not be true.

        With ``device`` it is that one's key, refused outside its own project.
        """
        actor = claimed if claimed is not None and ID.fullmatch(claimed) else ""
        kind = Kind(_project(realm), actor, "", action, _shown(realm or ""))
        if device is not None:
            role = Role.AGENT.value
            kind = Kind(device.project, device.device, role, action, kind.subject)
        self._note(self._outside, kind, str(why))

    def _note(self, tally: Tally, kind: Kind, detail: str) -> None:
        tally.note(kind, _shown(detail), self._clock.seconds())
        if not self._telling:
            self._look_soon()

    def _look_soon(self) -> None:
        """Look again when there is something to tell, or to forget."""
        moments = [at_s for t in self._tallies if (at_s := t.next_at_s()) is not None]
        if self._next is not None and self._next.active():
            self._next.cancel()
        if moments:
            wait_s = max(TELL_EVERY_S, min(moments) - self._clock.seconds())
            self._next = self._clock.callLater(wait_s, self._look)

    def _look(self) -> None:
        spawn(self._tell_all(), "telling of refusals")

    async def _tell_all(self) -> None:
        self._telling = True
        try:
            for tally in self._tallies:
                await self._tell(tally)
        finally:
            self._telling = False
            self._look_soon()

    async def _tell(self, tally: Tally) -> None:
        heard = True
        for kind, detail, times in list(tally.due(self._clock.seconds())):
            heard = heard and await self._told(kind, detail, times)
            if not heard:
                tally.untold(kind, times, self._clock.seconds() + RETRY_AFTER_S)

    async def _told(self, kind: Kind, detail: str, times: int) -> bool:
        report = ReportRefusal(
            actor=kind.actor,
            role=kind.role,
            action=kind.action,
            subject=kind.subject,
            detail=detail,
            times=times,
        )
        try:
            await self._session.call(
                ROUTER_REFUSED,
                ProjectRefusal(project=kind.project, refusal=report),
                timeout_s=TOLD_WITHIN_S,
            )
        except _PASSING as error:
            log.debug("not told of a refusal: {why}", why=str(error))
            return False
        except FleetError as error:  # it would be the same the next time
            log.warn("a refusal is not in the trail: {why}", why=str(error))
        return True


def _project(realm: str | None) -> str | None:
    if realm is None or realm == SYSTEM_REALM:
        return None
    try:
        project = project_of(realm)
    except RealmUnknown:
        return None
    return project if ID.fullmatch(project) else None


def _shown(text: str) -> str:
    """What may stand on one line of the trail."""
    return "".join(c if c.isprintable() else "?" for c in text[:_SHOWN])
