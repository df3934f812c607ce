"""The days of samples: made ahead or on demand, and dropped when they are old.

With TimescaleDB chunks make themselves. Without it a day is a partition, made beside
the table and then attached, which holds up no reader.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import cast

from psycopg import Connection, sql
from twisted.logger import Logger

from services.fleetdata.store.links import Link

log = Logger()

DAY_US = 86_400_000_000
TABLES = ("sample", "sample_text")
_EPOCH = date(1970, 1, 1)
_LOCK = 0x48454445


def make_days(link: Link, days: Iterable[int]) -> None:
    """See to it that the days (counted from 1970, UTC) can take samples."""
    if not link.partitioned:
        return
    missing = sorted(set(days) - link.days)
    if not missing:
        return
    connection = link.connection
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        for table in TABLES:
            there = set(_partitions(connection, table))
            for day in missing:
                if day not in there:
                    _make(connection, table, day)
    link.days |= set(missing)


def drop_days(link: Link, before: int) -> int:
    """Drop the samples of all days before a day; returns how many days or chunks."""
    connection = link.connection
    if not link.partitioned:
        return sum(_drop_chunks(connection, table, before) for table in TABLES)
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        old = [
            (table, day)
            for table in TABLES
            for day in _partitions(connection, table)
            if day < before
        ]
        for table, day in old:
            connection.execute(sql.SQL("drop table {}").format(_name(table, day)))
    days = {day for _, day in old}
    link.days -= days
    return len(days)


def _drop_chunks(connection: Connection, table: str, before: int) -> int:
    cursor = connection.execute(
        "select drop_chunks(%s::regclass, older_than => %s::timestamptz)",
        [table, _at(before)],
    )
    return len(cursor.fetchall())


def _partitions(connection: Connection, table: str) -> list[int]:
    """The days that have a partition."""
    names = connection.execute(
        """
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = %s::regclass
        """,
        [table],
    ).fetchall()
    return [_day(cast("str", name)) for (name,) in names]


def _make(connection: Connection, table: str, day: int) -> None:
    name, parent = _name(table, day), sql.Identifier(table)
    connection.execute(
        sql.SQL("create table {} (like {} including all)").format(name, parent)
    )
    connection.execute(
        sql.SQL(
            "alter table {} attach partition {} for values from ({}) to ({})"
        ).format(parent, name, _literal(day), _literal(day + 1))
    )


def _name(table: str, day: int) -> sql.Identifier:
    return sql.Identifier(f"{table}_{_EPOCH + timedelta(days=day):%Y_%m_%d}")


def _day(name: str) -> int:
    return (date.fromisoformat(name[-10:].replace("_", "-")) - _EPOCH).days


def _literal(day: int) -> sql.Literal:
    return sql.Literal(f"{_EPOCH + timedelta(days=day)} 00:00:00+00")


def _at(day: int) -> datetime:
    return datetime.fromisoformat(f"{_EPOCH + timedelta(days=day)}T00:00:00+00:00")
