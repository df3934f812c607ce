"""Virtual time: scripted or improvised, the same every time."""

import msgspec

from heddle.workflow.effects import EventType
from heddle.workflow.inputs import Approve, Pause, Resume, Start
from heddle.workflow.parse import parse_json
from heddle.workflow.simulate import Simulation, simulate
from tests.unit.workflow.drawing import (
    EXAMPLE,
    approval,
    loop,
    one_phase,
)

FLOW = parse_json(EXAMPLE.read_bytes())


def test_a_script_may_pause_and_resume() -> None:
    events = list(simulate(loop(2, ms=100), [Pause(30), Resume(1_030)]))
    assert events[-1].at_ms == 1_200


def test_without_a_script_a_run_waits_and_the_simulation_ends() -> None:
    flow = one_phase(approval("a", "p"))
    assert [*simulate(flow)][-1].type is EventType.EVENT_LISTENER_ACTIVATED


def test_what_was_planned_for_the_past_happens_now() -> None:
    events = list(simulate(one_phase(approval("a", "p")), [Approve(3)], start_at_ms=50))
    assert {event.at_ms for event in events} == {50}


def test_commands_take_their_time() -> None:
    simulation = Simulation(loop(2, ms=100), command_ms=7)
    simulation.plan(Start(0))
    simulation.advance()
    assert simulation.run.pending
    simulation.advance()
    assert (simulation.now_ms, simulation.run.pending) == (7, {})


def test_steps_are_limited() -> None:
    assert len(list(simulate(loop(10**6), max_steps=10))) < 50


def test_the_same_script_gives_the_same_bytes() -> None:
    script = [Approve(120_000, by="ada", comment="fine")]
    first, again = (list(simulate(FLOW, script)) for _ in range(2))
    assert msgspec.json.encode(first) == msgspec.json.encode(again)
