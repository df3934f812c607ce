"""The audit trail: read, computed again, and added to by routers and devices.

Each project has a chain of its own. What belongs to none, such as a stranger's wrong
password, is in a chain without a name, which administrators may ask for.
"""

from typing import Any, NamedTuple

from typing_extensions import override

from heddle.contract.accounts import API_KEY_PREFIX
from heddle.contract.audit import (
    READ_AUDIT,
    REPORT_REFUSAL,
    VERIFY_AUDIT,
    AuditEntry,
    AuditOutcome,
    AuditPage,
    AuditVerdict,
    ProjectRefusal,
    ReadAudit,
    RefusalNoted,
    ReportRefusal,
    VerifyAudit,
)
from heddle.contract.declare import InvalidRequest, NotPermitted
from heddle.wamp.session import Caller, Session
from services.backend.accounts.limits import Limit
from services.backend.accounts.sessions import is_key
from services.backend.audit import Entry, digest, record
from services.backend.pages import fitting
from services.backend.realm import Part, Serve
from services.backend.store import api_keys, audit, people, projects
from services.backend.store.audit import Row
from services.backend.store.database import Connection, Database
from services.backend.text import check_name

UNPLACED = ""  # the chain of what belongs to no project
MOST, LARGEST = 1000, 2**62
PAGE = 2000  # entries computed in one transaction
BURST, ONE_MORE_EVERY_S = 20, 10.0
_SHOWN = 200
_MOST_PROJECTS = 20  # that one refused sign-in is written down in


class Checked(NamedTuple):
    """How far a chain was computed, and whether it held so far."""

    number: int = 0
    head: str = ""
    seen: bool = False  # the hash that was noted earlier
    broken_at: int | None = None
    detail: str = ""
    is_end: bool = False


class AuditTrail(Part):
    """Serves the audit trail of one project."""

    def __init__(self, clock: Any, database: Database, project: str) -> None:
        self._clock = clock
        self._database = database
        self._project = project
        self._limit = Limit(BURST, ONE_MORE_EVERY_S)

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(READ_AUDIT, self.read)
        await serve(VERIFY_AUDIT, self.verify)
        await serve(REPORT_REFUSAL, self.refused)

    async def read(self, request: ReadAudit, caller: Caller) -> AuditPage:
        """Serve READ_AUDIT."""
        _check(request)
        rows = await self._database(
            audit.newest,
            await self._chain(caller, unplaced=request.unplaced),
            actor=request.actor,
            action=request.action,
            subject=request.subject,
            outcome=None if request.outcome is None else request.outcome.value,
            before=request.before,
            most=request.most + 1,
        )
        entries = fitting([_entry(row) for row in rows[: request.most]])
        return AuditPage(entries=entries, more=len(rows) > len(entries))

    async def verify(self, request: VerifyAudit, caller: Caller) -> AuditVerdict:
        """Serve VERIFY_AUDIT: page by page, so that a long chain holds nobody up."""
        chain = await self._chain(caller, unplaced=request.unplaced)
        checked = Checked(seen=not request.head)
        while not checked.is_end:
            checked = await self._database(check_page, chain, checked, request.head)
        if checked.broken_at is None and not checked.seen:
            checked = checked._replace(
                broken_at=checked.number + 1,
                detail=f"no entry has the hash {request.head}: the end was cut off",
            )
        return AuditVerdict(
            holds=checked.broken_at is None,
            entries=checked.number,
            head=checked.head,
            broken_at=checked.broken_at,
            detail=checked.detail,
        )

    async def refused(self, request: ReportRefusal, caller: Caller) -> RefusalNoted:
        """Serve REPORT_REFUSAL; the device is the caller."""
        device = caller.authid
        if not self._limit.take(device, self._clock.seconds()):
            raise NotPermitted(
                f"{device} reports too many refusals: tell repeats as one, by `times`"
            )
        entry = _refusal(request, caller, reported_by=device)
        await self._database(record, self._project, entry)
        return RefusalNoted()

    async def _chain(self, caller: Caller, *, unplaced: bool) -> str:
        if not unplaced:
            return self._project
        if not await self._database(people.is_administrator, caller.authid):
            raise NotPermitted(
                f"{caller.authid} is no administrator: only they see what belongs to "
                "no project"
            )
        return UNPLACED


