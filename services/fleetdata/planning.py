"""Where the answer to a bucketed question comes from: roll-ups, or samples.

A roll-up's cell serves if it lies within the range asked for and within one bucket, and
if no sample came into it since it was made. Hours serve before minutes; what neither
covers is read from the samples. So the answer is what all samples would give.
Everything is in unix microseconds; ranges are half-open, in order and apart.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Range = tuple[int, int]

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Dirt:
    """What must not be read from roll-ups: it changed since they were made."""

    minutes: tuple[Range, ...]
    hours: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """Disjoint ranges that make up the range asked for, by where they are read."""

    hours: tuple[Range, ...]
    minutes: tuple[Range, ...]
    samples: tuple[Range, ...]


def plan(asked: Range, width: int, dirt: Dirt) -> Parts:
    """Cut a range with buckets of ``width`` (multiples of it begin them) into parts."""
    hours = list(_usable(asked, width, HOUR_US, (*dirt.hours, *dirt.minutes)))
    minutes = without(_usable(asked, width, MINUTE_US, dirt.minutes), hours)
    samples = without(without([asked], hours), minutes)
    return Parts(tuple(hours), tuple(minutes), tuple(samples))


def finest(width: int) -> int | None:
    """The widest cell of which buckets of ``width`` consist, if there is one."""
    return next((cell for cell in (HOUR_US, MINUTE_US) if width % cell == 0), None)


def without(ranges: Iterable[Range], holes: Iterable[Range]) -> list[Range]:
    """``ranges`` less ``holes``; both in order and apart."""
    left: list[Range] = []
    waiting = iter(holes)
    hole = next(waiting, None)
    for since, until in ranges:
        at = since
        while hole is not None and hole[0] < until:
            if hole[1] > at:
                if hole[0] > at:
                    left.append((at, hole[0]))
                at = hole[1]
            if hole[1] > until:
                break  # it reaches into the next range
            hole = next(waiting, None)
        if at < until:
            left.append((at, until))
    return left


def merged(ranges: Iterable[Range], cell: int = 1) -> list[Range]:
    """The cells that ``ranges`` touch, in order and apart."""
    touched: list[Range] = []
    for since, until in sorted(whole(a, b, cell) for a, b in ranges):
        if touched and since <= touched[-1][1]:
            touched[-1] = touched[-1][0], max(until, touched[-1][1])
        else:
            touched.append((since, until))
    return touched


def whole(since: int, until: int, cell: int) -> Range:
    """The cells that a range touches."""
    return _down(since, cell), _up(until, cell)


def _usable(
    asked: Range, width: int, cell: int, dirt: tuple[Range, ...]
) -> list[Range]:
    """The cells in ``asked`` that lie in one bucket each and are clean."""
    if width < cell or (width % cell and width < 2 * cell):
        return []
    return without(_within(asked, width, cell), merged(dirt, cell))


def _within(asked: Range, width: int, cell: int) -> Iterator[Range]:
    since, until = asked
    if width % cell:
        for bucket in range(_down(since, width), until, width):
            first = _up(max(since, bucket), cell)
            last = _down(min(until, bucket + width), cell)
            if first < last:
                yield first, last
    elif _up(since, cell) < _down(until, cell):
        yield _up(since, cell), _down(until, cell)


def _down(at: int, cell: int) -> int:
    return at - at % cell


def _up(at: int, cell: int) -> int:
    return at + -at % cell
