"""Waves and thresholds at their edges."""

import pytest
from msgspec.structs import replace

from heddle.rollout.spec import DEFAULTS, Strategy
from heddle.rollout.waves import cut, exceeded, threshold


def sizes(strategy: Strategy, total: int, **settings: object) -> list[int]:
    spec = replace(DEFAULTS[strategy], **settings)
    waves = cut(spec, [f"d{n}" for n in range(total)])
    assert [x for wave in waves for x in wave] == [f"d{n}" for n in range(total)]
    return [len(x) for x in waves]


@pytest.mark.parametrize("strategy", [Strategy.ALL_AT_ONCE, Strategy.BLUE_GREEN])
def test_one_wave(strategy: Strategy) -> None:
    assert sizes(strategy, 25) == [25]


def test_batches() -> None:
    assert sizes(Strategy.ROLLING, 25) == [10, 10, 5]
    assert sizes(Strategy.ROLLING, 10) == [10]
    assert sizes(Strategy.ROLLING, 3, batch_size=1) == [1, 1, 1]


@pytest.mark.parametrize(
    ("total", "percent", "wanted"),
    [
        (1, 10.0, [1]),
        (2, 10.0, [1, 1]),
        (10, 10.0, [1, 9]),
        (11, 10.0, [2, 9]),
        (30, 10.0, [3, 27]),  # 3.0000000000000004 in floats
        (1000, 0.1, [1, 999]),
        (5, 0.0, [1, 4]),
        (5, 100.0, [5]),
    ],
)
def test_canaries(total: int, percent: float, wanted: list[int]) -> None:
    assert sizes(Strategy.CANARY, total, canary_percent=percent) == wanted


@pytest.mark.parametrize("strategy", Strategy)
def test_without_devices_there_is_no_wave(strategy: Strategy) -> None:
    assert sizes(strategy, 0) == []


@pytest.mark.parametrize(
    ("failed", "size", "percent", "fires"),
    [
        (2, 10, 20.0, False),  # exactly met
        (3, 10, 20.0, True),
        (1, 5, 20.0, False),
        (1, 4, 20.0, True),
        (0, 1, 0.0, False),
        (1, 1, 0.0, True),
        (1, 1000, 0.0, True),
        (1, 1, 99.9, True),
        (10, 10, 100.0, False),  # more than all cannot be
        (0, 0, 0.0, False),
        (1, 3, 33.3, True),
        (1, 3, 33.4, False),
        (200, 1000, 20.0, False),
        (201, 1000, 20.0, True),
    ],
)
def test_more_than_the_share(
    failed: int, size: int, percent: float, fires: bool
) -> None:
    assert exceeded(failed, size, percent) is fires


def test_no_canary_may_fail() -> None:
    spec = DEFAULTS[Strategy.CANARY]
    assert [threshold(spec, x) for x in (0, 1)] == [0.0, 20.0]
    assert threshold(DEFAULTS[Strategy.ROLLING], 0) == 20.0
