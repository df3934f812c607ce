"""The flow an engine runs, and the older versions that runs of it still follow.

The agent writes ``flow.json`` before it starts the engine. A run follows the definition
it began with to its end, so the journal keeps every definition some run needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.engine.journal import FlowRow, Journal
from edge_agent.engine.protocol import FLOW_NAME
from heddle.workflow.definition import Phase, Workflow
from heddle.workflow.findings import WorkflowInvalid
from heddle.workflow.parse import parse

_REMEMBERED = 8
_DURATIONS = frozenset({"durationInMS", "sustainTimeInMS", "consecutiveTimeMS"})


class FlowUnusable(Exception):
    """``flow.json`` cannot be run; the sentence says why."""


class FlowFile(msgspec.Struct, frozen=True):
    """What the agent writes into ``flow.json``."""

    flow: str
    version: int
    definition: dict[str, Any]
    hand_over: str = ""  # "must" or "may": active runs of other versions go on as it


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """One version of the flow, ready to be run."""

    key: int
    id: str
    version: int
    workflow: Workflow


@dataclass(frozen=True, slots=True)
class Flows:
    """The installed version and, by the journal's key, all that are followed."""

    installed: Flow
    by_key: Mapping[int, Flow]

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags any condition looks at."""
        return tuple(sorted({t for f in self.by_key.values() for t in f.workflow.tags}))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The device's inputs any command writes."""
        return tuple(
            sorted(
                {
                    setpoint.node
                    for flow in self.by_key.values()
                    for phase in flow.workflow.elements.values()
                    if isinstance(phase, Phase)
                    for command in phase.commands
                    for setpoint in command.setpoints
                }
            )
        )


def read_flow(directory: Path) -> FlowFile:
    """Read ``flow.json``; raises ``FlowUnusable``."""
    file = directory / FLOW_NAME
    try:
        return msgspec.json.decode(file.read_bytes(), type=FlowFile)
    except OSError as error:
        raise FlowUnusable(f"flow file {file}: {error.strerror}") from None
    except (msgspec.MsgspecError, RecursionError) as flaw:
        raise FlowUnusable(f"flow file {file} is unusable: {flaw}") from None


def load_flows(journal: Journal, file: FlowFile, time_scale: float = 1.0) -> Flows:
    """Parse the installed version and those in the journal; keep a new one there.

    Durations are divided by ``time_scale``. Raises ``FlowUnusable``.
    """
    rows = journal.flows()
    definition = msgspec.json.encode(file.definition)
    for row in rows:
        if row.flow != file.flow:
            raise FlowUnusable(
                f"the journal belongs to flow {row.flow}, flow.json to {file.flow}: "
                "give each flow a directory of its own"
            )
    this = FlowRow(rows[-1].key + 1 if rows else 1, file.flow, file.version, definition)
    known = [
        row
        for row in rows
        if row.version == this.version and row.definition == this.definition
    ]
    if known:
        this = known[-1]
        flows = rows
    else:
        flows = [*rows, this]
    by_key = {row.key: _load(row, time_scale) for row in flows}
    if not known:
        with journal.transaction():
            journal.forget_unused_flows(but=this.key)
            journal.add_flow(this)
    return Flows(by_key[this.key], by_key)


def _load(row: FlowRow, time_scale: float) -> Flow:
    try:
        workflow = _workflow(row.definition, time_scale)
    except WorkflowInvalid as flaw:
        told = "; ".join(finding.message for finding in flaw.findings[:5])
        raise FlowUnusable(
            f"flow {row.flow} version {row.version} cannot be run: {told}"
        ) from None
    return Flow(row.key, row.flow, row.version, workflow)


@lru_cache(maxsize=_REMEMBERED)
def _workflow(definition: bytes, time_scale: float) -> Workflow:
    """Engines of one process, as a swarm's, share what never changes."""
    found = msgspec.json.decode(definition)
    return parse(found if time_scale == 1.0 else scaled(found, time_scale))


def scaled(source: object, time_scale: float) -> Any:
    """The definition with every duration divided by ``time_scale``."""
    if isinstance(source, list):
        return [scaled(member, time_scale) for member in source]
    if not isinstance(source, dict):
        return source
    return {
        name: round(member / time_scale)
        if name in _DURATIONS and _is_number(member)
        else scaled(member, time_scale)
        for name, member in source.items()
    }


def _is_number(member: object) -> bool:
    return isinstance(member, int | float) and not isinstance(member, bool)
