"""A counter-example as a story: what happens step by step, and how the run then stands.

It is told of the abstract workflow that was walked, in which the outside decides
freely; elements and links are those of the author.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from heddle.workflow.definition import Listener, ListenerKind, Workflow
from heddle.workflow.effects import EventType, Tell
from heddle.workflow.findings import Finding
from heddle.workflow.turn import Step
from heddle.workflow.walk import Move, Walk
from heddle.workflow.wording import lasting, worded

MOST_LINKS = 50  # told of one step: signals may run in circles

_INPUTS = {
    ListenerKind.START: "trigger",
    ListenerKind.TIMER: "timer",
    ListenerKind.APPROVAL: "approval",
    ListenerKind.CONDITION: "condition",
}


@dataclass(frozen=True, slots=True)
class Played:
    """One step and what came of it; ``listener`` fires, at the start none does."""

    input: str  # start, timer, condition, approval or trigger
    listener: str | None
    holds: tuple[str, ...]  # comparisons assumed to hold, in words
    fails: tuple[str, ...]  # and not to
    links: tuple[str, ...]  # that carried a signal, in order
    phases: tuple[str, ...]  # active afterwards
    listening: tuple[str, ...]
    kept: tuple[str, ...]  # links whose signal waits before an AND gateway
    activations: Mapping[str, int]
    words: str


def play(workflow: Workflow, walk: Walk, finding: Finding) -> Iterator[Played]:
    """The way to a finding of this walk; nothing if no way leads there."""
    if finding.state is None:
        return
    activations: dict[str, int] = {}
    for state in walk.way(finding.state):
        move, outcome = walk.states[state].move, walk.again(state)
        run = walk.states[state].run
        holds, fails = _answers(walk, move)
        for gateway in _told(outcome, EventType.GATEWAY_ACTIVATED, "gatewayId"):
            activations[gateway] = activations.get(gateway, 0) + 1
        activations |= run.activations  # the walk counts those that matter
        yield Played(
            input=_input(workflow, move),
            listener=None if move.listener is None else move.listener.id,
            holds=holds,
            fails=fails,
            links=tuple(_told(outcome, EventType.FLOW_SIGNALED, "flowId"))[:MOST_LINKS],
            phases=tuple(run.active),
            listening=tuple(run.listening),
            kept=run.signals,
            activations={**activations},
            words=_words(workflow, move, holds, fails)
            + _skipped(outcome, run.activations),
        )


def _answers(walk: Walk, move: Move) -> tuple[tuple[str, ...], tuple[str, ...]]:
    asked = walk.abstraction.asked
    holds = tuple(asked[oracle] for oracle, says in move.answers.items() if says)
    fails = tuple(asked[oracle] for oracle, says in move.answers.items() if not says)
    return holds, fails


def _input(workflow: Workflow, move: Move) -> str:
    if move.listener is None:
        return "start"
    if move.forced:
        return "trigger"
    return _INPUTS[workflow.listeners[move.listener.id].kind]


def _told(outcome: Step, kind: EventType, named: str) -> Iterator[str]:
    for effect in outcome.effects:
        if isinstance(effect, Tell) and effect.type is kind:
            yield effect.data[named]


def _words(
    workflow: Workflow, move: Move, holds: tuple[str, ...], fails: tuple[str, ...]
) -> str:
    assumed = [f"{one} holds" for one in holds]
    assumed += [f"{one} does not hold" for one in fails]
    given = f", while {' and '.join(assumed)}" if assumed else ""
    if move.listener is None:
        return f"The run starts{given}"
    listener = workflow.listeners[move.listener.id]
    if move.forced:
        return f"Somebody triggers {listener.id} by hand{given}"
    return f"{_fires(listener)}{given}"


def _fires(listener: Listener) -> str:
    match listener.kind:
        case ListenerKind.TIMER:
            return f"Timer {listener.id} runs out after {lasting(listener.duration_ms)}"
        case ListenerKind.APPROVAL:
            return f"Approval {listener.id} is given"
        case ListenerKind.CONDITION:
            return f"Condition {listener.id} comes true: {worded(listener.condition)}"
        case ListenerKind.START:
            return f"Somebody triggers {listener.id} by hand"


def _skipped(outcome: Step, activations: Mapping[str, int]) -> str:
    """A walk leaves out turns of a counted loop that are all alike."""
    far = [
        f"{gateway} was activated {count} times"
        for gateway, count in activations.items()
        if outcome.run.activations.get(gateway, 0) < count
    ]
    return f", and so on until {' and '.join(far)}" if far else ""
