"""The outbox on disk: numbered streams of what fleetdata has not acknowledged yet.

Items of a stream are numbered without gaps; chunks of them wait until a receipt says
they are committed at the other end. ``lives`` tells what becomes of the numbers when
items must be dropped, and how that is told: every loss is an item of the stream
``losses``. What may be on its way (below ``offered``) is never dropped.

Also here, because it must be true together with the streams: up to where each run's
events were taken over, which commands were carried out (``commands``), and what the
alarms remember (``alarms``).

Every function is one transaction, on disk (fsync) when it returns. One thread only.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edge_agent.alarm_memory import AlarmMemory
from edge_agent.alerts import Alert
from edge_agent.budget import BATCH_ITEMS, CHUNK_COST, Budget
from edge_agent.executed import ExecutedCommands
from edge_agent.lives import (
    Cursor,
    Hole,
    Life,
    cursor_of,
    cut,
    loss_of,
    merged,
    oldest_life,
    rename,
    settle,
)
from edge_agent.outbox_file import open_file
from edge_agent.packing import (
    Chunk,
    Tags,
    count,
    decode_tags,
    encode,
    make_batch,
    slices,
    span_ms,
)
from heddle.contract.alarms import AlarmTransition
from heddle.contract.runs import RunEvents
from heddle.contract.samples import Ingest, Loss, Receipt, SampleColumns, Stream

CHUNK_EVENTS = 200
FULL = "the outbox was full"
TOO_OLD = "older than the outbox keeps"
_AGE_EVERY_MS = 60_000
_FREE_PAGES = 512  # that stay in the file for what comes

Span = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Lost:
    """Items that were dropped unacknowledged."""

    stream: Stream
    items: int
    why: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a receipt."""

    fits: bool  # False: it tells a number that we never gave
    told: bool  # whether a loss was appended


