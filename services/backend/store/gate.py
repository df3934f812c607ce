"""What the gatekeeper must know, and the order in which it came about.

Whoever changes it calls ``changed`` last in the transaction: the row stays locked until
the commit, so that numbers and commits have the same order. Numbers follow the clock as
well, so that they go on growing after a backup was restored.
"""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row, scalar_row


class DeviceKeyRow(NamedTuple):
    """A device's public key."""

    project: str
    device: str
    public_key: str


class EndedRow(NamedTuple):
    """A session that was ended before its last ticket expires."""

    project: str
    session: str
    expires_at: datetime


class DirectoryRows(NamedTuple):
    """Everything, as of a change."""

    change: int
    projects: list[str]
    devices: list[DeviceKeyRow]
    ended: list[EndedRow]


def changed(connection: Connection[Any]) -> int:
    """The number of the change that this transaction makes."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        number = cursor.execute(
            """
            update gate_change
               set number = greatest(
                   number + 1, (extract(epoch from clock_timestamp()) * 1e6)::bigint)
            returning number
            """
        ).fetchone()
    assert isinstance(number, int)  # noqa: S101 -- the migration made the only row
    return number


def directory(connection: Connection[Any]) -> DirectoryRows:
    """Everything the gatekeeper must know; who changes it waits meanwhile."""
    change = changed(connection)
    with connection.cursor(row_factory=scalar_row) as cursor:
        ids = cursor.execute("select project from project order by 1").fetchall()
    with connection.cursor(row_factory=class_row(DeviceKeyRow)) as keys:
        devices = keys.execute(
            "select project, device, public_key from device order by 1, 2"
        ).fetchall()
    with connection.cursor(row_factory=class_row(EndedRow)) as sessions:
        ended = sessions.execute(
            """
            select project, session, expires_at from session
             where ended_at is not null and expires_at > now() order by session
            """
        ).fetchall()
    return DirectoryRows(change, ids, devices, ended)
