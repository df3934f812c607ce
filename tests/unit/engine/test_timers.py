"""Deadlines: in order, once, never early, found without scanning."""

import random

from twisted.internet.task import Clock

from edge_agent.engine.timers import Timers


class Timing:
    """Timers on a virtual clock; ``fired`` has (ms, key)."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.fired: list[tuple[int, int]] = []
        exact_ms = lambda: self.clock.seconds() * 1000  # noqa: E731
        self.timers = Timers(self.clock, exact_ms, self._fire)

    def now_ms(self) -> int:
        return int(self.clock.seconds() * 1000 + 0.001)

    def _fire(self, keys: list[int]) -> None:
        self.fired += [(self.now_ms(), key) for key in keys]


def test_each_fires_once_when_its_time_has_come() -> None:
    timing = Timing()
    timing.timers.set(1, 300)
    timing.timers.set(2, 100)
    timing.clock.pump([0.1] * 5)
    assert timing.fired == [(100, 2), (300, 1)]
    assert timing.clock.getDelayedCalls() == []


def test_those_due_together_fire_together_the_earliest_first() -> None:
    timing = Timing()
    for key, due in ((1, 30), (2, 10), (3, 20)):
        timing.timers.set(key, due)
    timing.clock.advance(1)
    assert timing.fired == [(1000, 2), (1000, 3), (1000, 1)]


def test_a_new_deadline_replaces_the_old() -> None:
    timing = Timing()
    timing.timers.set(1, 100)
    timing.timers.set(1, 200)
    timing.timers.set(2, 500)
    timing.timers.set(2, 50)
    timing.clock.pump([0.01] * 100)
    assert timing.fired == [(50, 2), (200, 1)]


def test_a_cleared_one_does_not_fire() -> None:
    timing = Timing()
    timing.timers.set(1, 100)
    timing.timers.clear(1)
    timing.clock.advance(5)
    assert timing.fired == []


def test_a_past_deadline_comes_at_once() -> None:
    timing = Timing()
    timing.clock.advance(10)
    timing.timers.set(1, 500)
    timing.clock.advance(0)
    assert timing.fired == [(10_000, 1)]


def test_the_clock_is_asked_once_a_second_at_least() -> None:
    timing = Timing()
    timing.timers.set(1, 3_600_000)
    (call,) = timing.clock.getDelayedCalls()
    assert call.getTime() == 1.0


def test_moving_deadlines_about_keeps_the_heap_small() -> None:
    timing = Timing()
    for n in range(10_000):
        timing.timers.set(n % 10, 1_000_000 + n)
    assert len(timing.timers) == 10
    assert len(timing.timers._heap) < 100


def test_any_sequence_fires_as_a_plain_dictionary_would() -> None:
    chance = random.Random(7)  # noqa: S311 -- a test's, not a secret's
    timing, expected, due = Timing(), [], {}
    for _ in range(3000):
        key, now_ms = chance.randrange(20), timing.now_ms()
        if chance.random() < 0.6:
            due[key] = now_ms + chance.randrange(1, 200)
            timing.timers.set(key, due[key])
        elif chance.random() < 0.3:
            due.pop(key, None)
            timing.timers.clear(key)
        timing.clock.advance(0.0050137)
        now_ms = timing.now_ms()
        come = sorted((at, k) for k, at in due.items() if at <= now_ms)
        expected += [(now_ms, k) for _, k in come]
        due = {k: at for k, at in due.items() if at > now_ms}
    assert timing.fired == expected
    assert len(expected) > 300
