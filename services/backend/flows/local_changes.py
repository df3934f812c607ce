"""Changes made on devices of one project: taken as a flow's next version, or not.

The centre decides: a change is taken if what it was based on is still the newest
version, or if it says what the newest says. Else it is a conflict, and the newest
stands. Each is kept with its workflow, so that nobody's work is lost, and each is
decided once: a repeat after a lost answer is answered as the first time.
"""

from dataclasses import replace
from datetime import UTC, datetime

from twisted.logger import Logger
from typing_extensions import override

from heddle.contract.audit import AuditOutcome
from heddle.contract.declare import InvalidRequest, NotPermitted, check_id
from heddle.contract.local_changes import (
    LIST_LOCAL_CHANGES,
    OFFER_CHANGE,
    ChangeDecided,
    ChangeKind,
    ChangeOutcome,
    ListLocalChanges,
    LocalChange,
    LocalChangeList,
    OfferChange,
)
from heddle.wamp.session import Caller, Session
from services.backend.audit import Entry, by, record
from services.backend.flows.keeping import take_from_device
from services.backend.flows.text import check_workflow, definition_text, equal
from services.backend.realm import Part, Serve
from services.backend.store import flows, local_changes
from services.backend.store.database import Connection, Database
from services.backend.store.flows import FlowVersionRow
from services.backend.store.local_changes import LocalChangeRow
from services.backend.times import unix_ms

log = Logger()

MOST = 1000  # in one reply
_LATEST_MS = 253_402_300_799_000  # the year 9999
_LARGEST_VERSION = 2**31 - 1


class LocalChanges(Part):
    """Serves the procedures about changes made on devices of one project."""

    def __init__(self, database: Database, project: str) -> None:
        self._database = database
        self._project = project

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(OFFER_CHANGE, self.offer)
        await serve(LIST_LOCAL_CHANGES, self.every)

    async def offer(self, request: OfferChange, caller: Caller) -> ChangeDecided:
        """Serve OFFER_CHANGE; the device is the caller."""
        _check(request)
        answer, is_new = await self._database(decide, self._project, caller, request)
        if is_new and answer.outcome is ChangeOutcome.CONFLICT:
            log.warn(
                "{project}: {device} changed {flow} on the basis of version {base}, "
                "but {version} is the newest: that stands",
                project=self._project,
                device=caller.authid,
                flow=request.flow,
                base=request.base,
                version=answer.version,
            )
        return answer

    async def every(self, request: ListLocalChanges, _: Caller) -> LocalChangeList:
        """Serve LIST_LOCAL_CHANGES."""
        if not 1 <= request.most <= MOST:
            raise InvalidRequest(f"most must be 1 to {MOST}")
        rows = await self._database(
            local_changes.newest,
            self._project,
            None if request.device is None else check_id("device", request.device),
            None if request.flow is None else check_id("flow", request.flow),
            request.most,
        )
        return LocalChangeList(changes=tuple(_listed(row) for row in rows))


def decide(
    connection: Connection, project: str, caller: Caller, offered: OfferChange
) -> tuple[ChangeDecided, bool]:
    """What becomes of a change, and whether that is new; one transaction."""
    device, flow = caller.authid, offered.flow
    if not local_changes.lock_device(connection, project, device):
        raise NotPermitted(
            f"{device} is no device of project {project} any more: enrol it again"
        )
    known = local_changes.one(connection, project, device, offered.change)
    if known is not None:
        newest = flows.version(connection, project, known.flow)
        return _decided(offered, ChangeOutcome(known.outcome), newest, known), False
    text = None if offered.definition is None else definition_text(offered.definition)
    if text is not None:  # other savers of the flow wait from here on
        flows.make(connection, project, flow, device)
        flows.lock(connection, project, flow)
    newest = flows.version(connection, project, flow)
    outcome = judged(offered, newest)
    if outcome is ChangeOutcome.TAKEN and text is not None:
        newest = _taken(connection, project, offered, newest, device)
    row = LocalChangeRow(
        device=device,
        change=offered.change,
        flow=flow,
        kind=offered.kind.value,
        base=offered.base,
        outcome=outcome.value,
        version=newest.version if newest else 0,
        changed_at=datetime.fromtimestamp(offered.changed_at_ms / 1000, UTC),
        decided_at=datetime.now(UTC),
    )
    local_changes.insert(connection, project, row, text)
    record(connection, project, _entry(caller, row))
    return _decided(offered, outcome, newest, row), True


def _taken(
    connection: Connection,
    project: str,
    offered: OfferChange,
    newest: FlowVersionRow | None,
    device: str,
) -> FlowVersionRow:
    """The next draft, whatever the flow's stage; or the newest, if it says the same."""
    definition = offered.definition or {}
    if newest is not None and equal(newest.definition, definition):
        return newest
    text = definition_text(definition)
    return take_from_device(connection, project, offered.flow, text, device)


def _entry(caller: Caller, row: LocalChangeRow) -> Entry:
    taken = row.outcome == ChangeOutcome.TAKEN.value
    entry = by(
        caller,
        "flow.local_change",
        row.flow,
        change=row.change,
        kind=row.kind,
        base=row.base,
        version=row.version,
    )
    return entry if taken else replace(entry, outcome=AuditOutcome.REFUSED)


def judged(offered: OfferChange, newest: FlowVersionRow | None) -> ChangeOutcome:
    """Whether a change stands against the flow's newest version.

    What a device has on it is the device's to say: a removal is always taken.
    """
    if offered.definition is None or newest is None or newest.version == offered.base:
        return ChangeOutcome.TAKEN
    if equal(newest.definition, offered.definition):
        return ChangeOutcome.TAKEN
    return ChangeOutcome.CONFLICT


def _check(offered: OfferChange) -> None:
    check_id("change", offered.change)
    check_id("flow", offered.flow)
    if not 0 <= offered.base <= _LARGEST_VERSION:
        raise InvalidRequest(f"base must be 0 to {_LARGEST_VERSION}")
    if not 0 <= offered.changed_at_ms <= _LATEST_MS:
        raise InvalidRequest("changed_at_ms must be unix milliseconds")
    if (offered.kind is ChangeKind.SAVED) != (offered.definition is not None):
        raise InvalidRequest("a definition belongs to what was saved, and only to that")
    if offered.definition is not None:
        definition_text(offered.definition)
        check_workflow(offered.definition)


def _decided(
    offered: OfferChange,
    outcome: ChangeOutcome,
    newest: FlowVersionRow | None,
    row: LocalChangeRow,
) -> ChangeDecided:
    if outcome is ChangeOutcome.TAKEN or newest is None:
        return ChangeDecided(
            change=offered.change, outcome=outcome, version=row.version
        )
    return ChangeDecided(
        change=offered.change,
        outcome=outcome,
        version=newest.version,
        definition=newest.definition,
    )


def _listed(row: LocalChangeRow) -> LocalChange:
    return LocalChange(
        device=row.device,
        change=row.change,
        flow=row.flow,
        kind=ChangeKind(row.kind),
        base=row.base,
        outcome=ChangeOutcome(row.outcome),
        version=row.version,
        changed_at_ms=unix_ms(row.changed_at),
        decided_at_ms=unix_ms(row.decided_at),
    )
