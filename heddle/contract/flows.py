"""Flows: kept by the backend in versions, installed on devices."""

import enum
from typing import Any

from heddle.contract.declare import (
    OPERATORS,
    PEOPLE,
    FleetError,
    Procedure,
    Role,
    Scope,
    message,
)
from heddle.contract.runs import (
    EngineUnavailable,
    FlowNotInstalled,
    RunAlreadyActive,
    StorageFull,
)


class Runtime(enum.StrEnum):
    """Where a flow's engine runs."""

    CONTAINER = "container"
    PROCESS = "process"  # a child process of the agent: no Docker Engine answered


class FlowState(enum.StrEnum):
    """How a flow stands on a device."""

    STARTING = "starting"
    READY = "ready"  # its engine answers
    FAILED = "failed"  # its engine does not come up; see ``detail``
    STOPPED = "stopped"  # installed to be at rest; it has no engine that runs


@message
class InstallFlow:
    """Install a flow version; replaces another version of the same flow."""

    flow: str
    version: int
    definition: dict[str, Any]  # the author's JSON, as OSPIN 004 or upstream shape it
    running: bool = True  # false: its engine shall be at rest


@message
class RemoveFlow:
    """Remove a flow and its engine; refused while a run of it is active."""

    flow: str


@message
class InstalledFlow:
    """A flow on a device."""

    flow: str
    version: int
    runtime: Runtime
    state: FlowState
    detail: str = ""
    engine: str = ""  # container name, or "pid 123"


@message
class Removed:
    """The flow is gone from the device."""

    flow: str


@message
class ListInstalled:
    """Ask for all installed flows."""


@message
class InstalledFlows:
    """All flows on a device, by id."""

    flows: tuple[InstalledFlow, ...]


@message
class Finding:
    """One flaw of a workflow, by upstream's rule name."""

    rule: str
    element: str | None
    message: str


class FlowInvalid(FleetError):
    """The workflow breaks rules; ``details["findings"]`` lists each ``Finding``."""

    uri = "heddle.error.flow_invalid"


class FlowNotFound(FleetError):
    """The project has no such flow (or version)."""

    uri = "heddle.error.flow_not_found"


INSTALL_FLOW = Procedure(
    "heddle.device.{device}.flow.install",
    InstallFlow,
    InstalledFlow,
    scope=Scope.PROJECT,
    served_by=Role.AGENT,
    called_by=OPERATORS | {Role.BACKEND},
    summary="Install a flow version on a device and start its engine.",
    raises=(FlowInvalid, RunAlreadyActive, EngineUnavailable, StorageFull),
)
REMOVE_FLOW = Procedure(
    "heddle.device.{device}.flow.remove",
    RemoveFlow,
    Removed,
    scope=Scope.PROJECT,
    served_by=Role.AGENT,
    called_by=OPERATORS | {Role.BACKEND},
    summary="Remove a flow and its engine from a device.",
    raises=(FlowNotInstalled, RunAlreadyActive, EngineUnavailable),
)
LIST_INSTALLED = Procedure(
    "heddle.device.{device}.flow.list",
    ListInstalled,
    InstalledFlows,
    scope=Scope.PROJECT,
    served_by=Role.AGENT,
    called_by=PEOPLE | {Role.BACKEND},
    summary="The flows installed on a device.",
)


@message
class SaveFlow:
    """Save a workflow as the flow's next version; an equal definition makes none."""

    flow: str
    name: str = ""
    definition: dict[str, Any]


@message
class GetFlow:
    """Ask for one version of a flow, the newest when ``version`` is absent."""

    flow: str
    version: int | None = None


@message
class FlowVersion:
    """One version of a flow with its workflow."""

    flow: str
    name: str
    version: int
    saved_at_ms: int
    saved_by: str
    definition: dict[str, Any]


@message
class FlowSummary:
    """A flow without its workflow."""

    flow: str
    name: str
    version: int  # the newest
    saved_at_ms: int
    saved_by: str


@message
class ListFlows:
    """Ask for all flows of the project."""


@message
class FlowList:
    """The project's flows, by id."""

    flows: tuple[FlowSummary, ...]


SAVE_FLOW = Procedure(
    "heddle.backend.flow.save",
    SaveFlow,
    FlowVersion,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=OPERATORS,
    summary="Check a workflow and keep it as the flow's next version.",
    raises=(FlowInvalid,),
)
GET_FLOW = Procedure(
    "heddle.backend.flow.get",
    GetFlow,
    FlowVersion,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=PEOPLE,
    summary="One version of a flow.",
    raises=(FlowNotFound,),
)
LIST_FLOWS = Procedure(
    "heddle.backend.flow.list",
    ListFlows,
    FlowList,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=PEOPLE,
    summary="All flows of the project.",
)
