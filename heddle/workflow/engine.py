"""Execution semantics: how one input moves one run.

``step`` is pure and total. An input out of season (a deadline that was disarmed, a
second start, an approval nobody awaits) changes nothing and asks for nothing. The same
inputs over the same workflow give the same runs, the same effects and the same event
numbers: a run is the fold of ``step`` over its journal.

What a step does is settled before it returns: signals travel until each has been
consumed or is retained before an AND gateway. How they travel is in ``turn``.
"""

from typing import assert_never

from msgspec.structs import replace

from heddle.workflow.conditions import Facts, judge
from heddle.workflow.definition import Workflow
from heddle.workflow.effects import EventType, Tell
from heddle.workflow.inputs import (
    Approve,
    CommandDone,
    CommandFailed,
    Due,
    Input,
    Pause,
    Request,
    Resume,
    Sampled,
    Start,
    Stop,
    StopMode,
    Trigger,
)
from heddle.workflow.refusal import awaited_approvals, refusal
from heddle.workflow.run import ENDED, MOVING, Run
from heddle.workflow.turn import Step, Turn, trusted

__all__ = ["Step", "matters", "step"]


def step(workflow: Workflow, run: Run, received: Input) -> Step:
    """Move ``run`` by one input."""
    match received:
        case Due():
            return _due(workflow, run, received)
        case CommandDone() | CommandFailed():
            return _answered(workflow, run, received)
        case Sampled():
            return _sampled(workflow, run, received)
        case _:
            return _heed(workflow, run, received)


def matters(workflow: Workflow, run: Run, sampled: Sampled) -> bool:
    """Whether these readings change more than ``run.readings``.

    Only then they need to be journalled at once. Others may be kept back, the latest of
    each tag in ``workflow.tags``, and be given as one ``Sampled`` right before the next
    input that is journalled.
    """
    if run.status not in MOVING or workflow.tags.isdisjoint(sampled.values):
        return False
    readings = trusted(workflow, run.readings, sampled.values)
    for active in run.listening:
        listener = workflow.listeners[active]
        if listener.tags.isdisjoint(sampled.values):
            continue
        facts = Facts(readings, run.activations, sampled.at_ms, run.windows)
        truth = judge(listener.condition, facts)
        if truth or facts.kept.keys() != run.windows.keys() & set(listener.windows):
            return True
    return False


def _due(workflow: Workflow, run: Run, due: Due) -> Step:
    """A deadline has come, unless it moved or the listener went inactive meanwhile."""
    due_at_ms = run.listening.get(due.listener)
    if due_at_ms is None or due.at_ms < due_at_ms or run.status not in MOVING:
        return Step(run)
    turn = Turn(workflow, run, due.at_ms)
    turn.expire(workflow.listeners[due.listener], due.late_by_ms)
    return turn.settle()


def _answered(
    workflow: Workflow, run: Run, answer: CommandDone | CommandFailed
) -> Step:
    """A command's answer is told even while paused: it happened all the same.

    Nothing else moves because of it, so it needs no turn.
    """
    if answer.key not in run.pending:
        return Step(run)
    pending = {**run.pending}
    phase_id, position = pending.pop(answer.key)
    command = workflow.command(phase_id, position)
    data = {"phaseId": phase_id, "commandId": command.id}
    if isinstance(answer, CommandDone):
        told = Tell(run.events, answer.at_ms, EventType.COMMAND_EXECUTED, data)
    else:
        data["error"] = answer.error
        told = Tell(run.events, answer.at_ms, EventType.COMMAND_FAILED, data)
    return Step(replace(run, pending=pending, events=run.events + 1), (told,))


def _sampled(workflow: Workflow, run: Run, sampled: Sampled) -> Step:
    """While the run does not move, readings are only remembered."""
    if run.status in ENDED or workflow.tags.isdisjoint(sampled.values):
        return Step(run)
    turn = Turn(workflow, run, sampled.at_ms)
    turn.read(sampled.values)
    return turn.settle() if run.status in MOVING else turn.finish()


def _heed(workflow: Workflow, run: Run, request: Request) -> Step:
    if refusal(workflow, run, request) is not None:
        return Step(run)
    turn = Turn(workflow, run, request.at_ms)
    match request:
        case Start():
            turn.begin()
        case Approve() | Trigger():
            _fire(workflow, run, turn, request)
        case Pause():
            turn.hold()
        case Resume():
            turn.go_on()
        case Stop(mode=StopMode.SOFT):
            turn.stop()
        case Stop():
            turn.terminate()
        case _:
            assert_never(request)
    return turn.settle()


def _fire(workflow: Workflow, run: Run, turn: Turn, request: Approve | Trigger) -> None:
    if isinstance(request, Trigger):
        fired, forced, comment = request.listener, True, ""
    else:
        fired = request.listener or awaited_approvals(workflow, run)[0]
        forced, comment = False, request.comment
    listener = workflow.listeners[fired]
    turn.fire(listener, forced=forced, by=request.by, comment=comment)
