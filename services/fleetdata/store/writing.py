"""Batches into the ledger: rows and cursors of a whole group in one transaction.

The row of a stream is locked before its batch is judged, so that two writers can never
both take a batch for new. A repeated ``write`` of a group stores nothing twice.
"""

from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from psycopg import Connection

from heddle.contract.alarms import AlarmPlace, AlarmTransition
from services.fleetdata.batches import (
    AlarmBatch,
    Batch,
    EventBatch,
    LossBatch,
    SampleBatch,
    StreamKey,
)
from services.fleetdata.columns import Columns
from services.fleetdata.ledger import Gap, New, Repeat, settle
from services.fleetdata.store.alarm_journal import Recorded, record
from services.fleetdata.store.care import DAY_US, make_days
from services.fleetdata.store.links import Link
from services.fleetdata.store.reported import Reported
from services.fleetdata.store.series import Gathered, learn_tags


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


@dataclass(slots=True)
class _Cursor:
    next_number: int
    expired: int = 0
    moved: bool = False


@dataclass(slots=True)
class _Group:
    """What one transaction is going to write."""

    samples: Gathered = field(default_factory=Gathered)
    reported: Reported = field(default_factory=Reported)
    new: list[tuple[SampleBatch, Columns]] = field(default_factory=list)

    def devices(self) -> set[str]:
        """Whose alarms this may concern."""
        told = {key.device for key, _, _ in self.reported.transitions}
        return told | {batch.key.device for batch, _ in self.new}


class Judging(Protocol):
    """Judges alarms by what a transaction stores, in that transaction."""

    def expect(self, devices: Set[str]) -> None:
        """Samples or transitions of these devices are about to be stored."""

    def samples(self, new: Sequence[tuple[SampleBatch, Columns]]) -> None:
        """New samples, stored by now."""

    def transitions(
        self, told: Sequence[tuple[StreamKey, int, AlarmTransition]]
    ) -> None:
        """Transitions that devices report, to be stored."""


Judges = Callable[[Link], AbstractContextManager[Judging]]
"""Goes around the transaction; left without an error, the transaction is committed."""


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Records what devices report of alarms, and judges nothing."""

    link: Link

    def expect(self, devices: Set[str]) -> None:
        """Nothing is made of them."""

    def samples(self, new: Sequence[tuple[SampleBatch, Columns]]) -> None:
        """Nothing is made of them."""

    def transitions(
        self, told: Sequence[tuple[StreamKey, int, AlarmTransition]]
    ) -> None:
        """Into the journal."""
        edge = AlarmPlace.EDGE
        rows = [Recorded(x.device, edge, one, x.epoch, nth) for x, nth, one in told]
        record(self.link.connection, rows)


def unjudged(link: Link) -> AbstractContextManager[Judging]:
    """No alarm is judged."""
    return nullcontext(Unjudged(link))


def write(
    link: Link,
    batches: Sequence[Batch],
    keep_from_us: int,
    judges: Judges = unjudged,
) -> tuple[Outcome, ...]:
    """Store a group of batches, in order; an outcome for each.

    Samples older than ``keep_from_us`` are counted as expired instead of stored.
    """
    samples = [batch for batch in batches if isinstance(batch, SampleBatch)]
    learn_tags(link, samples)
    make_days(link, _days(samples, keep_from_us) if link.partitioned else ())
    with judges(link) as judging, link.connection.transaction():
        cursors = _lock(link.connection, batches)
        group = _Group()
        outcomes = tuple(
            _take(link, group, cursors.get(batch.key), batch, keep_from_us)
            for batch in batches
        )
        judging.expect(group.devices())
        group.samples.write(link.connection)
        group.reported.write(link.connection)
        if group.new:
            judging.samples(group.new)
        if group.reported.transitions:
            judging.transitions(group.reported.transitions)
        _move(link.connection, cursors)
    return outcomes


def lock_next_number(connection: Connection, key: StreamKey) -> int:
    """Up to where a stream is stored; nobody moves it before the transaction ends."""
    found = _select(connection, [key]).get(key)
    return 0 if found is None else found.next_number


def _days(batches: Iterable[SampleBatch], keep_from_us: int) -> set[int]:
    days: set[int] = set()
    for batch in batches:
        at = batch.columns.at
        days.update(np.unique(at[at >= keep_from_us] // DAY_US).tolist())
    return days


def _lock(connection: Connection, batches: Sequence[Batch]) -> dict[StreamKey, _Cursor]:
    """The cursors of the streams, locked until the end of the transaction.

    A stream unknown so far is begun only by a batch from number 0.
    """
    keys = sorted({batch.key for batch in batches})
    cursors = _select(connection, keys)
    begun = {batch.key: None for batch in batches if batch.first == 0 and len(batch)}
    if new := [key for key in begun if key not in cursors]:
        new.sort(key=lambda key: key[:2])  # epochs keep the order they begin in
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
            return _new(link, group, cursor, batch, skip, keep_from_us)


def _new(
    link: Link,
    group: _Group,
    cursor: _Cursor,
    batch: Batch,
    skip: int,
    keep_from_us: int,
) -> Stored:
    """Put all but the first ``skip`` items of a batch into the group."""
    reported, device = group.reported, batch.key.device
    match batch:
        case SampleBatch():
            new = batch.columns.after(skip)
            kept = new.since(keep_from_us)
            group.samples.add(link, batch, kept)
            group.new.append((batch, kept))
            expired = len(new) - len(kept)
            cursor.expired += expired
            return Stored(cursor.next_number, len(kept), expired)
        case EventBatch():
            reported.events += [(device, event) for event in batch.events[skip:]]
        case LossBatch():
            reported.losses += [(device, loss) for loss in batch.losses[skip:]]
        case AlarmBatch():
            reported.transitions += [
                (batch.key, batch.first + i, one)
                for i, one in enumerate(batch.transitions)
                if i >= skip
            ]
    return Stored(cursor.next_number, len(batch) - skip)


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
