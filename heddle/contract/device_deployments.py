"""Deployments on a device: a release taken up, tried, switched to, or given back.

Asked by the backend alone. A device knows an order by its deployment: a repeat is a
question, and is answered with the stage reached.
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
)
from heddle.contract.flows import FlowInvalid, ReleaseRefused, SignedRelease
from heddle.contract.runs import EngineUnavailable, StorageFull


class ActiveRuns(enum.StrEnum):
    """What becomes of runs that are active when a release arrives."""

    FINISH = "finish"  # they go on to their end, on the release they began with
    STOP = "stop"  # they are ended softly first
    HAND_OVER = "hand_over"  # they go on where they stand, on the new release


class DeviceStage(enum.StrEnum):
    """How far a device is with a deployment."""

    PREPARING = "preparing"  # fetching, making, starting
    WAITING = "waiting"  # for active runs to end
    READY = "ready"  # blue-green: verified beside the former, not switched yet
    ACTIVE = "active"  # the release serves, its engine answers
    FAILED = "failed"  # it will not be; the former release serves
    REVERTING = "reverting"
    REVERTED = "reverted"  # the former release serves, or no release as before
    SETTLED = "settled"  # for good: the former release is forgotten


@message
class DeployRelease:
    """Take up a release. A repeat for the same deployment only tells the stage."""

    deployment: str
    release: SignedRelease
    variables: dict[str, Any] = field(default_factory=dict)
    active_runs: ActiveRuns = ActiveRuns.FINISH
    start_run: bool = False
    beside: bool = False  # blue-green: verify beside the former, then await the switch


@message
class DeviceDeploymentRef:
    """Names a deployment to a device.

    ``flow`` is what it is about, for a device that never heard of the deployment.
    """

    deployment: str
    flow: str


@message
class DeviceDeployment:
    """How far a device is."""

    deployment: str
    flow: str
    version: int
    stage: DeviceStage
    detail: str = ""  # why, in one sentence
    former_version: int | None = None
    engine_restarts: int = 0  # since the release became active
    run: str | None = None  # the one it started, or that was handed over
    run_status: str | None = None


class VariableInvalid(FleetError):
    """A variable is not declared by the release, or its value is of another type."""

    uri = "heddle.error.variable_invalid"


class DeploymentUnknown(FleetError):
    """The device was never told of this deployment."""

    uri = "heddle.error.deployment_unknown"


class DeploymentSuperseded(FleetError):
    """The device has taken up another deployment of the flow since."""

    uri = "heddle.error.deployment_superseded"


def _of_device(
    name: str, request: type[Any], summary: str, *raises: type[FleetError]
) -> Procedure[Any, DeviceDeployment]:
    return Procedure(
        f"heddle.device.{{device}}.deployment.{name}",
        request,
        DeviceDeployment,
        scope=Scope.PROJECT,
        served_by=Role.AGENT,
        called_by=frozenset({Role.BACKEND}),
        summary=summary,
        raises=raises,
    )


DEPLOY_RELEASE: Procedure[DeployRelease, DeviceDeployment] = _of_device(
    "deploy",
    DeployRelease,
    "Take up a release; answers at once, and reports how it goes.",
    ReleaseRefused,
    FlowInvalid,
    VariableInvalid,
    StorageFull,
    DeploymentSuperseded,
)
SWITCH_RELEASE: Procedure[DeviceDeploymentRef, DeviceDeployment] = _of_device(
    "switch",
    DeviceDeploymentRef,
    "Blue-green: let the release that is ready serve.",
    DeploymentUnknown,
    DeploymentSuperseded,
    EngineUnavailable,
)
REVERT_RELEASE: Procedure[DeviceDeploymentRef, DeviceDeployment] = _of_device(
    "revert",
    DeviceDeploymentRef,
    "Go back to the release before this deployment; answers at once. A device that "
    "never heard of the deployment has nothing to do, and will refuse it from now on.",
    DeploymentSuperseded,
)
SETTLE_RELEASE: Procedure[DeviceDeploymentRef, DeviceDeployment] = _of_device(
    "settle",
    DeviceDeploymentRef,
    "The deployment has ended well: forget the former release.",
    DeploymentUnknown,
    DeploymentSuperseded,
)
DEPLOYMENT_STATUS: Procedure[DeviceDeploymentRef, DeviceDeployment] = _of_device(
    "status",
    DeviceDeploymentRef,
    "How far the device is with a deployment.",
    DeploymentUnknown,
)
DEPLOYMENT_REPORT = Topic(
    "heddle.device.{device}.deployment.report",
    DeviceDeployment,
    scope=Scope.PROJECT,
    published_by=Role.AGENT,
    subscribed_by=PEOPLE | {Role.BACKEND},
    summary="A device came further with a deployment.",
)
