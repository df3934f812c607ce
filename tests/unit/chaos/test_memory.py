"""Who grows is told from who is only busy."""

import pytest

from tests.chaos.memory import Sample, life_of, slope_per_min

MINUTES = 20


def sampled(size_at_min) -> list[Sample]:
    return [(n * 3.0, size_at_min(n * 3.0 / 60)) for n in range(MINUTES * 20)]


def test_the_slope_is_per_minute_and_bursts_do_not_bend_it() -> None:
    steady = sampled(lambda minute: 50 + 2 * minute)
    assert slope_per_min(steady) == pytest.approx(2.0)
    bursts = [(at, size + 100 * (n % 5 == 0)) for n, (at, size) in enumerate(steady)]
    assert slope_per_min(bursts) == pytest.approx(2.0, abs=0.3)


@pytest.mark.parametrize(
    ("size_at_min", "grows"),
    [
        (lambda minute: 50.0, False),
        (lambda minute: 50 + 10 * min(minute, 5), False),  # it warmed up
        (lambda minute: 50 + 0.1 * minute, False),  # nothing that could be told
        (lambda minute: 50 + minute, True),
        (lambda minute: 50 + minute**2 / 10, True),
        (lambda minute: 50 + minute + 20 * (int(minute * 20) % 7 == 0), True),
    ],
)
def test_growth_is_told_after_the_warm_up(size_at_min, grows: bool) -> None:
    assert life_of("backend", 1, sampled(size_at_min)).grows is grows


def test_of_a_short_life_nothing_is_said() -> None:
    life = life_of("backend", 1, sampled(lambda minute: 50 + 9 * minute)[:40])
    assert (life.slope_mib_per_min, life.grows) == (None, False)
    assert (life.first_mib, life.most_mib) == (50.0, life.last_mib)
