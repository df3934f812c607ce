"""The way out: latest values, history and run events, checked and answered."""

from typing import TypeVar

from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.history import (
    MAX_ROWS_PER_REPLY,
    Fill,
    History,
    HistoryQuery,
    Latest,
    LatestQuery,
    RunEventsQuery,
    TooManyRows,
)
from heddle.contract.runs import RunEvents, RunNotFound
from services.fleetdata.answers import bucket_series, raw_series
from services.fleetdata.asking import check_range, slow
from services.fleetdata.columns import MAX_ROWS
from services.fleetdata.database import Database
from services.fleetdata.pages import place_of, token
from services.fleetdata.store import buckets, raw, reading
from services.fleetdata.store.buckets import Gone
from services.fleetdata.store.links import StoreTooSlow
from services.fleetdata.store.raw import Page
from services.fleetdata.store.reading import Most, Overflow
from services.fleetdata.words import MAX_TAG, check_word

MAX_TAGS = 5_000  # in one question or answer
REPLY_BYTES = 900_000  # the router carries messages of 1 MiB
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
        raise slow() from None
    if len(values.tags) > MAX_TAGS:
        raise InvalidRequest(
            f"{query.device} has more than {MAX_TAGS} tags: name those wanted"
        )
    return Latest(device=query.device, values=values)


async def history(database: Database, query: HistoryQuery) -> History:
    """Samples or buckets of a range; one series or more for each tag asked for."""
    check_history(query)
    after = place_of(query)
    try:
        if query.bucket_ms is None:
            most = Most(min(query.limit, REPLY_BYTES // raw.ROW_BYTES), REPLY_BYTES)
            page = _fitting(await database.read(raw.raw, query, most, after), most)
            return History(
                device=query.device,
                series=tuple(raw_series(query, page.found)),
                next_page=_next_page(query, page),
            )
        most = Most(min(query.limit, REPLY_BYTES // buckets.ROW_BYTES), REPLY_BYTES)
        answer = await database.read(buckets.buckets, query, most)
        if isinstance(answer, Gone):
            raise _gone(query.bucket_ms, answer)
        found = _fitting(answer, most)
        return History(device=query.device, series=tuple(bucket_series(query, found)))
    except StoreTooSlow:
        raise TooManyRows(f"finding the rows took too long: {_LESS}") from None


def _next_page(query: HistoryQuery, page: Page) -> str | None:
    return None if page.more_after is None else token(query, page.more_after)


_LESS = "ask for a shorter range, fewer tags or wider buckets"

T = TypeVar("T")


def _fitting(answer: T | Overflow, most: Most) -> T:
    if not isinstance(answer, Overflow):
        return answer
    if answer.rows is None:
        raise TooManyRows(
            f"the answer has more than {most.size_bytes} bytes of text: {_LESS}",
            most_bytes=most.size_bytes,
        )
    raise TooManyRows(
        f"the answer has {answer.rows} rows, more than {most.rows}: {_LESS}",
        rows=answer.rows,
        most=most.rows,
    )


def _gone(bucket_ms: int, gone: Gone) -> InvalidRequest:
    since_ms, cell_ms = gone.before_us // 1000, gone.cell_us // 1000
    return InvalidRequest(
        f"before {since_ms} there are roll-ups only, and buckets of {bucket_ms} ms "
        f"cannot be made of them: use a multiple of {cell_ms} ms, or a later from_ms",
        since_ms=since_ms,
        cell_ms=cell_ms,
    )


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
        raise slow() from None
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
    check_range(query.from_ms, query.to_ms)
    if query.bucket_ms is not None and not 1 <= query.bucket_ms <= MAX_BUCKET_MS:
        raise InvalidRequest(
            f"bucket_ms is {query.bucket_ms}: use 1 to {MAX_BUCKET_MS}, or none"
        )
    if query.bucket_ms is None and query.fill is not Fill.NONE:
        raise InvalidRequest("fill is for buckets: give bucket_ms with it")
    if query.bucket_ms is not None and query.page is not None:
        raise InvalidRequest("page is for raw samples: leave bucket_ms out")
    if not 1 <= query.limit <= MAX_ROWS_PER_REPLY:
        raise InvalidRequest(
            f"limit is {query.limit}: use 1 to {MAX_ROWS_PER_REPLY} rows"
        )


def _check_tags(tags: tuple[str, ...]) -> None:
    if not 1 <= len(tags) <= MAX_TAGS:
        raise InvalidRequest(f"tags has {len(tags)} names: use 1 to {MAX_TAGS}")
    for i, tag in enumerate(tags):
        check_word(f"tags[{i}]", tag, MAX_TAG)
