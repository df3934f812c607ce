"""The outbox's file: opened, made, or brought from an older format to ours.

Format 1 (``user_version`` 0) had one epoch per stream, chunks with their tag table
inside, and a table of what was lost. It is taken over in small transactions, so that a
full outbox needs no second disk; a crash in between goes on where it was.
"""

import sqlite3
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import msgspec

from edge_agent.budget import CHUNK_COST, Budget
from heddle.contract.samples import Loss, Stream
from heddle.newer import NewerStore

FORMAT = 2
_SLICE = 200  # chunks taken over in one transaction
_OLD_BATCH = {"samples": 5_000, "run_events": 1_000}
_PAGE_BYTES = 4096
_WAL_PAGES = 1000
_STATEMENTS, _FEW_STATEMENTS = 128, 16  # kept parsed

_SCHEMA = """
create table if not exists stream (
    name text primary key,
    epoch text not null,            -- of the life that goes on
    base integer not null,          -- the number that is this life's 0
    next_number integer not null,   -- of the next item to come
    acknowledged integer not null,  -- all below are done with
    bytes integer not null,         -- what all waiting chunks cost
    offered integer not null default 0 -- from here on nothing can be on its way
);
create table if not exists former ( -- lives that have ended, while items of them wait
    stream text not null,
    epoch text not null,
    base integer not null,
    ends integer not null,          -- the number at which it broke off
    lost integer not null,          -- how many items from there on are gone
    reason text not null,
    at_ms integer not null,
    from_ms integer,
    to_ms integer
);
create table if not exists kept (   -- chunks, numbered from `first`
    stream text not null,
    first integer not null,
    items integer not null,
    cost integer not null,          -- bytes
    kept_ms integer not null,
    from_ms integer,                -- the oldest and the newest moment of its items
    to_ms integer,
    tags integer,                   -- the tag table; null: within the body
    body blob not null,
    primary key (stream, first)
);
create table if not exists tag_table (
    id integer primary key,
    body blob not null unique
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
"""
_ALARM_ROWS = """
create table if not exists alarm_row ( -- what the device's alarms remember
    name text primary key,
    body blob not null
)
"""  # came later; an agent that knows nothing of it leaves it alone


def open_file(
    path: Path, budget: Budget, now_ms: int, *, durable: bool = True
) -> sqlite3.Connection:
    """The file as this version knows it. Raises ``sqlite3.Error``, ``NewerStore``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(
        path,
        isolation_level=None,
        cached_statements=_STATEMENTS if durable else _FEW_STATEMENTS,
    )
    try:
        (found,) = db.execute("pragma user_version").fetchone()
        _refuse_newer(path, found)
        _settle(db, budget)
        if not durable:
            _lighten(db)
        if found < FORMAT:
            _take_over(db, now_ms)
        db.execute(_ALARM_ROWS)
        for stream in Stream:
            db.execute(
                "insert or ignore into stream"
                " (name, epoch, base, next_number, acknowledged, bytes)"
                " values (?, ?, 0, 0, 0, 0)",
                (stream, uuid4().hex),
            )
        db.execute(
            "delete from tag_table where id not in"
            " (select tags from kept where tags is not null)"
        )
    except (sqlite3.Error, NewerStore):
        db.close()
        raise
    return db


def _refuse_newer(path: Path, found: int) -> None:
    if found > FORMAT:
        raise NewerStore(
            f"outbox {path} has format {found}, this agent knows up to {FORMAT}: run "
            "the newer agent that wrote it; or, to do without what waits in it, move "
            "the file away"
        )


def _settle(db: sqlite3.Connection, budget: Budget) -> None:
    """Durable at every commit; freed pages go back to the disk, the log stays small."""
    pages = min(max(budget.bytes // 64 // _PAGE_BYTES, 64), _WAL_PAGES)
    db.execute("pragma auto_vacuum = incremental")  # heeded by a new file
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = full")
    db.execute(f"pragma wal_autocheckpoint = {pages}")
    db.execute(f"pragma journal_size_limit = {pages * _PAGE_BYTES}")


def _lighten(db: sqlite3.Connection) -> None:
    """For one of very many files in a process: no sync, no file of shared memory, few
    pages in memory. What is committed is with the system, which outlives the process.
    """
    db.execute("pragma synchronous = off")
    db.execute("pragma locking_mode = exclusive")
    db.execute("pragma cache_size = 16")


def _take_over(db: sqlite3.Connection, now_ms: int) -> None:
    """Bring the file to our format; an empty one, too."""
    tables = {
        name for (name,) in db.execute("select name from sqlite_master where name > ''")
    }
    if "stream" in tables and "kept" not in tables:
        db.execute("begin immediate")
        db.execute("alter table stream add column offered integer not null default 0")
        for name, batch in _OLD_BATCH.items():
            db.execute(
                "update stream set offered = min(next_number, acknowledged + ?)"
                " where name = ?",
                (batch, name),
            )
        db.execute("commit")
    db.executescript(_SCHEMA)
    if "chunk" in tables:
        while _move_slice(db, now_ms):
            pass
        db.execute("drop table chunk")
    if "lost" in tables:
        _move_losses(db, now_ms)
    db.execute(f"pragma user_version = {FORMAT}")


def _move_slice(db: sqlite3.Connection, now_ms: int) -> bool:
    rows = db.execute(
        "select stream, first, items, body from chunk order by stream, first limit ?",
        (_SLICE,),
    ).fetchall()
    db.execute("begin immediate")
    for stream, first, items, body in rows:
        db.execute(
            "insert into kept (stream, first, items, cost, kept_ms, body)"
            " values (?, ?, ?, ?, ?, ?)",
            (stream, first, items, len(body) + CHUNK_COST, now_ms, body),
        )
        db.execute("delete from chunk where stream = ? and first = ?", (stream, first))
    db.execute(
        "update stream set bytes ="
        " (select coalesce(sum(cost), 0) from kept where kept.stream = stream.name)"
    )
    db.execute("commit")
    return bool(rows)


def _move_losses(db: sqlite3.Connection, now_ms: int) -> None:
    """What was lost becomes the beginning of the stream of losses."""
    rows = db.execute(
        "select stream, epoch, first, items, why, at from lost order by rowid"
    ).fetchall()
    db.execute("begin immediate")
    db.execute(
        "insert or ignore into stream"
        " (name, epoch, base, next_number, acknowledged, bytes)"
        " values ('losses', ?, 0, 0, 0, 0)",
        (uuid4().hex,),
    )
    for number, (stream, epoch, first, count, reason, at) in enumerate(rows):
        loss = Loss(
            stream=Stream(stream),
            epoch=epoch,
            first=first,
            count=count,
            reason=reason,
            at_ms=int(datetime.fromisoformat(at).timestamp() * 1000),
        )
        body = msgspec.msgpack.encode((loss,))
        db.execute(
            "insert into kept (stream, first, items, cost, kept_ms, body)"
            " values ('losses', ?, 1, ?, ?, ?)",
            (number, len(body) + CHUNK_COST, now_ms, body),
        )
    db.execute(
        "update stream set next_number = ?, bytes ="
        " (select coalesce(sum(cost), 0) from kept where kept.stream = 'losses')"
        " where name = 'losses'",
        (len(rows),),
    )
    db.execute("drop table lost")
    db.execute("commit")
