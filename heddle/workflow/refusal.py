"""Why a request by a person cannot be heeded now.

``step`` leaves a run unchanged by an input out of season. A person deserves an answer:
ask ``refusal`` before the request is journalled. ``step`` asks it too, so the two never
disagree.
"""

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from heddle.workflow.definition import ListenerKind, Workflow
from heddle.workflow.inputs import (
    Approve,
    Pause,
    Request,
    Resume,
    Start,
    Stop,
    StopMode,
    Trigger,
)
from heddle.workflow.run import ENDED, MOVING, Run, Status


@dataclass(frozen=True, slots=True)
class Paused:
    """The run is paused: only resume, stop and status are heeded."""


@dataclass(frozen=True, slots=True)
class WrongState:
    """The request makes no sense in this state."""

    status: Status


@dataclass(frozen=True, slots=True)
class NotActive:
    """The listener (or any approval) is not awaited; ``candidates`` are."""

    listener: str | None
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several approvals are awaited and none was named."""

    candidates: tuple[str, ...]


Refusal: TypeAlias = Paused | WrongState | NotActive | Ambiguous


def refusal(workflow: Workflow, run: Run, request: Request) -> Refusal | None:
    """Why ``request`` would change nothing, or ``None`` if it will be heeded."""
    match request:
        case Start():
            fits = run.status is Status.READY
        case Pause():
            fits = run.status in MOVING
        case Resume():
            fits = run.status is Status.PAUSED
        case Stop(mode=mode):
            fits = _can_stop(run, mode)
        case Approve() | Trigger():
            return _refuse_firing(workflow, run, request)
        case _:
            assert_never(request)
    return None if fits else WrongState(run.status)


def _can_stop(run: Run, mode: StopMode) -> bool:
    if run.status is Status.READY or run.status in ENDED:
        return False
    return mode is StopMode.HARD or not run.stopping


def _refuse_firing(
    workflow: Workflow, run: Run, request: Approve | Trigger
) -> Refusal | None:
    if run.status is Status.PAUSED:
        return Paused()
    if run.status not in MOVING:
        return WrongState(run.status)
    if isinstance(request, Trigger):
        candidates = tuple(run.listening)
    else:
        candidates = awaited_approvals(workflow, run)
    if request.listener is None and len(candidates) > 1:
        return Ambiguous(candidates)
    if not candidates or (request.listener or candidates[0]) not in candidates:
        return NotActive(request.listener, candidates)
    return None


def awaited_approvals(workflow: Workflow, run: Run) -> tuple[str, ...]:
    """The active APPROVAL listeners, the longest awaited first."""
    return tuple(
        active
        for active in run.listening
        if workflow.listeners[active].kind is ListenerKind.APPROVAL
    )
