"""A simulation tells what happens by virtual time, and how and where it ends."""

import pytest

from heddle.workflow.effects import EventType
from heddle.workflow.parse import parse
from heddle.workflow.script import BadScript
from heddle.workflow.simulation import MOST_READINGS, Question, Setting, simulate
from tests.unit.workflow.drawing import (
    approval,
    condition,
    document,
    end,
    flows,
    phase,
    start,
    timer,
)

WORKFLOW = parse(
    document(
        *(start(), phase("heat", ("heater", 37)), timer("late", "heat", ms=60_000)),
        *(condition("warm", "heat"), phase("hold", ("heater", 20)), end()),
        approval("seen", "hold"),
        flows("start > heat", "warm > hold", "late > end", "seen > end"),
    )
)


def test_a_script_decides_what_happens_and_when() -> None:
    script = [{"at_s": 5, "tags": {"T": 40}}, {"at_s": 9, "approve": True, "by": "ada"}]
    told = simulate(Question(WORKFLOW, script))
    assert told.run.status == "finished"
    assert told.lasted_ms == 9_000
    assert told.settings == [
        Setting(0, "heat", "heater", 37),
        Setting(5_000, "hold", "heater", 20),
    ]
    assert told.readings == [(5_000, "T", 40)]
    assert told.events[-1].type is EventType.WORKFLOW_FINISHED


def test_what_a_run_waits_for_and_what_it_refused_is_told() -> None:
    script = [{"at_s": 1, "approve": "seen"}, {"at_s": 5, "tags": {"T": 40}}]
    told = simulate(Question(WORKFLOW, script))
    assert told.waits == [("seen", "approval seen")]
    assert told.refused == [(1_000, "approve seen: not awaited; awaited: none")]


def test_a_seed_makes_up_what_is_left_open_the_same_way_each_time() -> None:
    one, other = (simulate(Question(WORKFLOW, seed=3)) for _ in range(2))
    assert one == other
    assert one.run.status == "finished"


def test_it_stops_where_it_was_asked_to() -> None:
    cut = simulate(Question(WORKFLOW, seed=1, most_events=3))
    assert cut.is_cut
    assert len(cut.events) == 3
    assert simulate(Question(WORKFLOW, seed=1, most_bytes=10)).is_cut
    early = simulate(Question(WORKFLOW, until_ms=2_000))
    assert (early.lasted_ms, early.is_cut) == (2_000, False)


def test_readings_without_end_are_told_in_part() -> None:
    script = [{"at_s": n / 100, "tags": {"T": 1}} for n in range(MOST_READINGS + 5)]
    assert len(simulate(Question(WORKFLOW, script)).readings) == MOST_READINGS


def test_a_script_that_does_not_fit_is_refused_with_its_flaws() -> None:
    with pytest.raises(BadScript, match="step 1: there is no listener 'x'"):
        simulate(Question(WORKFLOW, [{"at_s": 1, "trigger": "x"}]))
