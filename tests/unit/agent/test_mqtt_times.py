"""A peer's times: kept where they can be, never out of order."""

import pytest

from edge_agent.drivers.mqtt.times import Times

SECOND = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_time_near_ours_is_kept_and_others_are_ours(clock: Clock) -> None:
    times = Times(clock)
    clock.now = 1100.0
    said = [1041, 1104, 1039, 1106, None, 999]
    told = [times.at_us(f"t{n}", at and at * SECOND) for n, at in enumerate(said)]
    kept = [1041, 1104, 1100, 1100, 1100, 1100]
    assert told == [each * SECOND for each in kept]


def test_nothing_is_older_than_the_session_or_than_what_was_told(clock: Clock) -> None:
    times = Times(clock)
    clock.now = 1010.0
    assert times.at_us("a", 999 * SECOND) == 1010 * SECOND
    assert times.at_us("a", 1009 * SECOND) == 1010 * SECOND
    assert times.at_us("b", 1009 * SECOND) == 1009 * SECOND
    clock.now = 1020.0
    assert times.at_us("b", 1009 * SECOND) == 1020 * SECOND  # said again
    assert times.age_ms(1019 * SECOND) == 1000.0
