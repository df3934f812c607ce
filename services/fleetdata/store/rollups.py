"""Roll-ups by minute and hour, made from what marks tell to be outdated.

A turn takes some marks away and makes their cells anew, in one transaction; a mark
written meanwhile stays. So whoever reads in one snapshot finds each cell either marked
or true. One process at a time does it. Cells are made from all samples that are there:
doing it twice changes nothing, and late samples need no care of their own.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, LiteralString

import numpy as np
from psycopg import Connection, sql

from services.fleetdata.planning import HOUR_US, MINUTE_US, Range, whole
from services.fleetdata.store.care import DAY_US, drop_days
from services.fleetdata.store.copying import Int4s
from services.fleetdata.store.instants import at_us, unix_us
from services.fleetdata.store.links import Link

MARKS_PER_TURN = 200  # each of at most a group's rows
SETTLED_S = 60  # a minute is made once it is over, and again for what comes later
ROWS_PER_DELETE = 20_000
_LOCK = 0x48454446


def smaller(number: LiteralString) -> sql.Composed:
    """A number 2^40 times smaller, or 0 for the tiniest.

    Sums of finite numbers may leave the range of float8, these do not.
    """
    return sql.SQL(
        "case when abs({0}) < 1e-280 then 0"
        " else {0} * 9.094947017729282e-13::float8 end"
    ).format(sql.SQL(number))


def larger(number: LiteralString) -> sql.Composed:
    """Back from ``smaller``: 2^40 times larger, within the range of float8."""
    return sql.SQL(
        "least(greatest({}, -1.6349923815708423e296), 1.6349923815708423e296)"
        " * 1099511627776::float8"
    ).format(sql.SQL(number))


# Buckets of `width` over the ranges `since[]`, `until[]`; the mean is still smaller.
# First and last are looked up: of many rows a bucket, sorting them costs far more.
# `offset 0` makes the planner go by the ranges, each of them a scan of the index.
BUCKETS_OF_SAMPLES = sql.SQL(
    """
    select g.*, f.value as first, l.value as last
      from (select s.tag_id, date_bin(%(width)s, s.at, 'epoch'::timestamptz) as bucket,
                   count(*) as count, sum({value}) / count(*) as mean,
                   min(s.value) as low, max(s.value) as high,
                   min(s.at) as first_at, max(s.at) as last_at
              from unnest({since}, {until}) as r (since, until)
             cross join lateral (
                   select tag_id, at, value from sample
                    where tag_id = any(%(ids)s) and at >= r.since and at < r.until
                      and quality < 2 and value is not null
                   offset 0) as s
             group by 1, 2) as g
     cross join lateral (
           select value from sample
            where tag_id = g.tag_id and at = g.first_at
              and quality < 2 and value is not null
            order by value limit 1) as f
     cross join lateral (
           select value from sample
            where tag_id = g.tag_id and at = g.last_at
              and quality < 2 and value is not null
            order by value desc limit 1) as l
    """
)
BUCKETS_OF_CELLS = sql.SQL(
    """
    select g.*, f.first, l.last
      from (select s.tag_id,
                   date_bin(%(width)s, s.bucket, 'epoch'::timestamptz) as bucket,
                   sum(s.count)::bigint as count,
                   sum({mean} * s.count) / sum(s.count) as mean,
                   min(s.low) as low, max(s.high) as high,
                   min(s.bucket) as first_at, max(s.bucket) as last_at
              from unnest({since}, {until}) as r (since, until)
             cross join lateral (
                   select * from {cells} as c
                    where c.tag_id = any(%(ids)s)
                      and c.bucket >= r.since and c.bucket < r.until
                   offset 0) as s
             group by 1, 2) as g
     cross join lateral (
           select c.first from {cells} as c
            where c.tag_id = g.tag_id and c.bucket = g.first_at limit 1) as f
     cross join lateral (
           select c.last from {cells} as c
            where c.tag_id = g.tag_id and c.bucket = g.last_at limit 1) as l
    """
)
# The same for minutes, where it is the other way round: they are many and small.
_MINUTES_OF_SAMPLES = sql.SQL(
    """
    select tag_id, date_bin(%(width)s, at, 'epoch'::timestamptz) as bucket,
           count(*) as count, sum({value}) / count(*) as mean,
           min(value) as low, max(value) as high,
           (array_agg(value order by at, value))[1] as first,
           (array_agg(value order by at, value))[count(*)] as last
      from sample
     where tag_id = any(%(ids)s) and at >= %(since)s and at < %(until)s
       and quality < 2 and value is not null
     group by 1, 2
    """
)
_MAKE = sql.SQL(
    """
    insert into {made} as r
           (tag_id, bucket, count, mean, low, high, first, last)
    select tag_id, bucket, count, {mean}, low, high, first, last
      from ({buckets}) as b
     order by 1, 2
    on conflict (tag_id, bucket) do update
       set count = excluded.count, mean = excluded.mean, low = excluded.low,
           high = excluded.high, first = excluded.first, last = excluded.last
    """
)


@dataclass(frozen=True, slots=True)
class Grain:
    """A roll-up: its name in marks, its cells, and where they are."""

    name: str
    cell_us: int
    table: str


MINUTES = Grain("minute", MINUTE_US, "rollup_minute")
HOURS = Grain("hour", HOUR_US, "rollup_hour")


def buckets(
    cells: Grain | None, since: sql.Composable, until: sql.Composable
) -> sql.Composed:
    """Buckets made of a roll-up's cells, or of samples."""
    if cells is None:
        return BUCKETS_OF_SAMPLES.format(
            value=smaller("s.value"), since=since, until=until
        )
    return BUCKETS_OF_CELLS.format(
        mean=smaller("s.mean"),
        since=since,
        until=until,
        cells=sql.Identifier(cells.table),
    )


