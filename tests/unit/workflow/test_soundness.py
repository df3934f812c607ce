"""Every run can come to its end, or strict mode says why not and how one gets there."""

from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from heddle.workflow.abstraction import abstract
from heddle.workflow.definition import ListenerKind, Workflow
from heddle.workflow.engine import step
from heddle.workflow.findings import Mode, Rule
from heddle.workflow.inputs import Pause, Start, Stop, Trigger
from heddle.workflow.parse import decode
from heddle.workflow.run import ENDED, Run, Status
from heddle.workflow.soundness import Verdict, check, prove
from tests.unit.workflow.drawing import (
    EXAMPLE,
    Json,
    approval,
    condition,
    document,
    end,
    flows,
    gateway,
    hot,
    loop,
    phase,
    start,
    switch,
    timer,
    turns,
)
from tests.unit.workflow.edges import alphabet
from tests.unit.workflow.strange import workflows

STARTED = {"input": "start"}


def verdict(*elements: Json | list[Json]) -> Verdict:
    return check(document(*elements))


def only(found: Verdict) -> tuple[str, str | None, tuple[dict[str, Any], ...]]:
    assert len(found.findings) == 1, found.findings
    one = found.findings[0]
    return one.rule.value, one.element, one.counterexample


def test_the_example_is_sound() -> None:
    assert check(decode(EXAMPLE.read_bytes())) == Verdict(())


def test_an_and_gateway_may_split_right_at_the_start() -> None:
    drawn = document(
        *(start(), gateway("split", "AND"), phase("p"), phase("q"), end()),
        *(timer("t", "p"), timer("u", "q"), gateway("join", "AND")),
        flows("start>split", "split>p", "split>q", "t>join", "u>join", "join>end"),
    )
    assert check(drawn) == Verdict(())


def test_counted_loops_end_however_often_they_turn() -> None:
    for times in (2, 100, 101, 500, 10**9):
        assert prove(loop(times)) == Verdict(()), times


def test_a_phase_nothing_can_end_is_a_dead_end() -> None:
    found = verdict(
        start(),
        phase("p"),
        phase("q"),
        approval("a", "p"),
        approval("b", "p"),
        end(),
        flows("start > p", "a > end", "b > q"),
    )
    assert only(found) == (
        "DEAD_END",
        "q",
        (STARTED, {"input": "approve", "listener": "b"}),
    )


def test_a_listener_that_leads_nowhere_is_a_dead_end() -> None:
    found = verdict(
        start(),
        phase("p"),
        approval("a", "p"),
        timer("t", "p"),
        end(),
        flows("start > p", "a > end"),
    )
    assert only(found) == (
        "DEAD_END",
        "t",
        (STARTED, {"input": "due", "listener": "t"}),
    )


def test_a_circle_without_way_out_never_reaches_end() -> None:
    found = verdict(
        start(),
        phase("p"),
        approval("a", "p"),
        timer("t", "p"),
        end(),
        phase("q"),
        timer("u", "q"),
        gateway("g", "OR"),
        flows("start > p", "a > end", "t > q", "u > g > q"),
    )
    assert only(found) == (
        "END_NEVER_REACHED",
        "u",
        (STARTED, {"input": "due", "listener": "t"}),
    )


def test_an_and_that_loses_its_other_signal_starves() -> None:
    found = verdict(
        start(),
        gateway("split", "OR"),
        phase("p"),
        timer("t", "p"),
        switch("bypass", hot(), "join", "q"),
        phase("q"),
        approval("b", "q"),
        gateway("join", "AND"),
        end(),
        flows("start > split > p", "split > join > end", "t > bypass > join"),
        flows("bypass > q", "b > end"),
    )
    assert only(found) == (
        "STARVING_GATEWAY",
        "join",
        (
            STARTED,
            {"input": "sampled", "holds": [], "fails": ["T >= 37"]},
            {"input": "due", "listener": "t"},
        ),
    )


def test_an_and_that_waits_for_ever_alone_starves() -> None:
    found = verdict(
        start(),
        phase("p"),
        approval("a", "p"),
        approval("b", "p"),
        gateway("join", "AND"),
        end(),
        flows("start > p", "a > join > end", "b > join"),
    )
    assert {(x.rule.value, x.element) for x in found.findings} == {
        ("STARVING_GATEWAY", "join")
    }


def test_an_and_nobody_feeds_starves() -> None:
    drawn = document(
        start(),
        phase("p"),
        approval("a", "p"),
        end(),
        gateway("join", "AND"),
        flows("start > p", "a > end"),
    )
    assert check(drawn, Mode.COMPAT).valid
    assert only(check(drawn)) == ("STARVING_GATEWAY", "join", ())


def test_a_timer_of_nothing_that_turns_for_ever_is_a_timeless_loop() -> None:
    found = verdict(
        start(),
        phase("p"),
        timer("t", "p", 0),
        approval("a", "p"),
        gateway("g", "OR"),
        end(),
        flows("start > p", "t > g > p", "a > end"),
    )
    assert only(found) == ("TIMELESS_LOOP", "t", (STARTED,))


