"""What a device produced, kept by its own outbox, against what the centre holds.

A trigger in the outbox's file copies every chunk in the very transaction that keeps it:
what was not committed when the agent was killed was not produced, and what was is known
whatever happens to it later. Another counts the numbers given: those of no chunk are of
items that never came to the disk, because it was full.
"""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg

from edge_agent.budget import Budget
from edge_agent.outbox_store import OutboxStore
from edge_agent.packing import Chunk, decode_tags, make_batch
from heddle.contract.samples import Stream
from tests.support.centre import items_of

_AUDIT = """
create table if not exists audit (stream text, items integer, tags blob, body blob);
create trigger if not exists audit_kept after insert on kept begin
    insert into audit values (
        new.stream, new.items,
        (select body from tag_table where id = new.tags), new.body
    );
end;
create table if not exists audit_numbers (stream text primary key, given integer);
create trigger if not exists audit_given after update of next_number on stream
when new.next_number > old.next_number begin
    insert into audit_numbers values (new.name, new.next_number - old.next_number)
        on conflict (stream) do update set given = given + excluded.given;
end;
"""
Row = tuple[Any, ...]


@dataclass
class Verdict:
    """One stream of one device."""

    device: str
    stream: str
    produced: int
    stored: int
    lost: int  # as the device told
    unkept: int  # of these, what never came to its disk
    checksum_produced: str  # of what is not lost
    checksum_stored: str
    flaws: list[str] = field(default_factory=list)
    flaw_at_s: float | None = None  # the first moment at fault, by the device's clock


def prepare(folder: Path, budget: Budget) -> None:
    """Make a device's outbox that keeps an audit."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "outbox.sqlite"
    OutboxStore(path, budget).close()
    db = sqlite3.connect(path)
    db.executescript(_AUDIT)
    db.close()


def judge(device: str, folder: Path, dsn: str) -> list[Verdict]:
    """Every stream of a device, compared."""
    with psycopg.connect(dsn) as centre:
        flaws = _unexplained(centre, device)
        return [_compare(device, stream, folder, centre, flaws) for stream in Stream]


def _compare(
    device: str,
    stream: Stream,
    folder: Path,
    centre: psycopg.Connection[Any],
    flaws: dict[str, list[str]],
) -> Verdict:
    made = Counter(_produced(folder, stream))
    unkept = _unkept(folder, stream)
    there = Counter(_stored(centre, device, stream))
    (lost,) = centre.execute(
        "select coalesce(sum(count), 0)::bigint from loss"
        " where device = %s and stream = %s",
        (device, stream),
    ).fetchone() or (0,)
    missing, foreign = made - there, there - made
    found = list(flaws.get(stream, []))
    if foreign:
        found.append(f"{foreign.total()} doubled or foreign: {_some(foreign)}")
    if missing.total() + unkept != lost:
        sentence = f"{missing.total()} missing and {unkept} never kept, {lost} told"
        found.append(f"{sentence}: {_some(missing)}")
    return Verdict(
        device,
        stream,
        made.total(),
        there.total(),
        lost,
        unkept,
        _checksum(made - missing),
        _checksum(there),
        found,
        _moment(stream, [*foreign, *missing]) if found else None,
    )


_MOMENTS = {
    Stream.SAMPLES: (1, 1e6),
    Stream.RUN_EVENTS: (3, 1e3),
    Stream.ALARMS: (2, 1e6),
}
"""Where a row tells its moment, and how many of its units are a second."""


def _moment(stream: Stream, rows: list[Row]) -> float | None:
    """The first of the rows' moments, in unix seconds."""
    if not rows or stream not in _MOMENTS:
        return None
    place, unit = _MOMENTS[stream]
    return min(row[place] for row in rows) / unit


def _some(rows: Counter[Row]) -> str:
    return ", ".join(map(str, list(rows)[:3]))


def _checksum(rows: Counter[Row]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for line in sorted(map(repr, rows.elements())):
        digest.update(line.encode())
    return digest.hexdigest()


def _produced(folder: Path, stream: Stream) -> Iterator[Row]:
    db = sqlite3.connect(folder / "outbox.sqlite")
    for items, tags, body in db.execute(
        "select items, tags, body from audit where stream = ?", (stream,)
    ):
        table = None if tags is None else decode_tags(tags)
        chunk = Chunk(0, items, body, table)
        batch = make_batch(stream, "", 0, [chunk])
        yield from map(_plain, items_of(batch))
    db.close()


def _unkept(folder: Path, stream: Stream) -> int:
    """How many numbers were given to items that are in no chunk."""
    db = sqlite3.connect(folder / "outbox.sqlite")
    (given,) = db.execute(
        "select coalesce(sum(given), 0) from audit_numbers where stream = ?", (stream,)
    ).fetchone()
    (kept,) = db.execute(
        "select coalesce(sum(items), 0) from audit where stream = ?", (stream,)
    ).fetchone()
    db.close()
    return int(given - kept)


def _plain(item: Any) -> Row:
    match item:
        case (str() as tag, int() as at_us, value, int() as quality):
            return (tag, at_us, value if value == value else None, quality)  # noqa: PLR0124
        case (str() as run, event):
            return (run, event.number, event.type, event.createdAt)
        case _ if hasattr(item, "alarm"):
            return (item.alarm, item.tag, item.at_us, item.before, item.after)
        case _:
            return (item.stream.value, item.epoch, item.first, item.count, item.reason)


_STORED = {
    Stream.SAMPLES: (
        """
        select t.tag, (extract(epoch from s.at) * 1000000)::bigint, s.value, s.quality
          from sample s join tag t on t.id = s.tag_id where t.device = %s
        """,
        """
        select t.tag, (extract(epoch from s.at) * 1000000)::bigint, s.value, s.quality
          from sample_text s join tag t on t.id = s.tag_id where t.device = %s
        """,
    ),
    Stream.RUN_EVENTS: (
        """
        select r.run, e.number, e.type, (extract(epoch from e.at) * 1000)::bigint
          from run_event e join run r on r.id = e.run_id where r.device = %s
        """,
    ),
    Stream.ALARMS: (
        """
        select alarm, tag, (extract(epoch from at) * 1000000)::bigint, before, after
          from alarm_transition where device = %s and epoch is not null
        """,
    ),
    Stream.LOSSES: (
        "select stream, epoch, first, count, reason from loss where device = %s",
    ),
}


def _stored(
    centre: psycopg.Connection[Any], device: str, stream: Stream
) -> Iterable[Row]:
    return chain.from_iterable(
        centre.execute(sql, (device,)) for sql in _STORED[stream]
    )


def _unexplained(centre: psycopg.Connection[Any], device: str) -> dict[str, list[str]]:
    """Epochs but the newest that no loss closes where they end."""
    found: dict[str, list[str]] = {}
    for stream, epoch, ends in centre.execute(
        """
        select s.stream, s.epoch, s.next_number from stream s
         where s.device = %(device)s
           and exists (select from stream n
                        where (n.device, n.stream) = (s.device, s.stream)
                          and n.id > s.id)
           and not exists (select from loss l
                            where (l.device, l.stream, l.epoch, l.first)
                                = (s.device, s.stream, s.epoch, s.next_number))
        """,
        {"device": device},
    ):
        sentence = f"epoch {epoch} ends at {ends}, and no loss tells why"
        found.setdefault(stream, []).append(sentence)
    return found
