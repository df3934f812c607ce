"""Virtual time with sources: equal to the plain fold, and to itself."""

import heapq
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.workflow.definition import Workflow
from heddle.workflow.effects import Arm, Disarm, EventType, Execute, Tell
from heddle.workflow.engine import step
from heddle.workflow.improvise import BY, Approving, Wandering
from heddle.workflow.inputs import (
    Approve,
    CommandDone,
    Due,
    Input,
    Pause,
    Quality,
    Reading,
    Resume,
    Sampled,
    Start,
    Stop,
    Trigger,
)
from heddle.workflow.parse import parse_json
from heddle.workflow.rehearse import Planned, Rehearsal, rehearse, started
from heddle.workflow.run import ENDED, Run, Status
from tests.unit.workflow.drawing import (
    EXAMPLE,
    SENSOR,
    approval,
    condition,
    drawn,
    end,
    flows,
    hot,
    loop,
    one_phase,
    phase,
    start,
    timer,
)

EXAMPLES = [parse_json(f.read_bytes()) for f in sorted(EXAMPLE.parent.glob("*.json"))]


def rehearsed(workflow: Workflow, script: list[Input], start_ms: int = 0) -> list[Tell]:
    return list(rehearse(workflow, script, start_ms))


def eager(workflow: Workflow, script: list[Input]) -> list[Tell]:  # noqa: C901
    """The same in the plainest way: every reading is an input of its own."""
    agenda: list[tuple[int, int, Input]] = []
    deadlines: dict[str, int] = {}
    count = itertools.count()

    def plan(at_ms: int, one: Input) -> None:
        heapq.heappush(agenda, (at_ms, next(count), one))

    run, told = Run(), []
    plan(0, Start(0))
    for one in script:
        plan(one.at_ms, one)
    while agenda and run.status not in ENDED:
        at_ms, _, happens = heapq.heappop(agenda)
        if isinstance(happens, Due) and deadlines.get(happens.listener) != at_ms:
            continue
        outcome = step(workflow, run, happens)
        run = outcome.run
        for effect in outcome.effects:
            match effect:
                case Arm(listener, due_at_ms):
                    deadlines[listener] = due_at_ms
                    plan(due_at_ms, Due(due_at_ms, listener))
                case Disarm(listener):
                    deadlines.pop(listener, None)
                case Execute(key):
                    plan(at_ms, CommandDone(at_ms, key))
                case Tell():
                    told.append(effect)
    return told


def improvised(workflow: Workflow, seed: int, *script: Input) -> Rehearsal:
    world = [
        Wandering(workflow, seed, 0, frozenset()),
        Planned(started(0, script)),
        Approving(workflow, seed, {}),
    ]
    return Rehearsal(workflow, world)


def inputs(workflow: Workflow) -> st.SearchStrategy[list[Input]]:
    at = st.integers(1, 700).map(lambda s: 1000 * s)
    listeners = st.sampled_from(list(workflow.listeners))
    values: Any = st.floats(30, 60) | st.none() | st.sampled_from([36.8, 37, 7.0])
    readings = values.map(
        lambda v: Reading(v, Quality.BAD if v is None else Quality.GOOD)
    )
    tags = sorted(workflow.tags)
    sampled = st.dictionaries(st.sampled_from(tags), readings, min_size=1)
    one = st.one_of(
        st.builds(Sampled, at, sampled),
        st.builds(Sampled, at, sampled),
        st.builds(Approve, at, st.none() | listeners),
        st.builds(Trigger, at, listeners),
        st.builds(Pause, at),
        st.builds(Resume, at),
    )
    return st.lists(one, max_size=40)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_keeping_readings_back_changes_no_event(data: st.DataObject) -> None:
    workflow = data.draw(st.sampled_from(EXAMPLES))
    script = sorted(data.draw(inputs(workflow)), key=lambda one: one.at_ms)
    assert rehearsed(workflow, script) == eager(workflow, script)


def test_readings_of_the_first_moment_are_there_before_the_start() -> None:
    workflow = one_phase(condition("c", "p", hot()))
    told = rehearsed(workflow, [Sampled(5, {"T": Reading(40)})], start_ms=5)
    assert told[-1].at_ms == 5
    assert [one.at_ms for one in started(5, [Pause(5)], [Sampled(5, {})])] == [5, 5, 5]
    kinds = [type(one) for one in started(5, [Pause(5)], [Sampled(5, {})])]
    assert [kind.__name__ for kind in kinds] == ["Sampled", "Start", "Pause"]


