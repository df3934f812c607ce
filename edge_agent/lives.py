"""The lives of a stream's numbers, as the outbox keeps them in its file.

Items of a stream are numbered through for ever; an **epoch** names one life of these
numbers, which the other end counts from 0. A life ends where items are lost. What may
be on its way by then is kept and delivered under the old epoch, for renumbered it could
be stored twice; so a life that has ended stays as a row in ``former`` until all that is
left of it is acknowledged. Only then its loss is told, by appending to the stream
``losses``: at the number up to which the other end has everything.

Functions take the open file; the caller owns the transaction.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from heddle.contract.samples import Loss, Stream


@dataclass(frozen=True, slots=True)
class Cursor:
    """A stream's row; ``epoch`` and ``base`` are of the life that goes on."""

    stream: Stream
    epoch: str
    base: int
    next_number: int
    acknowledged: int
    bytes: int
    offered: int


@dataclass(frozen=True, slots=True)
class Life:
    """Items ``base`` to ``ends - 1`` are, or were, numbered from 0 under ``epoch``."""

    stream: Stream
    epoch: str
    base: int
    ends: int  # of the life that goes on: the next number
    row: int | None = None  # in ``former``; None: the life that goes on
    reason: str = ""  # why it ended


@dataclass(frozen=True, slots=True)
class Hole:
    """Numbers ``first`` to ``first + count - 1`` are lost, and why."""

    first: int
    count: int
    reason: str
    at_ms: int
    from_ms: int | None = None
    to_ms: int | None = None


def cursor_of(db: sqlite3.Connection, stream: Stream) -> Cursor:
    """The stream's row."""
    row = db.execute(
        "select epoch, base, next_number, acknowledged, bytes, offered from stream"
        " where name = ?",
        (stream,),
    ).fetchone()
    return Cursor(stream, *row)


def lives_of(db: sqlite3.Connection, stream: Stream) -> tuple[Life, ...]:
    """All lives of which something waits, oldest first; the last is the one that
    goes on.
    """
    rows = db.execute(
        "select epoch, base, ends, rowid, reason from former where stream = ?"
        " order by base, ends, rowid",
        (stream,),
    ).fetchall()
    cursor = cursor_of(db, stream)
    newest = Life(stream, cursor.epoch, cursor.base, cursor.next_number)
    return (*(Life(stream, *row) for row in rows), newest)


def oldest_life(db: sqlite3.Connection, stream: Stream) -> Life:
    """The life whose items are delivered now."""
    return lives_of(db, stream)[0]


def cut(db: sqlite3.Connection, stream: Stream, hole: Hole) -> None:
    """Take the numbers of a hole out of the life they are in; the rest is renamed.

    Nothing from ``hole.first`` on may be on its way, and the hole may not cross lives.
    """
    lives = lives_of(db, stream)
    place = next(
        i
        for i, life in enumerate(lives)
        if life.base <= hole.first < life.ends or life.row is None
    )
    life, before = lives[place], lives[place - 1] if place else None
    if before is not None and (hole.first, hole.reason) == (life.base, before.reason):
        _widen(db, before, hole)
        _rebase(db, life, life.epoch, hole.first + hole.count)
    else:
        db.execute(
            "insert into former values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                stream,
                life.epoch,
                life.base,
                hole.first,
                hole.count,
                hole.reason,
                hole.at_ms,
                hole.from_ms,
                hole.to_ms,
            ),
        )
        _rebase(db, life, uuid4().hex, hole.first + hole.count)


def rename(db: sqlite3.Connection, life: Life, base: int) -> None:
    """Go on from number ``base`` under a new epoch."""
    _rebase(db, life, uuid4().hex, base)


def settle(
    db: sqlite3.Connection, stream: Stream, tell: Callable[[Loss], None]
) -> None:
    """End the lives of which nothing waits any longer, and tell what each lost."""
    for life in lives_of(db, stream)[:-1]:
        cursor = cursor_of(db, stream)
        if cursor.acknowledged < life.ends:
            return
        row = db.execute(
            "select lost, reason, at_ms, from_ms, to_ms from former where rowid = ?",
            (life.row,),
        ).fetchone()
        db.execute("delete from former where rowid = ?", (life.row,))
        start = oldest_life(db, stream).base
        db.execute(
            "update stream set acknowledged = max(acknowledged, ?),"
            " offered = max(offered, ?) where name = ?",
            (start, start, stream),
        )
        tell(loss_of(life, Hole(life.ends - life.base, *row)))


def merged(holes: Sequence[Hole]) -> list[Hole]:
    """Holes side by side are one."""
    found: list[Hole] = []
    for hole in holes:
        last = found[-1] if found else None
        if last is None or last.first + last.count != hole.first:
            found.append(hole)
            continue
        found[-1] = replace(
            last,
            count=last.count + hole.count,
            from_ms=_of(min, last.from_ms, hole.from_ms),
            to_ms=_of(max, last.to_ms, hole.to_ms),
        )
    return found


def _of(
    choose: Callable[[int, int], int], one: int | None, two: int | None
) -> int | None:
    if one is None or two is None:
        return two if one is None else one
    return choose(one, two)


def loss_of(life: Life, hole: Hole) -> Loss:
    """A hole as the other end is told of it: ``first`` counts from the life's 0."""
    return Loss(
        stream=life.stream,
        epoch=life.epoch,
        first=hole.first,
        count=hole.count,
        reason=hole.reason,
        at_ms=hole.at_ms,
        from_ms=hole.from_ms,
        to_ms=hole.to_ms,
    )


def _rebase(db: sqlite3.Connection, life: Life, epoch: str, base: int) -> None:
    if life.row is None:
        db.execute(
            "update stream set epoch = ?, base = ? where name = ?",
            (epoch, base, life.stream),
        )
    else:
        db.execute(
            "update former set epoch = ?, base = ? where rowid = ?",
            (epoch, base, life.row),
        )


def _widen(db: sqlite3.Connection, life: Life, hole: Hole) -> None:
    """The loss at the end of a life grows; sqlite's min and max of null are null."""
    db.execute(
        "update former set lost = lost + ?, at_ms = ?,"
        " from_ms = min(coalesce(from_ms, ?), coalesce(?, from_ms)),"
        " to_ms = max(coalesce(to_ms, ?), coalesce(?, to_ms))"
        " where rowid = ?",
        (
            hole.count,
            hole.at_ms,
            hole.from_ms,
            hole.from_ms,
            hole.to_ms,
            hole.to_ms,
            life.row,
        ),
    )
