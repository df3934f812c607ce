"""What the local API takes and gives: the OpenAPI document is made from these types.

Requests refuse fields they do not know; answers are the contract's messages where
there is one.
"""

import enum
from dataclasses import field
from typing import Annotated, Any

import msgspec

from edge_agent.local.change import ChangeState
from heddle.contract.declare import message
from heddle.contract.devices import DeviceKind, HostFacts
from heddle.contract.flows import Finding, FlowState, Runtime
from heddle.contract.local_changes import ChangeKind
from heddle.contract.runs import RunReport

FlowId = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,64}$")]
MOST_FLOWS = 100  # in one command


# --- requests -------------------------------------------------------------------------


class NewFlow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flow that is not on this device yet."""

    flow: FlowId
    definition: dict[str, Any]  # the author's JSON


class FlowDefinition(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What a flow shall be from now on."""

    definition: dict[str, Any]


class CommandName(enum.StrEnum):
    """What flows can be told to do."""

    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"


class StopType(enum.IntEnum):
    """How a flow is stopped; other commands take no notice of it."""

    SOFT = 0
    HARD = 1


class FlowsCommand(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One command for several flows."""

    command: CommandName
    flow_ids: Annotated[
        tuple[str, ...], msgspec.Meta(min_length=1, max_length=MOST_FLOWS)
    ]
    type: StopType = StopType.SOFT


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The approval that a flow's active run waits for."""

    listener: str | None = None  # needed only when several are awaited
    comment: str = ""


# --- answers --------------------------------------------------------------------------


@message
class FlowChange:
    """The last change made to a flow on this device, and what the centre made of it."""

    flow: str
    kind: ChangeKind
    state: ChangeState
    at_ms: int
    base: int  # the centre's version it was based on; 0 for none
    centre_version: int | None = None  # the newest there, once decided
    told: str = ""


@message
class FlowBrief:
    """A flow on this device, without its workflow."""

    flow: str
    version: int
    state: FlowState
    runtime: Runtime
    etag: str  # for If-Match; empty if the flow's file cannot be read
    detail: str = ""
    engine: str = ""
    change: FlowChange | None = None


@message
class FlowFull:
    """A flow on this device."""

    flow: str
    version: int
    state: FlowState
    runtime: Runtime
    etag: str
    definition: dict[str, Any]
    detail: str = ""
    engine: str = ""
    change: FlowChange | None = None


@message
class FlowBriefs:
    """All flows on this device, by id."""

    flows: tuple[FlowBrief, ...]


@message
class CurrentPhase:
    """A phase that is active now."""

    phase: str
    name: str  # its name in the workflow, else its id
    since_ms: int | None = None


@message
class FlowStatus:
    """How a flow stands: its engine, its newest run and what that does."""

    flow: str
    version: int
    state: FlowState
    etag: str  # of the flow, for If-Match
    asked_at_ms: int  # when the engine last said so
    is_current: bool  # False: the engine does not answer, this is what it said last
    detail: str = ""
    run: RunReport | None = None  # the active run, else the newest
    current: tuple[CurrentPhase, ...] = ()
    change: FlowChange | None = None


@message
class FlowStatuses:
    """How all flows stand, by id."""

    at_ms: int  # this device's clock
    flows: tuple[FlowStatus, ...]


@message
class Problem:
    """RFC 9457; ``type`` names the error as the wire reference does."""

    type: str
    title: str
    status: int
    detail: str
    findings: tuple[Finding, ...] = ()  # of an invalid workflow
    results: tuple["FlowResult", ...] = ()  # of a command that no flow heeded


@message
class FlowResult:
    """What became of a command for one flow."""

    flow: str
    is_done: bool
    run: RunReport | None = None
    problem: Problem | None = None


@message
class CommandResults:
    """What became of a command, in the order of its flows."""

    command: CommandName
    results: tuple[FlowResult, ...]


@message
class RemovedFlow:
    """The flow is gone from this device."""

    flow: str


@message
class Disk:
    """The file system that the device's folder is on."""

    total_bytes: int
    free_bytes: int


@message
class Memory:
    """The host's memory, and what of it is the agent's."""

    total_bytes: int
    available_bytes: int
    agent_bytes: int


@message
class UplinkState:
    """The link to the router."""

    url: str
    is_up: bool
    since_ms: int  # when it came up or went down; the agent's start if it never did


@message
class OutboxState:
    """What waits for the centre."""

    items: dict[str, int]  # by stream
    total: int
    file_bytes: int  # on the disk, with its log
    oldest_at_ms: int | None = None  # when the oldest waiting item was written


@message
class ChangesState:
    """Changes made on this device."""

    waiting: int
    newest: tuple[FlowChange, ...] = ()  # first the newest


@message
class DriverLink:
    """A driver's connection to a peer."""

    name: str
    is_up: bool
    why_down: str = ""


@message
class Node:
    """This device."""

    device: str
    project: str
    kind: DeviceKind
    agent_version: str
    runtime: Runtime
    started_at_ms: int
    at_ms: int
    host: HostFacts
    disk: Disk
    memory: Memory
    uplink: UplinkState
    outbox: OutboxState | None  # None: its disk does not answer
    changes: ChangesState
    tags: int
    bad_tags: int  # whose newest reading is bad
    links: tuple[DriverLink, ...] = ()  # none, if the driver talks to nobody


@message
class Health:
    """Whether the agent can do its work."""

    status: str  # "ok", or what is wrong
    checks: dict[str, str] = field(default_factory=dict)