class RouterRefusals:
    """Serves in the system realm what the gatekeeper tells of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, told: ProjectRefusal, caller: Caller) -> RefusalNoted:
        """Serve ROUTER_REFUSED."""
        await self._database(note, told, caller)
        return RefusalNoted()


def _check(request: ReadAudit) -> None:
    if not 1 <= request.most <= MOST:
        raise InvalidRequest(f"most must be 1 to {MOST}")
    if request.before is not None and not 0 <= request.before <= LARGEST:
        raise InvalidRequest(f"before must be 0 to {LARGEST}")
    for name in ("actor", "action", "subject"):
        check_name(name, getattr(request, name) or "")


def note(connection: Connection, told: ProjectRefusal, caller: Caller) -> None:
    """Write a refusal down where it belongs."""
    refusal, project = told.refusal, told.project
    if project is not None and projects.exists(connection, project):
        record(connection, project, _refusal(refusal, caller))
        return
    found = _projects_of(connection, refusal.actor)
    for one in found:
        record(connection, one, _refusal(refusal, caller))
    if not found:
        nobody = people.password_hash(connection, refusal.actor) is None
        unknown = _refusal(refusal, caller, unknown_name=nobody)
        record(connection, UNPLACED, unknown)


def _projects_of(connection: Connection, actor: str) -> list[str]:
    """The projects that a refused sign-in concerns, in the order of their names."""
    if is_key(actor):
        project = api_keys.project_of(connection, actor.removeprefix(API_KEY_PREFIX))
        return [] if project is None else [project]
    rows = projects.of_user(connection, actor)
    return [row.project for row in rows[:_MOST_PROJECTS]]


def _refusal(
    told: ReportRefusal,
    caller: Caller,
    reported_by: str = "",
    *,
    unknown_name: bool = False,
) -> Entry:
    """An entry of what somebody else saw. A name that nobody has is not kept: people
    type their password into the wrong field.
    """
    is_login = told.action == "router.login"
    details: dict[str, Any] = {"detail": _line(told.detail), "times": told.times}
    if reported_by:
        details["reported_by"] = reported_by
    return Entry(
        actor="" if unknown_name and is_login else _line(told.actor),
        role=_line(told.role),
        action=_line(told.action),
        subject=_line(told.subject),
        outcome=AuditOutcome.REFUSED,
        details=details,
        request_id=caller.request_id,
    )


def check_page(
    connection: Connection, chain: str, so_far: Checked, noted: str
) -> Checked:
    """Compute some more entries again."""
    rows = audit.following(connection, chain, so_far.number, PAGE)
    for row in rows:
        flaw = _flaw(row, so_far)
        if flaw:
            return so_far._replace(
                broken_at=so_far.number + 1, detail=flaw, is_end=True
            )
        seen = so_far.seen or row.hash == noted
        so_far = so_far._replace(number=row.number, head=row.hash, seen=seen)
    return so_far._replace(is_end=len(rows) < PAGE)


def _flaw(row: Row, before: Checked) -> str:
    """What is wrong with an entry that comes after what was computed before."""
    wanted = before.number + 1
    if row.number != wanted:
        return f"entry {wanted} is missing: the next one is {row.number}"
    if row.previous != before.head:
        return f"entry {wanted} was not written after the one before it"
    if digest(_entry(row)) != row.hash:
        return f"entry {wanted} was changed"
    return ""


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        number=row.number,
        at_ms=row.at_ms,
        actor=row.actor,
        role=row.role,
        action=row.action,
        subject=row.subject,
        outcome=AuditOutcome(row.outcome),
        details=row.details,
        request_id=row.request_id,
        previous=row.previous,
        hash=row.hash,
    )


def _line(text: str) -> str:
    """What can stand on one line, and be kept."""
    return "".join(c if c.isprintable() else "?" for c in text[:_SHOWN])
