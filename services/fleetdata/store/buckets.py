"""History in buckets: made from roll-ups as far as they serve, and samples otherwise.

Marks, roll-ups and samples are read in one snapshot, so the answer is exact: bad
samples and missing values do not count, late ones do. Of samples at the same instant
the smaller number is the first and the larger the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from psycopg import Connection, sql

from heddle.contract.history import Fill, HistoryQuery
from services.fleetdata.planning import Dirt, Parts, Range, finest, plan, without
from services.fleetdata.store import rollups
from services.fleetdata.store.copying import Instants, Int4s
from services.fleetdata.store.instants import at_ms, at_us, unix_us
from services.fleetdata.store.links import Link
from services.fleetdata.store.reading import (
    Found,
    Most,
    Overflow,
    fetch_texts,
    series_of,
    snapshot,
)
from services.fleetdata.store.rollups import HOURS, MINUTES

ROW_BYTES = 60  # of numbers, as MessagePack
TEXT_ROW_BYTES = 20  # and the text itself
RECENT_S = 120  # what is newer is read from samples, without asking for marks
_FOREVER_US = 2**60


@dataclass(frozen=True, slots=True)
class Gone:
    """The samples this needs have been dropped; roll-ups have cells of ``cell_us``."""

    before_us: int
    cell_us: int


@dataclass(frozen=True, slots=True)
class Buckets:
    """Rows (id, start, mean, low, high, count, first, last), or of texts (id, start,
    text, count); and, to fill with, the last value before the range by series' id.
    """

    found: Found
    before: dict[int, Any]


@dataclass(frozen=True, slots=True)
class _State:
    """What of the roll-ups can be used, and since when things were kept."""

    dirt: Dirt
    samples_from: int
    minutes_from: int


def buckets(link: Link, query: HistoryQuery, most: Most) -> Buckets | Overflow | Gone:
    """The buckets of a range that have samples."""
    connection, width = link.connection, (query.bucket_ms or 0) * 1000
    asked = query.from_ms * 1000, query.to_ms * 1000
    with snapshot(connection):
        series = series_of(connection, query)
        numbers = [s.id for s in series if not s.is_textual]
        texts = [s.id for s in series if s.is_textual]
        if query.fill is not Fill.NONE:
            whole = -(-asked[1] // width) - asked[0] // width
            if whole * len(series) > most.rows:
                return Overflow(whole * len(series))
        rows: list[tuple[Any, ...]] = []
        if numbers:
            state = _state(connection, asked, numbers)
            if (gone := _gone(state, asked, width)) is not None:
                return gone
            parts = _kept(plan(asked, width, state.dirt), state)
            of_numbers = _numbers(connection, parts, width, numbers, most.rows)
            if isinstance(of_numbers, Overflow):
                return of_numbers
            rows += of_numbers
        of_texts = _texts(connection, query, texts, most, len(rows)) if texts else []
        if isinstance(of_texts, Overflow):
            return of_texts
        before = (
            _before(connection, query, numbers, texts)
            if query.fill is Fill.PREVIOUS
            else {}
        )
    return Buckets(Found(series, (*rows, *of_texts)), before)


def _state(connection: Connection, asked: Range, ids: list[int]) -> _State:
    """Marks that touch the range, and everything that may be marked soon."""
    found = connection.execute(
        """
        select grain, since, until from dirty
         where since < now() - %(recent)s and since < %(until)s and until > %(since)s
           and tag_ids && %(ids)s
         union all
        select 'recent', now() - %(recent)s, null
         union all
        select what, at, null from kept_from
        """,
        {
            "recent": timedelta(seconds=RECENT_S),
            "since": at_us(asked[0]),
            "until": at_us(asked[1]),
            "ids": Int4s(np.array(ids)),
        },
    ).fetchall()
    marks: dict[str, list[Range]] = {"minute": [], "hour": []}
    moments = {"sample": 0, "rollup_minute": 0, "recent": 0}
    for what, since, until in found:
        if until is None:
            moments[what] = unix_us(since)
        else:
            marks[what].append((unix_us(since), unix_us(until)))
    recent = moments["recent"], _FOREVER_US
    return _State(
        Dirt((*marks["minute"], recent), tuple(marks["hour"])),
        moments["sample"],
        moments["rollup_minute"],
    )


def _gone(state: _State, asked: Range, width: int) -> Gone | None:
    """What keeps buckets of this width from being answered so far back."""
    cell = finest(width)
    if asked[0] < state.minutes_from and cell != HOURS.cell_us:
        return Gone(state.minutes_from, HOURS.cell_us)
    if asked[0] < state.samples_from and cell is None:
        return Gone(state.samples_from, MINUTES.cell_us)
    return None


def _kept(parts: Parts, state: _State) -> Parts:
    """Without what has been dropped."""
    return Parts(
        parts.hours,
        tuple(without(parts.minutes, [(0, state.minutes_from)])),
        tuple(without(parts.samples, [(0, state.samples_from)])),
    )


_TOGETHER = sql.SQL(
    """
    select tag_id, bucket,
           {mean} as mean,
           min(low) as low, max(high) as high, sum(count)::bigint as count,
           (array_agg(first order by first_at))[1] as first,
           (array_agg(last order by last_at desc))[1] as last
      from ({parts}) as p
     group by 1, 2
    """
)


def _numbers(
    connection: Connection, parts: Parts, width: int, ids: list[int], most: int
) -> Sequence[tuple[Any, ...]] | Overflow:
    arguments: dict[str, Any] = {
        "ids": Int4s(np.array(ids)),
        "width": timedelta(microseconds=width),
        "most": most + 1,
    }
    selected: list[sql.Composable] = []
    for grain, ranges in (
        (None, parts.samples),
        (MINUTES, parts.minutes),
        (HOURS, parts.hours),
    ):
        if not ranges:
            continue
        n = len(selected)
        arguments[f"since_{n}"] = _instants([since for since, _ in ranges])
        arguments[f"until_{n}"] = _instants([until for _, until in ranges])
        since, until = sql.Placeholder(f"since_{n}"), sql.Placeholder(f"until_{n}")
        selected.append(rollups.buckets(grain, since, until))
    if not selected:
        return []
    question = _TOGETHER.format(
        mean=rollups.larger("sum(mean * count) / sum(count)"),
        parts=sql.SQL(" union all ").join(selected),
    )
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(
            sql.SQL("{} order by 1, 2 limit %(most)s").format(question), arguments
        ).fetchall()
    if len(rows) <= most:
        return rows
    counted = connection.execute(
        sql.SQL("select count(*) from ({}) as f").format(question), arguments
    ).fetchone()
    return Overflow(counted[0] if counted else len(rows))


def _instants(us: Sequence[int]) -> Instants:
    return Instants(np.array(us, np.int64))


_TEXTS = sql.SQL(
    """
    select tag_id, bucket, value, count
      from (select tag_id, value,
                   date_bin(%(width)s, at, 'epoch'::timestamptz) as bucket,
                   row_number() over later as place, count(*) over whole as count
              from sample_text
             where tag_id = any(%(ids)s) and at >= %(since)s and at < %(until)s
               and quality < 2 and value is not null
            window whole as (
                   partition by tag_id,
                          date_bin(%(width)s, at, 'epoch'::timestamptz)),
                   later as (whole order by at desc, value desc)
           ) as s
     where place = 1
     order by 1, 2
     limit %(most)s
    """
)


def _texts(
    connection: Connection,
    query: HistoryQuery,
    ids: list[int],
    most: Most,
    taken: int,
) -> list[tuple[Any, ...]] | Overflow:
    rows: list[tuple[Any, ...]] = []
    left = most.size_bytes - taken * ROW_BYTES
    arguments = {
        "ids": Int4s(np.array(ids)),
        "width": timedelta(milliseconds=query.bucket_ms or 0),
        "since": at_ms(query.from_ms),
        "until": at_ms(query.to_ms),
        "most": most.rows + 1,
    }
    for row in fetch_texts(connection, _TEXTS, arguments):
        left -= TEXT_ROW_BYTES + len(row[2].encode())
        if left < 0:
            return Overflow(None)
        if taken + len(rows) >= most.rows:
            return Overflow(most.rows + 1)
        rows.append(row)
    return rows


_LAST_NUMBERS = """
    select w.id, coalesce(
           (select value from sample
             where tag_id = w.id and at < %(since)s
               and quality < 2 and value is not null
             order by at desc, value desc limit 1),
           (select last from rollup_minute
             where tag_id = w.id and bucket <= %(since)s - interval '1 minute'
             order by bucket desc limit 1),
           (select last from rollup_hour
             where tag_id = w.id and bucket <= %(since)s - interval '1 hour'
             order by bucket desc limit 1))
      from unnest(%(ids)s) as w (id)
    """
_LAST_TEXTS = """
    select w.id, (select value from sample_text
                   where tag_id = w.id and at < %(since)s
                     and quality < 2 and value is not null
                   order by at desc, value desc limit 1)
      from unnest(%(ids)s) as w (id)
    """


def _before(
    connection: Connection, query: HistoryQuery, numbers: list[int], texts: list[int]
) -> dict[int, Any]:
    """The last good values before the range."""
    found: dict[int, Any] = {}
    for question, ids in ((_LAST_NUMBERS, numbers), (_LAST_TEXTS, texts)):
        arguments = {"ids": Int4s(np.array(ids)), "since": at_ms(query.from_ms)}
        if ids:
            found |= dict(connection.execute(question, arguments).fetchall())
    return found