def roll_up(link: Link, grain: Grain, most_marks: int = MARKS_PER_TURN) -> int | None:
    """Make the cells of the oldest marks anew; how many marks that took.

    None: roll-ups are being made or dropped over another connection just now.
    """
    connection = link.connection
    with connection.transaction():
        if not _locked(connection):
            return None
        marks = connection.execute(
            """
            delete from dirty where id in (
                   select id from dirty
                    where grain = %(grain)s
                      and until <= now() - %(settled)s
                    order by id limit %(most)s)
            returning since, until, tag_ids
            """,
            {
                "grain": grain.name,
                "settled": timedelta(seconds=SETTLED_S),
                "most": most_marks,
            },
        ).fetchall()
        kept_from = _kept_from(connection, grain)
        for span, ids in _pieces(marks, grain.cell_us):
            since = max(span[0], kept_from)
            if since < span[1]:
                _make(connection, grain, (since, span[1]), ids)
    return len(marks)


def halve(link: Link, grain: Grain) -> int:
    """Make two marks of the oldest, which is too much at once; how many it makes."""
    return link.connection.execute(
        """
        with oldest as (
             delete from dirty where id = (
                    select min(id) from dirty
                     where grain = %(grain)s and until <= now() - %(settled)s)
             returning since, until, tag_ids, until - since > %(cell)s as is_long,
                       since + greatest(%(cell)s, (until - since) / 2) as middle,
                       cardinality(tag_ids) / 2 as half)
        insert into dirty (grain, since, until, tag_ids)
        select %(grain)s, since, middle, tag_ids from oldest where is_long
         union all
        select %(grain)s, middle, until, tag_ids from oldest where is_long
         union all
        select %(grain)s, since, until, tag_ids[:half] from oldest where not is_long
         union all
        select %(grain)s, since, until, tag_ids[half + 1:] from oldest
         where not is_long
        """,
        {
            "grain": grain.name,
            "settled": timedelta(seconds=SETTLED_S),
            "cell": timedelta(microseconds=grain.cell_us),
        },
    ).rowcount


def drop_samples(link: Link, before: int) -> int | None:
    """Drop samples of all days before a day; how many days, or None: not yet.

    Not before their roll-ups are made. What is dropped does not come back into them.
    """
    connection = link.connection
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute("lock table dirty in share mode")
        marked = connection.execute(
            "select from dirty where grain = 'minute' and since < %s limit 1",
            [at_us(before * DAY_US)],
        ).fetchone()
        if marked is not None:
            return None
        dropped = drop_days(link, before)
        if dropped:
            _keep_from(connection, "sample", before)
    return dropped


