"""The gatekeeper, embedded in the router worker on the system realm.

It is ready, with every realm it knew before, when the router opens its transports. The
router asks it about each key and ticket; the backend tells it of projects and devices.
A defect here is logged with a reference and refuses the session; its text never leaks.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp.exception import ApplicationError
from msgspec import convert
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from typing_extensions import override

from heddle.contract.declare import FleetError, InternalError
from heddle.contract.gate import (
    ADMIT_DEVICE,
    AUTHENTICATE_KEY,
    AUTHENTICATE_TICKET,
    CUT_PERSON,
    EXTEND_SESSION,
    OPEN_REALM,
    REVOKE_DEVICE,
    REVOKE_SESSION,
    SET_DIRECTORY,
)
from heddle.wamp.heap import freeze_heap
from heddle.wamp.session import Session
from heddle.wamp.uncoloured import leave_uncoloured
from services.gatekeeper.admission import Admission
from services.gatekeeper.certificates import secure
from services.gatekeeper.connections import JOIN_WITHIN_S
from services.gatekeeper.directory import Known
from services.gatekeeper.door import Crowd, mind_the_doors, open_more_files
from services.gatekeeper.gate import Gate
from services.gatekeeper.guard import ByTicket, Patience, guard
from services.gatekeeper.passwords import Passwords
from services.gatekeeper.plain_cbor import read_plain_cbor_only
from services.gatekeeper.pressure import Allowance
from services.gatekeeper.principals import load_principals
from services.gatekeeper.realms import Realms
from services.gatekeeper.refusals import Refusals
from services.gatekeeper.throttle import Arrivals
from services.gatekeeper.website import serve_small_requests

log = Logger()

# A library of Crossbar's (py_ecc) raises it to 100,000: lists in lists without end then
# cost the router, which joins and logs that many frames, more than half a minute.
DEEPEST_CALL = 1_000

Details = dict[str, Any]
Authenticate = Callable[[str | None, str | None, Details], Awaitable[Admission]]


class Gatekeeper(ApplicationSession):  # type: ignore[misc]
    """Composes the gatekeeper when the router starts it."""

    @override
    async def onJoin(self, details: Any) -> None:
        """Open the realms, guard the transports to come, and serve."""
        sys.setrecursionlimit(DEEPEST_CALL)
        leave_uncoloured()
        if self.config.extra.get("freeze_heap", False):  # the process is its own
            open_more_files()
        controller = self._transport._router._factory.worker
        clock = controller._reactor
        session = Session(self, clock, details.authid, details.realm)
        extra = self.config.extra
        refusals = Refusals(session, clock)
        gate = Gate(
            Known(Path(extra["cbdir"]) / "gatekeeper.json"),
            load_principals(Path(extra["cbdir"]) / extra["principals"]),
            Realms(controller, refusals.action),
            Passwords(session, clock),
            refusals,
            clock,
        )
        await gate.open()
        _guard_ports(controller, extra, gate, refusals)
        secure(heeds_hangup=extra.get("heeds_hangup", False))
        await self.register(answering(gate.key), AUTHENTICATE_KEY)
        await self.register(answering(gate.ticket), AUTHENTICATE_TICKET)
        await session.serve(SET_DIRECTORY, gate.set_directory)
        await session.serve(OPEN_REALM, gate.open_realm)
        await session.serve(ADMIT_DEVICE, gate.admit_device)
        await session.serve(REVOKE_DEVICE, gate.revoke_device)
        await session.serve(REVOKE_SESSION, gate.revoke_session)
        await session.serve(EXTEND_SESSION, gate.extend_session)
        await session.serve(CUT_PERSON, gate.cut_person)
        if extra.get("freeze_heap", False):
            freeze_heap()

    @override
    def onUserError(self, fail: Any, msg: str) -> None:
        """Errors that are answers are no news; anything else is a defect."""
        if not fail.check(ApplicationError):
            log.failure("gatekeeper: {msg}", failure=fail, msg=msg)


def _guard_ports(
    controller: Any, extra: Mapping[str, Any], gate: Gate, refusals: Refusals
) -> None:
    """Before the router opens them."""
    clock = controller._reactor
    patience = Patience(
        extra.get("patience_s", JOIN_WITHIN_S), Allowance(**extra.get("keeps", {}))
    )
    crowd = convert(extra.get("crowd", {}), Crowd)
    arrivals = Arrivals(crowd.pace)
    read_plain_cbor_only()
    mind_the_doors(crowd, arrivals, clock)
    serve_small_requests()
    guard(controller, clock, patience, arrivals, gate.welcomes, refusals.dropped)


def answering(authenticate: Authenticate) -> Callable[..., Deferred[Details]]:
    """WAMP's dynamic authenticator over one of ours."""

    async def answer(
        realm: str | None, authid: str | None, details: Details
    ) -> Details:
        try:
            admission = await authenticate(realm, authid, details)
        except FleetError as refusal:
            raise ApplicationError(refusal.uri, str(refusal)) from None
        except Exception:  # noqa: BLE001 -- the boundary: nothing internal leaks
            reference = uuid4().hex[:8]
            log.failure("authentication failed [{reference}]", reference=reference)
            raise ApplicationError(
                InternalError.uri, f"internal error, log reference {reference}"
            ) from None
        return {
            "realm": admission.realm,
            "role": admission.role.value,
            "authid": admission.authid,
            "pubkey": (details.get("authextra") or {}).get("pubkey"),
            "extra": ByTicket(admission.session, admission.until_s).extra(),
        }

    def entry(*args: Any) -> Deferred[Details]:
        return Deferred.fromCoroutine(answer(*args))

    return entry
