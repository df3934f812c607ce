"""Which commands of runs were carried out, and how each ended.

In the outbox's file, because an event may tell of a command: what was carried out is
remembered with the streams or not at all. Functions are one statement each; whoever
calls them owns the transaction. One thread only.
"""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Executed:
    """A command was carried out before, with this outcome."""

    error: str | None


class ExecutedCommands:
    """The memory of commands, by run and number."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def outcome(self, run: str, number: int) -> Executed | None:
        """How this command ended, if it was carried out before."""
        row = self._db.execute(
            "select error from executed where run = ? and number = ?", (run, number)
        ).fetchone()
        return Executed(row[0]) if row else None

    def record(self, run: str, number: int, error: str | None) -> None:
        """Remember that this command was carried out; the first outcome stays."""
        self._db.execute(
            "insert or ignore into executed values (?, ?, ?)", (run, number, error)
        )

    def forget(self, run: str) -> None:
        """Forget a run's commands."""
        self._db.execute("delete from executed where run = ?", (run,))
