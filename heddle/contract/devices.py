"""Devices: how they enrol, announce themselves, and are listed."""

import enum
from dataclasses import field

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
from heddle.contract.flows import Runtime


class DeviceKind(enum.StrEnum):
    """What a device is made of."""

    EDGE = "edge"
    VIRTUAL = "virtual"


class TagType(enum.StrEnum):
    """What a tag's value is."""

    FLOAT = "float"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TEXT = "text"
    JSON = "json"


@message
class Tag:
    """A named process value of a device."""

    tag: str
    unit: str = ""
    type: TagType = TagType.FLOAT
    writable: bool = False
    node: str | None = None  # what a workflow calls it: reporterFctId or inputNodeId


@message
class HostFacts:
    """What the agent found out about its host."""

    hostname: str
    os: str
    arch: str
    cpus: int
    memory_bytes: int
    python: str
    docker: str | None  # version of the Docker Engine that answered, if one did


@message
class Announce:
    """A device tells who it is, at every join."""

    kind: DeviceKind
    version: str  # of the agent
    runtime: Runtime
    facts: HostFacts
    tags: tuple[Tag, ...] = ()


@message
class Announced:
    """The backend took note."""

    device: str
    release_key: str = ""  # the project's public key for releases, 64 hex digits


@message
class ListDevices:
    """Ask for the devices of the project, by id."""

    labels: str | None = None  # those a selector matches, as in ``Targets``
    search: str = ""  # in the id, any case
    online: bool | None = None
    after: str = ""  # the last id of the page before
    most: int = 10_000


@message
class DeviceReport:
    """A device and how it stands."""

    device: str
    kind: DeviceKind
    online: bool
    enrolled_at_ms: int
    last_seen_at_ms: int | None  # None: never joined
    version: str | None
    runtime: Runtime | None
    labels: dict[str, str] = field(default_factory=dict)


@message
class DeviceList:
    """The project's devices, by id."""

    devices: tuple[DeviceReport, ...]
    more: bool = False  # there are more after the last


@message
class GetDevice:
    """Ask for one device."""

    device: str


@message
class DeviceDetail:
    """A device with its last announcement."""

    report: DeviceReport
    facts: HostFacts | None
    tags: tuple[Tag, ...]


@message
class CreateCode:
    """Make a one-time enrolment code for a device to come."""

    device: str | None = None  # its id; made up when absent
    kind: DeviceKind = DeviceKind.EDGE
    valid_s: int = 3600


@message
class EnrolmentCode:
    """A code that one key may redeem once."""

    code: str
    device: str
    expires_at_ms: int


@message
class RedeemCode:
    """An unknown key asks to become a device. The key is the session's own."""

    code: str


@message
class Enrolled:
    """The key is a device now."""

    project: str
    realm: str
    device: str
    release_key: str = ""  # the project's public key for releases, 64 hex digits


@message
class Presence:
    """A device came or went. Going is told by the router when the link is lost."""

    online: bool


class DeviceNotFound(FleetError):
    """The project has no such device."""

    uri = "heddle.error.device_not_found"


class DeviceExists(FleetError):
    """The project already has a device of this id."""

    uri = "heddle.error.device_exists"


class SelectorInvalid(FleetError):
    """The selector of labels cannot be read; the sentence names the place."""

    uri = "heddle.error.selector_invalid"


class CodeUnknown(FleetError):
    """No such enrolment code was ever made."""

    uri = "heddle.error.enrolment_code_unknown"


class CodeUsed(FleetError):
    """Another key has redeemed this code."""

    uri = "heddle.error.enrolment_code_used"


class CodeExpired(FleetError):
    """The code's time has passed."""

    uri = "heddle.error.enrolment_code_expired"


REDEEM_CODE = Procedure(
    "heddle.backend.enrolment.redeem",
    RedeemCode,
    Enrolled,
    scope=Scope.SYSTEM,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.ENROLLING}),
    summary="Redeem a one-time code: the session's key becomes a device's key. "
    "Redeeming again with the same key gives the same answer.",
    raises=(CodeUnknown, CodeUsed, CodeExpired),
)
CREATE_CODE = Procedure(
    "heddle.backend.enrolment.create",
    CreateCode,
    EnrolmentCode,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=OPERATORS,
    summary="Make a one-time enrolment code.",
    raises=(DeviceExists,),
)
ANNOUNCE = Procedure(
    "heddle.backend.device.announce",
    Announce,
    Announced,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.AGENT}),
    summary="A device tells its facts and tags; the device is the caller.",
)
LIST_DEVICES = Procedure(
    "heddle.backend.device.list",
    ListDevices,
    DeviceList,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=PEOPLE,
    summary="All devices of the project and whether they are online.",
    raises=(SelectorInvalid,),
)
GET_DEVICE = Procedure(
    "heddle.backend.device.get",
    GetDevice,
    DeviceDetail,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=PEOPLE,
    summary="One device with its last announcement.",
    raises=(DeviceNotFound,),
)
PRESENCE = Topic(
    "heddle.device.{device}.presence",
    Presence,
    scope=Scope.PROJECT,
    published_by=Role.AGENT,
    subscribed_by=PEOPLE | {Role.BACKEND, Role.FLEETDATA},
    summary="A device came online or went; offline is its testament.",
)