class OutboxStore:
    """One SQLite file, one connection."""

    def __init__(
        self,
        path: Path,
        budget: Budget,
        wall: Callable[[], float] = time.time,
        *,
        durable: bool = True,
    ) -> None:
        self._budget = budget
        self._wall = wall
        self._db = open_file(path, budget, self._now_ms(), durable=durable)
        self.commands = ExecutedCommands(self._db)
        self.alarms = AlarmMemory(self._db)
        self._tables: dict[int, Tags] = {}  # tag tables by their row
        self._aged_at_ms = 0

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # --- what is kept ----------------------------------------------------------------

    def append_samples(
        self, columns: SampleColumns, at_ms: int | None = None
    ) -> tuple[Lost, ...]:
        """Keep samples; tells what was dropped to make room.

        ``at_ms`` is up to when they were read; left out, up to now.
        """
        with self._transaction():
            self._append(
                Stream.SAMPLES,
                len(columns.quality),
                encode(replace(columns, tags=())),
                span_ms(columns),
                self._table(columns.tags),
                at_ms,
            )
            return self._drop_excess(Stream.SAMPLES)

    def append_events(
        self, told: RunEvents, alerts: Sequence[Alert] = ()
    ) -> tuple[RunEvents | None, tuple[Lost, ...]]:
        """Keep the events not kept before, with the alerts that come of them; tells
        those events, and what was dropped.
        """
        with self._transaction():
            row = self._one("select next_event from run where run = ?", told.run)
            known = row[0] if row else 0
            fresh = tuple(event for event in told.events if event.number >= known)
            if not fresh:
                return None, ()
            for some in slices(fresh, CHUNK_EVENTS):
                at = [event.createdAt for event in some]
                body = encode(replace(told, events=some))
                self._append(Stream.RUN_EVENTS, len(some), body, (min(at), max(at)))
            self._db.execute(
                "insert or replace into run values (?, ?)",
                (told.run, fresh[-1].number + 1),
            )
            raised = [each.transition for each in alerts if each.number >= known]
            lost = self._drop_excess(Stream.RUN_EVENTS) + self._append_alarms(raised)
            return replace(told, events=fresh), lost

    def append_alarms(
        self,
        transitions: Sequence[AlarmTransition],
        rows: Mapping[str, bytes | None] = MappingProxyType({}),
    ) -> tuple[Lost, ...]:
        """Keep alarm transitions, and with them what the alarms remember: rows by name,
        None to forget one. Tells what was dropped to make room.
        """
        with self._transaction():
            self.alarms.keep(rows)
            return self._append_alarms(transitions)

    def append_unkept(
        self, stream: Stream, items: int, reason: str, span: Span
    ) -> tuple[Lost, ...]:
        """Record that items were never written, e.g. because the disk was full."""
        with self._transaction():
            cursor = cursor_of(self._db, stream)
            hole = self._hole(cursor.next_number, items, reason, span)
            self._db.execute(
                "update stream set next_number = next_number + ? where name = ?",
                (items, stream),
            )
            cut(self._db, stream, hole)
            settle(self._db, stream, self._tell)
            return (Lost(stream, items, reason),)

    # --- what is sent ----------------------------------------------------------------

    def batch(
        self,
        stream: Stream,
        following: Ingest | None = None,
        most: int | None = None,
    ) -> Ingest | None:
        """The oldest items not acknowledged, at most ``most``, or None.

        ``following`` is a batch on its way: those after it, of the same epoch.
        """
        life = oldest_life(self._db, stream)
        first = cursor_of(self._db, stream).acknowledged
        if following is not None:
            if following.epoch != life.epoch:
                return None
            first = max(first, life.base + following.first + count(following))
        if first >= life.ends:
            return None
        most = min(most or BATCH_ITEMS[stream], BATCH_ITEMS[stream])
        chunks = list(self._chunks(life, first, most))
        batch = make_batch(stream, life.epoch, first - life.base, chunks)
        self._offer(stream, first + count(batch))
        return batch

    def acknowledge(self, receipt: Receipt) -> Taken:
        """Forget what is committed."""
        with self._transaction():
            life = oldest_life(self._db, receipt.stream)
            if receipt.epoch != life.epoch:
                return Taken(fits=True, told=False)  # of a life that is over
            number = receipt.next_number + life.base
            if number > life.ends:
                return Taken(fits=False, told=False)
            told = self._trim(receipt.stream, number)
        self._shrink()
        return Taken(fits=True, told=told)

    def resume_at(self, stream: Stream, epoch: str, wanted: int) -> Lost | None:
        """The other end wants number ``wanted`` next: go there, or begin anew.

        A number already forgotten, or never given, means that one side has lost
        something (a restored backup, a broken disk): a new epoch carries on with what
        is here. To be believed only of a batch that was alone on its way.
        """
        with self._transaction():
            cursor, life = cursor_of(self._db, stream), oldest_life(self._db, stream)
            number = wanted + life.base
            if epoch != life.epoch or number == cursor.acknowledged:
                return None
            if cursor.acknowledged < number <= life.ends:
                self._trim(stream, number)
                return None
            return self._renew(
                life,
                wanted,
                max(cursor.acknowledged - number, 0),
                "acknowledged, but missing at the other end"
                if number < cursor.acknowledged
                else "the other end has numbers that are unknown here",
                cursor.acknowledged,
            )

    def discard(self, refused: Ingest, why: str) -> Lost | None:
        """Drop a batch, alone on its way, that will never be accepted as it is."""
        stream, items = refused.stream, count(refused)
        with self._transaction():
            life = oldest_life(self._db, stream)
            first = refused.first + life.base
            if (
                refused.epoch != life.epoch
                or first != cursor_of(self._db, stream).acknowledged
            ):
                return None
            span = self._span(stream, first, first + items)
            reason = f"refused: {why}"[:200]
            loss = self._renew(life, refused.first, items, reason, first + items, span)
            self._trim(stream, first + items)
            return loss

    def waiting(self) -> dict[Stream, int]:
        """How many items of each stream wait."""
        lost = dict(
            self._db.execute("select stream, sum(lost) from former group by stream")
        )
        cursors = [cursor_of(self._db, stream) for stream in Stream]
        return {
            c.stream: c.next_number - c.acknowledged - lost.get(c.stream, 0)
            for c in cursors
        }

    def position(self, stream: Stream) -> tuple[str, int] | None:
        """The epoch and its next number; None while anything waits."""
        cursor = cursor_of(self._db, stream)
        if cursor.acknowledged < cursor.next_number:
            return None
        return cursor.epoch, cursor.next_number - cursor.base

    def oldest_ms(self) -> int | None:
        """When the oldest item that waits was written, wall time; None: none waits."""
        found = [
            self._one(
                "select kept_ms from kept where stream = ? order by first limit 1",
                stream,
            )
            for stream in Stream
        ]
        return min((row[0] for row in found if row is not None), default=None)

    def forget_run(self, run: str) -> None:
        """Forget a run that the engine has forgotten too; its items stay."""
        with self._transaction():
            self.commands.forget(run)
            self._db.execute("delete from run where run = ?", (run,))

    # --- within a transaction --------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:  # a full disk may have ended it already
                self._db.execute("rollback")
            raise

    def _one(self, sql: str, *parameters: object) -> Sequence[Any] | None:
        row: Sequence[Any] | None = self._db.execute(sql, parameters).fetchone()
        return row

    def _now_ms(self) -> int:
        return int(self._wall() * 1000)

    def _table(self, tags: Tags) -> int:
        for known, table in self._tables.items():
            if table is tags or table == tags:
                return known
        body = encode(tags)
        row = self._one("select id from tag_table where body = ?", body)
        if row is None:
            made = self._db.execute("insert into tag_table (body) values (?)", (body,))
            assert made.lastrowid is not None  # noqa: S101 -- of an insert
            return made.lastrowid  # known from the next time on: this may be undone
        self._tables = {row[0]: tags}
        return int(row[0])

    def _append(
        self,
        stream: Stream,
        items: int,
        body: bytes,
        span: Span,
        tags: int | None = None,
        at_ms: int | None = None,
    ) -> None:
        kept_ms = self._now_ms() if at_ms is None else at_ms
        cost = len(body) + CHUNK_COST
        self._db.execute(
            "insert into kept (stream, first, items, cost, kept_ms, from_ms, to_ms,"
            "                  tags, body)"
            " select name, next_number, ?, ?, ?, ?, ?, ?, ? from stream where name = ?",
            (items, cost, kept_ms, *(span or (None, None)), tags, body, stream),
        )
        self._db.execute(
            "update stream set next_number = next_number + ?, bytes = bytes + ?"
            " where name = ?",
            (items, cost, stream),
        )
        # Soon on its way: to say so in the same transaction saves one.
        self._db.execute(
            "update stream set offered = next_number where name = ? and bytes <= ?"
            " and next_number - acknowledged <= ?",
            (stream, self._budget.batch_bytes(stream), BATCH_ITEMS[stream]),
        )

    def _append_alarms(
        self, transitions: Sequence[AlarmTransition]
    ) -> tuple[Lost, ...]:
        if not transitions:
            return ()
        for some in slices(transitions, CHUNK_EVENTS):
            at = [each.at_us // 1000 for each in some]
            self._append(Stream.ALARMS, len(some), encode(some), (min(at), max(at)))
        return self._drop_excess(Stream.ALARMS)

    def _offer(self, stream: Stream, number: int) -> None:
        """All below ``number`` may be on its way from now on."""
        if number > cursor_of(self._db, stream).offered:
            self._db.execute(
                "update stream set offered = ? where name = ?", (number, stream)
            )

    def _chunks(self, life: Life, first: int, most: int) -> Iterator[Chunk]:
        """Chunks from ``first`` on, up to the life's end and a batch's limits."""
        room = self._budget.batch_bytes(life.stream)
        items = size = 0
        for start, number_of, cost, kept_ms, tags, body in self._db.execute(
            "select first, items, cost, kept_ms, tags, body from kept"
            " where stream = ? and first < ? and first >="
            "       (select coalesce(max(first), 0) from kept"
            "         where stream = ? and first <= ?)"
            " order by first",
            (life.stream, life.ends, life.stream, first),
        ):
            skip = max(first - start, 0)
            stop = min(number_of, life.ends - start)
            items, size = items + stop - skip, size + cost
            if items != stop - skip and (items > most or size > room):
                return
            stop = min(stop, skip + most)
            of = None if tags is None else self._tags(tags)
            yield Chunk(skip, stop, body, of, kept_ms)

    def _tags(self, table: int) -> Tags:
        if table not in self._tables:
            row = self._one("select body from tag_table where id = ?", table)
            assert row is not None, "a chunk names its table"  # noqa: S101
            self._tables = {table: decode_tags(row[0])}
        return self._tables[table]

    def _trim(self, stream: Stream, number: int) -> bool:
        """Everything below ``number`` is done with; whether that told a loss."""
        self._remove(stream, 0, number)
        self._db.execute(
            "update stream set acknowledged = max(acknowledged, ?),"
            " offered = max(offered, ?) where name = ?",
            (number, number, stream),
        )
        losses = cursor_of(self._db, Stream.LOSSES).next_number
        settle(self._db, stream, self._tell)
        return cursor_of(self._db, Stream.LOSSES).next_number > losses

    def _remove(self, stream: Stream, first: int, stop: int) -> None:
        """Forget the chunks that are wholly within these numbers."""
        where = "where stream = ? and first >= ? and first < ? and first + items <= ?"
        (freed,) = self._db.execute(
            f"select coalesce(sum(cost), 0) from kept {where}",  # noqa: S608
            (stream, first, stop, stop),
        ).fetchone()
        self._db.execute(
            f"delete from kept {where}",  # noqa: S608
            (stream, first, stop, stop),
        )
        self._db.execute(
            "update stream set bytes = bytes - ? where name = ?", (freed, stream)
        )

    def _drop_excess(self, stream: Stream) -> tuple[Lost, ...]:
        """Drop the oldest chunks of what is too much, and now and then what is too
        old of every stream.
        """
        lost: list[Lost] = []
        share, cursor = self._budget.share(stream), cursor_of(self._db, stream)
        if share is not None and cursor.bytes > share:
            excess = cursor.bytes - share * 19 // 20
            lost += self._drop(cursor, FULL, lambda cost, _: cost < excess)
        now_ms = self._now_ms()
        if not 0 <= now_ms - self._aged_at_ms < _AGE_EVERY_MS:
            self._aged_at_ms = now_ms
            oldest_ms = self._budget.keep_from_ms(now_ms)
            for each in (Stream.SAMPLES, Stream.RUN_EVENTS, Stream.ALARMS):
                cursor = cursor_of(self._db, each)
                lost += self._drop(cursor, TOO_OLD, lambda _, kept: kept < oldest_ms)
        return tuple(lost)

    def _drop(
        self, cursor: Cursor, reason: str, go_on: Callable[[int, int], bool]
    ) -> Iterator[Lost]:
        """Drop the oldest chunks that cannot be on their way, while ``go_on`` says so
        of the bytes dropped so far and the time the next one was kept at.
        """
        stream, dropped = cursor.stream, 0
        holes: list[Hole] = []
        for first, items, cost, kept_ms, from_ms, to_ms in self._db.execute(
            "select first, items, cost, kept_ms, from_ms, to_ms from kept"
            " where stream = ? and first >= ? order by first",
            (stream, max(cursor.offered, cursor.acknowledged)),
        ):
            if not go_on(dropped, kept_ms):
                break
            dropped += cost
            span = None if from_ms is None else (from_ms, to_ms)
            holes.append(self._hole(first, items, reason, span))
        for hole in merged(holes):
            self._remove(stream, hole.first, hole.first + hole.count)
            cut(self._db, stream, hole)
            yield Lost(stream, hole.count, reason)
        settle(self._db, stream, self._tell)

    def _renew(
        self,
        life: Life,
        first: int,
        items: int,
        reason: str,
        base: int,
        span: Span = None,
    ) -> Lost:
        """End a life here and now; what is left of it goes on from ``base``."""
        hole = self._hole(first, items, reason, span)
        rename(self._db, life, base)
        self._tell(loss_of(life, hole))
        return Lost(life.stream, items, reason)

    def _tell(self, loss: Loss) -> None:
        """A loss is an item of a stream itself."""
        self._append(Stream.LOSSES, 1, encode((loss,)), None)

    def _hole(self, first: int, items: int, reason: str, span: Span) -> Hole:
        return Hole(first, items, reason, self._now_ms(), *(span or (None, None)))

    def _span(self, stream: Stream, first: int, stop: int) -> Span:
        row = self._one(
            "select min(from_ms), max(to_ms) from kept"
            " where stream = ? and first < ? and first + items > ?",
            stream,
            stop,
            first,
        )
        return None if row is None or row[0] is None else (row[0], row[1])

    def _shrink(self) -> None:
        """Give a part of what is free back to the disk."""
        (free,) = self._db.execute("pragma freelist_count").fetchone()
        if free > 2 * _FREE_PAGES:
            # A script, for it goes on until the statement is done; a page is one step.
            self._db.executescript(f"pragma incremental_vacuum({_FREE_PAGES})")
