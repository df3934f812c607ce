"""What a step asks the outside world to do, in this order."""

import enum
from typing import Any, TypeAlias

import msgspec

from heddle.workflow.definition import Command


class EventType(enum.StrEnum):
    """Types of a run's events: OSPIN 004's, and ours for commands."""

    EVENT_LISTENER_ACTIVATED = "EVENT_LISTENER_ACTIVATED"
    EVENT_RECEIVED = "EVENT_RECEIVED"
    FLOW_SIGNALED = "FLOW_SIGNALED"
    PHASE_STARTED = "PHASE_STARTED"
    GATEWAY_ACTIVATED = "GATEWAY_ACTIVATED"
    DISPATCHED_EVENT = "DISPATCHED_EVENT"
    WORKFLOW_PAUSED = "WORKFLOW_PAUSED"
    WORKFLOW_RESUMED = "WORKFLOW_RESUMED"
    WORKFLOW_TERMINATED = "WORKFLOW_TERMINATED"
    WORKFLOW_FINISHED = "WORKFLOW_FINISHED"
    COMMAND_EXECUTED = "COMMAND_EXECUTED"
    COMMAND_FAILED = "COMMAND_FAILED"


class Tell(msgspec.Struct, frozen=True):
    """Report an event of the run; ``number`` counts from 0 without gaps."""

    number: int
    at_ms: int
    type: EventType
    data: dict[str, Any]

    @property
    def createdAt(self) -> int:  # noqa: N802 -- OSPIN's field name
        """``at_ms``, as ``queries`` and the wire call it."""
        return self.at_ms


class Execute(msgspec.Struct, frozen=True):
    """Carry out a command, then say ``CommandDone(key)`` or ``CommandFailed(key)``.

    May be asked for again after a crash; the device drops a (run, key) it has seen.
    """

    key: int
    phase: str
    command: Command


class Arm(msgspec.Struct, frozen=True):
    """Say ``Due(listener)`` at this moment; replaces an earlier deadline."""

    listener: str
    due_at_ms: int


class Disarm(msgspec.Struct, frozen=True):
    """Forget the listener's deadline."""

    listener: str


Effect: TypeAlias = Tell | Execute | Arm | Disarm
