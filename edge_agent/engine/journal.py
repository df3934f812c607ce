"""The engine's memory on disk: one SQLite file, all or nothing per transaction.

Per run it holds the inputs since the last snapshot, the snapshot, and the events told
before it that the agent has not acknowledged. Everything else follows: the run is the
fold of ``step`` over the inputs, and the later events come out of the same fold. Of a
finished run it also holds the commands the device has not answered yet.

Inputs are a log of all runs together, so that a turn writes a page or two and not one
for each run. What snapshots have made of no use lies in it until the log is cut off
before the oldest input still wanted.

A transaction that returns is on the disk (WAL, ``synchronous=FULL``). One that finds
the disk full raises ``JournalFull`` and changed nothing. Any other failure to write
raises ``JournalBroken``: what the disk holds is then unknown, and only reading it
again, in the next engine, tells. The file is locked: a second engine is refused.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edge_agent.engine.steady import Mark

APPLICATION_ID = 0x48454444  # "HEDD"

# One script for each version of the schema; a released one is never changed.
MIGRATIONS = (
    """
    create table clock (
        one integer primary key check (one = 1),
        boot text not null,
        base_ms integer not null,
        skew_ms integer not null
    );
    create table flow (
        key integer primary key,
        flow text not null,
        version integer not null,
        definition blob not null
    );
    create table run (
        key integer primary key,
        id text not null unique,
        flow integer not null references flow (key),
        acked integer not null default 0,
        inputs integer not null,
        at_ms integer not null,
        drift_us integer not null default 0,
        state blob not null
    );
    create table input (
        run integer not null,
        seq integer not null,
        at_ms integer not null,
        skew_ms integer not null,
        drift_us integer not null,
        payload blob not null,
        primary key (run, seq)
    ) without rowid;
    create table event (
        run integer not null,
        number integer not null,
        payload blob not null,
        primary key (run, number)
    ) without rowid;
    create table unfinished (
        run integer not null,
        number integer not null,
        payload blob not null,
        primary key (run, number)
    ) without rowid;
    """,
    # Inputs in the order they came: those of a turn lie together, whatever their runs.
    """
    alter table input rename to former;
    create table input (
        key integer primary key,
        run integer not null,
        seq integer not null,
        at_ms integer not null,
        skew_ms integer not null,
        drift_us integer not null,
        payload blob not null
    );
    insert into input (run, seq, at_ms, skew_ms, drift_us, payload)
        select run, seq, at_ms, skew_ms, drift_us, payload from former
        order by run, seq;
    drop table former
    """,
)

# What an earlier engine of the same version does without: it may have the file again.
_BESIDE = """
    create table if not exists heeded (
        number integer primary key,
        name text not null unique,
        answer blob not null
    )
"""

_INPUT = (
    "select input.key, run, seq, input.at_ms, skew_ms, input.drift_us, payload"
    " from input join run on run.key = input.run where seq >= inputs"
)
_RUN = "select key, id, flow, acked, inputs, at_ms, drift_us, state from run"


class JournalUnusable(Exception):
    """The file cannot serve as this engine's journal; the sentence says why."""


class JournalFull(Exception):
    """No room on the disk; nothing was changed."""


class JournalBroken(Exception):
    """Writing failed in a way that leaves open what the disk holds."""


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A flow's definition as it was when a run of it began."""

    key: int
    flow: str
    version: int
    definition: bytes


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run at its last snapshot, which holds its first ``inputs`` inputs."""

    key: int
    id: str
    flow: int
    acked: int
    inputs: int
    at_ms: int  # when it was written, in steady time
    drift_us: int  # see ``Move.resume_at``
    state: bytes


class InputRow(NamedTuple):
    """One input: the ``seq``-th of its run, when it came, and the clock's skew then."""

    run: int
    seq: int
    at_ms: int
    skew_ms: int
    drift_us: int
    payload: bytes


class Tail(NamedTuple):
    """A run's inputs since its snapshot, and the key of the first of them."""

    first: int
    inputs: list[InputRow]


