"""Maintenance windows: when something new may be deployed. UTC, by the week.

No windows at all: always. Times are unix ms.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

import msgspec

MINUTE_MS = 60_000
HOUR_MINUTES = 60
DAY_MINUTES = 24 * HOUR_MINUTES
DAY_MS = DAY_MINUTES * MINUTE_MS
WEEK_MS = 7 * DAY_MS
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = tuple(range(7))
_MONDAY_MS = 4 * DAY_MS  # 1970-01-05 was the first Monday of unix time


class WindowInvalid(ValueError):
    """It cannot be read as a maintenance window."""


class Window(msgspec.Struct, frozen=True):
    """From a minute of each of these days (0 Monday) to a minute of the same day.

    Over midnight when it ends before it begins; a whole day when they are equal. The
    days are those on which it begins.
    """

    from_minute: int
    to_minute: int
    days: tuple[int, ...] = EVERY_DAY


Windows: TypeAlias = tuple[Window, ...]


def read_window(given: object) -> Window:
    """A window as people write it: ``"mon-fri 22:00-04:00"``, ``"22:00-24:00"``.

    Or as a mapping with ``days``, ``begins`` and ``ends``. Raises ``WindowInvalid``.
    """
    try:
        if isinstance(given, Window):
            return _checked(given.from_minute, given.to_minute, given.days)
        if isinstance(given, Mapping):
            begins, ends = given.get("begins", "00:00"), given.get("ends", "24:00")
            days = given.get("days", EVERY_DAY)
            return _checked(_minute(begins), _minute(ends), tuple(days))
        *named, hours = str(given).lower().split()
        begins, ends = hours.split("-")
        (days,) = [_days(x) for x in named] or [EVERY_DAY]
        return _checked(_minute(begins), _minute(ends), days)
    except (AttributeError, TypeError, ValueError):
        raise WindowInvalid(
            f"{given!r} is no maintenance window: write mon-fri 22:00-04:00 (UTC)"
        ) from None


def _checked(from_minute: int, to_minute: int, days: tuple[int, ...]) -> Window:
    if not (days and set(days) <= set(EVERY_DAY) and 0 <= from_minute < DAY_MINUTES):
        raise ValueError
    return Window(from_minute, to_minute % DAY_MINUTES, tuple(sorted(set(days))))


def is_open(windows: Windows, at_ms: int) -> bool:
    """Whether something new may be deployed at a time."""
    return opening_ms(windows, at_ms) == at_ms


def opening_ms(windows: Windows, at_ms: int) -> int:
    """The first time from ``at_ms`` on at which a window is open."""
    if not windows:
        return at_ms
    return next(max(at_ms, begins) for begins, _ in _spans(windows, at_ms))


def open_ms(windows: Windows, from_ms: int, to_ms: int) -> int:
    """For how long windows are open between two times."""
    if not windows:
        return max(to_ms - from_ms, 0)
    total = 0
    for begins, ends in _spans(windows, from_ms):
        if begins >= to_ms:
            break
        total += min(ends, to_ms) - max(begins, from_ms)
    return max(total, 0)


def after_ms(windows: Windows, at_ms: int, lasting_ms: int) -> int:
    """When windows will have been open for so long, from ``at_ms`` on."""
    if not windows:
        return at_ms + lasting_ms
    whole = sum(ends - begins for begins, ends in _week(windows))
    weeks = max(lasting_ms - 1, 0) // whole
    left, at_ms = lasting_ms - weeks * whole, at_ms + weeks * WEEK_MS
    for begins, ends in _spans(windows, at_ms):
        length = ends - max(begins, at_ms)
        if left <= length:
            return max(begins, at_ms) + left
        left -= length
    raise AssertionError("the weeks never end")


def _spans(windows: Windows, at_ms: int) -> Iterator[tuple[int, int]]:
    """When a window is open, in order, without end; what is over by a time is not."""
    monday = (at_ms - _MONDAY_MS) // WEEK_MS * WEEK_MS + _MONDAY_MS
    while True:
        for begins, ends in _week(windows):
            if monday + ends > at_ms:
                yield monday + begins, monday + ends
        monday += WEEK_MS


@lru_cache(maxsize=256)
def _week(windows: Windows) -> tuple[tuple[int, int], ...]:
    """The spans of a week from Monday, merged, in order."""
    spans = sorted(x for window in windows for x in _of_week(window))
    merged: list[tuple[int, int]] = []
    for begins, ends in spans:
        if merged and begins <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(ends, merged[-1][1]))
        else:
            merged.append((begins, ends))
    return tuple(merged)


def _of_week(window: Window) -> Iterator[tuple[int, int]]:
    minutes = (window.to_minute - window.from_minute) % DAY_MINUTES or DAY_MINUTES
    for day in window.days:
        begins = day * DAY_MS + window.from_minute * MINUTE_MS
        ends = begins + minutes * MINUTE_MS
        yield begins, min(ends, WEEK_MS)
        if ends > WEEK_MS:  # Sunday's goes on in the new week
            yield 0, ends - WEEK_MS


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    if not (text.isascii() and hours.isdecimal() and minutes.isdecimal()):
        raise ValueError
    minute = int(hours) * HOUR_MINUTES + int(minutes)
    if int(minutes) >= HOUR_MINUTES or minute > DAY_MINUTES:
        raise ValueError
    return minute


def _days(text: str) -> tuple[int, ...]:
    chosen = set[int]()
    for part in text.split(","):
        first, *last = (DAYS.index(x) for x in part.split("-"))
        if len(last) > 1:
            raise ValueError
        end = last[0] if last else first
        chosen.update((first + n) % 7 for n in range((end - first) % 7 + 1))
    return tuple(sorted(chosen))
