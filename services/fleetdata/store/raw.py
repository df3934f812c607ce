"""Raw history: the samples as they were stored, all of a range or page by page.

Rows are in the order of their series' ids, those of text after those of numbers; then
of time, and then of what else tells them apart. A page goes on after the last row of
the one before, whatever has been stored meanwhile.
"""

from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import numpy as np
from psycopg import Connection, sql

from heddle.contract.history import HistoryQuery
from services.fleetdata.store.copying import Int4s
from services.fleetdata.store.instants import at_ms, at_us, unix_us
from services.fleetdata.store.links import Link
from services.fleetdata.store.reading import (
    Found,
    Most,
    Overflow,
    SeriesKey,
    fetch_texts,
    series_of,
    snapshot,
)

ROW_BYTES = 19  # of a number, as MessagePack
TEXT_ROW_BYTES = 15  # and the text itself
_FEW_ROWS, _MOST_SERIES = 1000, 500


@dataclass(frozen=True, slots=True)
class Place:
    """A row that was the last of a page."""

    textual: bool
    tag_id: int
    at_us: int
    key: float | str | None  # the number, None for none, or a digest of the text
    quality: int
    same: int  # so many rows exactly like it were given


@dataclass(frozen=True, slots=True)
class Page:
    """Rows (id, at, value, quality), and where to go on if there are more."""

    found: Found
    more_after: Place | None


_ROWS = sql.SQL(
    """
    select tag_id, at, value, quality, {key} as key from {table}
     where tag_id = any(%(ids)s) and at >= %(since)s and at < %(until)s {after}
     order by tag_id, at, key, quality offset %(skip)s limit %(most)s
    """
)
_AFTER = sql.SQL(
    """
       and not (at = %(since)s and ({key}, quality) < (%(key)s, %(quality)s))
    """
)
_NUMBERS = {"table": sql.SQL("sample"), "key": sql.SQL("coalesce(value, 'NaN')")}
_TEXTS = {"table": sql.SQL("sample_text"), "key": sql.SQL("coalesce(md5(value), '')")}


def raw(
    link: Link, query: HistoryQuery, most: Most, after: Place | None = None
) -> Page | Overflow:
    """Rows after a place; all of them or ``Overflow``, unless pages are asked for."""
    connection = link.connection
    with snapshot(connection):
        series = series_of(connection, query)
        page = _Gathering(connection, query, most, after)
        full = any(
            page.fill(textual, [s.id for s in series if s.is_textual is textual])
            for textual in (False, True)
        )
        if full and query.page is None:
            return Overflow(_count(connection, series, query, most))
    found = Found(series, tuple(row[:4] for row in page.rows))
    return Page(found, page.last() if full else None)


class _Gathering:
    """Rows for an answer, until there are enough."""

    def __init__(
        self,
        connection: Connection,
        query: HistoryQuery,
        most: Most,
        after: Place | None,
    ) -> None:
        self._connection = connection
        self._query = query
        self._most = most
        self._after = after
        self._bytes_left = most.size_bytes
        self.rows: list[tuple[Any, ...]] = []

    def fill(self, textual: bool, ids: list[int]) -> bool:
        """Add rows of these series; whether there are more than fit."""
        after = self._after
        if after is not None and after.textual == textual:
            mine = [id_ for id_ in ids if id_ == after.tag_id]
            if mine and self._some(textual, mine, after):
                return True
            ids = [id_ for id_ in ids if id_ > after.tag_id]
        elif after is not None and after.textual:
            return False  # the numbers have been given
        return self._fill_from(textual, ids)

    def _fill_from(self, textual: bool, ids: list[int]) -> bool:
        """A few series at a time, more where they are short: nothing is sorted that
        will not be told.
        """
        first, count = 0, 1
        while first < len(ids):
            had = len(self.rows)
            if self._some(textual, ids[first : first + count]):
                return True
            first += count
            is_short = len(self.rows) - had < _FEW_ROWS
            count = min(count * 4, _MOST_SERIES) if is_short else max(count // 4, 1)
        return False

    def _some(self, textual: bool, ids: list[int], after: Place | None = None) -> bool:
        question, arguments = self._question(textual, ids, after)
        return (self._texts if textual else self._numbers)(question, arguments)

    def _numbers(self, question: sql.Composed, arguments: dict[str, Any]) -> bool:
        with self._connection.cursor(binary=True) as cursor:
            found = cursor.execute(question, arguments).fetchall()
        room = self._most.rows - len(self.rows)
        self.rows += found[:room]
        self._bytes_left -= ROW_BYTES * len(found[:room])
        return len(found) > room

    def _texts(self, question: sql.Composed, arguments: dict[str, Any]) -> bool:
        for row in fetch_texts(self._connection, question, arguments):
            self._bytes_left -= TEXT_ROW_BYTES + len((row[2] or "").encode())
            full = len(self.rows) >= self._most.rows or self._bytes_left < 0
            if full and self.rows:
                return True
            self.rows.append(row)
        return False

    def _question(
        self, textual: bool, ids: list[int], after: Place | None
    ) -> tuple[sql.Composed, dict[str, Any]]:
        words = _TEXTS if textual else _NUMBERS
        arguments: dict[str, Any] = {
            "ids": Int4s(np.array(ids)),
            "since": at_ms(self._query.from_ms),
            "until": at_ms(self._query.to_ms),
            "most": self._most.rows - len(self.rows) + 1,
            "skip": 0,
        }
        if after is not None:
            arguments |= {
                "since": at_us(after.at_us),
                "key": nan if after.key is None else after.key,
                "quality": after.quality,
                "skip": after.same,
            }
        then = sql.SQL("") if after is None else _AFTER.format(key=words["key"])
        return _ROWS.format(**words, after=then), arguments

    def last(self) -> Place:
        """Where the next page goes on."""
        last, same = _identity(self.rows[-1]), 1
        while same < len(self.rows) and _identity(self.rows[-1 - same]) == last:
            same += 1
        after = self._after
        if same == len(self.rows) and after is not None and _told(after) == last:
            same += after.same
        return Place(*last, same)


_Identity = tuple[bool, int, int, float | str | None, int]


def _identity(row: tuple[Any, ...]) -> _Identity:
    tag_id, at, _, quality, key = row
    textual = isinstance(key, str)
    none = not textual and isnan(key)
    return textual, tag_id, unix_us(at), None if none else key, quality


def _told(place: Place) -> _Identity:
    return place.textual, place.tag_id, place.at_us, place.key, place.quality


def _count(
    connection: Connection,
    series: tuple[SeriesKey, ...],
    query: HistoryQuery,
    most: Most,
) -> int | None:
    """How many rows there are; None if it is their bytes that are too many."""
    found = connection.execute(
        """
        select (select count(*) from sample
                 where tag_id = any(%(ids)s) and at >= %(since)s and at < %(until)s)
             + (select count(*) from sample_text
                 where tag_id = any(%(ids)s) and at >= %(since)s and at < %(until)s)
        """,
        {
            "ids": Int4s(np.array([s.id for s in series])),
            "since": at_ms(query.from_ms),
            "until": at_ms(query.to_ms),
        },
    ).fetchone()
    rows = found[0] if found else 0
    return rows if rows > most.rows else None