class Journal:
    """The open journal; ``open_journal`` makes one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self.next_input = 1 + self._newest_input()  # its key

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on the disk at the end."""
        next_input = self.next_input
        try:
            self._db.execute("begin immediate")
            yield
            self._db.execute("commit")
        except sqlite3.Error as error:
            self._roll_back()
            self.next_input = next_input
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                raise JournalFull(str(error)) from error
            raise JournalBroken(f"the journal cannot be written: {error}") from error
        except BaseException:
            self._roll_back()
            self.next_input = next_input
            raise

    def _roll_back(self) -> None:
        if self._db.in_transaction:  # SQLite may have done it already
            self._db.execute("rollback")

    # --- what is written, within a transaction ---

    def set_mark(self, mark: Mark) -> None:
        """Keep where steady time stands."""
        self._db.execute(
            "insert or replace into clock values (1, ?, ?, ?)",
            (mark.boot, mark.base_ms, mark.skew_ms),
        )

    def add_flow(self, flow: FlowRow) -> None:
        """Keep a definition."""
        self._db.execute(
            "insert into flow values (?, ?, ?, ?)",
            (flow.key, flow.flow, flow.version, flow.definition),
        )

    def forget_unused_flows(self, but: int) -> None:
        """Delete definitions no run follows, save one."""
        self._db.execute(
            "delete from flow where key <> ? and key not in (select flow from run)",
            (but,),
        )

    def add_run(self, run: RunRow) -> None:
        """Keep a new run."""
        self._db.execute(
            "insert into run values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run.key,
                run.id,
                run.flow,
                run.acked,
                run.inputs,
                run.at_ms,
                run.drift_us,
                run.state,
            ),
        )

    def add_inputs(self, inputs: Sequence[InputRow]) -> None:
        """Append inputs; they get the keys from ``next_input`` upwards."""
        first = self.next_input
        self._db.executemany(
            "insert into input values (?, ?, ?, ?, ?, ?, ?)",
            [(key, *row) for key, row in enumerate(inputs, first)],
        )
        self.next_input += len(inputs)

    def cut(self, before: int) -> None:
        """Delete the inputs of lower keys."""
        self._db.execute("delete from input where key < ?", (before,))

    def carry(self, run: int) -> None:
        """Let the inputs of a run that cannot be snapshotted be the newest ones."""
        kept = self.inputs(run)
        self._db.execute("delete from input where run = ?", (run,))
        self.add_inputs(kept)

    def add_events(self, run: int, first: int, events: Sequence[bytes]) -> None:
        """Keep unacknowledged events, numbered from ``first``."""
        self._db.executemany(
            "insert into event values (?, ?, ?)",
            ((run, number, event) for number, event in enumerate(events, first)),
        )

    def snapshot(self, run: RunRow) -> None:
        """Keep the state after the run's first inputs; these count no more."""
        self._db.execute(
            "update run set inputs = ?, at_ms = ?, drift_us = ?, state = ?"
            " where key = ?",
            (run.inputs, run.at_ms, run.drift_us, run.state, run.key),
        )

    def acknowledge(self, run: int, acked: int) -> None:
        """Forget the events below ``acked``."""
        self._db.execute("update run set acked = ? where key = ?", (acked, run))
        self._db.execute("delete from event where run = ? and number < ?", (run, acked))

    def add_unfinished(self, run: int, commands: Mapping[int, bytes]) -> None:
        """Keep commands of a finished run until they are answered."""
        self._db.executemany(
            "insert into unfinished values (?, ?, ?)",
            ((run, number, command) for number, command in commands.items()),
        )

    def settle(self, run: int, numbers: Iterable[int]) -> None:
        """Forget commands of a finished run: they are answered."""
        self._db.executemany(
            "delete from unfinished where run = ? and number = ?",
            ((run, number) for number in numbers),
        )

    def forget(self, run: int) -> None:
        """Delete everything of a run; its inputs mean nothing without it."""
        self._db.execute("delete from unfinished where run = ?", (run,))
        self._db.execute("delete from event where run = ?", (run,))
        self._db.execute("delete from run where key = ?", (run,))

    def add_heeded(self, answers: Mapping[str, bytes], at_most: int) -> None:
        """Keep how requests were answered, but no more than so many."""
        self._db.executemany(
            "insert or replace into heeded (name, answer) values (?, ?)",
            answers.items(),
        )
        self._db.execute(
            "delete from heeded where number <="
            " (select coalesce(max(number), 0) - ? from heeded)",
            (at_most,),
        )

    def move_run(self, run: RunRow) -> None:
        """Let a run follow another definition from this snapshot on."""
        self._db.execute("update run set flow = ? where key = ?", (run.flow, run.key))
        self.snapshot(run)

    # --- what is read ---

    def heeded(self) -> list[tuple[str, bytes]]:
        """How requests were answered, the newest last."""
        rows = self._db.execute("select name, answer from heeded order by number")
        return list(rows)

    def mark(self) -> Mark | None:
        """Where steady time stood when it was last kept."""
        found = self._db.execute("select boot, base_ms, skew_ms from clock").fetchone()
        return None if found is None else Mark(*found)

    def last_at_ms(self) -> int:
        """The last moment of steady time anything was written about a run; or 0."""
        found: int = self._db.execute(
            "select max((select coalesce(max(at_ms), 0) from input),"
            " (select coalesce(max(at_ms), 0) from run))"
        ).fetchone()[0]
        return found

    def flows(self) -> list[FlowRow]:
        """Every definition kept, the newest last."""
        rows = self._db.execute("select * from flow order by key")
        return [FlowRow(*row) for row in rows]

    def last_key(self) -> int:
        """The highest key of a run that has left anything; 0 if there is none."""
        found: int = self._db.execute(
            "select max((select coalesce(max(key), 0) from run),"
            " (select coalesce(max(run), 0) from input))"
        ).fetchone()[0]
        return found

    def run(self, run_id: str) -> RunRow | None:
        """The run of this id."""
        found = self._db.execute(f"{_RUN} where id = ?", (run_id,)).fetchone()
        return None if found is None else RunRow(*found)

    def run_by_key(self, key: int) -> RunRow | None:
        """The run of this key."""
        found = self._db.execute(f"{_RUN} where key = ?", (key,)).fetchone()
        return None if found is None else RunRow(*found)

    def runs(self, at_most: int = -1) -> Iterator[RunRow]:
        """Runs, the newest first; don't write before the last one was read."""
        rows = self._db.execute(f"{_RUN} order by key desc limit ?", (at_most,))
        return (RunRow(*row) for row in rows)

    def inputs(self, run: int) -> list[InputRow]:
        """A run's inputs since its snapshot, in order; found by looking at all."""
        rows = self._db.execute(f"{_INPUT} and run.key = ? order by input.key", (run,))
        return [InputRow(*row[1:]) for row in rows]

    def tails(self) -> dict[int, Tail]:
        """Of each run that has inputs since its snapshot these, in order."""
        found: dict[int, Tail] = {}
        for key, *row in self._db.execute(f"{_INPUT} order by input.key"):
            kept = InputRow(*row)
            found.setdefault(kept.run, Tail(key, [])).inputs.append(kept)
        return found

    def _newest_input(self) -> int:
        found: int = self._db.execute(
            "select coalesce(max(key), 0) from input"
        ).fetchone()[0]
        return found

    def unfinished(self, run: int) -> list[bytes]:
        """A finished run's unanswered commands, in order."""
        rows = self._db.execute(
            "select payload from unfinished where run = ? order by number", (run,)
        )
        return [row[0] for row in rows]

    def events(self, run: int, first: int, at_most: int) -> list[bytes]:
        """A run's kept events from ``first`` upwards, in order."""
        rows = self._db.execute(
            "select payload from event where run = ? and number >= ? "
            "order by number limit ?",
            (run, first, at_most),
        )
        return [row[0] for row in rows]


