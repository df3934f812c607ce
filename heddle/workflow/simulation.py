"""A workflow simulated for its author: a script, virtual time, and what came of it.

Time counts from the start, which is 0. What a script leaves open stays open, or is
improvised by a seed. Equal questions have equal answers.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from heddle.workflow.conditions import Value
from heddle.workflow.definition import Workflow
from heddle.workflow.effects import EventType, Tell
from heddle.workflow.improvise import Approving, Wandering
from heddle.workflow.inputs import Approve, Input, Request, Sampled, Trigger
from heddle.workflow.refusal import Ambiguous, NotActive, Paused, Refusal, WrongState
from heddle.workflow.rehearse import Planned, Rehearsal, Source, started, waiting
from heddle.workflow.run import Run
from heddle.workflow.script import parse_script

MOST_READINGS = 2_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be simulated: how, and how far."""

    workflow: Workflow
    script: Sequence[Mapping[str, Any]] = ()
    seed: int | None = None
    until_ms: int | None = None
    most_events: int = 1_000
    most_bytes: int = 500_000  # of events, as JSON


@dataclass(frozen=True, slots=True)
class Setting:
    """A phase gives an input of the device a value."""

    at_ms: int
    phase: str
    node: str
    value: Value


@dataclass(slots=True)
class Told:
    """What came of it. ``is_cut``: the run would have gone on telling."""

    run: Run
    lasted_ms: int = 0
    is_cut: bool = False
    events: list[Tell] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    readings: list[tuple[int, str, Value | None]] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    waits: list[tuple[str, str]] = field(default_factory=list)


def simulate(question: Question) -> Told:
    """Let it run; raises ``BadScript``."""
    workflow = question.workflow
    script = parse_script(json.dumps(list(question.script)), workflow, 0)
    told = Told(Run())
    sources = [_Heard(one, told.readings) for one in _sources(question, script)]
    rehearsal = Rehearsal(workflow, sources, until_ms=question.until_ms)
    told.is_cut = _listen(rehearsal.events(), question, told)
    told.run, told.lasted_ms = rehearsal.run, rehearsal.now_ms
    told.waits = list(waiting(workflow, rehearsal.run))
    told.refused = [
        (request.at_ms, refused_in_words(request, refused))
        for request, refused in rehearsal.refused
    ]
    return told


def _listen(events: Iterator[Tell], question: Question, told: Told) -> bool:
    """Keep what is told, until there is no more room; whether there was too little."""
    room = question.most_bytes
    for event in events:
        room -= len(json.dumps(event.data)) + len(event.type)
        if room < 0 or len(told.events) == question.most_events:
            return True
        told.events.append(event)
        if event.type is EventType.PHASE_STARTED:
            told.settings += _settings(question.workflow, event)
    return False


def _settings(workflow: Workflow, event: Tell) -> Iterator[Setting]:
    phase = workflow.phases[event.data["phaseId"]]
    for command in phase.commands:
        for one in command.setpoints:
            yield Setting(event.at_ms, phase.id, one.node, one.value)


def _sources(question: Question, script: list[Input]) -> list[Source]:
    planned = Planned(started(0, script))
    if question.seed is None:
        return [planned]
    given = frozenset(
        tag for one in script if isinstance(one, Sampled) for tag in one.values
    )
    approved = {x.listener: x.at_ms for x in script if isinstance(x, Approve)}
    return [
        Wandering(question.workflow, question.seed, 0, given),
        planned,
        Approving(question.workflow, question.seed, approved),
    ]


class _Heard:
    """A source whose readings are noted."""

    def __init__(
        self, source: Source, readings: list[tuple[int, str, Value | None]]
    ) -> None:
        self._source = source
        self._readings = readings

    def next_at_ms(self, run: Run, now_ms: int) -> int | None:
        return self._source.next_at_ms(run, now_ms)

    def take(self, run: Run, at_ms: int) -> Input:
        taken = self._source.take(run, at_ms)
        if isinstance(taken, Sampled):
            room = MOST_READINGS - len(self._readings)
            read = [(at_ms, tag, one.value) for tag, one in taken.values.items()]
            self._readings += read[:room]
        return taken


def refused_in_words(request: Request, refused: Refusal) -> str:
    """Why a step of a script changed nothing."""
    words = type(request).__name__.lower()
    if isinstance(request, Approve | Trigger) and request.listener is not None:
        words += f" {request.listener}"
    match refused:
        case Paused():
            return f"{words}: the run is paused"
        case WrongState(status):
            return f"{words}: the run is {status}"
        case NotActive(_, candidates):
            return f"{words}: not awaited; awaited: {', '.join(candidates) or 'none'}"
        case Ambiguous(candidates):
            return f"{words}: several are awaited: {', '.join(candidates)}"
        case _:
            assert_never(refused)
