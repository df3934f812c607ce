"""The way out: latest values, history and run events, checked and answered."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from heddle.contract.declare import InvalidRequest, StorageUnavailable, check_id
from heddle.contract.history import (
    MAX_ROWS_PER_REPLY,
    History,
    HistoryQuery,
    Latest,
    LatestQuery,
    RunEventsQuery,
    Series,
    TooManyRows,
)
from heddle.contract.runs import RunEvents, RunNotFound
from services.fleetdata.batches import MAX_TAG, check_word
from services.fleetdata.columns import MAX_ROWS
from services.fleetdata.database import Database
from services.fleetdata.store import reading
from services.fleetdata.store.links import StoreTooSlow
from services.fleetdata.store.reading import Found, Overflow, unix_ms

MAX_TAGS = 5_000  # in one question or answer
REPLY_BYTES = 900_000  # the router carries messages of 1 MiB
RAW_ROW_BYTES, BUCKET_ROW_BYTES = 19, 41
LAST_MS = 253_402_300_800_000  # the end of the year 9999
MAX_BUCKET_MS = 366 * 86_400_000


async def latest(database: Database, query: LatestQuery) -> Latest:
    """The newest value of the tags asked for, or of all."""
    check_id("device", query.device)
    if query.tags is not None:
        _check_tags(query.tags)
    try:
        values = await database.read(
            reading.latest, query.device, query.tags, MAX_TAGS + 1
        )
    except StoreTooSlow:
        raise _slow() from None
    if len(values) > MAX_TAGS:
        raise InvalidRequest(
            f"{query.device} has more than {MAX_TAGS} tags: name those wanted"
        )
    return Latest(device=query.device, values=values)


async def history(database: Database, query: HistoryQuery) -> History:
    """Samples or buckets of a range; one series or more for each tag asked for."""
    check_history(query)
    most = _most_rows(query)
    try:
        found = await database.read(reading.history, query, most)
    except StoreTooSlow:
        raise TooManyRows(
            "finding the rows took too long: "
            "ask for a shorter range, fewer tags or wider buckets"
        ) from None
    if isinstance(found, Overflow):
        raise TooManyRows(
            f"the answer has {found.rows} rows, more than {most}: "
            "ask for a shorter range, fewer tags or wider buckets",
            rows=found.rows,
            most=most,
        )
    return History(device=query.device, series=tuple(_series(query, found)))


async def run_events(database: Database, query: RunEventsQuery) -> RunEvents:
    """The stored events of a run."""
    check_id("device", query.device)
    check_id("run", query.run)
    if query.first < 0 or not 1 <= query.limit <= MAX_ROWS:
        raise InvalidRequest(f"first counts from 0, limit is 1 to {MAX_ROWS}")
    try:
        found = await database.read(
            reading.run_events, query.device, query.run, query.first, query.limit
        )
    except StoreTooSlow:
        raise _slow() from None
    if found is None:
        raise RunNotFound(
            f"nothing is stored of run {query.run} of device {query.device}"
        )
    return RunEvents(
        run=query.run, flow=found.flow, version=found.version, events=found.events
    )


def check_history(query: HistoryQuery) -> None:
    """Raises ``InvalidRequest`` naming the field at fault."""
    check_id("device", query.device)
    _check_tags(query.tags)
    if not 0 <= query.from_ms < query.to_ms <= LAST_MS:
        raise InvalidRequest(
            f"the range [{query.from_ms}, {query.to_ms}) is empty or out of bounds: "
            "give unix milliseconds, from_ms before to_ms"
        )
    if query.bucket_ms is not None and not 1 <= query.bucket_ms <= MAX_BUCKET_MS:
        raise InvalidRequest(
            f"bucket_ms is {query.bucket_ms}: use 1 to {MAX_BUCKET_MS}, or none"
        )
    if not 1 <= query.limit <= MAX_ROWS_PER_REPLY:
        raise InvalidRequest(
            f"limit is {query.limit}: use 1 to {MAX_ROWS_PER_REPLY} rows"
        )


def _check_tags(tags: tuple[str, ...]) -> None:
    if not 1 <= len(tags) <= MAX_TAGS:
        raise InvalidRequest(f"tags has {len(tags)} names: use 1 to {MAX_TAGS}")
    for i, tag in enumerate(tags):
        check_word(f"tags[{i}]", tag, MAX_TAG)


def _most_rows(query: HistoryQuery) -> int:
    """The limit asked for, or what fits into a message."""
    row = RAW_ROW_BYTES if query.bucket_ms is None else BUCKET_ROW_BYTES
    return min(query.limit, REPLY_BYTES // row)


def _series(query: HistoryQuery, found: Found) -> Iterator[Series]:
    """In the order of the tags asked for; an unknown tag has an empty series."""
    rows = {id_: list(of) for id_, of in groupby(found.rows, key=itemgetter(0))}
    for asked in dict.fromkeys(query.tags):
        known = [(id_, unit) for id_, tag, unit in found.series if tag == asked]
        full = [(id_, unit) for id_, unit in known if id_ in rows]
        for id_, unit in full or known[-1:] or [(0, "")]:
            yield _one(asked, unit, rows.get(id_, []), query.bucket_ms is not None)


def _one(tag: str, unit: str, rows: list[Any], in_buckets: bool) -> Series:
    at = tuple(unix_ms(row[1]) for row in rows)
    mean = tuple(row[2] for row in rows)
    if not in_buckets:
        return Series(
            tag=tag,
            unit=unit,
            at_ms=at,
            mean=mean,
            quality=tuple(row[3] for row in rows),
        )
    return Series(
        tag=tag,
        unit=unit,
        at_ms=at,
        mean=mean,
        low=tuple(row[3] for row in rows),
        high=tuple(row[4] for row in rows),
        count=tuple(row[5] for row in rows),
    )


def _slow() -> StorageUnavailable:
    return StorageUnavailable("the database takes too long to answer: try again")
