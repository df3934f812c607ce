"""The audit trail: who did what, and who was refused; append-only, hash-chained."""

import enum
from dataclasses import field
from typing import Any

from heddle.contract.declare import OPERATORS, Procedure, Role, Scope, message


class AuditOutcome(enum.StrEnum):
    """What became of it."""

    DONE = "done"
    REFUSED = "refused"


@message
class AuditEntry:
    """One thing done or refused.

    ``hash`` is sha256 over the entry's canonical JSON, ``previous`` included.
    """

    number: int  # from 1, without gaps, per project
    at_ms: int
    actor: str
    role: str
    action: str  # such as flow.publish
    subject: str  # such as the flow's id
    outcome: AuditOutcome
    details: dict[str, Any] = field(default_factory=dict)  # never a secret
    request_id: str = ""
    previous: str = ""  # hash of the entry before; "" of the first
    hash: str = ""


@message
class ReadAudit:
    """Ask for entries, newest first."""

    actor: str | None = None
    action: str | None = None  # this one, or with a trailing dot all that begin so
    subject: str | None = None
    outcome: AuditOutcome | None = None
    before: int | None = None  # the last number of the page before
    most: int = 100
    unplaced: bool = False  # instead what belongs to no project; administrators only


@message
class AuditPage:
    """Entries, newest first."""

    entries: tuple[AuditEntry, ...]
    more: bool = False


@message
class VerifyAudit:
    """Have the whole chain computed again."""

    head: str = ""  # noted at an earlier time: an entry with this hash must be there
    unplaced: bool = False  # as in ReadAudit


@message
class AuditVerdict:
    """Whether the chain holds; if not, where it breaks first."""

    holds: bool
    entries: int
    head: str  # hash of the newest entry; note it elsewhere, and nothing can be cut off
    broken_at: int | None = None
    detail: str = ""


@message
class ReportRefusal:
    """A router or device tells that it refused somebody."""

    actor: str  # as far as known
    role: str = ""
    action: str
    subject: str
    detail: str = ""
    times: int = 1  # how often, since the last report of the same


@message
class RefusalNoted:
    """It is in the trail."""


@message
class ProjectRefusal:
    """A refusal in a project, as the router saw it."""

    project: str | None  # None: nobody knows which
    refusal: ReportRefusal


READ_AUDIT: Procedure[ReadAudit, AuditPage] = Procedure(
    "heddle.backend.audit.read",
    ReadAudit,
    AuditPage,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=OPERATORS,
    summary="Who did what in the project, and who was refused.",
)
VERIFY_AUDIT: Procedure[VerifyAudit, AuditVerdict] = Procedure(
    "heddle.backend.audit.verify",
    VerifyAudit,
    AuditVerdict,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.OWNER}),
    summary="Compute the audit trail's chain again and tell whether it holds.",
)
REPORT_REFUSAL: Procedure[ReportRefusal, RefusalNoted] = Procedure(
    "heddle.backend.audit.refused",
    ReportRefusal,
    RefusalNoted,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.AGENT}),
    summary="A device refused a release or an order; the device is the caller.",
)
ROUTER_REFUSED: Procedure[ProjectRefusal, RefusalNoted] = Procedure(
    "heddle.backend.audit.router_refused",
    ProjectRefusal,
    RefusalNoted,
    scope=Scope.SYSTEM,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.GATEKEEPER}),
    summary="The router refused a session or an action.",
)
