"""A paused run does not move, and loses not a millisecond."""

import pytest

from heddle.workflow.effects import Arm, Disarm
from heddle.workflow.engine import matters, step
from heddle.workflow.inputs import (
    Approve,
    CommandDone,
    Due,
    Input,
    Pause,
    Reading,
    Resume,
    Sampled,
    Stop,
    StopMode,
    Trigger,
)
from heddle.workflow.run import Run, Status, outstanding
from tests.unit.workflow.drawing import (
    after,
    approval,
    asked,
    condition,
    hot,
    loop,
    one_phase,
    timer,
    told,
)


def temperature(at_ms: int, value: float) -> Sampled:
    return Sampled(at_ms, {"T": Reading(value)})


def test_a_timer_keeps_its_remainder() -> None:
    flow = one_phase(timer("t", "p", 100))
    paused = after(flow, Pause(30))
    assert told(paused.effects) == ["WORKFLOW_PAUSED"]
    assert asked(paused.effects) == [Disarm("t")]
    assert paused.run.listening == {"t": 70}
    assert outstanding(flow, paused.run) == ()

    resumed = after(flow, Resume(1_000), run=paused.run)
    assert told(resumed.effects) == ["WORKFLOW_RESUMED"]
    assert asked(resumed.effects) == [Arm("t", 1_070)]


def test_a_thousand_pauses_lose_nothing() -> None:
    flow = one_phase(
        timer("t", "p", 100_000), condition("c", "p", hot(sustainTimeInMS=90_000))
    )
    run, at_ms = after(flow, temperature(0, 40)).run, 0
    for _ in range(1_000):
        run = after(flow, Pause(at_ms + 7), Resume(at_ms + 7_777), run=run).run
        at_ms += 7_777
    assert run.listening == {"t": at_ms + 93_000, "c": at_ms + 83_000}


@pytest.mark.parametrize(
    "received",
    [
        Approve(2, "a"),
        Trigger(2, "a"),
        Trigger(2, "t"),
        Due(500, "t"),
        Pause(2),
    ],
)
def test_a_paused_run_heeds_nothing_that_would_move_it(received: Input) -> None:
    flow = one_phase(timer("t", "p", 100), approval("a", "p"))
    paused = after(flow, Pause(1)).run
    assert step(flow, paused, received).run is paused


def test_a_timer_that_was_overdue_when_paused_is_due_on_resume() -> None:
    flow = one_phase(timer("t", "p", 10))
    resumed = after(flow, Pause(15), Resume(100))
    assert asked(resumed.effects) == [Arm("t", 95)]
    assert after(flow, Due(100, "t"), run=resumed.run).run.status is Status.FINISHED


def test_a_window_keeps_its_remainder_if_the_condition_still_holds() -> None:
    flow = one_phase(condition("c", "p", hot(sustainTimeInMS=100)))
    paused = after(flow, temperature(10, 38), Pause(50)).run
    assert paused.listening == {"c": 60}
    cooled_and_warm_again = after(
        flow, temperature(60, 20), temperature(70, 39), run=paused
    )
    resumed = after(flow, Resume(200), run=cooled_and_warm_again.run)
    assert asked(resumed.effects) == [Arm("c", 260)]


def test_a_window_is_gone_if_the_condition_broke_meanwhile() -> None:
    flow = one_phase(condition("c", "p", hot(sustainTimeInMS=100)))
    broken = after(
        flow, temperature(10, 38), Pause(50), temperature(60, 20), Resume(70)
    )
    assert broken.run.listening == {"c": None}
    assert broken.run.windows == {}
    assert asked(broken.effects) == [Arm("c", 130), Disarm("c")]


def test_a_condition_that_came_true_during_the_pause_fires_on_resume() -> None:
    flow = one_phase(condition("c", "p"))
    paused = after(flow, Pause(5)).run
    warm = temperature(6, 40)
    assert not matters(flow, paused, warm)
    resumed = after(flow, warm, Resume(9), run=paused)
    assert told(resumed.effects)[:2] == ["WORKFLOW_RESUMED", "EVENT_RECEIVED c False"]
    assert resumed.run.status is Status.FINISHED


def test_a_command_answered_during_the_pause_is_told_and_moves_nothing() -> None:
    answered = after(loop(3), Pause(1), CommandDone(2, 0))
    assert told(answered.effects) == ["COMMAND_EXECUTED p set"]
    assert answered.run.status is Status.PAUSED


def test_a_hard_stop_ends_a_paused_run() -> None:
    stopped = after(one_phase(timer("t", "p")), Pause(1), Stop(2, StopMode.HARD))
    assert told(stopped.effects) == ["WORKFLOW_TERMINATED"]
    assert asked(stopped.effects) == []


def test_a_soft_stop_of_a_paused_run_is_remembered() -> None:
    flow = loop(9, ms=10)
    held = after(flow, Pause(1), Stop(2)).run
    assert (held.status, held.stopping) == (Status.PAUSED, True)
    resumed = after(flow, Resume(3), run=held).run
    assert resumed.status is Status.STOPPING
    assert after(flow, Due(12, "t"), run=resumed).run.status is Status.TERMINATED


def test_a_stopping_run_can_be_paused_and_goes_on_stopping() -> None:
    resumed = after(loop(9, ms=10), Stop(1), Pause(2), Resume(3)).run
    assert resumed.status is Status.STOPPING


def test_resuming_what_is_not_paused_changes_nothing() -> None:
    run = Run()
    assert step(loop(2), run, Resume(1)).run is run
