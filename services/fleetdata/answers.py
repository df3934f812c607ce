"""Rows of history as the contract's series, with the empty buckets filled as asked."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from heddle.contract.devices import TagType
from heddle.contract.history import Fill, HistoryQuery, Series
from services.fleetdata.store.buckets import Buckets
from services.fleetdata.store.instants import unix_ms
from services.fleetdata.store.reading import Found, SeriesKey

_NO_ROWS: Sequence[tuple[Any, ...]] = ()


def raw_series(query: HistoryQuery, found: Found) -> Iterator[Series]:
    """Raw samples; a page has only the series of which it has rows."""
    for key, rows in _by_tag(query, found):
        if query.page is not None and not rows:
            continue
        values = tuple(row[2] for row in rows)
        yield Series(
            tag=key.tag,
            unit=key.unit,
            type=key.type,
            at_ms=tuple(unix_ms(row[1]) for row in rows),
            mean=() if key.is_textual else values,
            text=values if key.is_textual else (),
            quality=tuple(row[3] for row in rows),
        )


def bucket_series(query: HistoryQuery, answer: Buckets) -> Iterator[Series]:
    """Buckets; those without samples are left out or filled in."""
    for key, found in _by_tag(query, answer.found):
        rows = [(unix_ms(row[1]), row[2:]) for row in found]
        if query.fill is not Fill.NONE and key.id:
            rows = list(_filled(query, key, dict(rows), answer.before.get(key.id)))
        at = tuple(at for at, _ in rows)
        columns = list(zip(*(values for _, values in rows), strict=True))
        yield _texts(key, at, columns) if key.is_textual else _numbers(key, at, columns)


def _numbers(
    key: SeriesKey, at: tuple[int, ...], columns: list[tuple[Any, ...]]
) -> Series:
    mean, low, high, count, first, last = columns or ((),) * 6
    return Series(
        tag=key.tag,
        unit=key.unit,
        type=key.type,
        at_ms=at,
        mean=mean,
        low=low,
        high=high,
        first=first,
        last=last,
        count=count,
    )


def _texts(
    key: SeriesKey, at: tuple[int, ...], columns: list[tuple[Any, ...]]
) -> Series:
    text, count = columns or ((),) * 2
    return Series(
        tag=key.tag,
        unit=key.unit,
        type=key.type,
        at_ms=at,
        mean=(),
        text=text,
        count=count,
    )


def _filled(
    query: HistoryQuery, key: SeriesKey, rows: dict[int, tuple[Any, ...]], value: Any
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Every bucket of the range; ``value`` is the last one before it."""
    width = query.bucket_ms or 1
    for at in range(query.from_ms - query.from_ms % width, query.to_ms, width):
        if (there := rows.get(at)) is not None:
            value = there[0] if key.is_textual else there[-1]
            yield at, there
            continue
        stands = value if query.fill is Fill.PREVIOUS else None
        if key.is_textual:
            yield at, (stands, 0)
        else:
            yield at, (stands, stands, stands, 0, stands, stands)


def _by_tag(
    query: HistoryQuery, found: Found
) -> Iterator[tuple[SeriesKey, Sequence[tuple[Any, ...]]]]:
    """In the order of the tags asked for; an unknown tag has an empty series.

    Of several series of a tag (its unit changed) those with rows are told, else the
    newest.
    """
    rows = {id_: list(of) for id_, of in groupby(found.rows, key=itemgetter(0))}
    series: dict[str, list[SeriesKey]] = {}
    for key in found.series:
        series.setdefault(key.tag, []).append(key)
    for asked in dict.fromkeys(query.tags):
        known = series.get(asked, [])
        full = [key for key in known if key.id in rows]
        for key in full or known[-1:] or [SeriesKey(0, asked, "", TagType.FLOAT)]:
            yield key, rows.get(key.id, _NO_ROWS)
