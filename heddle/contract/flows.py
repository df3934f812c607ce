"""Flows on devices: installed, listed, removed."""

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
class SignedRelease:
    """A published flow version, frozen and signed with the project's key.

    ``document`` is canonical JSON: format, project, flow, version, definition, engine,
    published_by, published_at_ms. The signature is ed25519 over
    ``heddle release v1\\n`` and the document.
    """

    document: bytes
    content_hash: str  # sha256 of the document, 64 hex digits
    signature: str  # 128 hex digits
    key: str  # the project's public key, 64 hex digits


@message
class InstallFlow:
    """Install a flow version; replaces another version of the same flow."""

    flow: str
    version: int
    definition: dict[str, Any]  # the author's JSON, as OSPIN 004 or upstream shape it
    running: bool = True  # false: its engine shall be at rest
    release: SignedRelease | None = None  # proves the definition; verified first
    variables: dict[str, Any] = field(default_factory=dict)  # over the defaults


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
    content_hash: str = ""  # of the signed release it is; "" for an unsigned one
    restarts: int = 0  # of its engine for reasons of its own, since the agent started
    last_fall: str = ""  # why it was last restarted


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


class ReleaseRefused(FleetError):
    """The release is not what was signed, or not signed by this project."""

    uri = "heddle.error.release_refused"


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
    raises=(
        FlowInvalid,
        ReleaseRefused,
        RunAlreadyActive,
        EngineUnavailable,
        StorageFull,
    ),
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