def open_journal(file: Path, *, durable: bool = True) -> Journal:
    """Open or make the journal, of the newest version and ours alone.

    Without ``durable``, what is committed outlives the process, but no power cut.
    """
    try:
        connection = sqlite3.connect(file, isolation_level=None, timeout=0)
    except sqlite3.Error as error:
        raise JournalUnusable(f"journal {file} cannot be opened: {error}") from error
    try:
        _prepare(connection, file)
        if not durable:
            connection.execute("pragma synchronous = off")
    except sqlite3.Error as error:
        connection.close()
        raise JournalUnusable(_why(error, file)) from error
    except BaseException:
        connection.close()
        raise
    return Journal(connection)


def _prepare(connection: sqlite3.Connection, file: Path) -> None:
    connection.execute("pragma locking_mode = exclusive")
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma journal_size_limit = 8388608")
    connection.execute("pragma cache_size = -2000")
    connection.execute("begin exclusive")
    version = connection.execute("pragma user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise JournalUnusable(
            f"journal {file} is of version {version}, this engine reads up to "
            f"{len(MIGRATIONS)}: run the newer engine that wrote it"
        )
    for script in MIGRATIONS[version:]:
        for statement in script.split(";"):
            connection.execute(statement)
    connection.execute(_BESIDE)
    if version < len(MIGRATIONS):
        connection.execute(f"pragma application_id = {APPLICATION_ID}")
        connection.execute(f"pragma user_version = {len(MIGRATIONS)}")
    connection.execute("commit")


def _why(error: sqlite3.Error, file: Path) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_BUSY:
        return f"journal {file} is in use: another engine runs in this directory"
    if code == sqlite3.SQLITE_NOTADB:
        return f"{file} is no journal: move it away to begin a new one"
    return f"journal {file} cannot be used: {error}"
