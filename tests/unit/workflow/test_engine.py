"""Execution semantics, told as inputs and effects."""

import pytest

from heddle.workflow.definition import Command, Setpoint
from heddle.workflow.effects import Arm, Disarm, Execute
from heddle.workflow.engine import step
from heddle.workflow.inputs import (
    Approve,
    CommandDone,
    CommandFailed,
    Due,
    Start,
    Stop,
    StopMode,
    Trigger,
)
from heddle.workflow.run import Run, Status, outstanding
from heddle.workflow.turn import MAX_SIGNALS
from tests.unit.workflow.drawing import (
    after,
    alert,
    approval,
    asked,
    condition,
    drawn,
    end,
    flows,
    gateway,
    loop,
    one_phase,
    phase,
    start,
    switch,
    timer,
    told,
    turns,
)


def test_start_tells_what_listens_then_what_happens() -> None:
    begun = after(loop(2, ms=50))
    assert told(begun.effects) == [
        "EVENT_LISTENER_ACTIVATED start",
        "EVENT_RECEIVED start False",
        "FLOW_SIGNALED start>p",
        "PHASE_STARTED p",
        "EVENT_LISTENER_ACTIVATED t",
    ]
    command = Command("set", (Setpoint("node", 1),))
    assert asked(begun.effects) == [Execute(0, "p", command), Arm("t", 50)]
    assert begun.run.status is Status.RUNNING
    assert begun.run.started_at_ms == 0


def test_a_second_start_changes_nothing() -> None:
    run = after(loop(2)).run
    assert step(loop(2), run, Start(5)).run is run


def test_an_interrupting_listener_silences_its_siblings() -> None:
    flow = one_phase(timer("t", "p"), approval("a", "p"), timer("slow", "p", 99))
    done = after(flow, Approve(3))
    assert Disarm("slow") in done.effects
    assert Disarm("t") in done.effects
    assert done.run.status is Status.FINISHED


def test_a_non_interrupting_listener_fires_once_and_leaves_the_phase_alone() -> None:
    flow = drawn(
        start(),
        phase("p"),
        timer("remind", "p", 5, interrupting=False),
        approval("a", "p"),
        alert(),
        end(),
        flows("start > p", "remind > alert", "a > end"),
    )
    reminded = after(flow, Due(5, "remind"))
    assert told(reminded.effects)[-1] == "DISPATCHED_EVENT alert"
    assert list(reminded.run.active) == ["p"]
    assert list(reminded.run.listening) == ["a"]
    assert reminded.run.status is Status.RUNNING


def test_a_signal_wakes_a_bound_listener_only_while_its_phase_lasts() -> None:
    flow = drawn(
        start(),
        phase("p"),
        timer("remind", "p", 5, interrupting=False),
        approval("a", "p"),
        gateway("again", "OR"),
        approval("other"),
        end(),
        flows("start > p", "remind > again > remind", "a > end", "other > again"),
    )
    woken = after(flow, Due(5, "remind"))
    assert asked(woken.effects) == [Arm("remind", 10)]


def test_a_signal_does_not_wake_a_listener_whose_phase_is_not_active() -> None:
    flow = drawn(
        start(),
        approval("any"),
        gateway("g", "OR"),
        phase("p"),
        approval("a", "p"),
        phase("q"),
        approval("b", "q"),
        end(),
        flows("start > p", "a > q", "b > end", "any > g > b"),
    )
    assert "b" not in after(flow, Approve(1, "any")).run.listening


def test_an_unfinished_phase_and_an_active_listener_ignore_signals() -> None:
    flow = drawn(
        start(),
        phase("p"),
        approval("a", "p"),
        approval("again"),
        approval("global"),
        gateway("g", "OR"),
        gateway("h", "OR"),
        end(),
        flows("start > g > p", "again > h > p", "h > global > end", "a > end"),
        flows("g > again"),
    )
    signalled = after(flow, Approve(1, "again"))
    assert "PHASE_STARTED p" not in told(signalled.effects)
    assert "EVENT_LISTENER_ACTIVATED global" in told(signalled.effects)


def test_and_keeps_signals_until_it_has_all_and_a_flow_holds_one() -> None:
    flow = drawn(
        start(),
        gateway("split", "OR"),
        *(x for n in "ab" for x in (phase(n), approval(f"{n}!", n))),
        gateway("back", "OR"),
        gateway("join", "AND"),
        end(),
        flows("start > split > a", "split > b", "a! > back > join > end"),
        flows("back > a", "b! > join"),
    )
    once = after(flow, Approve(1, "a!"))
    assert once.run.signals == ("back>join",)
    twice = after(flow, Approve(2, "a!"), run=once.run)
    assert twice.run.signals == ("back>join",)
    both = after(flow, Approve(3, "b!"), run=twice.run)
    assert told(both.effects)[-3:] == [
        "FLOW_SIGNALED join>end",
        "DISPATCHED_EVENT end",
        "WORKFLOW_FINISHED",
    ]
    assert both.run.activations == {"split": 1, "back": 2, "join": 1}


