"""The outbox on disk: numbered streams of what fleetdata has not acknowledged yet.

Items of a stream are numbered without gaps; chunks of them wait until a receipt says
they are committed at the other end. ``epoch`` names one life of the numbers, which
start at 0 in each: whoever must drop items that were not acknowledged begins a new
one, so that no number ever means two things. What was dropped is a row in ``lost``.

Also here, because it must be true together with the streams: up to where each run's
events were taken over, and which commands were carried out.

Every function is one transaction, on disk (fsync) when it returns. One thread only.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from heddle.contract.runs import RunEvents
from heddle.contract.samples import Ingest, Receipt, SampleColumns, Stream

BATCH_ITEMS = {Stream.SAMPLES: 5_000, Stream.RUN_EVENTS: 1_000}
BATCH_BYTES = 500_000  # of a batch of several chunks; a WAMP message holds 1 MiB
CHUNK_EVENTS = 200
_ROW_BYTES = 2 + 8 + 8 + 1  # of a sample: tag, at, value, quality

_SCHEMA = """
create table if not exists stream (
    name text primary key,
    epoch text not null,
    base integer not null,          -- the number that is the epoch's 0
    next_number integer not null,   -- of the next item to come
    acknowledged integer not null,  -- all below are committed at the other end
    bytes integer not null          -- of all waiting chunks
);
create table if not exists chunk (
    stream text not null,
    first integer not null,
    items integer not null,
    body blob not null,
    primary key (stream, first)
);
create table if not exists run (
    run text primary key,
    next_event integer not null     -- all below are in the stream
);
create table if not exists executed (
    run text not null,
    number integer not null,
    error text,
    primary key (run, number)
);
create table if not exists lost (
    at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    stream text not null,
    epoch text not null,
    first integer not null,
    items integer not null,
    why text not null
);
"""


@dataclass(frozen=True, slots=True)
class Lost:
    """Items that were dropped unacknowledged."""

    stream: Stream
    items: int
    why: str


@dataclass(frozen=True, slots=True)
class Executed:
    """A command was carried out before, with this outcome."""

    error: str | None


@dataclass(frozen=True, slots=True)
class _Cursor:
    """A stream's row."""

    stream: Stream
    epoch: str
    base: int
    next_number: int
    acknowledged: int
    bytes: int


