"""What one execution of a workflow remembers between steps.

A ``Run`` is never changed: a step that needs another one copies what it touches. Its
mappings keep the order in which things happened, so equal histories give equal bytes
when it is encoded (it is a msgspec struct of plain values).
"""

import enum
from collections.abc import Mapping

import msgspec

from heddle.workflow.conditions import Value
from heddle.workflow.definition import Workflow
from heddle.workflow.effects import Arm, Effect, Execute


class Status(enum.StrEnum):
    """Where a run stands."""

    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"  # soft stop: active phases may still end
    FINISHED = "finished"  # an END dispatcher was reached
    TERMINATED = "terminated"  # stopped by a person, or run away


MOVING = frozenset({Status.RUNNING, Status.STOPPING})
ENDED = frozenset({Status.FINISHED, Status.TERMINATED})


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole memory of a run.

    Times in ``listening`` and ``windows`` are deadlines (unix ms), and remainders (ms)
    while the run is paused.
    """

    status: Status = Status.READY
    stopping: bool = False  # a soft stop was asked for; also kept while paused
    listening: Mapping[str, int | None] = {}  # active listener -> its deadline
    windows: Mapping[str, int] = {}  # open sustain windows -> their deadlines
    active: Mapping[str, int] = {}  # active phase -> when it started
    signals: tuple[str, ...] = ()  # links whose signal waits for an AND
    activations: Mapping[str, int] = {}  # gateway -> how often it was activated
    readings: Mapping[str, Value] = {}  # trusted values of the tags conditions look at
    pending: Mapping[int, tuple[str, int]] = {}  # command key -> phase, its position
    events: int = 0  # how many events were told: the next one's number
    commands: int = 0  # how many commands were asked for: the next one's key
    started_at_ms: int | None = None
    ended_at_ms: int | None = None


def outstanding(workflow: Workflow, run: Run) -> tuple[Effect, ...]:
    """What the outside still has to do for this run: after a restart, ask again."""
    armed = (
        [Arm(x, due) for x, due in run.listening.items() if due is not None]
        if run.status in MOVING
        else []
    )
    unanswered = (
        Execute(key, phase, workflow.command(phase, position))
        for key, (phase, position) in run.pending.items()
    )
    return (*unanswered, *armed)
