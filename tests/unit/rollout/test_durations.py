"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heddle.rollout.durations import (
    LONGEST_MS,
    DurationInvalid,
    duration_ms,
    duration_text,
)


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("5m", 300_000),
        ("5min", 300_000),
        ("1h30m", 5_400_000),
        (" 1h 30m ", 5_400_000),
        ("1.5h", 5_400_000),
        ("90s", 90_000),
        ("250ms", 250),
        ("2d", 172_800_000),
        ("PT5M", 300_000),
        ("pt1h30m", 5_400_000),
        ("P1DT2H", 93_600_000),
        ("P1W", 604_800_000),
        ("PT0.5S", 500),
        (300_000, 300_000),
        (0, 0),
        ("0s", 0),
    ],
)
def test_it_is_read(written: object, ms: int) -> None:
    assert duration_ms(written) == ms


STRANGE = (
    "5 | m | 5x | 5m5m | -5m | P | PT | P5M | PT5 | 5 minutes | 400d | 5m, | \u0665m"
)


@pytest.mark.parametrize(
    "written", [*STRANGE.split(" | "), "", "9" * 15 + "h", True, None, -1, 1.5, ["5m"]]
)
def test_it_is_refused(written: object) -> None:
    with pytest.raises(DurationInvalid):
        duration_ms(written)


@given(st.integers(0, LONGEST_MS))
def test_what_is_written_is_read(ms: int) -> None:
    assert duration_ms(duration_text(ms)) == ms
