"""Deadband, rate limit and heartbeat: what is told, and when."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from edge_agent.drivers.driver import Reading, Value
from edge_agent.filters import Filters, Rule, is_moved
from heddle.contract.samples import Quality


class Bench:
    """Filters with a clock; what they told, with the time it was told at."""

    def __init__(self, **rules: Rule) -> None:
        self.clock = Clock()
        self.told: list[tuple[float, str, Value]] = []
        self.filters = Filters(self.clock, rules, (self._hear,))

    def _hear(self, readings) -> None:
        now = round(self.clock.seconds(), 6)
        self.told += [(now, reading.tag, reading.value) for reading in readings]

    def read(self, value: Value, tag: str = "t", quality=Quality.GOOD) -> None:
        at_us = int(self.clock.seconds() * 1e6)
        self.filters.heard([Reading(tag, at_us, value, quality)])

    def series(self, *values: Value, every_s: float = 1.0) -> None:
        for value in values:
            self.read(value)
            self.clock.advance(every_s)

    def values(self) -> list[Value]:
        return [value for _, _, value in self.told]


def test_without_a_rule_everything_passes() -> None:
    bench = Bench()
    bench.series(1.0, 1.0, 1.0)
    assert bench.values() == [1.0, 1.0, 1.0]
    assert bench.clock.getDelayedCalls() == []


def test_a_change_within_the_deadband_is_held_back() -> None:
    bench = Bench(t=Rule(deadband=0.5))
    bench.series(1.0, 1.2, 1.5, 1.6, 1.2, 1.0)
    assert bench.values() == [1.0, 1.6, 1.0]


def test_the_deadband_is_measured_from_what_was_told() -> None:
    bench = Bench(t=Rule(deadband=1.0))
    bench.series(*(n * 0.4 for n in range(7)))
    assert bench.values() == pytest.approx([0.0, 1.2, 2.4])


def test_a_deadband_of_zero_tells_every_change() -> None:
    bench = Bench(t=Rule(deadband=0.0))
    bench.series(1.0, 1.0, 1.1, 1.1, True, True, "a", "a", "b")
    assert bench.values() == [1.0, 1.1, True, "a", "b"]


def test_what_is_held_back_is_told_when_silence_has_lasted() -> None:
    bench = Bench(t=Rule(deadband=5.0, greatest_s=10.0))
    bench.series(*(float(n % 3) for n in range(25)))
    assert bench.told == [(0.0, "t", 0.0), (10.0, "t", 0.0), (20.0, "t", 1.0)]


def test_silence_of_the_source_stays_silence() -> None:
    bench = Bench(t=Rule(deadband=5.0, greatest_s=10.0))
    bench.series(1.0, 2.0)
    bench.clock.advance(100)
    assert bench.values() == [1.0, 2.0]


def test_what_comes_too_soon_waits_and_only_the_newest_is_told() -> None:
    bench = Bench(t=Rule(least_s=1.0))
    bench.series(1.0, 2.0, 3.0, 4.0, every_s=0.3)
    bench.clock.advance(1)
    assert bench.values() == [1.0, 4.0]


def test_after_the_interval_a_reading_passes_at_once() -> None:
    bench = Bench(t=Rule(least_s=1.0))
    bench.series(1.0, 2.0, every_s=1.5)
    assert bench.told == [(0.0, "t", 1.0), (1.5, "t", 2.0)]


def test_what_came_back_into_the_deadband_waits_on() -> None:
    bench = Bench(t=Rule(deadband=1.0, least_s=1.0, greatest_s=10.0))
    bench.read(0.0)
    bench.clock.advance(0.2)
    bench.read(5.0)
    bench.clock.advance(0.2)
    bench.read(0.5)
    bench.clock.advance(5)
    assert bench.values() == [0.0]
    bench.clock.advance(5)
    assert bench.values() == [0.0, 0.5]


def test_a_change_of_quality_is_told() -> None:
    bench = Bench(t=Rule(deadband=100.0))
    bench.read(1.0)
    bench.read(1.0, quality=Quality.UNCERTAIN)
    bench.read(None, quality=Quality.BAD)
    bench.read(None, quality=Quality.BAD)
    bench.read(2.0)
    assert bench.values() == [1.0, 1.0, None, 2.0]


def test_tags_are_thinned_out_each_by_itself() -> None:
    bench = Bench(a=Rule(least_s=1.0), b=Rule(least_s=3.0))
    for tag in ("a", "b", "c"):
        bench.read(1.0, tag)
        bench.read(2.0, tag)
    assert [each[1:] for each in bench.told] == [
        ("a", 1.0),
        ("b", 1.0),
        ("c", 1.0),
        ("c", 2.0),
    ]
    bench.clock.advance(1)
    assert bench.told[4:] == [(1.0, "a", 2.0)]
    bench.clock.advance(2)
    assert bench.told[5:] == [(3.0, "b", 2.0)]


def test_at_the_end_what_is_held_back_is_told() -> None:
    bench = Bench(t=Rule(deadband=5.0))
    bench.series(1.0, 2.0)
    bench.filters.stop()
    assert bench.values() == [1.0, 2.0]
    assert bench.clock.getDelayedCalls() == []


@given(
    st.lists(
        st.tuples(st.floats(-10, 10), st.floats(0.01, 2.0)), min_size=1, max_size=40
    ),
    st.floats(0, 5),
    st.sampled_from([0.0, 0.5, 2.0]),
)
def test_what_is_told_can_be_relied_on(
    readings: list[tuple[float, float]], deadband: float, least_s: float
) -> None:
    """Never too soon, never silent for too long, and never wrong by more."""
    rule = Rule(deadband=deadband, least_s=least_s, greatest_s=4.0)
    bench, pause = Bench(t=rule), 0.0
    for value, pause in readings:
        bench.read(value)
        told = bench.told[-1]
        now = Reading("t", 0, value)
        if is_moved(rule, Reading("t", 0, told[2]), now):
            assert bench.clock.seconds() - told[0] <= least_s + 0.02
        bench.clock.advance(pause)
    times = [at for at, _, _ in bench.told]
    gaps = [after - before for before, after in pairwise(times)]
    assert all(gap >= least_s - 0.02 for gap in gaps)
    bench.clock.advance(4.1)
    assert bench.told[-1][2] == readings[-1][0]
