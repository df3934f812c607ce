"""History over both storages: roll-ups, raw samples and marks give one exact answer."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import pytest_twisted

from heddle.contract.declare import InvalidRequest
from heddle.contract.devices import TagType
from heddle.contract.history import Fill, HistoryQuery, Series
from heddle.contract.samples import Ingest
from heddle.tag_values import tag_values
from heddle.wamp.blocking import Blocking
from services.fleetdata.answers import bucket_series, raw_series
from services.fleetdata.batches import check
from services.fleetdata.database import Database, Doors, Keep
from services.fleetdata.pages import place_of, token
from services.fleetdata.planning import HOUR_US, MINUTE_US
from services.fleetdata.store import raw, reading, rollups
from services.fleetdata.store.buckets import Buckets, Gone, buckets
from services.fleetdata.store.care import DAY_US
from services.fleetdata.store.links import Link
from services.fleetdata.store.raw import Page
from services.fleetdata.store.reading import Most, Overflow
from services.fleetdata.store.rollups import HOURS, MINUTES, roll_up
from services.fleetdata.store.writing import write
from tests.support.batches import Row, now_s, ramp, samples, typed_samples
from tests.support.storage import KINDS, Storage, storage_on
from tests.support.waiting import until

NOW_S = now_s()
NOW_US = int(NOW_S * 1e6)
TODAY = NOW_US // DAY_US
DAY_S, HOUR_S = 86_400, 3600
KEEP_FROM_US = (TODAY - 90) * DAY_US
NOON_S = (TODAY - 3) * DAY_S + 43_200
MOST = Most(10_000, 900_000)


@pytest.fixture(scope="module", params=KINDS)
def storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """One project for all tests of this module, on each storage."""
    with storage_on(request.getfixturevalue(f"{request.param}_server")) as found:
        found.link()
        yield found


@pytest.fixture
def link(storage: Storage) -> Link:
    """A link to the project's database, which is empty."""
    link = storage.links[0]
    tell(
        link,
        "truncate tag, current_value, sample, sample_text, stream, dirty, kept_from,"
        " rollup_minute, rollup_hour restart identity",
    )
    link.forget()
    return link


def put(link: Link, *told: Ingest, device: str = "press_7") -> None:
    link.perform(write, [check(device, each, NOW_US) for each in told], KEEP_FROM_US)


def tell(link: Link, question: str) -> list[Any]:
    def ask(link: Link) -> list[Any]:
        cursor = link.connection.execute(question.encode())
        return cursor.fetchall() if cursor.description else []

    return link.perform(ask)


def rolled_up(link: Link) -> None:
    while link.perform(roll_up, MINUTES) or link.perform(roll_up, HOURS):
        pass


def asked(tags: Sequence[str], from_s: float, to_s: float, **more: Any) -> HistoryQuery:
    return HistoryQuery(
        device="press_7",
        tags=tuple(tags),
        from_ms=round(from_s * 1000),
        to_ms=round(to_s * 1000),
        **more,
    )


def in_buckets(link: Link, query: HistoryQuery) -> tuple[Series, ...]:
    answer = link.perform(buckets, query, MOST)
    assert isinstance(answer, Buckets), answer
    return tuple(bucket_series(query, answer))


class Bucket(NamedTuple):
    """One bucket of a series."""

    at_ms: int
    mean: float
    low: float
    high: float
    count: int
    first: float
    last: float


def table(series: Series) -> list[Bucket]:
    columns = (
        *(series.at_ms, series.mean, series.low, series.high, series.count),
        *(series.first, series.last),
    )
    return [Bucket(*row) for row in zip(*columns, strict=True)]


