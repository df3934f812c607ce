"""Deployments: one release on its way to many devices, in waves, and back if need be.

What people ask of the backend; what that asks of devices is in ``device_deployments``.
"""

import enum
from dataclasses import field
from typing import Any

from heddle.contract.declare import (
    PEOPLE,
    FleetError,
    Procedure,
    Role,
    Scope,
    Topic,
    message,
    of_backend,
)
from heddle.contract.device_deployments import ActiveRuns, VariableInvalid
from heddle.contract.fleet import SelectorInvalid, Targets
from heddle.contract.flows import (
    FlowInvalid,
    FlowNotFound,
)
from heddle.contract.lifecycle import FlowArchived, ReleaseNotFound


class StrategyKind(enum.StrEnum):
    """How a deployment reaches its devices (EdgeFlow 002, "Deployment Strategies")."""

    ALL_AT_ONCE = "all_at_once"
    ROLLING = "rolling"
    CANARY = "canary"
    BLUE_GREEN = "blue_green"


class DeploymentStatus(enum.StrEnum):
    """Where a deployment stands."""

    PENDING = "pending"  # made; awaits its start, an approval or its time
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"


class TargetStatus(enum.StrEnum):
    """Where one device stands within a deployment."""

    PENDING = "pending"
    DEPLOYING = "deploying"
    VERIFYING = "verifying"
    SUCCESS = "success"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"


