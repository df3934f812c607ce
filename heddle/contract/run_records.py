"""Every run there was, as fleetdata knows it by its events: running, or long over.

A device tells how its runs stand while it is there (``run.status``); this is asked for
what is past, of many devices, or of one that is away.
"""

from heddle.contract.declare import (
    PEOPLE,
    Procedure,
    Role,
    Scope,
    message,
)
from heddle.contract.runs import RunStatus

MAX_RUNS_PER_REPLY = 1_000


@message
class RunsQuery:
    """Ask for runs, the newest first; what is left out is not asked about.

    With ``from_ms`` or ``to_ms`` those under way at some moment in [from_ms, to_ms).
    """

    device: str | None = None
    flow: str | None = None
    statuses: tuple[RunStatus, ...] | None = None
    active: bool | None = None  # true: those that still go on; false: the others
    from_ms: int | None = None
    to_ms: int | None = None
    before: int | None = None  # go on from a page's ``more``
    limit: int = 100


@message
class RunRecord:
    """One run, by the events that are stored of it.

    ``status`` is ``running``, ``paused``, ``finished`` or ``terminated``: a soft stop
    shows in no event until the run has ended.
    """

    device: str
    run: str
    flow: str
    version: int
    status: RunStatus
    started_at_ms: int
    ended_at_ms: int | None = None
    events: int = 0  # how many are stored
    last_event_ms: int = 0
    last_phase: str | None = None  # the one that started last
    overtaken: bool = False  # a later run of its flow began, so it must have ended


@message
class RunRecords:
    """A page of runs."""

    runs: tuple[RunRecord, ...]
    more: int | None = None  # None: there are no more


RUNS = Procedure(
    "heddle.fleetdata.runs",
    RunsQuery,
    RunRecords,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=PEOPLE | {Role.BACKEND},
    summary="Runs of the project or of a device, newest first, by their stored events.",
)
