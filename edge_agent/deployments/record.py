"""What a device remembers of a flow's deployments, and what follows from it.

Pure. A record alone, with what is wanted of the flow now, says what is to be done next:
so whoever was killed in the middle goes on by reading it. It is changed only by an
order, or when something has come true.
"""

import enum
from typing import Any

import msgspec
from msgspec.structs import replace

from edge_agent.shelf import Kept, Wanted, kept
from heddle.contract.device_deployments import ActiveRuns, DeviceDeployment, DeviceStage

REMEMBERED = 100  # ids of former deployments, of each flow
DETAIL_CHARACTERS = 500

ENDED = frozenset({DeviceStage.FAILED, DeviceStage.REVERTED, DeviceStage.SETTLED})


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A flow's deployment of now."""

    deployment: str
    flow: str
    version: int
    stage: DeviceStage = DeviceStage.PREPARING
    detail: str = ""
    release: Kept | None = None  # gone once it has ended
    former: Kept | None = None  # likewise; None while under way: there was none
    former_version: int | None = None
    active_runs: ActiveRuns = ActiveRuns.FINISH
    start_run: bool = False
    beside: bool = False
    switched: bool = False
    ends: DeviceStage | None = None  # FAILED or REVERTED: it is on its way back
    run: str | None = None
    started: bool = False  # the run was,
    handed: bool = False  # or need not be: it is one that was handed over
    restarts: int = 0

    @property
    def told(self) -> DeviceDeployment:
        """As the centre is told."""
        return DeviceDeployment(
            deployment=self.deployment,
            flow=self.flow,
            version=self.version,
            stage=self.stage,
            detail=self.detail,
            former_version=self.former_version,
            engine_restarts=self.restarts,
            run=self.run,
        )

    @property
    def owes_run(self) -> bool:
        """Whether its run is still to be started."""
        return self.start_run and not (self.started or self.handed)

    @property
    def is_under_way(self) -> bool:
        """Whether the release is not, or no longer, what the device settled on."""
        return self.stage not in ENDED and self.stage is not DeviceStage.ACTIVE


class Past(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a deployment ended that is not the flow's newest, or never reached us."""

    deployment: str
    version: int
    stage: DeviceStage
    detail: str = ""
    former_version: int | None = None


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is remembered of one flow."""

    record: Record | None = None
    past: tuple[Past, ...] = ()  # oldest first

    def former(self, deployment: str) -> Past | None:
        """A former deployment, if it is remembered."""
        return next((p for p in self.past if p.deployment == deployment), None)

    def with_past(self, past: Past) -> "Memory":
        """One more that is over."""
        others = [p for p in self.past if p.deployment != past.deployment]
        return replace(self, past=(*others, past)[-REMEMBERED:])


class Act(enum.Enum):
    """What a deployment calls for now."""

    REST = enum.auto()  # nothing, until there is an order
    TRY = enum.auto()  # the release beside the former one, until the switch
    TAKE_OVER = enum.auto()
    VERIFY = enum.auto()  # the release is wanted: does it serve?
    WATCH = enum.auto()  # it serves
    GO_BACK = enum.auto()
    RETURN = enum.auto()  # the former is wanted again: does it serve?


def course(record: Record, wanted: Wanted | None) -> Act:
    """What is to be done next, as the flow is wanted now."""
    if record.stage in ENDED:
        owes_run = record.stage is DeviceStage.SETTLED and record.owes_run
        return Act.WATCH if owes_run else Act.REST
    if record.ends is not None:
        return Act.RETURN if is_same(wanted, record.former) else Act.GO_BACK
    if record.stage is DeviceStage.ACTIVE:
        return Act.WATCH
    if record.beside and not record.switched:
        return Act.TRY
    return Act.VERIFY if is_same(wanted, record.release) else Act.TAKE_OVER


def is_same(wanted: Wanted | None, other: Kept | None) -> bool:
    """Whether that is what is wanted; settings of the device do not count."""
    if wanted is None or other is None:
        return wanted is None and other is None
    return _content(wanted) == _content(other.wanted)


def overtaken(memory: Memory, by: str) -> Memory:
    """Something else became of the flow: the deployment of now is over."""
    record = memory.record
    if record is None:
        return memory
    past = Past(
        record.deployment,
        record.version,
        record.stage,
        record.detail,
        record.former_version,
    )
    if record.stage is DeviceStage.ACTIVE:
        past = replace(past, stage=DeviceStage.SETTLED, detail=by)
    elif record.is_under_way:
        past = replace(past, stage=DeviceStage.FAILED, detail=by)
    return replace(memory.with_past(past), record=None)


def to_go_back_to(memory: Memory, wanted: Wanted | None) -> Kept | None:
    """What a deployment that begins now would go back to: what last served well."""
    if memory.record is not None and memory.record.is_under_way:
        return memory.record.former
    return None if wanted is None else kept(wanted)


def failing(record: Record, why: str) -> Record:
    """The release will not be: back to the former one."""
    return replace(
        record,
        stage=DeviceStage.REVERTING,
        ends=DeviceStage.FAILED,
        detail=_shortened(why),
    )


def reverting(record: Record) -> Record:
    """As ordered: back to the former one."""
    if record.stage is DeviceStage.FAILED:
        return replace(record, stage=DeviceStage.REVERTED)
    return replace(
        record,
        stage=DeviceStage.REVERTING,
        ends=DeviceStage.REVERTED,
        detail="",
    )


def over(record: Record, stage: DeviceStage, detail: str) -> Record:
    """It has ended so; nothing of the releases is needed any more."""
    return replace(
        record,
        stage=stage,
        detail=_shortened(detail),
        release=None,
        former=None,
        ends=None,
    )


def _shortened(text: str) -> str:
    if len(text) <= DETAIL_CHARACTERS:
        return text
    return text[: DETAIL_CHARACTERS - 3] + "..."


def _content(wanted: Wanted) -> tuple[Any, ...]:
    return wanted.flow, wanted.version, wanted.definition, wanted.content_hash