def dropped_before(link: Link) -> int:
    """Since when (unix microseconds) no samples were dropped; 0: ever."""
    return _kept_from(link.connection, MINUTES)


def drop_cells(link: Link, grain: Grain, before: int) -> int:
    """Drop some of the roll-ups of all days before a day; how many cells."""
    connection = link.connection
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        marked = connection.execute(
            "select from dirty where since < %s limit 1",
            [at_us(before * DAY_US)],
        ).fetchone()
        if grain is MINUTES and marked is not None:
            return 0  # hours are made of these first
        dropped = connection.execute(
            sql.SQL(
                """
                delete from {cells} where ctid = any(array(
                       select ctid from {cells}
                        where bucket < %(before)s limit %(most)s))
                """
            ).format(cells=sql.Identifier(grain.table)),
            {"before": at_us(before * DAY_US), "most": ROWS_PER_DELETE},
        ).rowcount
        if dropped and grain is MINUTES:
            _keep_from(connection, "rollup_minute", before)
    return dropped


def _locked(connection: Connection) -> bool:
    found = connection.execute(
        "select pg_try_advisory_xact_lock(%s)", [_LOCK]
    ).fetchone()
    return bool(found and found[0])


def _keep_from(connection: Connection, what: str, day: int) -> None:
    connection.execute(
        """
        insert into kept_from as k (what, at) values (%(what)s, %(at)s)
        on conflict (what) do update set at = greatest(k.at, excluded.at)
        """,
        {"what": what, "at": at_us(day * DAY_US)},
    )


def _kept_from(connection: Connection, grain: Grain) -> int:
    """Since when there is all of what a grain's cells are made of."""
    source = {"minute": "sample", "hour": "rollup_minute"}[grain.name]
    found = connection.execute(
        "select at from kept_from where what = %s", [source]
    ).fetchone()
    return 0 if found is None else unix_us(found[0])


def _pieces(
    marks: Iterable[tuple[datetime, datetime, list[int]]], cell: int
) -> Iterator[tuple[Range, list[int]]]:
    """What is marked, no cell and no tag more: ranges of cells and their tags."""
    tags: dict[Range, set[int]] = defaultdict(set)
    for since, until, ids in marks:
        tags[whole(unix_us(since), unix_us(until), cell)].update(ids)
    edges = sorted({edge for span in tags for edge in span})
    last: tuple[Range, set[int]] | None = None
    for span in pairwise(edges):
        there: set[int] = set().union(
            *(ids for (a, b), ids in tags.items() if a <= span[0] and span[1] <= b)
        )
        if last is not None and last[0][1] == span[0] and last[1] == there:
            last = (last[0][0], span[1]), there
            continue
        if last is not None and last[1]:
            yield last[0], sorted(last[1])
        last = span, there
    if last is not None and last[1]:
        yield last[0], sorted(last[1])


def _make(connection: Connection, grain: Grain, span: Range, ids: list[int]) -> None:
    arguments: dict[str, Any] = {
        "ids": Int4s(np.array(ids)),
        "since": at_us(span[0]),
        "until": at_us(span[1]),
        "width": timedelta(microseconds=grain.cell_us),
    }
    if grain is MINUTES:
        source = _MINUTES_OF_SAMPLES.format(value=smaller("value"))
    else:
        only = sql.SQL("array[%(since)s]"), sql.SQL("array[%(until)s]")
        source = buckets(MINUTES, *only)
    connection.execute(
        _MAKE.format(
            made=sql.Identifier(grain.table), mean=larger("mean"), buckets=source
        ),
        arguments,
    )
    if grain is MINUTES:
        connection.execute(
            """
            insert into dirty (grain, since, until, tag_ids)
            values ('hour', %(since)s, %(until)s, %(ids)s)
            """,
            {
                "since": at_us(span[0] - span[0] % HOUR_US),
                "until": at_us(span[1] + -span[1] % HOUR_US),
                "ids": Int4s(np.array(ids)),
            },
        )
