"""Samples: which matter, sustain windows, bad and stale quality."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.workflow.effects import Arm, Disarm
from heddle.workflow.engine import matters, step
from heddle.workflow.inputs import Approve, Due, Quality, Reading, Sampled, Start
from heddle.workflow.run import Run, Status
from tests.unit.workflow.drawing import (
    SENSOR,
    after,
    approval,
    asked,
    condition,
    drawn,
    end,
    flows,
    hot,
    one_phase,
    phase,
    start,
    told,
)


def temperature(at_ms: int, value: float | None, q: Quality = Quality.GOOD) -> Sampled:
    return Sampled(at_ms, {"T": Reading(value, q)})


def test_a_condition_without_window_fires_with_the_sample() -> None:
    fired = after(one_phase(condition("c", "p")), temperature(5, 37))
    assert told(fired.effects)[0] == "EVENT_RECEIVED c False"
    assert asked(fired.effects) == []


def test_a_condition_that_holds_already_fires_when_activated() -> None:
    flow = one_phase(condition("c", "p"))
    ready = step(flow, Run(), temperature(0, 40)).run
    assert ready.status is Status.READY
    assert step(flow, ready, Start(1)).run.status is Status.FINISHED


def test_a_window_opens_and_ends_by_its_deadline() -> None:
    flow = one_phase(condition("c", "p", hot(sustainTimeInMS=20)))
    opened = after(flow, temperature(5, 38))
    assert asked(opened.effects) == [Arm("c", 25)]
    held = after(flow, temperature(15, 39), run=opened.run)
    assert held.effects == ()
    ended = after(flow, Due(25, "c"), run=held.run)
    assert ended.run.status is Status.FINISHED


def test_any_sample_that_breaks_the_condition_restarts_the_window() -> None:
    flow = one_phase(condition("c", "p", hot(sustainTimeInMS=20)))
    broken = after(flow, temperature(5, 38), temperature(10, 20))
    assert asked(broken.effects) == [Disarm("c")]
    again = after(flow, temperature(12, 38), run=broken.run)
    assert asked(again.effects) == [Arm("c", 32)]


@pytest.mark.parametrize("quality", [Quality.BAD, Quality.STALE])
def test_bad_or_stale_quality_is_unknown_and_restarts_the_window(
    quality: Quality,
) -> None:
    flow = one_phase(condition("c", "p", hot(sustainTimeInMS=20)))
    run = after(flow, temperature(5, 38)).run
    assert matters(flow, run, temperature(9, 38, quality))
    assert asked(after(flow, temperature(9, 38, quality), run=run).effects) == [
        Disarm("c")
    ]


def test_an_uncertain_value_counts_and_no_number_is_unknown() -> None:
    flow = one_phase(condition("c", "p"))
    assert after(flow, temperature(1, 40, Quality.UNCERTAIN)).run.status is (
        Status.FINISHED
    )
    for unknown in (None, float("nan"), float("inf")):
        assert after(flow, temperature(1, unknown)).run.readings == {}


def test_other_tags_change_nothing() -> None:
    flow = one_phase(condition("c", "p"))
    run = after(flow).run
    other = Sampled(1, {"pressure": Reading(1.0)})
    assert not matters(flow, run, other)
    assert step(flow, run, other).run is run


def test_a_finished_run_forgets_samples() -> None:
    flow = one_phase(condition("c", "p"))
    finished = after(flow, temperature(1, 40)).run
    assert step(flow, finished, temperature(2, 41)).run is finished
    assert not matters(flow, finished, temperature(2, 41))


def grouped(*members: dict[str, object], operator: str = "AND") -> dict[str, object]:
    return {"operator": operator, "conditions": list(members)}


def test_each_member_of_a_group_may_have_its_own_window() -> None:
    both = grouped(hot(30, sustainTimeInMS=10), hot(40, sustainTimeInMS=50))
    flow = one_phase(condition("c", "p", both))
    first = after(flow, temperature(0, 35))
    assert asked(first.effects) == [Arm("c", 10)]
    waiting = after(flow, Due(10, "c"), run=first.run)
    assert (asked(waiting.effects), waiting.run.listening) == ([], {"c": None})
    hotter = after(flow, temperature(20, 45), run=waiting.run)
    assert asked(hotter.effects) == [Arm("c", 70)]
    assert after(flow, Due(70, "c"), run=hotter.run).run.status is Status.FINISHED


def test_a_gateways_condition_has_no_window_and_uses_the_last_reading() -> None:
    switch = {
        "id": "s",
        "elementType": "GATEWAY",
        "type": "CONDITIONAL",
        "condition": hot(30, sustainTimeInMS=1_000),
        "trueFlowId": "s>end",
        "falseFlowId": "s>p",
    }
    flow = drawn(
        start(),
        phase("p"),
        approval("a", "p"),
        switch,
        end(),
        flows("start > p", "a > s > end", "s > p"),
    )
    warm = after(flow, temperature(1, 31), Approve(2))
    assert warm.run.status is Status.FINISHED
    cold = after(flow, temperature(1, 29), Approve(2))
    assert list(cold.run.active) == ["p"]


readings = st.builds(
    Reading,
    st.sampled_from([None, 20.0, 36.9, 37.0, 50]),
    st.sampled_from(Quality),
)
samples = st.lists(
    st.tuples(st.integers(0, 30), st.dictionaries(st.sampled_from("TU"), readings)),
    max_size=25,
)
CONDITIONS = [
    hot(),
    hot(sustainTimeInMS=20),
    grouped(hot(36, sustainTimeInMS=20), hot(37)),
    grouped(hot(36, sustainTimeInMS=20), hot(40), operator="OR"),
    {"left": {"dataSource": SENSOR}, "operator": "==", "right": 37, "options": {}},
]


class Shell:
    """Journals every sample, or only those that matter; lets deadlines fall due."""

    def __init__(self, when: dict[str, object], *, sparing: bool) -> None:
        self.flow = one_phase(condition("c", "p", when), approval("a", "p"))
        self.run = after(self.flow).run
        self.sparing = sparing
        self.pending: dict[str, Reading] = {}
        self.events: list[tuple[int, str]] = []

    def sample(self, at_ms: int, values: dict[str, Reading]) -> None:
        due_at_ms = self.run.listening.get("c")
        if due_at_ms is not None and due_at_ms <= at_ms:
            self.flush(due_at_ms)
            self._step(Due(due_at_ms, "c"))
        self.pending |= values
        if not self.sparing or self._matters(at_ms):
            self.flush(at_ms)

    def flush(self, at_ms: int) -> None:
        self._step(Sampled(at_ms, self.pending))
        self.pending = {}

    def _matters(self, at_ms: int) -> bool:
        return matters(self.flow, self.run, Sampled(at_ms, self.pending))

    def _step(self, received: Sampled | Due) -> None:
        outcome = step(self.flow, self.run, received)
        self.run = outcome.run
        self.events += [(received.at_ms, event) for event in told(outcome.effects)]


@settings(deadline=None)
@given(st.sampled_from(CONDITIONS), samples)
def test_samples_that_do_not_matter_may_be_kept_back(
    when: dict[str, object], sampled: list[tuple[int, dict[str, Reading]]]
) -> None:
    """The shell's promise: journalling less changes no event and no final state."""
    full, sparing = Shell(when, sparing=False), Shell(when, sparing=True)
    at_ms = 0
    for later_ms, values in sampled:
        at_ms += later_ms
        full.sample(at_ms, values)
        sparing.sample(at_ms, values)
    sparing.flush(at_ms)
    assert sparing.events == full.events
    assert sparing.run == full.run
