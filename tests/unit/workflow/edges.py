"""What must hold on every edge between two states of a run, whatever the workflow."""

from collections.abc import Iterator

import msgspec

from heddle.workflow.definition import ListenerKind, Workflow
from heddle.workflow.effects import Arm, Disarm, EventType, Execute, Tell
from heddle.workflow.engine import Step, matters, step
from heddle.workflow.inputs import (
    Approve,
    CommandDone,
    CommandFailed,
    Due,
    Input,
    Pause,
    Quality,
    Reading,
    Resume,
    Sampled,
    Start,
    Stop,
    StopMode,
    Trigger,
)
from heddle.workflow.refusal import refusal
from heddle.workflow.run import ENDED, MOVING, Run, Status, outstanding

REQUESTS = Start | Approve | Trigger | Pause | Resume | Stop
HELD = {
    EventType.COMMAND_EXECUTED,
    EventType.COMMAND_FAILED,
    EventType.WORKFLOW_RESUMED,
    EventType.WORKFLOW_TERMINATED,
}


def alphabet(workflow: Workflow, run: Run, at_ms: int) -> Iterator[Input]:
    """Everything that could happen next, the senseless included."""
    yield from (Start(at_ms), Pause(at_ms), Resume(at_ms), Approve(at_ms))
    yield from (Stop(at_ms, mode) for mode in StopMode)
    for listener in workflow.listeners.values():
        yield Trigger(at_ms, listener.id)
        due_at_ms = run.listening.get(listener.id)
        moving = run.status in MOVING and due_at_ms is not None
        yield Due(max(at_ms, due_at_ms or 0) if moving else at_ms, listener.id)
        if listener.kind is ListenerKind.APPROVAL:
            yield Approve(at_ms, listener.id)
    for tag in sorted(workflow.tags):
        for reading in (Reading(20.0), Reading(40.0), Reading(None, Quality.STALE)):
            yield Sampled(at_ms, {tag: reading})
    for key in (*run.pending, run.commands):
        yield CommandDone(at_ms, key)
        yield CommandFailed(at_ms, key, "no")


def checked(workflow: Workflow, run: Run, received: Input) -> Step:
    """One step, with every invariant looked at."""
    before = msgspec.msgpack.encode(run)
    outcome = step(workflow, run, received)
    assert msgspec.msgpack.encode(run) == before, "a step changed the run it was given"
    assert step(workflow, run, received) == outcome, "a step is not determined"
    assert (
        msgspec.msgpack.decode(msgspec.msgpack.encode(outcome.run), type=Run)
        == outcome.run
    ), "a run does not survive encoding"
    _numbers(run, outcome)
    _deadlines(run, received, outcome)
    _commands(run, received, outcome)
    _phases(workflow, outcome.run)
    _statuses(run, received, outcome)
    _answers(workflow, run, received, outcome)
    assert all(
        effect in (*outcome.effects, *outstanding(workflow, run))
        for effect in outstanding(workflow, outcome.run)
        if isinstance(effect, Execute)
    )
    return outcome


def _numbers(run: Run, outcome: Step) -> None:
    told = [effect for effect in outcome.effects if isinstance(effect, Tell)]
    assert [event.number for event in told] == list(
        range(run.events, outcome.run.events)
    )


def _deadlines(run: Run, received: Input, outcome: Step) -> None:
    """The shell's table of deadlines is what the run says it is."""
    table = _armed(run)
    if (
        isinstance(received, Due)
        and table.get(received.listener, 1e99) <= received.at_ms
    ):
        del table[received.listener]
    for effect in outcome.effects:
        if isinstance(effect, Arm):
            table[effect.listener] = effect.due_at_ms
        elif isinstance(effect, Disarm):
            del table[effect.listener]
    assert table == _armed(outcome.run)


def _armed(run: Run) -> dict[str, int]:
    if run.status not in MOVING:
        return {}
    return {x: due for x, due in run.listening.items() if due is not None}


def _commands(run: Run, received: Input, outcome: Step) -> None:
    keys = set(run.pending)
    if isinstance(received, CommandDone | CommandFailed):
        keys.discard(received.key)
    keys |= {e.key for e in outcome.effects if isinstance(e, Execute)}
    assert set(outcome.run.pending) == (set() if outcome.run.status in ENDED else keys)


def _phases(workflow: Workflow, run: Run) -> None:
    for active in run.listening:
        listener = workflow.listeners[active]
        is_start = listener.kind is ListenerKind.START
        assert is_start or listener.phase in (None, *run.active)
    looked_at = {key for x in run.listening for key in workflow.listeners[x].windows}
    assert looked_at.issuperset(run.windows)
    if run.status in ENDED:
        assert (run.listening, run.active, run.windows, run.signals) == ({}, {}, {}, ())


def _statuses(run: Run, received: Input, outcome: Step) -> None:
    if run.status in ENDED:
        assert outcome == Step(run)
    if run.status is Status.PAUSED:
        told = {e.type for e in outcome.effects if isinstance(e, Tell)}
        assert isinstance(received, Resume) or told <= HELD
        assert isinstance(received, Resume) or not any(
            isinstance(e, Arm | Execute) for e in outcome.effects
        )
    if run.stopping:
        assert not any(isinstance(e, Execute) for e in outcome.effects)
        assert outcome.run.active or outcome.run.status in ENDED


def _answers(workflow: Workflow, run: Run, received: Input, outcome: Step) -> None:
    if isinstance(received, REQUESTS):
        refused = refusal(workflow, run, received) is not None
        assert refused == (outcome == Step(run))
    if isinstance(received, Sampled) and not matters(workflow, run, received):
        assert outcome.effects == ()