class OutboxStore:
    """One SQLite file, one connection."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._max_bytes = max_bytes // len(Stream)  # each stream has its own share
        self._db = sqlite3.connect(path, isolation_level=None)
        try:
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = full")
            self._db.executescript(_SCHEMA)
            for stream in Stream:
                self._db.execute(
                    "insert or ignore into stream values (?, ?, 0, 0, 0, 0)",
                    (stream, uuid4().hex),
                )
        except sqlite3.Error:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def append_samples(self, columns: SampleColumns) -> Lost | None:
        """Keep samples; tells what was dropped to make room."""
        with self._transaction():
            self._append(
                Stream.SAMPLES, len(columns.quality), msgspec.msgpack.encode(columns)
            )
            return self._make_room(Stream.SAMPLES)

    def append_events(self, told: RunEvents) -> tuple[RunEvents | None, Lost | None]:
        """Keep the events not kept before; tells those, and what was dropped."""
        with self._transaction():
            row = self._one("select next_event from run where run = ?", told.run)
            known = row[0] if row else 0
            fresh = [event for event in told.events if event.number >= known]
            if not fresh:
                return None, None
            for start in range(0, len(fresh), CHUNK_EVENTS):
                cut = tuple(fresh[start : start + CHUNK_EVENTS])
                body = msgspec.msgpack.encode(replace(told, events=cut))
                self._append(Stream.RUN_EVENTS, len(cut), body)
            self._db.execute(
                "insert or replace into run values (?, ?)",
                (told.run, fresh[-1].number + 1),
            )
            return replace(told, events=tuple(fresh)), self._make_room(
                Stream.RUN_EVENTS
            )

    def batch(self, stream: Stream) -> Ingest | None:
        """The oldest items not acknowledged, or None."""
        cursor = self._cursor(stream)
        first = cursor.acknowledged
        items: list[tuple[int, bytes]] = []
        count = size = 0
        for start, number_of, body in self._db.execute(
            "select first, items, body from chunk"
            " where stream = ? and first + items > ? order by first",
            (stream, first),
        ):
            skip = max(first - start, 0)
            count, size = count + number_of - skip, size + len(body)
            if items and (count > BATCH_ITEMS[stream] or size > BATCH_BYTES):
                break
            items.append((skip, body))
        if not items:
            return None
        make = _samples_batch if stream is Stream.SAMPLES else _events_batch
        return make(cursor.epoch, first - cursor.base, items)

    def acknowledge(self, receipt: Receipt) -> bool:
        """Forget what is committed; False if the receipt fits no number of ours."""
        with self._transaction():
            cursor = self._cursor(receipt.stream)
            if receipt.epoch != cursor.epoch:
                return True  # of a life that has ended meanwhile
            number = receipt.next_number + cursor.base
            if not cursor.acknowledged <= number <= cursor.next_number:
                return False
            self._trim(cursor, number)
            return True

    def resume_at(self, stream: Stream, epoch: str, wanted: int) -> Lost | None:
        """The other end wants number ``wanted`` next: go there, or begin anew.

        A number already forgotten, or never given, means that one side has lost
        something (a restored backup, a broken disk): a new epoch carries on with what
        is here.
        """
        with self._transaction():
            cursor = self._cursor(stream)
            if epoch != cursor.epoch or wanted == cursor.acknowledged - cursor.base:
                return None
            if (
                0
                < wanted + cursor.base - cursor.acknowledged
                <= (cursor.next_number - cursor.acknowledged)
            ):
                self._trim(cursor, wanted + cursor.base)
                return None
            self._begin_epoch(cursor, cursor.acknowledged)
            missing = max(cursor.acknowledged - cursor.base - wanted, 0)
            return self._record(
                cursor, wanted, missing, "acknowledged, but missing at the other end"
            )

    def discard(self, refused: Ingest, why: str) -> Lost | None:
        """Drop a batch that will never be accepted as it is."""
        with self._transaction():
            cursor = self._cursor(refused.stream)
            if refused.epoch != cursor.epoch:
                return None
            number = refused.first + cursor.base + count(refused)
            lost = self._record(cursor, refused.first, count(refused), why)
            self._trim(cursor, number)
            self._begin_epoch(self._cursor(refused.stream), number)
            return lost

    def executed(self, run: str, number: int) -> Executed | None:
        """How this command ended, if it was carried out before."""
        row = self._one(
            "select error from executed where run = ? and number = ?", run, number
        )
        return Executed(row[0]) if row else None

    def record_executed(self, run: str, number: int, error: str | None) -> None:
        """Remember that this command was carried out."""
        self._db.execute(
            "insert or ignore into executed values (?, ?, ?)", (run, number, error)
        )

    def forget_run(self, run: str) -> None:
        """Forget a run that the engine has forgotten too; its items stay."""
        with self._transaction():
            self._db.execute("delete from executed where run = ?", (run,))
            self._db.execute("delete from run where run = ?", (run,))

    def waiting(self) -> dict[Stream, int]:
        """How many items of each stream wait."""
        return {
            stream: cursor.next_number - cursor.acknowledged
            for stream in Stream
            for cursor in (self._cursor(stream),)
        }

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def _one(self, sql: str, *parameters: object) -> Sequence[Any] | None:
        row: Sequence[Any] | None = self._db.execute(sql, parameters).fetchone()
        return row

    def _cursor(self, stream: Stream) -> _Cursor:
        row = self._one(
            "select epoch, base, next_number, acknowledged, bytes from stream"
            " where name = ?",
            stream,
        )
        return _Cursor(stream, *row)  # type: ignore[misc]

    def _append(self, stream: Stream, items: int, body: bytes) -> None:
        self._db.execute(
            "insert into chunk select name, next_number, ?, ? from stream"
            " where name = ?",
            (items, body, stream),
        )
        self._db.execute(
            "update stream set next_number = next_number + ?, bytes = bytes + ?"
            " where name = ?",
            (items, len(body), stream),
        )

    def _trim(self, cursor: _Cursor, number: int) -> None:
        """Everything below ``number`` is done with."""
        (freed,) = self._db.execute(
            "select coalesce(sum(length(body)), 0) from chunk"
            " where stream = ? and first + items <= ?",
            (cursor.stream, number),
        ).fetchone()
        self._db.execute(
            "delete from chunk where stream = ? and first + items <= ?",
            (cursor.stream, number),
        )
        self._db.execute(
            "update stream set acknowledged = ?, bytes = bytes - ? where name = ?",
            (number, freed, cursor.stream),
        )

    def _make_room(self, stream: Stream) -> Lost | None:
        """Drop the oldest chunks if the stream outgrew its share.

        A batch of the oldest may be on its way, acknowledged by nobody yet. Renumbered
        in a new epoch it would be stored twice: so at least a batch is dropped.
        """
        cursor = self._cursor(stream)
        if cursor.bytes <= self._max_bytes:
            return None
        in_flight = cursor.acknowledged + BATCH_ITEMS[stream]
        excess, number = cursor.bytes - self._max_bytes * 9 // 10, cursor.acknowledged
        for first, items, size in self._db.execute(
            "select first, items, length(body) from chunk where stream = ?"
            " order by first",
            (stream,),
        ):
            if excess <= 0 and number >= in_flight:
                break
            number, excess = first + items, excess - size
        lost = self._record(
            cursor,
            cursor.acknowledged - cursor.base,
            number - cursor.acknowledged,
            "the outbox was full",
        )
        self._trim(cursor, number)
        self._begin_epoch(self._cursor(stream), number)
        return lost

    def _begin_epoch(self, cursor: _Cursor, base: int) -> None:
        self._db.execute(
            "update stream set epoch = ?, base = ? where name = ?",
            (uuid4().hex, base, cursor.stream),
        )

    def _record(self, cursor: _Cursor, first: int, items: int, why: str) -> Lost:
        self._db.execute(
            "insert into lost (stream, epoch, first, items, why)"
            " values (?, ?, ?, ?, ?)",
            (cursor.stream, cursor.epoch, first, items, why),
        )
        return Lost(cursor.stream, items, why)


def count(batch: Ingest) -> int:
    """How many items a batch has."""
    if batch.samples is not None:
        return len(batch.samples.quality)
    return sum(len(told.events) for told in batch.events or ())


_decode_samples: Callable[[bytes], SampleColumns] = msgspec.msgpack.Decoder(
    SampleColumns
).decode
_decode_events: Callable[[bytes], RunEvents] = msgspec.msgpack.Decoder(RunEvents).decode


def _samples_batch(
    epoch: str, first: int, chunks: Sequence[tuple[int, bytes]]
) -> Ingest:
    """One batch of the leading chunks that share a tag table."""
    parts: list[SampleColumns] = []
    for skip, body in chunks:
        part = _decode_samples(body)
        if parts and part.tags != parts[0].tags:
            break
        parts.append(_without(part, skip))
    return Ingest(
        stream=Stream.SAMPLES,
        epoch=epoch,
        first=first,
        samples=SampleColumns(
            tags=parts[0].tags,
            tag=b"".join(part.tag for part in parts),
            at=b"".join(part.at for part in parts),
            value=b"".join(part.value for part in parts),
            quality=b"".join(part.quality for part in parts),
        ),
    )


def _without(columns: SampleColumns, rows: int) -> SampleColumns:
    if rows == 0:
        return columns
    return replace(
        columns,
        tag=columns.tag[2 * rows :],
        at=columns.at[8 * rows :],
        value=columns.value[8 * rows :],
        quality=columns.quality[rows:],
    )


def _events_batch(
    epoch: str, first: int, chunks: Sequence[tuple[int, bytes]]
) -> Ingest:
    told = []
    for skip, body in chunks:
        part = _decode_events(body)
        told.append(replace(part, events=part.events[skip:]))
    return Ingest(
        stream=Stream.RUN_EVENTS, epoch=epoch, first=first, events=tuple(told)
    )