@message
class Window:
    """A maintenance window, by UTC; one that ends before it begins spans midnight."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)  # 0 is Monday
    begins: str = "00:00"
    ends: str = "24:00"


@message
class StrategyConfig:
    """Settings; what is None has its strategy's default (EdgeFlow 002).

    Durations are ``"5m"``, ``"PT5M"`` or milliseconds.
    """

    batch_size: int | None = None  # rolling: 10
    batch_delay: str | int | None = None  # rolling: 5m
    failure_threshold: float | None = None  # percent of a wave; rolling: 20
    canary_percentage: float | None = None  # canary: 10
    canary_delay: str | int | None = None  # canary: 30m
    switch_delay: str | int | None = None  # blue-green: 10m
    timeout: str | int | None = None  # of each target: 30m, canary 2h, blue-green 1h
    revert_timeout: str | int | None = None  # of a rollback, for those silent: 10m
    auto_rollback: bool = True
    health_check: bool = True
    watch: str | int | None = None  # how long a device's health is watched: 30s
    check: str = ""  # an expression over the device's tags that must hold
    max_in_flight: int = 0  # at most so many devices at a time; 0: no limit
    retries: int | None = None  # of a delivery that got no answer: 5
    catch_up: bool = False  # who timed out still gets the release when it returns
    windows: tuple[Window, ...] = ()  # deploy only within these
    needs_approval: bool = False  # by a second person, before it starts


@message
class CreateDeployment:
    """Make a deployment of a release; it starts when told, or at ``start_at_ms``."""

    flow: str
    version: int | None = None  # None: the newest release
    strategy: StrategyKind = StrategyKind.ALL_AT_ONCE
    targets: Targets
    config: StrategyConfig = field(default_factory=StrategyConfig)
    active_runs: ActiveRuns = ActiveRuns.FINISH
    start_run: bool = False  # start a run of the release on each device
    variables: dict[str, Any] = field(default_factory=dict)
    label_variables: tuple["LabelVariables", ...] = ()
    device_variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    start: bool = False  # at once
    start_at_ms: int | None = None
    note: str = ""
    key: str | None = None  # a repeat with the same key gives the same deployment


@message
class LabelVariables:
    """Values for the devices that a selector matches; later ones win."""

    labels: str
    variables: dict[str, Any]


@message
class DeploymentRef:
    """Names a deployment."""

    deployment: str
    reason: str = ""


@message
class TargetReport:
    """One device of a deployment."""

    device: str
    status: TargetStatus
    wave: int  # from 0
    detail: str = ""  # why, in one sentence
    attempts: int = 0  # deliveries tried
    changed_at_ms: int | None = None
    caught_up: bool = False  # got the release after its time was out


@message
class DeploymentReport:
    """A deployment without its targets."""

    deployment: str
    flow: str
    version: int
    content_hash: str
    strategy: StrategyKind
    status: DeploymentStatus
    detail: str = ""  # why it stands there, in one sentence
    total: int
    counts: dict[str, int]  # targets by status
    wave: int = 0  # the present one, from 0
    waves: int = 1
    config: StrategyConfig  # as in force: nothing is None
    targets: Targets
    active_runs: ActiveRuns
    start_run: bool = False
    note: str = ""
    created_at_ms: int
    created_by: str
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    start_at_ms: int | None = None
    approved_by: str | None = None
    next_at_ms: int | None = None  # when it goes on by itself
    revision: int = 1


@message
class DeploymentDetail:
    """A deployment with a page of its targets, by id."""

    report: DeploymentReport
    targets: tuple[TargetReport, ...]
    more: bool = False


@message
class GetDeployment:
    """Ask for one deployment and its targets."""

    deployment: str
    status: TargetStatus | None = None  # only targets that stand so
    after: str = ""
    most: int = 2000


@message
class ListDeployments:
    """Ask for deployments, newest first."""

    flow: str | None = None
    status: DeploymentStatus | None = None
    before: str = ""  # the last id of the page before
    most: int = 100


@message
class DeploymentList:
    """Deployments, newest first."""

    deployments: tuple[DeploymentReport, ...]
    more: bool = False


@message
class PreviewDeployment:
    """Ask which devices a deployment would reach, in which waves."""

    targets: Targets
    strategy: StrategyKind = StrategyKind.ALL_AT_ONCE
    config: StrategyConfig = field(default_factory=StrategyConfig)


@message
class WavePreview:
    """One wave, and who of it is online now."""

    devices: tuple[str, ...]
    online: int


@message
class DeploymentPreview:
    """The waves, in order."""

    waves: tuple[WavePreview, ...]
    config: StrategyConfig  # as it would be in force


@message
class GetHistory:
    """Ask what happened in a deployment, oldest first."""

    deployment: str
    after: int = -1  # the number of the last entry known
    most: int = 1000


@message
class HistoryEntry:
    """One thing that happened."""

    number: int  # from 0, without gaps
    at_ms: int
    device: str | None
    what: str  # the status it came to, or what was done by a person
    detail: str = ""
    by: str = ""


@message
class DeploymentHistory:
    """What happened, oldest first."""

    entries: tuple[HistoryEntry, ...]
    more: bool = False


@message
class DeploymentMoved:
    """A deployment moved; at most some times a second, the newest state."""

    deployment: str
    status: DeploymentStatus
    counts: dict[str, int]
    wave: int
    waves: int
    detail: str = ""
    revision: int


class DeploymentNotFound(FleetError):
    """The project has no such deployment."""

    uri = "heddle.error.deployment_not_found"


class WrongDeploymentState(FleetError):
    """The command makes no sense as the deployment stands."""

    uri = "heddle.error.wrong_deployment_state"


class NoTargets(FleetError):
    """No device is meant: the selector matches none, or the list is empty."""

    uri = "heddle.error.no_targets"


class DeploymentConflict(FleetError):
    """Another deployment of this flow is under way on some of these devices."""

    uri = "heddle.error.deployment_conflict"


class SecondPersonNeeded(FleetError):
    """Who made a deployment cannot approve it."""

    uri = "heddle.error.second_person_needed"


class StrategyInvalid(FleetError):
    """A setting of the strategy is out of range; the sentence names it."""

    uri = "heddle.error.strategy_invalid"


CREATE_DEPLOYMENT: Procedure[CreateDeployment, DeploymentReport] = of_backend(
    "deployment.create",
    CreateDeployment,
    DeploymentReport,
    "Make a deployment of a published flow.",
    FlowNotFound,
    ReleaseNotFound,
    FlowArchived,
    FlowInvalid,
    NoTargets,
    SelectorInvalid,
    StrategyInvalid,
    VariableInvalid,
    DeploymentConflict,
)
PREVIEW_DEPLOYMENT: Procedure[PreviewDeployment, DeploymentPreview] = of_backend(
    "deployment.preview",
    PreviewDeployment,
    DeploymentPreview,
    "Which devices a deployment would reach, in which waves.",
    NoTargets,
    SelectorInvalid,
    StrategyInvalid,
    called_by=PEOPLE,
)
GET_DEPLOYMENT: Procedure[GetDeployment, DeploymentDetail] = of_backend(
    "deployment.get",
    GetDeployment,
    DeploymentDetail,
    "One deployment with its targets.",
    DeploymentNotFound,
    called_by=PEOPLE,
)
LIST_DEPLOYMENTS: Procedure[ListDeployments, DeploymentList] = of_backend(
    "deployment.list",
    ListDeployments,
    DeploymentList,
    "Deployments, newest first.",
    called_by=PEOPLE,
)
DEPLOYMENT_HISTORY: Procedure[GetHistory, DeploymentHistory] = of_backend(
    "deployment.history",
    GetHistory,
    DeploymentHistory,
    "What happened in a deployment.",
    DeploymentNotFound,
    called_by=PEOPLE,
)


def _command(
    name: str, summary: str, *raises: type[FleetError]
) -> Procedure[DeploymentRef, DeploymentReport]:
    return of_backend(
        f"deployment.{name}",
        DeploymentRef,
        DeploymentReport,
        summary,
        DeploymentNotFound,
        WrongDeploymentState,
        *raises,
    )


START_DEPLOYMENT = _command("start", "Let a pending deployment begin.", FlowArchived)
PAUSE_DEPLOYMENT = _command("pause", "Deploy to no further device for now.")
RESUME_DEPLOYMENT = _command("resume", "Let a paused deployment go on.")
CANCEL_DEPLOYMENT = _command(
    "cancel", "End a deployment; who has the release keeps it, who has not is skipped."
)
ROLL_BACK_DEPLOYMENT = _command(
    "rollback", "Bring every device it reached back to its former release."
)
APPROVE_DEPLOYMENT = _command(
    "approve",
    "Let a deployment begin, as a second person.",
    SecondPersonNeeded,
    FlowArchived,
)
DEPLOYMENT_MOVED = Topic(
    "heddle.backend.deployment.moved",
    DeploymentMoved,
    scope=Scope.PROJECT,
    published_by=Role.BACKEND,
    subscribed_by=PEOPLE | {Role.BACKEND},
    summary="A deployment moved; ask for it to learn more.",
)
