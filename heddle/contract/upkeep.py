"""Looking after a device from afar: its state, logs, agent, key, and its end."""

import enum

from heddle.contract.alarms import DeviceOffline
from heddle.contract.declare import (
    OPERATORS,
    PEOPLE,
    FleetError,
    Procedure,
    Role,
    Scope,
    message,
)
from heddle.contract.devices import DeviceNotFound, HostFacts
from heddle.contract.flows import InstalledFlow
from heddle.contract.runs import EngineUnavailable, FlowNotInstalled, RunAlreadyActive

MAX_LINES = 2000


class LogLevel(enum.StrEnum):
    """How grave a line is; asking for one gives it and what is graver."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    CRITICAL = "critical"


@message
class ReadLog:
    """Ask for the newest lines of a device's log, or of an engine's."""

    flow: str | None = None  # None: the agent's own
    tail: int = 100  # at most 2000
    since_ms: int = 0
    level: LogLevel = LogLevel.INFO  # engines' lines have none: they always come


@message
class LogLine:
    """One line; of a traceback, all of it."""

    at_ms: int
    level: LogLevel
    origin: str  # the part of the agent, or the engine's container
    text: str


@message
class LogLines:
    """Lines, oldest first."""

    lines: tuple[LogLine, ...]
    kept_since_ms: int  # what is older is not kept here; 0: not known


@message
class AskDevice:
    """Ask a device how it is."""


@message
class Waiting:
    """How much of a stream waits in the outbox."""

    stream: str
    items: int


@message
class LinkReport:
    """A connection to a peer."""

    connection: str
    connected: bool
    tags: int
    bad_tags: int
    detail: str = ""  # why it is down


@message
class DeviceInfo:
    """A device as it sees itself now."""

    device: str
    version: str  # of the agent
    at_ms: int  # by the device's clock
    started_at_ms: int
    facts: HostFacts
    memory_bytes: int  # resident, of the agent
    disk_bytes: int
    disk_free_bytes: int
    outbox: tuple[Waiting, ...]
    outbox_bytes: int
    flows: tuple[InstalledFlow, ...]
    links: tuple[LinkReport, ...]
    tags: int
    bad_tags: int
    outbox_oldest_ms: int | None = None  # when the oldest that waits was written


@message
class RestartAgent:
    """Ask the agent to end and start anew; engines in containers go on meanwhile."""


@message
class Restarting:
    """It will do so at once."""


@message
class PruneImages:
    """Ask for engine images and containers that nothing needs to be removed."""


@message
class Pruned:
    """What that gave."""

    freed_bytes: int


@message
class RotateKey:
    """Ask the device to make itself a new key; it joins anew with it."""


@message
class KeyRotated:
    """The device's public key from now on, 64 hex digits."""

    public_key: str


@message
class OfferKey:
    """A device tells the key that shall replace the one it is here by."""

    public_key: str


@message
class KeyTaken:
    """The former key opens nothing any more."""


@message
class Retire:
    """End all flows, and forget who you are.

    Refused while runs are active or data waits to be delivered, unless ``force``.
    """

    force: bool = False


@message
class Retired:
    """The device has ended its flows, and forgets its key and its data with this."""


@message
class Decommission:
    """Take a device out of the project.

    Its history stays. An offline device cannot be told; ``force`` does without it.
    """

    device: str
    force: bool = False


@message
class Decommissioned:
    """The device is no longer of the project; its key opens nothing."""

    told: bool  # False: it was offline, and is to be cleaned by hand


class UndeliveredData(FleetError):
    """What the device has measured is not delivered yet; wait, or force."""

    uri = "heddle.error.undelivered_data"


class KeyInvalid(FleetError):
    """It is no ed25519 public key, or another's."""

    uri = "heddle.error.key_invalid"


READ_LOG = Procedure(
    "heddle.device.{device}.log.read",
    ReadLog,
    LogLines,
    scope=Scope.PROJECT,
    served_by=Role.AGENT,
    called_by=OPERATORS,
    summary="The newest lines of the agent's log, or of a flow's engine.",
    raises=(FlowNotInstalled, EngineUnavailable),
)
DEVICE_INFO = Procedure(
    "heddle.device.{device}.info",
    AskDevice,
    DeviceInfo,
    scope=Scope.PROJECT,
    served_by=Role.AGENT,
    called_by=PEOPLE | {Role.BACKEND},
    summary="How a device is: host, disk, outbox, flows, connections.",
)
RESTART_AGENT = Procedure(
    "heddle.device.{device}.restart",
    RestartAgent,
    Restarting,
    scope=Scope.PROJECT,
    served_by=Role.AGENT,
    called_by=OPERATORS | {Role.BACKEND},
    summary="End the agent and start it anew.",
)
PRUNE_IMAGES = Procedure(
    "heddle.device.{device}.prune",
    PruneImages,
    Pruned,
    scope=Scope.PROJECT,
    served_by=Role.AGENT,
    called_by=OPERATORS | {Role.BACKEND},
    summary="Remove engine images that nothing needs.",
    raises=(EngineUnavailable,),
)
ROTATE_KEY = Procedure(
    "heddle.device.{device}.key.rotate",
    RotateKey,
    KeyRotated,
    scope=Scope.PROJECT,
    served_by=Role.AGENT,
    called_by=OPERATORS | {Role.BACKEND},
    summary="Have a device make itself a new key; the old one is void then.",
    raises=(KeyInvalid,),
)
OFFER_KEY = Procedure(
    "heddle.backend.device.rekey",
    OfferKey,
    KeyTaken,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.AGENT}),
    summary="A device replaces its key; the device is the caller.",
    raises=(KeyInvalid, DeviceNotFound),
)
RETIRE = Procedure(
    "heddle.device.{device}.retire",
    Retire,
    Retired,
    scope=Scope.PROJECT,
    served_by=Role.AGENT,
    called_by=frozenset({Role.BACKEND}),
    summary="End all flows and forget everything, as a device taken out of service.",
    raises=(RunAlreadyActive, UndeliveredData),
)
DECOMMISSION = Procedure(
    "heddle.backend.device.decommission",
    Decommission,
    Decommissioned,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=OPERATORS,
    summary="Take a device out of the project: it is told, and its key is revoked.",
    raises=(DeviceNotFound, DeviceOffline, RunAlreadyActive, UndeliveredData),
)