def expected(rows: Sequence[Row], tag: str, query: HistoryQuery) -> list[Bucket]:
    """The buckets by hand."""
    width = query.bucket_ms or 0
    held: dict[int, list[tuple[float, float]]] = {}
    for name, at_s, value, quality in rows:
        at_ms = at_s * 1000
        if name == tag and quality < 2 and query.from_ms <= at_ms < query.to_ms:
            held.setdefault(int(at_ms // width) * width, []).append((at_s, value))
    found = []
    for at, told in sorted(held.items()):
        told.sort()
        values = [value for _, value in told]
        mean = sum(values) / len(values)
        found.append(
            Bucket(
                *(at, mean, min(values), max(values)),
                *(len(values), values[0], values[-1]),
            )
        )
    return found


def assert_alike(found: Sequence[Bucket], wanted: Sequence[Bucket]) -> None:
    assert [b._replace(mean=0) for b in found] == [b._replace(mean=0) for b in wanted]
    assert [b.mean for b in found] == pytest.approx([b.mean for b in wanted])


def test_all_samples_make_the_same_buckets_whatever_is_rolled_up(link: Link) -> None:
    rng = random.Random(7)  # noqa: S311 -- the same in every run
    rows: list[Row] = []
    start_s, span_s = NOON_S - 5 * HOUR_S, 10 * HOUR_S

    def some(count: int) -> list[Row]:
        return [
            (
                rng.choice(("temp", "ph")),
                round(start_s + rng.random() * span_s, 3),
                round(rng.uniform(-50, 50), 2),
                rng.choice((0, 0, 0, 1, 2)),
            )
            for _ in range(count)
        ]

    for turn in range(6):
        batch = [*some(300), ("temp", start_s + 60 * turn, float(turn), 0)]
        put(link, samples(len(rows), batch))
        rows += batch
        if turn % 2:
            rolled_up(link)
        elif turn:
            link.perform(roll_up, MINUTES, 3)  # marks are left
        for width_ms in (1000, 60_000, 172_800, 300_000, 3_600_000, 7_200_000, 90_000):
            since_s = start_s + rng.choice((0, rng.random() * HOUR_S))
            until_s = since_s + rng.choice((8 * HOUR_S, rng.random() * 9 * HOUR_S))
            query = asked(("temp", "ph"), since_s, until_s, bucket_ms=width_ms)
            temp, ph = in_buckets(link, query)
            assert_alike(table(temp), expected(rows, "temp", query))
            assert_alike(table(ph), expected(rows, "ph", query))


@contextmanager
def samples_away(link: Link) -> Iterator[None]:
    """What can be answered without samples comes from roll-ups."""
    tell(link, "alter table sample rename to sample_away")
    tell(link, "create table sample (like sample_away)")
    try:
        yield
    finally:
        tell(link, "drop table sample")
        tell(link, "alter table sample_away rename to sample")


def test_clean_cells_are_not_read_from_samples(link: Link) -> None:
    put(link, ramp(0, 9000, NOON_S), ramp(9000, 1800, NOON_S))
    rolled_up(link)
    assert tell(link, "select count(*) from rollup_minute") == [(180,)]
    assert tell(link, "select count(*) from rollup_hour") == [(3,)]
    assert tell(link, "select count(*) from dirty") == [(0,)]
    with samples_away(link):
        for width_s in (60, 300, HOUR_S, DAY_S):
            query = asked(
                ["temp"], NOON_S, NOON_S + 3 * HOUR_S, bucket_ms=width_s * 1000
            )
            (temp,) = in_buckets(link, query)
            assert sum(temp.count) == 3 * HOUR_S
            assert temp.mean[0] == (min(width_s, 3 * HOUR_S) - 1) / 2


def test_late_samples_are_in_the_answer_at_once_and_in_the_roll_up_later(
    link: Link,
) -> None:
    put(link, ramp(0, 600, NOON_S))
    rolled_up(link)
    query = asked(["temp"], NOON_S, NOON_S + HOUR_S, bucket_ms=HOUR_S * 1000)
    put(link, samples(600, [("temp", NOON_S + 90.5, 1e6, 0)]))
    assert in_buckets(link, query)[0].high == (1e6,)
    rolled_up(link)
    with samples_away(link):
        (temp,) = in_buckets(link, query)
    assert (temp.high, temp.count, temp.last) == ((1e6,), (601,), (599.0,))


def test_a_minute_that_is_not_over_is_left_alone(link: Link) -> None:
    put(link, samples(0, [("temp", NOW_S + HOUR_S, 1.0, 0)]))
    assert link.perform(roll_up, MINUTES) == 0
    query = asked(["temp"], NOW_S, NOW_S + 2 * HOUR_S, bucket_ms=HOUR_S * 1000)
    assert sum(in_buckets(link, query)[0].count) == 1


def test_a_group_of_the_same_minutes_is_one_mark(link: Link) -> None:
    tags = [("temp", NOON_S + n, 1.0, 0) for n in range(50)]
    put(link, samples(0, tags), samples(0, [("ph", NOON_S, 7.0, 0)], epoch="e2"))
    ((marks, cells),) = tell(
        link, "select count(*), max(cardinality(tag_ids)) from dirty"
    )
    assert (marks, cells) == (1, 2)


def test_a_batch_of_far_apart_samples_marks_only_their_hours(link: Link) -> None:
    put(link, samples(0, [("temp", NOON_S + n * DAY_S, 1.0, 0) for n in (-40, 0, 1)]))
    found = tell(link, "select until - since from dirty order by since")
    assert [str(span) for (span,) in found] == ["1:00:00"] * 3


def test_a_slow_series_costs_the_fast_ones_nothing(link: Link) -> None:
    """Marks of one tag do not have another tag's cells made again."""
    put(link, samples(0, [("slow", NOON_S + n * 600.0, 1.0, 0) for n in range(30)]))
    put(link, ramp(0, 60, NOON_S + HOUR_S, tag="fast", epoch="e2"))
    marks = tell(link, "select since, until, tag_ids from dirty order by id")
    pieces = list(rollups._pieces(marks, MINUTE_US))
    assert [(b - a) // MINUTE_US for (a, b), ids in pieces if len(ids) == 2] == [1]
    assert sum((b - a) // MINUTE_US for (a, b), _ in pieces) == 300


def test_a_mark_too_much_for_one_statement_is_halved(link: Link) -> None:
    rows = [(f"t{n % 4}", NOON_S + n, 1.0, 0) for n in range(3600)]
    put(link, samples(0, rows))
    for _ in range(3):
        link.perform(rollups.halve, MINUTES)
    rolled_up(link)
    assert tell(link, "select count(*), sum(count) from rollup_minute") == [(240, 3600)]
    put(link, samples(3600, rows[:4]))
    for _ in range(5):
        link.perform(rollups.halve, MINUTES)
    marks = tell(link, "select tag_ids from dirty")
    assert sorted(id_ for (ids,) in marks for id_ in ids) == [1, 2, 3, 4]
    rolled_up(link)
    assert tell(link, "select sum(count) from rollup_minute") == [(3604,)]


def test_numbers_at_the_ends_of_float64_do_not_stop_it(link: Link) -> None:
    most = 1.7976931348623157e308
    rows = [
        ("big", NOON_S, most, 0),
        ("big", NOON_S + 1, most, 0),
        ("big", NOON_S + 2, most, 0),
        ("small", NOON_S, 5e-324, 0),
        ("small", NOON_S + 1, -5e-324, 0),
    ]
    put(link, samples(0, rows))
    query = asked(["big", "small"], NOON_S, NOON_S + 60, bucket_ms=60_000)
    for _ in range(2):
        big, small = in_buckets(link, query)
        assert (big.mean, big.low, big.high) == ((most,), (most,), (most,))
        assert (small.mean, small.low, small.high) == ((0.0,), (-5e-324,), (5e-324,))
        rolled_up(link)


def test_two_processes_do_not_roll_up_at_once(storage: Storage, link: Link) -> None:
    put(link, ramp(0, 60, NOON_S))
    other = storage.link(storage.projects[0])

    def while_held(holder: Link) -> int | None:
        with holder.connection.transaction():
            assert rollups._locked(holder.connection)
            return other.perform(roll_up, MINUTES)

    assert link.perform(while_held) is None
    assert other.perform(roll_up, MINUTES) == 1


def test_samples_are_dropped_only_after_they_are_rolled_up(link: Link) -> None:
    old_s = (TODAY - 40) * DAY_S
    put(link, ramp(0, 120, old_s + 10), ramp(120, 60, NOON_S))
    assert link.perform(rollups.drop_samples, TODAY - 30) is None
    rolled_up(link)
    assert link.perform(rollups.drop_samples, TODAY - 30) >= 1
    assert link.perform(rollups.drop_samples, TODAY - 30) == 0
    query = asked(["temp"], old_s, NOON_S + HOUR_S, bucket_ms=DAY_S * 1000)
    (temp,) = in_buckets(link, query)
    assert (temp.count, temp.first, temp.last) == ((120, 60), (0, 120), (119, 179))
    # what comes after all does not replace what was dropped
    put(link, samples(180, [("temp", old_s + 15, 1e9, 0)]))
    rolled_up(link)
    assert in_buckets(link, query)[0].high == (119.0, 179.0)


def test_buckets_that_no_roll_up_makes_are_refused_where_samples_are_gone(
    link: Link,
) -> None:
    put(link, ramp(0, 120, (TODAY - 40) * DAY_S))
    rolled_up(link)
    link.perform(rollups.drop_samples, TODAY - 30)
    query = asked(["temp"], (TODAY - 40) * DAY_S, NOON_S, bucket_ms=172_800)
    gone = Gone((TODAY - 30) * DAY_US, MINUTE_US)
    assert link.perform(buckets, query, MOST) == gone
    assert link.perform(rollups.drop_cells, MINUTES, TODAY - 20) == 2
    gone = Gone((TODAY - 20) * DAY_US, HOUR_US)
    assert link.perform(buckets, replace(query, bucket_ms=60_000), MOST) == gone
    assert (
        sum(in_buckets(link, replace(query, bucket_ms=HOUR_S * 1000))[0].count) == 120
    )
    assert link.perform(rollups.drop_cells, HOURS, TODAY - 20) == 1


def test_minutes_are_dropped_only_after_hours_are_made_of_them(link: Link) -> None:
    put(link, ramp(0, 120, (TODAY - 40) * DAY_S))
    assert link.perform(roll_up, MINUTES) == 1
    assert link.perform(rollups.drop_cells, MINUTES, TODAY) == 0
    assert link.perform(roll_up, HOURS) == 1
    assert link.perform(rollups.drop_cells, MINUTES, TODAY) == 2


def test_empty_buckets_are_filled_as_asked(link: Link) -> None:
    at_s = NOON_S
    rows = [("temp", at_s - 500, 5.0, 0), ("temp", at_s - 400, 9.0, 2)]
    rows += [("temp", at_s + 61, 1.0, 0), ("temp", at_s + 62, 3.0, 0)]
    put(link, samples(0, rows))
    query = asked(["temp", "gone"], at_s, at_s + 240, bucket_ms=60_000, fill=Fill.NULL)
    temp, gone = in_buckets(link, query)
    assert temp.at_ms == tuple(int(at_s + n) * 1000 for n in (0, 60, 120, 180))
    assert (temp.mean, temp.count) == ((None, 2.0, None, None), (0, 2, 0, 0))
    assert gone.at_ms == ()
    (temp, _) = in_buckets(link, replace(query, fill=Fill.PREVIOUS))
    assert (temp.mean, temp.count) == ((5.0, 2.0, 3.0, 3.0), (0, 2, 0, 0))
    assert (temp.first, temp.last) == ((5.0, 1.0, 3.0, 3.0), (5.0, 3.0, 3.0, 3.0))
    (temp, _) = in_buckets(link, replace(query, fill=Fill.NONE))
    assert temp.at_ms == (int(at_s + 60) * 1000,)


def test_the_value_before_the_range_may_be_in_a_roll_up_only(link: Link) -> None:
    put(link, ramp(0, 60, (TODAY - 40) * DAY_S))
    rolled_up(link)
    link.perform(rollups.drop_samples, TODAY - 30)
    query = asked(["temp"], NOON_S, NOON_S + 60, bucket_ms=60_000, fill=Fill.PREVIOUS)
    assert in_buckets(link, query)[0].mean == (59.0,)
    link.perform(rollups.drop_cells, MINUTES, TODAY - 20)
    assert in_buckets(link, query)[0].mean == (59.0,)


def test_filled_buckets_count_to_the_limit(link: Link) -> None:
    put(link, ramp(0, 1, NOON_S))
    query = asked(["temp"], NOON_S, NOON_S + 100, bucket_ms=1000, fill=Fill.NULL)
    assert link.perform(buckets, query, Most(99, 900_000)) == Overflow(100)
    assert isinstance(link.perform(buckets, query, Most(100, 900_000)), Buckets)


TYPED = [
    ("n", TagType.INTEGER, NOON_S, 7, 0),
    ("on", TagType.BOOLEAN, NOON_S, True, 0),
    ("on", TagType.BOOLEAN, NOON_S + 1, False, 1),
    ("step", TagType.TEXT, NOON_S, "heating", 0),
    ("step", TagType.TEXT, NOON_S + 1, "", 0),
    ("step", TagType.TEXT, NOON_S + 2, None, 2),
    ("recipe", TagType.JSON, NOON_S, '{"a": [1, 2]}', 0),
]


def test_values_come_back_typed(link: Link) -> None:
    put(link, typed_samples(0, TYPED))
    latest = list(tag_values(link.perform(reading.latest, "press_7", None, 10)))
    assert {v.tag: (v.type, v.value, v.quality) for v in latest} == {
        "n": (TagType.INTEGER, 7, 0),
        "on": (TagType.BOOLEAN, False, 1),
        "step": (TagType.TEXT, None, 2),
        "recipe": (TagType.JSON, '{"a": [1, 2]}', 0),
    }
    kinds = {v.tag: type(v.value) for v in latest}
    assert (kinds["n"], kinds["on"]) == (int, bool)
    query = asked(["step", "on", "recipe"], NOON_S, NOON_S + 10)
    page = link.perform(raw.raw, query, MOST)
    assert isinstance(page, Page)
    step, on, recipe = raw_series(query, page.found)
    assert (step.type, step.text, step.mean, step.quality) == (
        *(TagType.TEXT, ("heating", "", None)),
        *((), (0, 0, 2)),
    )
    assert (on.type, on.mean, on.text) == (TagType.BOOLEAN, (1.0, 0.0), ())
    assert (recipe.type, recipe.text) == (TagType.JSON, ('{"a": [1, 2]}',))


def test_a_bucket_of_text_has_its_last(link: Link) -> None:
    put(link, typed_samples(0, TYPED))
    query = asked(
        ["step", "n"], NOON_S - 60, NOON_S + 120, bucket_ms=60_000, fill=Fill.PREVIOUS
    )
    step, n = in_buckets(link, query)
    assert (step.text, step.count, step.mean) == ((None, "", ""), (0, 2, 0), ())
    assert (n.type, n.mean, n.count) == (TagType.INTEGER, (None, 7.0, 7.0), (0, 1, 0))


def test_a_change_of_type_begins_another_series(link: Link) -> None:
    put(link, typed_samples(0, [("x", TagType.FLOAT, NOON_S, 1.5, 0)]))
    put(link, typed_samples(1, [("x", TagType.TEXT, NOON_S + 1, "one", 0)]))
    query = asked(["x"], NOON_S, NOON_S + 10)
    page = link.perform(raw.raw, query, MOST)
    assert isinstance(page, Page)
    told = [(s.type, s.mean, s.text) for s in raw_series(query, page.found)]
    assert told == [(TagType.FLOAT, (1.5,), ()), (TagType.TEXT, (), ("one",))]
    (value,) = tag_values(link.perform(reading.latest, "press_7", None, 10))
    assert (value.value, value.type) == ("one", TagType.TEXT)


def pages(
    link: Link, query: HistoryQuery, most: Most, between: Any = None
) -> Iterator[Page]:
    query = replace(query, page="")
    while True:
        page = link.perform(raw.raw, query, most, place_of(query))
        assert isinstance(page, Page)
        yield page
        if page.more_after is None:
            return
        query = replace(query, page=token(query, page.more_after))
        if between is not None:
            between()


def plenty() -> list[Any]:
    """Rows of the same instant, alike and not, of several series and types."""
    rows: list[Any] = []
    for n in range(10):
        rows += [("temp", TagType.FLOAT, NOON_S + n // 4, float(n // 2), n % 2)]
        rows += [("ph", TagType.FLOAT, NOON_S + n, None if n % 3 else 1.0, 2)]
        rows += [("step", TagType.TEXT, NOON_S + n // 5, f"s{n // 3}", 0)]
    return rows + [("temp", TagType.FLOAT, NOON_S + 5, 1.0, 0)] * 7


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 100])
def test_pages_give_every_row_once(link: Link, size: int) -> None:
    put(link, typed_samples(0, plenty()))
    query = asked(["step", "temp", "ph"], NOON_S, NOON_S + 60)
    whole = link.perform(raw.raw, query, MOST)
    assert isinstance(whole, Page)
    found = [
        row
        for page in pages(link, query, Most(size, 900_000))
        for row in page.found.rows
    ]
    assert found == list(whole.found.rows)
    assert len(found) == 37


def test_rows_stored_between_pages_move_no_other(link: Link) -> None:
    put(link, typed_samples(0, plenty()))
    query = asked(["step", "temp", "ph"], NOON_S, NOON_S + 60)
    whole = link.perform(raw.raw, query, MOST)
    assert isinstance(whole, Page)
    number = 37

    def add() -> None:
        nonlocal number
        late = [
            ("temp", TagType.FLOAT, NOON_S + s, -1.0, 1) for s in (0, 1, 2, 2.5, 5, 9)
        ]
        put(link, typed_samples(number, late))
        number += len(late)

    found = [
        row
        for page in pages(link, query, Most(3, 900_000), add)
        for row in page.found.rows
    ]
    assert [row for row in found if row[2] != -1.0] == list(whole.found.rows)


def test_a_page_of_long_texts_is_cut_by_bytes(link: Link) -> None:
    rows = [
        (f"log_{n // 2}", TagType.TEXT, NOON_S + n, chr(97 + n) * 9000, 0)
        for n in range(20)
    ]
    put(link, typed_samples(0, rows))
    tags = [f"log_{n}" for n in range(10)]
    query = asked(tags, NOON_S, NOON_S + 60)
    sizes = [len(p.found.rows) for p in pages(link, query, Most(1000, 50_000))]
    assert sizes == [5, 5, 5, 5]
    assert [len(p.found.rows) for p in pages(link, query, Most(1000, 100))] == [1] * 20
    assert link.perform(raw.raw, query, Most(1000, 50_000)) == Overflow(None)
    in_minutes = replace(query, bucket_ms=1000)
    assert link.perform(buckets, in_minutes, Most(1000, 50_000)) == Overflow(None)


def test_a_page_that_no_answer_gave_is_refused(link: Link) -> None:
    put(link, ramp(0, 5, NOON_S))
    query = asked(["temp"], NOON_S, NOON_S + 60, page="")
    page = link.perform(raw.raw, query, Most(2, 900_000))
    assert isinstance(page, Page)
    assert page.more_after is not None
    given = token(query, page.more_after)
    for bad in ("x", given[:-8], "é", "W10=", given * 50, "bnVsbA=="):
        with pytest.raises(InvalidRequest, match="no `next_page`"):
            place_of(replace(query, page=bad))
    with pytest.raises(InvalidRequest, match="another question"):
        place_of(replace(query, tags=("ph",), page=given))


@asynccontextmanager
async def kept_by(
    storage: Storage, keep: Keep, days_later: int = 0
) -> AsyncIterator[Database]:
    """The project's database, tended as the service does it."""
    from twisted.internet import reactor

    clock: Any = reactor
    doors = Doors(*(Blocking(clock, name, 1) for name in ("w", "r", "o")))
    doors.start()
    database = Database(
        clock,
        doors,
        storage.server,
        storage.projects[0],
        keep=keep,
        write_timeout_s=30,
        read_timeout_s=30,
        wall=lambda: NOW_S + days_later * DAY_S,
    )
    database.start()
    try:
        yield database
    finally:
        await database.stop()
        doors.stop()


@pytest_twisted.ensureDeferred
async def test_the_service_rolls_up_and_then_drops(
    storage: Storage, link: Link
) -> None:
    from twisted.internet import reactor

    old_s = (TODAY - 25) * DAY_S
    put(link, ramp(0, 120, old_s), ramp(120, 60, NOON_S))

    async def rolled() -> bool:
        hours = tell(link, "select count(*) from rollup_hour")
        return (hours, tell(link, "select count(*) from dirty")) == ([(2,)], [(0,)])

    async def dropped() -> bool:
        return tell(link, "select count(*) from sample") == [(0,)]

    async with kept_by(storage, Keep.at_least(90, 90, 90)) as database:
        await until(reactor, rolled)
        assert database.keep_from_us == KEEP_FROM_US
    async with kept_by(storage, Keep.at_least(30, 1, 1), days_later=40) as database:
        await until(reactor, dropped)
        assert database.keep_from_us == (TODAY + 10) * DAY_US
    async with kept_by(storage, Keep.at_least(90, 90, 90), days_later=1) as database:
        await until(reactor, open_now(database))
        assert database.keep_from_us == (TODAY + 10) * DAY_US  # it is gone for good


def open_now(database: Database) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return database.is_open

    return look
