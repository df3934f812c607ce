"""The plan of a bucketed question: whole, disjoint, and only of what can be trusted."""

from hypothesis import given
from hypothesis import strategies as st

from services.fleetdata.planning import (
    HOUR_US,
    MINUTE_US,
    Dirt,
    Parts,
    Range,
    finest,
    merged,
    plan,
    without,
)

SECOND = 1_000_000
MOMENTS = st.integers(0, 30 * HOUR_US // SECOND).map(lambda s: s * SECOND + s % 7)
RANGES = st.tuples(MOMENTS, MOMENTS).filter(lambda r: r[0] < r[1])
WIDTHS = st.sampled_from(
    [
        *(SECOND, 10 * SECOND, MINUTE_US, 90 * SECOND, 172_800_000, 5 * MINUTE_US),
        *(HOUR_US, 90 * MINUTE_US, 150 * MINUTE_US, 6 * HOUR_US, 24 * HOUR_US),
    ]
)


def minutes(*pairs: Range) -> tuple[Range, ...]:
    return tuple((a * MINUTE_US, b * MINUTE_US) for a, b in pairs)


NOTHING = Dirt((), ())


def test_hours_serve_before_minutes_before_samples() -> None:
    asked = 50 * MINUTE_US + 1, 245 * MINUTE_US + 2
    assert plan(asked, HOUR_US, NOTHING) == Parts(
        hours=minutes((60, 240)),
        minutes=minutes((51, 60), (240, 245)),
        samples=((asked[0], 51 * MINUTE_US), (245 * MINUTE_US, asked[1])),
    )


def test_a_marked_minute_is_read_from_samples_and_its_hour_from_minutes() -> None:
    dirt = Dirt(minutes((70, 71)), minutes((120, 180)))
    assert plan((0, 4 * HOUR_US), HOUR_US, dirt) == Parts(
        hours=minutes((0, 60), (180, 240)),
        minutes=minutes((60, 70), (71, 180)),
        samples=minutes((70, 71)),
    )


def test_a_bucket_that_is_no_whole_of_minutes_takes_those_inside_it() -> None:
    width = 150 * SECOND
    assert plan((0, 2 * width), width, NOTHING) == Parts(
        hours=(),
        minutes=minutes((0, 2), (3, 5)),
        samples=minutes((2, 3)),
    )


def test_buckets_below_two_minutes_come_from_samples_unless_they_are_minutes() -> None:
    asked = 0, 10 * MINUTE_US
    for width in (SECOND, 59 * SECOND, 90 * SECOND):
        assert plan(asked, width, NOTHING) == Parts((), (), (asked,))
    assert plan(asked, MINUTE_US, NOTHING) == Parts((), (asked,), ())


def test_the_finest_cell_of_a_width() -> None:
    assert finest(2 * HOUR_US) == HOUR_US
    assert finest(90 * MINUTE_US) == MINUTE_US
    assert finest(172_800_000) is None


@given(RANGES, WIDTHS, st.lists(RANGES, max_size=4), st.lists(RANGES, max_size=3))
def test_the_parts_are_the_range_and_every_cell_can_be_trusted(
    asked: Range, width: int, dirty_minutes: list[Range], dirty_hours: list[Range]
) -> None:
    parts = plan(asked, width, Dirt(tuple(dirty_minutes), tuple(dirty_hours)))
    together = sorted((*parts.hours, *parts.minutes, *parts.samples))
    assert merged(together) == [asked]
    assert sum(b - a for a, b in together) == asked[1] - asked[0]
    dirt = {MINUTE_US: dirty_minutes, HOUR_US: [*dirty_hours, *dirty_minutes]}
    for cell, ranges in ((MINUTE_US, parts.minutes), (HOUR_US, parts.hours)):
        for since, until in ranges:
            assert since % cell == until % cell == 0
            if width % cell:  # no bucket begins inside
                assert since // width == (until - 1) // width
            assert not any(a < until and since < b for a, b in dirt[cell])


@given(st.lists(RANGES, max_size=6), st.lists(RANGES, max_size=6))
def test_ranges_without_holes(some: list[Range], others: list[Range]) -> None:
    ranges, holes = merged(some), merged(others)
    left = without(ranges, holes)
    for moment in {edge + d for r in (*some, *others) for edge in r for d in (-1, 0)}:
        inside = [any(a <= moment < b for a, b in x) for x in (left, ranges, holes)]
        assert inside[0] == (inside[1] and not inside[2])