def test_inputs_are_taken_one_by_one() -> None:
    """A recording is never held as a whole."""
    taken = 0

    def readings() -> Iterator[Sampled]:
        nonlocal taken
        for second in range(1_000_000):
            taken += 1
            yield Sampled(second * 1000, {"T": Reading(20)})

    workflow = one_phase(condition("c", "p", hot()), timer("t", "p", 10_000))
    rehearsal = Rehearsal(workflow, [Planned(started(0, readings()))])
    assert list(rehearsal.events())[-1].at_ms == 10_000
    assert taken < 20


@pytest.mark.parametrize("workflow", EXAMPLES, ids=lambda one: one.id)
def test_a_world_leads_to_the_end_and_is_repeatable(workflow) -> None:
    for seed in range(20):
        one, again = improvised(workflow, seed), improvised(workflow, seed)
        events = list(one.events())
        assert one.run.status is Status.FINISHED
        assert msgspec.json.encode(events) == msgspec.json.encode(list(again.events()))


def test_the_world_waits_while_the_run_is_paused() -> None:
    workflow = one_phase(approval("ok", "p"))
    script = (Pause(500), Resume(3_600_000))
    for seed in range(5):
        rehearsal = improvised(workflow, seed, *script)
        received = [e for e in rehearsal.events() if e.data.get("by") == BY]
        assert [e.at_ms > 3_600_000 for e in received] == [True]
        assert rehearsal.refused == []


def test_a_tag_that_is_compared_with_another_meets_it() -> None:
    other = {"type": "SENSOR_DATA", "data": {"reporterFctId": "U"}}
    workflow = one_phase(
        condition("c", "p", {"left": SENSOR, "operator": "==", "right": other})
    )
    for seed in range(10):
        rehearsal = improvised(workflow, seed)
        list(rehearsal.events())
        assert rehearsal.run.status is Status.FINISHED


@pytest.mark.parametrize(
    "when",
    [
        {"left": SENSOR, "operator": "==", "right": "ready"},
        {"left": SENSOR, "operator": "<", "right": "ready"},
        {"left": SENSOR, "operator": ">", "right": "ready"},
        {"left": SENSOR, "operator": "==", "right": False},
        {"left": True, "operator": "==", "right": SENSOR},
        {"left": 1e9, "operator": "<", "right": SENSOR},
        {"left": SENSOR, "operator": "<", "right": -1e9},
        hot(5, allowedDeviation=100, sustainTimeInMS=3_600_000),
    ],
    ids=str,
)
def test_the_world_tries_whatever_a_condition_compares_with(when) -> None:
    workflow = one_phase(condition("c", "p", when))
    for seed in range(5):
        rehearsal = improvised(workflow, seed)
        list(rehearsal.events())
        assert rehearsal.run.status is Status.FINISHED


def test_another_approval_does_not_change_when_the_first_is_given() -> None:
    alone = drawn(
        *(start(), phase("p"), approval("a", "p"), end()),
        flows("start > p", "a > end"),
    )
    beside = drawn(
        *(start(), phase("p"), approval("a", "p"), end()),
        *(approval("b", "p", interrupting=False), flows("start > p", "a > end")),
    )
    for seed in range(5):
        ends = [list(improvised(w, seed).events())[-1].at_ms for w in (alone, beside)]
        assert ends[0] == ends[1]


def test_what_a_refused_request_was_refused_for_is_kept() -> None:
    workflow = one_phase(timer("t", "p", 10_000))
    rehearsal = Rehearsal(workflow, [Planned(started(0, [Resume(5), Stop(6)]))])
    list(rehearsal.events())
    assert [request for request, _ in rehearsal.refused] == [Resume(5)]


def test_a_script_may_pause_and_resume() -> None:
    assert rehearsed(loop(2, ms=100), [Pause(30), Resume(1_030)])[-1].at_ms == 1_200


def test_without_a_script_a_run_waits_and_the_rehearsal_ends() -> None:
    told = rehearsed(one_phase(approval("a", "p")), [])
    assert told[-1].type is EventType.EVENT_LISTENER_ACTIVATED


def test_what_was_planned_for_the_past_happens_now() -> None:
    told = rehearsed(one_phase(approval("a", "p")), [Approve(3)], start_ms=50)
    assert {event.at_ms for event in told} == {50}
