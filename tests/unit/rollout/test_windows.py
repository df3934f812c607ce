"""Maintenance windows against a model that looks at every minute."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.rollout.windows import (
    DAY_MS,
    MINUTE_MS,
    Window,
    WindowInvalid,
    Windows,
    after_ms,
    is_open,
    open_ms,
    opening_ms,
    read_window,
)

DAY_MINUTES = 1_440
windows = st.lists(
    st.builds(
        Window,
        st.integers(0, DAY_MINUTES - 1),
        st.integers(0, DAY_MINUTES - 1),
        st.sets(st.integers(0, 6), min_size=1).map(lambda x: tuple(sorted(x))),
    ),
    max_size=3,
).map(tuple)
moments = st.integers(19_000 * DAY_MS, 19_030 * DAY_MS)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


def model(given_windows: Windows, at_ms: int) -> bool:
    """By the calendar, for one moment."""
    if not given_windows:
        return True
    now = datetime.fromtimestamp(at_ms // 1_000, UTC)
    minute, today = now.hour * 60 + now.minute, now.weekday()
    for window in given_windows:
        begins, ends = window.from_minute, window.to_minute
        over_midnight = ends <= begins
        before_its_end = over_midnight or minute < ends
        if today in window.days and begins <= minute and before_its_end:
            return True
        if over_midnight and (today - 1) % 7 in window.days and minute < ends:
            return True
    return False


@given(windows, moments)
def test_open_by_the_calendar(given_windows: Windows, at_ms: int) -> None:
    assert is_open(given_windows, at_ms) is model(given_windows, at_ms)


@given(windows, moments)
def test_the_next_opening(given_windows: Windows, at_ms: int) -> None:
    opens = opening_ms(given_windows, at_ms)
    assert opens >= at_ms
    assert model(given_windows, opens)
    if opens > at_ms:
        assert opens % MINUTE_MS == 0
        assert not model(given_windows, opens - 1)
        assert not model(given_windows, at_ms)


@given(windows, moments, st.integers(1, 400_000))
@settings(max_examples=50)
def test_open_time_counted_by_minutes(
    given_windows: Windows, at_ms: int, lasting_ms: int
) -> None:
    at_ms = at_ms // MINUTE_MS * MINUTE_MS
    minutes = lasting_ms % 3_000
    counted = sum(model(given_windows, at_ms + n * MINUTE_MS) for n in range(minutes))
    until_ms = at_ms + minutes * MINUTE_MS
    assert open_ms(given_windows, at_ms, until_ms) == counted * MINUTE_MS


@given(windows, moments, st.integers(1, 40 * DAY_MS))
def test_after_so_much_open_time(
    given_windows: Windows, at_ms: int, lasting_ms: int
) -> None:
    until_ms = after_ms(given_windows, at_ms, lasting_ms)
    assert open_ms(given_windows, at_ms, until_ms) == lasting_ms
    assert open_ms(given_windows, at_ms, until_ms - 1) == lasting_ms - 1


def test_over_midnight_and_the_end_of_the_week() -> None:
    nights = (read_window("fri-sun 22:00-04:00"),)
    assert not is_open(nights, at("2026-11-20T21:59:59"))  # a Friday
    assert is_open(nights, at("2026-11-20T22:00:00"))
    assert is_open(nights, at("2026-11-23T03:59:59"))  # Monday, begun on Sunday
    assert not is_open(nights, at("2026-11-23T04:00:00"))
    opens = opening_ms(nights, at("2026-11-23T04:00:00"))
    assert opens == at("2026-11-27T22:00:00")


@pytest.mark.parametrize(
    ("written", "window"),
    [
        ("22:00-04:00", Window(1_320, 240)),
        ("mon-fri 09:30-17:00", Window(570, 1_020, (0, 1, 2, 3, 4))),
        ("SAT,SUN 00:00-24:00", Window(0, 0, (5, 6))),
        ("fri-mon 01:00-02:00", Window(60, 120, (0, 4, 5, 6))),
        ({"days": (2, 1), "begins": "10:00"}, Window(600, 0, (1, 2))),
        (Window(1, 2, (3,)), Window(1, 2, (3,))),
    ],
)
def test_it_is_read(written: object, window: Window) -> None:
    assert read_window(written) == window


STRANGE = (
    "always | 22:00 | 22-04 | 24:00-01:00 | 12:60-13:00 | mo 10:00-11:00 | "
    "-1:00-2:00 | mon tue 10:00-11:00 | mon-tue-wed 1:00-2:00"
)
NONE_AT_ALL = (
    "",
    None,
    5,
    {"days": []},
    {"days": [7]},
    {"begins": 5},
    Window(2_000, 0),
)


@pytest.mark.parametrize("written", [*STRANGE.split(" | "), *NONE_AT_ALL])
def test_it_is_refused(written: object) -> None:
    with pytest.raises(WindowInvalid, match="no maintenance window"):
        read_window(written)