def test_the_conditional_counts_after_it_judged_so_three_rounds_for_two() -> None:
    flow, rounds = loop(3), 1
    run = after(flow).run
    while run.status is Status.RUNNING:
        run = after(flow, Due(0, "t"), run=run).run
        rounds += run.status is Status.RUNNING
    assert rounds == 3
    assert run.activations == {"again": 3}


def test_a_gateway_that_signals_nothing_is_not_activated() -> None:
    flow = drawn(
        start(),
        gateway("split", "OR"),
        gateway("nowhere", "CONDITIONAL", condition={}),
        phase("p"),
        approval("a", "p"),
        end(),
        flows("start > split > nowhere", "split > p", "a > end"),
    )
    begun = after(flow)
    assert begun.run.activations == {"split": 1}
    assert "GATEWAY_ACTIVATED nowhere" not in told(begun.effects)


def test_the_first_end_voids_everything_else() -> None:
    flow = drawn(
        start(),
        gateway("split", "OR"),
        timer("late", ms=99),
        end(),
        phase("p", ("node", 1)),
        approval("a", "p"),
        flows("start > split > end", "split > p", "a > late > end"),
    )
    ended = after(flow)
    assert ended.run.status is Status.FINISHED
    assert "PHASE_STARTED p" not in told(ended.effects)
    assert (ended.run.listening, ended.run.active, ended.run.ended_at_ms) == ({}, {}, 0)


def test_a_global_listener_without_incoming_flow_listens_from_the_beginning() -> None:
    flow = drawn(
        start(),
        phase("p"),
        approval("a", "p"),
        timer("limit", ms=500),
        end(),
        flows("start > p", "a > end", "limit > end"),
    )
    assert Arm("limit", 500) in after(flow).effects
    assert after(flow, Due(500, "limit")).run.status is Status.FINISHED


def test_a_global_listener_between_two_flows_waits_for_its_signal() -> None:
    flow = drawn(
        start(),
        phase("p"),
        approval("a", "p"),
        timer("rest", ms=7),
        end(),
        flows("start > p", "a > rest > end"),
    )
    assert "rest" not in after(flow).run.listening
    assert asked(after(flow, Approve(3)).effects) == [Arm("rest", 10)]


def test_an_early_or_stale_deadline_changes_nothing() -> None:
    flow = one_phase(timer("t", "p", 10), approval("a", "p"))
    run = after(flow).run
    assert step(flow, run, Due(9, "t")).run is run
    assert step(flow, run, Due(9, "nobody")).run is run
    done = after(flow, Approve(1), run=run).run
    assert step(flow, done, Due(10, "t")).run is done


def test_a_late_deadline_says_so() -> None:
    late = after(one_phase(timer("t", "p", 10)), Due(25, "t", late_by_ms=15))
    assert late.effects[0].data == {  # type: ignore[union-attr]
        "eventListenerId": "t",
        "forced": False,
        "late_by_ms": 15,
    }


def test_a_trigger_is_forced_and_disarms_the_timer() -> None:
    forced = after(one_phase(timer("t", "p", 10)), Trigger(1, "t", by="ada"))
    assert told(forced.effects)[0] == "EVENT_RECEIVED t True ada"
    assert asked(forced.effects) == [Disarm("t")]


def test_an_approval_carries_who_and_why() -> None:
    approved = after(one_phase(approval("a", "p")), Approve(1, by="bo", comment="ok"))
    assert told(approved.effects)[0] == "EVENT_RECEIVED a False bo ok"


def test_a_command_is_answered_once() -> None:
    flow = loop(2)
    run = after(flow).run
    assert run.pending == {0: ("p", 0)}
    done = after(flow, CommandDone(4, 0), run=run)
    assert told(done.effects) == ["COMMAND_EXECUTED p set"]
    assert done.run.pending == {}
    assert step(flow, done.run, CommandDone(5, 0)).run is done.run


def test_a_failed_command_is_told_and_the_run_goes_on() -> None:
    failed = after(loop(2), CommandFailed(4, 0, "no such node"))
    assert told(failed.effects) == ["COMMAND_FAILED p set no such node"]
    assert failed.run.status is Status.RUNNING


