"""Many devices at once: labels, targets, and commands to all that are meant."""

import enum
from dataclasses import field

from heddle.contract.declare import (
    OPERATORS,
    PEOPLE,
    Procedure,
    Role,
    Scope,
    message,
)
from heddle.contract.devices import DeviceNotFound
from heddle.contract.devices import (
    SelectorInvalid as SelectorInvalid,  # noqa: PLC0414 -- it is of this vocabulary, too
)
from heddle.contract.runs import RunReport, StopMode


@message
class Targets:
    """Which devices are meant: those named, those a selector matches, or all.

    ``labels`` is an expression such as ``site=graz and not spare``.
    """

    devices: tuple[str, ...] = ()
    labels: str | None = None
    all: bool = False
    dynamic: bool = False  # of deployments: a device that matches later joins


@message
class LabelDevice:
    """Set labels of a device, and remove others."""

    device: str
    set: dict[str, str] = field(default_factory=dict)  # a bare mark has the value ""
    remove: tuple[str, ...] = ()


@message
class DeviceLabels:
    """A device's labels."""

    device: str
    labels: dict[str, str]


class FleetVerb(enum.StrEnum):
    """What can be told to many devices in one call."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    APPROVE = "approve"


@message
class FleetCommand:
    """Have many devices do the same with their active run of a flow, or start one."""

    verb: FleetVerb
    flow: str
    targets: Targets
    mode: StopMode = StopMode.SOFT  # of stop
    listener: str | None = None  # of approve, where several are awaited
    comment: str = ""  # of approve
    within_ms: int = 10_000  # who has not answered by then is told as timed out
    key: str | None = None  # a repeat with the same key gives the same answer


class FleetOutcome(enum.StrEnum):
    """What became of a command on one device."""

    DONE = "done"
    REFUSED = "refused"
    OFFLINE = "offline"
    TIMED_OUT = "timed_out"  # it may still do it


@message
class FleetResult:
    """One device's answer."""

    device: str
    outcome: FleetOutcome
    run: RunReport | None = None
    error: str | None = None  # URI of the refusal
    detail: str = ""


@message
class FleetResults:
    """Every device's answer, by id."""

    results: tuple[FleetResult, ...]
    counts: dict[str, int]  # by outcome


LABEL_DEVICE: Procedure[LabelDevice, DeviceLabels] = Procedure(
    "heddle.backend.device.label",
    LabelDevice,
    DeviceLabels,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=OPERATORS,
    summary="Set and remove labels of a device.",
    raises=(DeviceNotFound,),
)
COMMAND_FLEET: Procedure[FleetCommand, FleetResults] = Procedure(
    "heddle.backend.fleet.command",
    FleetCommand,
    FleetResults,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=OPERATORS,
    summary="Start, pause, resume, stop or approve on many devices in one call.",
    raises=(SelectorInvalid, DeviceNotFound),
)


@message
class ResolveTargets:
    """Ask which devices are meant."""

    targets: Targets


@message
class ResolvedTargets:
    """Those devices, by id."""

    devices: tuple[str, ...]


RESOLVE_TARGETS: Procedure[ResolveTargets, ResolvedTargets] = Procedure(
    "heddle.backend.fleet.resolve",
    ResolveTargets,
    ResolvedTargets,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=PEOPLE,
    summary="Which devices are meant by ids or labels.",
    raises=(SelectorInvalid, DeviceNotFound),
)
