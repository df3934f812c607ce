"""Runs on a device: start, pause, resume, stop, approve, trigger, and their events."""

import enum
from dataclasses import field
from typing import Any

from heddle.contract.declare import (
    OPERATORS,
    PEOPLE,
    FleetError,
    Procedure,
    Role,
    Scope,
    Topic,
    message,
)


class RunStatus(enum.StrEnum):
    """Where a run stands."""

    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"  # soft stop: active phases may still end
    FINISHED = "finished"  # an END dispatcher was reached
    TERMINATED = "terminated"  # stopped by a person or service


class StopMode(enum.StrEnum):
    """How a run is stopped."""

    SOFT = "soft"  # active phases end, then the run terminates
    HARD = "hard"  # the run terminates now


@message
class StartRun:
    """Start a flow that is installed on this device."""

    flow: str
    run: str | None = None  # id of the new run; made by the device when absent


@message
class RunRef:
    """Names one run of this device, or a flow's active one."""

    run: str | None = None
    flow: str | None = None  # its active run, when ``run`` is absent


@message
class StopRun:
    """Stop one run, or a flow's active one."""

    run: str | None = None
    flow: str | None = None  # its active run, when ``run`` is absent
    mode: StopMode = StopMode.SOFT


@message
class ApproveRun:
    """Give the approval an active APPROVAL listener waits for."""

    run: str | None = None
    flow: str | None = None  # its active run, when ``run`` is absent
    listener: str | None = None  # needed only when several approvals are awaited
    comment: str = ""
    key: str | None = None  # a repeat with the same key gives the same answer
    by: str | None = None  # for whom the backend speaks; from others it is not heeded


@message
class TriggerListener:
    """Fire an active listener by hand; its event says ``forced: true``."""

    run: str
    listener: str
    key: str | None = None  # a repeat with the same key gives the same answer


@message
class RunQuery:
    """Ask for one run, or for all the device knows, newest first."""

    run: str | None = None


@message
class ListenerReport:
    """A listener that is active now."""

    listener: str
    type: str  # START, TIMER, APPROVAL or CONDITION
    phase: str | None = None
    due_at_ms: int | None = None  # timers and sustain windows of a moving run, unix ms
    remaining_ms: int | None = None  # the same while the run is paused


@message
class RunReport:
    """The state of one run."""

    run: str
    flow: str
    version: int
    status: RunStatus
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    active_phases: tuple[str, ...] = ()
    listening: tuple[ListenerReport, ...] = ()
    activations: dict[str, int] = field(default_factory=dict)  # by gateway
    events: int = 0  # how many events the run has told so far
    active_since_ms: tuple[int, ...] = ()  # of each active phase; older engines: none


@message
class RunList:
    """Runs of one device, newest first."""

    runs: tuple[RunReport, ...]


@message
class WorkflowEvent:
    """One event of a run, in the shape of OSPIN 004, "Events".

    ``number`` counts from 0 without gaps per run: the order and the dedupe key.
    """

    id: str
    type: str
    createdAt: int  # noqa: N815 -- OSPIN's field name; unix ms, UTC
    number: int
    data: dict[str, Any]


@message
class RunEvents:
    """Events of one run, in order."""

    run: str
    flow: str
    version: int
    events: tuple[WorkflowEvent, ...]


class RunNotFound(FleetError):
    """The device knows no such run."""

    uri = "heddle.error.run_not_found"


class RunExists(FleetError):
    """The device already has a run of this id."""

    uri = "heddle.error.run_exists"


class RunAlreadyActive(FleetError):
    """The flow already has an active run on this device."""

    uri = "heddle.error.run_already_active"


class RunPaused(FleetError):
    """The run is paused and heeds only resume, stop and status."""

    uri = "heddle.error.run_paused"


class WrongRunState(FleetError):
    """The command makes no sense in the run's present state."""

    uri = "heddle.error.wrong_run_state"


class ListenerNotActive(FleetError):
    """The listener named (or any fitting one) is not active now."""

    uri = "heddle.error.listener_not_active"


class FlowNotInstalled(FleetError):
    """The flow was never installed on this device."""

    uri = "heddle.error.flow_not_installed"


class EngineUnavailable(FleetError):
    """The flow's engine does not answer; the agent is restarting it."""

    uri = "heddle.error.engine_unavailable"


class StorageFull(FleetError):
    """The device's disk is full; the request changed nothing. Make room, ask again."""

    uri = "heddle.error.storage_full"


_COMMANDERS = OPERATORS | {Role.BACKEND}


def _command(
    name: str,
    request: type[Any],
    summary: str,
    *raises: type[FleetError],
) -> Procedure[Any, RunReport]:
    return Procedure(
        f"heddle.device.{{device}}.run.{name}",
        request,
        RunReport,
        scope=Scope.PROJECT,
        served_by=Role.AGENT,
        called_by=_COMMANDERS,
        summary=summary,
        raises=(*raises, StorageFull, EngineUnavailable),
    )


START_RUN: Procedure[StartRun, RunReport] = _command(
    "start",
    StartRun,
    "Start a run of an installed flow.",
    FlowNotInstalled,
    RunExists,
    RunAlreadyActive,
)
PAUSE_RUN: Procedure[RunRef, RunReport] = _command(
    "pause",
    RunRef,
    "Hold a run; timers keep their exact remainder.",
    RunNotFound,
    WrongRunState,
)
RESUME_RUN: Procedure[RunRef, RunReport] = _command(
    "resume", RunRef, "Let a paused run go on.", RunNotFound, WrongRunState
)
STOP_RUN: Procedure[StopRun, RunReport] = _command(
    "stop", StopRun, "Stop a run, softly or at once.", RunNotFound, WrongRunState
)
APPROVE_RUN: Procedure[ApproveRun, RunReport] = _command(
    "approve",
    ApproveRun,
    "Give an awaited approval.",
    RunNotFound,
    RunPaused,
    WrongRunState,
    ListenerNotActive,
)
TRIGGER_LISTENER: Procedure[TriggerListener, RunReport] = _command(
    "trigger",
    TriggerListener,
    "Fire an active listener by hand.",
    RunNotFound,
    RunPaused,
    WrongRunState,
    ListenerNotActive,
)
RUN_STATUS = Procedure(
    "heddle.device.{device}.run.status",
    RunQuery,
    RunList,
    scope=Scope.PROJECT,
    served_by=Role.AGENT,
    called_by=PEOPLE | {Role.BACKEND, Role.FLEETDATA},
    summary="The state of one run, or of every run the device knows.",
    raises=(RunNotFound, EngineUnavailable),
)
RUN_EVENT = Topic(
    "heddle.device.{device}.run.event",
    RunEvents,
    scope=Scope.PROJECT,
    published_by=Role.AGENT,
    subscribed_by=PEOPLE | {Role.BACKEND, Role.FLEETDATA},
    summary="What happens in the runs of a device, live; history is in fleetdata.",
)