def test_a_soft_stop_lets_phases_end_but_begins_nothing() -> None:
    flow = loop(5)
    stopping = after(flow, Stop(1))
    assert (stopping.run.status, stopping.effects) == (Status.STOPPING, ())
    stopped = after(flow, Due(2, "t"), run=stopping.run)
    assert told(stopped.effects)[-1] == "WORKFLOW_TERMINATED"
    assert "PHASE_STARTED p" not in told(stopped.effects)
    assert stopped.run.status is Status.TERMINATED


def test_a_soft_stop_may_still_reach_the_end() -> None:
    flow = one_phase(approval("a", "p"))
    assert after(flow, Stop(1), Approve(2)).run.status is Status.FINISHED


def test_a_soft_stop_between_phases_terminates_at_once() -> None:
    flow = drawn(
        start(),
        phase("p"),
        approval("a", "p"),
        approval("between"),
        end(),
        flows("start > p", "a > between > end"),
    )
    stopped = after(flow, Approve(1), Stop(2))
    assert told(stopped.effects) == ["WORKFLOW_TERMINATED"]


def test_a_soft_stop_wakes_no_global_listener() -> None:
    flow = drawn(
        start(),
        gateway("split", "OR"),
        *(x for n in "pq" for x in (phase(n), approval(f"{n}!", n))),
        timer("rest"),
        end(),
        flows("start > split > p", "split > q", "p! > rest > end", "q! > end"),
    )
    stopping = after(flow, Stop(1), Approve(2, "p!"))
    assert list(stopping.run.listening) == ["q!"]
    assert list(after(flow, Approve(2, "p!")).run.listening) == ["q!", "rest"]


def test_a_hard_stop_terminates_now() -> None:
    stopped = after(loop(5, ms=10), Stop(1, StopMode.HARD))
    assert told(stopped.effects) == ["WORKFLOW_TERMINATED"]
    assert asked(stopped.effects) == [Disarm("t")]
    assert (stopped.run.pending, stopped.run.ended_at_ms) == ({}, 1)


def test_signals_that_run_in_circles_terminate_the_run() -> None:
    flow = drawn(
        start(),
        gateway("a", "OR"),
        gateway("b", "OR"),
        phase("p"),
        approval("ok", "p"),
        end(),
        flows("start > a > b > a", "b > p", "ok > end"),
    )
    away = after(flow)
    assert told(away.effects)[-1] == "WORKFLOW_TERMINATED RUNAWAY_LOOP"
    assert away.run.status is Status.TERMINATED


def test_a_run_that_runs_away_tells_no_more_than_its_limit() -> None:
    circle = [f"g{n} > g{m}" for n in range(9) for m in range(9)]
    flow = drawn(
        start(),
        *(gateway(f"g{n}", "OR") for n in range(9)),
        phase("p"),
        approval("a", "p"),
        end(),
        flows("start > g0 > p", "a > end", *(x for x in circle if x[1] != x[-1])),
    )
    assert len(after(flow).effects) < 2 * MAX_SIGNALS


def test_a_condition_may_wait_for_a_gateways_activations() -> None:
    flow = drawn(
        start(),
        phase("p"),
        timer("t", "p", 5),
        gateway("g", "OR"),
        condition("twice", when=turns("g", "==", 2)),
        end(),
        flows("start > p", "t > g > p", "twice > end"),
    )
    once = after(flow, Due(5, "t"))
    assert "twice" in once.run.listening
    twice = after(flow, Due(10, "t"), run=once.run)
    assert "EVENT_RECEIVED twice False" in told(twice.effects)
    assert twice.run.status is Status.FINISHED


def test_a_link_to_nowhere_swallows_its_signal() -> None:
    flow = drawn(
        start(),
        gateway("g", "OR"),
        phase("p"),
        approval("a", "p"),
        end(),
        flows("start > g > p", "g > gone", "a > end"),
    )
    assert list(after(flow).run.active) == ["p"]


@pytest.mark.parametrize("holds", [True, False])
def test_an_unknown_condition_takes_the_false_branch(holds: bool) -> None:
    when = {"left": holds, "operator": "AND", "right": None}
    flow = drawn(
        start(),
        switch("s", when, "p", "end"),
        phase("p"),
        approval("a", "p"),
        end(),
        flows("start > s > p", "s > end", "a > end"),
    )
    assert after(flow).run.status is Status.FINISHED


def test_after_a_restart_what_is_outstanding_is_asked_again() -> None:
    flow = loop(2, ms=50)
    begun = after(flow)
    assert list(outstanding(flow, begun.run)) == asked(begun.effects)
    assert outstanding(flow, Run()) == ()
