"""What a device's alarms remember: rows by name, opaque here.

In the outbox's file, because a transition and what the alarms remember of it are kept
in one transaction: what was told is remembered, and what is remembered was told.
Whoever calls owns the transaction. One thread only.
"""

import sqlite3
from collections.abc import Mapping


class AlarmMemory:
    """The rows."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def rows(self) -> dict[str, bytes]:
        """All of them."""
        return dict(self._db.execute("select name, body from alarm_row"))

    def keep(self, rows: Mapping[str, bytes | None]) -> None:
        """Have these as they are told; None to forget one."""
        for name, body in rows.items():
            if body is None:
                self._db.execute("delete from alarm_row where name = ?", (name,))
            else:
                self._db.execute(
                    "insert or replace into alarm_row values (?, ?)", (name, body)
                )
