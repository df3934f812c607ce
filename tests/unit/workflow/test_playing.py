"""A counter-example is told step by step, with how the run stands after each."""

from heddle.workflow.parse import parse
from heddle.workflow.playing import Played, play
from heddle.workflow.soundness import check
from tests.unit.workflow.drawing import (
    Json,
    approval,
    condition,
    document,
    end,
    flows,
    gateway,
    hot,
    phase,
    start,
    switch,
    timer,
)


def story(drawn: Json) -> list[Played]:
    verdict = check(drawn)
    assert verdict.walk is not None
    return [*play(parse(drawn), verdict.walk, verdict.findings[0])]


def test_each_step_says_what_happens_and_how_the_run_then_stands() -> None:
    drawn = document(
        *(start(), phase("p"), timer("t", "p"), phase("q"), approval("a", "p"), end()),
        flows("start > p", "t > q", "a > end"),
    )
    first, second = story(drawn)
    assert first == Played(
        input="start",
        listener=None,
        holds=(),
        fails=(),
        links=("start>p",),
        phases=("p",),
        listening=("t", "a"),
        kept=(),
        activations={},
        words="The run starts",
    )
    assert (second.input, second.listener) == ("timer", "t")
    assert (second.links, second.phases, second.listening) == (("t>q",), ("q",), ())
    assert second.words == "Timer t runs out after 10 ms"


def test_what_a_gateway_asks_is_told_with_the_answer() -> None:
    drawn = document(
        *(start(), phase("p"), condition("c", "p"), phase("q"), end()),
        switch("g", hot(50), yes="q", no="end"),
        flows("start > p", "c > g", "g > q", "g > end"),
    )
    *_, last = story(drawn)
    assert (last.input, last.holds) == ("condition", ("T >= 50",))
    assert last.words == "Condition c comes true: T >= 37, while T >= 50 holds"
    assert last.activations == {"g": 1}


def test_a_signal_that_waits_for_another_is_told() -> None:
    drawn = document(
        *(start(), phase("p"), timer("t", "p"), approval("a", "p"), end()),
        gateway("both", "AND"),
        flows("start > p", "t > both", "a > both", "both > end"),
    )
    *_, last = story(drawn)
    assert last.kept == (last.links[-1],)


def test_what_has_no_way_has_no_steps() -> None:
    drawn = document(start(), phase("p"), end(), flows("start > p"))
    assert all(one.state is None for one in check(drawn).findings)