def test_gateways_in_a_circle_are_a_timeless_loop() -> None:
    found = verdict(
        start(),
        gateway("g", "OR"),
        gateway("h", "OR"),
        phase("p"),
        approval("a", "p"),
        end(),
        flows("start > g > h > g", "g > p", "a > end"),
    )
    assert {(x.rule.value) for x in found.findings} == {"TIMELESS_LOOP"}


def test_listeners_in_a_circle_that_always_hold_are_a_timeless_loop() -> None:
    always = {"left": 1, "operator": "==", "right": 1}
    found = verdict(
        start(),
        phase("p"),
        approval("a", "p"),
        end(),
        approval("enter"),
        condition("c", when=always),
        condition("d", when=always),
        flows("start > p", "a > end", "enter > c > d > c"),
    )
    assert {x.rule.value for x in found.findings} == {"TIMELESS_LOOP"}
    assert found.findings[0].element in {"c", "d"}


def test_a_condition_on_activations_fires_by_itself_in_the_walk() -> None:
    found = verdict(
        start(),
        phase("p"),
        timer("t", "p"),
        gateway("g", "OR"),
        end(),
        condition("twice", when=turns("g", ">=", 2)),
        flows("start > p", "t > g > p", "twice > end"),
    )
    assert found == Verdict(())


def test_a_workflow_too_large_to_walk_says_what_was_not_proved() -> None:
    branches = [f"b{n}" for n in range(24)]
    found = verdict(
        start(),
        gateway("split", "OR"),
        gateway("join", "AND"),
        end(),
        flows("start > split", "join > end"),
        *(
            [
                phase(b),
                timer(f"{b}t", b),
                approval(f"{b}a", b),
                phase(f"{b}x"),
                approval(f"{b}y", f"{b}x"),
                gateway(f"{b}g", "OR"),
                *flows(
                    f"split > {b}",
                    f"{b}t > {b}g > join",
                    f"{b}a > {b}x",
                    f"{b}y > {b}g",
                ),
            ]
            for b in branches
        ),
    )
    assert found.findings == ()
    assert len(found.unproved) == 3
    assert "every reachable state can still reach END" in found.unproved[0]


def test_flaws_of_form_and_soundness_come_together() -> None:
    found = verdict(
        start(),
        phase("p"),
        approval("a", "p"),
        timer("t", "p"),
        end(),
        condition("c", "p", {}),
        flows("start > p", "a > end", "c > end"),
    )
    assert {x.rule for x in found.findings} == {
        Rule.INCOMPLETE_CONDITION,
        Rule.DEAD_END,
    }


def test_a_condition_that_can_never_hold_is_a_dead_end_though_one_may_trigger_it() -> (
    None
):
    never = {"left": 1, "operator": "==", "right": 2}
    found = verdict(
        start(),
        phase("p"),
        condition("c", "p", never),
        end(),
        flows("start > p", "c > end"),
    )
    assert only(found) == ("DEAD_END", "p", (STARTED,))


def test_a_trigger_can_lead_to_a_dead_end_too() -> None:
    never = {"left": 1, "operator": "==", "right": 2}
    found = verdict(
        start(),
        phase("p"),
        condition("c", "p", never),
        approval("a", "p"),
        end(),
        phase("q"),
        flows("start > p", "a > end", "c > q"),
    )
    assert only(found) == (
        "DEAD_END",
        "q",
        (STARTED, {"input": "trigger", "listener": "c"}),
    )


def _replayable(workflow: Workflow) -> bool:
    """Without oracles a walk does exactly what triggers can do."""
    return not any(abstract(workflow).oracles.values())


@settings(deadline=None)
@given(workflows())
def test_dead_ends_are_where_their_counterexamples_lead(workflow: Workflow) -> None:
    assume(_replayable(workflow))
    for finding in prove(workflow).findings:
        if finding.rule is Rule.DEAD_END:
            run = replayed(workflow, finding.counterexample)
            assert run.status is Status.RUNNING
            kinds = {workflow.listeners[x].kind for x in run.listening}
            assert kinds <= {ListenerKind.CONDITION}


@settings(deadline=None)
@given(workflows(), st.integers())
def test_no_run_of_a_proved_workflow_gets_stuck(workflow: Workflow, seed: int) -> None:
    """The abstraction leaves nothing out: samples, deadlines and triggers at random."""
    if prove(workflow) == Verdict(()):
        for run in wandered(workflow, seed):
            assert run.status in ENDED or run.listening


def replayed(workflow: Workflow, inputs: tuple[dict[str, Any], ...]) -> Run:
    run = step(workflow, Run(), Start(0)).run
    for one in inputs[1:]:
        run = step(workflow, run, Trigger(0, one["listener"])).run
    return run


def wandered(workflow: Workflow, seed: int) -> Iterator[Run]:
    """Whatever may happen to a run, but that somebody pauses or stops it."""
    chance = Random(seed)  # noqa: S311 -- repeatable, not secret
    run, at_ms = step(workflow, Run(), Start(0)).run, 0
    for _ in range(60):
        yield run
        happens = [
            one
            for one in alphabet(workflow, run, at_ms)
            if not isinstance(one, Pause | Stop)
        ]
        chosen = chance.choice(happens)
        run, at_ms = step(workflow, run, chosen).run, chosen.at_ms
