"""Batches into the ledger: rows and cursors of a whole group in one transaction.

The row of a stream is locked before its batch is judged, so that two writers can never
both take a batch for new. A repeated ``write`` of a group stores nothing twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isnan

from psycopg import Connection

from services.fleetdata.batches import (
    Batch,
    EventBatch,
    RunEvent,
    SampleBatch,
    StreamKey,
    TagKey,
)
from services.fleetdata.columns import Columns
from services.fleetdata.ledger import Gap, New, Repeat, settle
from services.fleetdata.store.care import DAY_US, make_days
from services.fleetdata.store.copying import HEADER, TRAILER, sample_rows
from services.fleetdata.store.links import Link

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stored:
    """The batch is in the ledger: ``rows`` were new, ``expired`` already too old."""

    next_number: int
    rows: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class Missing:
    """The batch was not stored: items are wanted from ``wanted`` on."""

    wanted: int


Outcome = Stored | Missing
_Current = tuple[int, float | None, int]  # unix microseconds, value, quality


@dataclass(slots=True)
class _Cursor:
    next_number: int
    expired: int = 0
    moved: bool = False


@dataclass(slots=True)
class _Group:
    """What one transaction is going to write."""

    rows: list[bytes | bytearray] = field(default_factory=list)
    newest: dict[int, _Current] = field(default_factory=dict)  # by tag id
    events: list[tuple[str, RunEvent]] = field(default_factory=list)


def write(
    link: Link, batches: Sequence[Batch], keep_from_us: int
) -> tuple[Outcome, ...]:
    """Store a group of batches, in order; an outcome for each.

    Samples older than ``keep_from_us`` are counted as expired instead of stored.
    """
    samples = [batch for batch in batches if isinstance(batch, SampleBatch)]
    _learn_tags(link, samples)
    make_days(link, _days(samples, keep_from_us) if link.partitioned else ())
    with link.connection.transaction():
        cursors = _lock(link.connection, batches)
        group = _Group()
        outcomes = tuple(
            _take(link, group, cursors.get(batch.key), batch, keep_from_us)
            for batch in batches
        )
        _copy(link.connection, group.rows)
        _move_current_values(link.connection, group.newest)
        _insert_events(link.connection, group.events)
        _move(link.connection, cursors)
    return outcomes


def _learn_tags(link: Link, batches: Iterable[SampleBatch]) -> None:
    """Have an id for every tag, made in a transaction of its own."""
    wanted = {tag for batch in batches for tag in batch.tags} - link.tag_ids.keys()
    if not wanted:
        return
    device, tag, unit = map(list, zip(*sorted(wanted), strict=True))
    names = {"device": device, "tag": tag, "unit": unit}
    find = """
        select t.device, t.tag, t.unit, t.id from tag t join
               unnest(%(device)s::text[], %(tag)s::text[], %(unit)s::text[])
               as wanted (device, tag, unit) using (device, tag, unit)
        """
    found = link.connection.execute(find, names).fetchall()
    if len(found) < len(wanted):
        link.connection.execute(
            """
            insert into tag (device, tag, unit)
            select * from unnest(%(device)s::text[], %(tag)s::text[], %(unit)s::text[])
            on conflict do nothing
            """,
            names,
        )
        found = link.connection.execute(find, names).fetchall()
    link.tag_ids |= {TagKey(*key): id_ for *key, id_ in found}


def _days(batches: Iterable[SampleBatch], keep_from_us: int) -> set[int]:
    days: set[int] = set()
    for batch in batches:
        if at := batch.columns.at:
            first = max(min(at), keep_from_us) // DAY_US
            last = max(at) // DAY_US
            if first <= last <= first + 1:
                days |= {first, last}
            else:
                days |= {a // DAY_US for a in at if a >= keep_from_us}
    return days


def _lock(connection: Connection, batches: Sequence[Batch]) -> dict[StreamKey, _Cursor]:
    """The cursors of the streams, locked until the end of the transaction.

    A stream unknown so far is begun only by a batch from number 0.
    """
    keys = sorted({batch.key for batch in batches})
    cursors = _select(connection, keys)
    begun = {batch.key for batch in batches if batch.first == 0 and len(batch)}
    if new := sorted(begun - cursors.keys()):
        connection.execute(
            """
            insert into stream (device, stream, epoch)
            select * from
                   unnest(%(device)s::text[], %(stream)s::text[], %(epoch)s::text[])
            on conflict do nothing
            """,
            _by_column(new),
        )
        cursors |= _select(connection, new)
    return cursors


def _select(
    connection: Connection, keys: Sequence[StreamKey]
) -> dict[StreamKey, _Cursor]:
    found = connection.execute(
        """
        select s.device, s.stream, s.epoch, s.next_number from stream s join
               unnest(%(device)s::text[], %(stream)s::text[], %(epoch)s::text[])
               as wanted (device, stream, epoch) using (device, stream, epoch)
         order by 1, 2, 3
           for update of s
        """,
        _by_column(keys),
    ).fetchall()
    return {StreamKey(*key): _Cursor(next_number) for *key, next_number in found}


def _by_column(keys: Sequence[StreamKey]) -> dict[str, list[str]]:
    columns = zip(*keys, strict=True)
    return dict(zip(StreamKey._fields, map(list, columns), strict=True))


def _take(
    link: Link,
    group: _Group,
    cursor: _Cursor | None,
    batch: Batch,
    keep_from_us: int,
) -> Outcome:
    """Put what is new of a batch into the group, and move the cursor in memory."""
    match settle(cursor.next_number if cursor else 0, batch.first, len(batch)):
        case Gap(wanted):
            return Missing(wanted)
        case Repeat(next_number):
            return Stored(next_number)
        case New(skip, next_number):
            assert cursor is not None, "a stream is begun before its items"  # noqa: S101
            cursor.next_number, cursor.moved = next_number, True
            match batch:
                case SampleBatch():
                    new = batch.columns.after(skip)
                    kept = new.since(keep_from_us)
                    _add_samples(link, group, batch, kept)
                    expired = len(new) - len(kept)
                    cursor.expired += expired
                    return Stored(next_number, len(kept), expired)
                case EventBatch():
                    events = batch.events[skip:]
                    group.events += [(batch.key.device, event) for event in events]
                    return Stored(next_number, len(events))


def _add_samples(
    link: Link, group: _Group, batch: SampleBatch, columns: Columns
) -> None:
    ids = [link.tag_ids[tag] for tag in batch.tags]
    group.rows.append(sample_rows(columns, ids))
    for tag, row in columns.newest():
        value = columns.value[row]
        current = (
            columns.at[row],
            None if isnan(value) else value,
            columns.quality[row],
        )
        known = group.newest.get(ids[tag])
        if known is None or known[0] <= current[0]:
            group.newest[ids[tag]] = current


def _copy(connection: Connection, rows: Sequence[bytes | bytearray]) -> None:
    if not rows:
        return
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy sample (tag_id, at, value, quality) from stdin (format binary)"
        ) as copy,
    ):
        copy.write(HEADER)
        for some in rows:
            copy.write(some)
        copy.write(TRAILER)


def _move_current_values(connection: Connection, newest: dict[int, _Current]) -> None:
    """Current values only ever move forward in time."""
    if not newest:
        return
    ids = sorted(newest)  # one order for all writers: no deadlock
    connection.execute(
        """
        insert into current_value as c (tag_id, at, value, quality)
        select * from unnest(%(tag_id)s::int[], %(at)s::timestamptz[],
                             %(value)s::float8[], %(quality)s::smallint[])
        on conflict (tag_id) do update
           set at = excluded.at, value = excluded.value, quality = excluded.quality
         where excluded.at >= c.at
        """,
        {
            "tag_id": ids,
            "at": [_EPOCH + timedelta(microseconds=newest[i][0]) for i in ids],
            "value": [newest[i][1] for i in ids],
            "quality": [newest[i][2] for i in ids],
        },
    )


def _insert_events(connection: Connection, told: list[tuple[str, RunEvent]]) -> None:
    """Events by run and number; one that is there already stays as it is."""
    if not told:
        return
    runs = sorted({(device, e.run): (e.flow, e.version) for device, e in told}.items())
    connection.execute(
        """
        insert into run (device, run, flow, version)
        select * from unnest(%(device)s::text[], %(run)s::text[],
                             %(flow)s::text[], %(version)s::int[])
        on conflict do nothing
        """,
        {
            "device": [device for (device, _), _ in runs],
            "run": [run for (_, run), _ in runs],
            "flow": [flow for _, (flow, _) in runs],
            "version": [version for _, (_, version) in runs],
        },
    )
    connection.execute(
        """
        insert into run_event (run_id, number, id, type, at, data)
        select run.id, e.number, e.id, e.type, e.at, e.data
          from unnest(%(device)s::text[], %(run)s::text[], %(number)s::bigint[],
                      %(id)s::text[], %(type)s::text[], %(at)s::timestamptz[],
                      %(data)s::jsonb[])
               as e (device, run, number, id, type, at, data)
          join run using (device, run)
         order by 1, 2
        on conflict do nothing
        """,
        {
            "device": [device for device, _ in told],
            "run": [event.run for _, event in told],
            "number": [event.number for _, event in told],
            "id": [event.id for _, event in told],
            "type": [event.type for _, event in told],
            "at": [_EPOCH + timedelta(milliseconds=e.at_ms) for _, e in told],
            "data": [event.data for _, event in told],
        },
    )


def _move(connection: Connection, cursors: dict[StreamKey, _Cursor]) -> None:
    moved = [key for key, cursor in cursors.items() if cursor.moved]
    if not moved:
        return
    connection.execute(
        """
        update stream s
           set next_number = m.next_number, expired = s.expired + m.expired,
               changed_at = now()
          from unnest(%(device)s::text[], %(stream)s::text[], %(epoch)s::text[],
                      %(next_number)s::bigint[], %(expired)s::bigint[])
               as m (device, stream, epoch, next_number, expired)
         where (s.device, s.stream, s.epoch) = (m.device, m.stream, m.epoch)
        """,
        {
            **_by_column(moved),
            "next_number": [cursors[key].next_number for key in moved],
            "expired": [cursors[key].expired for key in moved],
        },
    )
