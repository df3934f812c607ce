"""Whole databases, for backup and restore: what is in them, and swapping one in.

Contents are compared by the rows of every table and a sum of their hashes, which does
not depend on their order. A restored database takes another's place by renaming, so
there is a whole one under the name at any time but an instant.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from services.fleetdata.store.provision import CONNECT_TIMEOUT_S

_SAME_TEXT = (
    "-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex "
    "-c extra_float_digits=1 -c statement_timeout=0 -c lock_timeout=0 "
    "-c idle_in_transaction_session_timeout=0 -c search_path="
)
_DRAFT = "heddle-draft-"  # no project's id has a hyphen
_LOCK = 0x48454446
_LARGE = 10_000  # rows
_MAINTENANCE = "postgres"  # where one is while databases are made and renamed


class ArchiveFailed(Exception):
    """The database did not do it; its own words in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """One table: how many rows, and the sum of their hashes."""

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a database is, beside its tables."""

    name: str
    owner: str
    bytes: int
    timescaledb: str | None  # its version


class Snapshot:
    """A database at one instant, held open for ``pg_dump --snapshot``."""

    def __init__(self, connection: Connection, facts: Facts, id_: str) -> None:
        self.facts = facts
        self.id = id_
        self._connection = connection

    def contents(self, tell: Callable[[str], None]) -> dict[str, Contents]:
        """Every table's contents; ``tell`` hears of each large table."""
        return _contents(self._connection, tell)


class Cluster:
    """A server and the login by which it is administered."""

    def __init__(self, url: str) -> None:
        """``url`` names the backend's database. Raises ``ArchiveFailed``."""
        with _told():
            self._conninfo = make_conninfo(
                url,
                connect_timeout=CONNECT_TIMEOUT_S,
                options=_SAME_TEXT,
                application_name="heddle-backup",
            )
        known = conninfo_to_dict(self._conninfo)
        self.backend = str(known.get("dbname", ""))
        self.password = None if "password" not in known else str(known["password"])

    def conninfo(self, database: str) -> str:
        """How the programs reach a database, but for the password."""
        known: dict[str, Any] = {**conninfo_to_dict(self._conninfo)}
        known.pop("password", None)
        return make_conninfo(**(known | {"dbname": database}))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other backups and restores off; drafts of dead ones are dropped."""
        with self._at(_MAINTENANCE) as admin:
            (free,) = _row(admin, "select pg_try_advisory_lock(%s)", _LOCK)
            if not free:
                raise ArchiveFailed(
                    "another backup or restore is at work on this server: wait for it"
                )
            left = admin.execute(
                "select datname from pg_database where starts_with(datname, %s)",
                [_DRAFT],
            ).fetchall()
            for (name,) in left:
                _run(admin, "drop database if exists {} with (force)", name)
            yield

    def version(self) -> int:
        """The server's version, as in 170011."""
        with self._at(_MAINTENANCE) as connection:
            return connection.info.server_version

    def projects(self) -> tuple[str, ...]:
        """The databases of projects: each belongs to the login of its own name."""
        with self._at(_MAINTENANCE) as connection:
            found = connection.execute(
                """
                select datname from pg_database join pg_roles r on r.oid = datdba
                 where datname = rolname and starts_with(datname, 'heddle_')
                   and datallowconn
                 order by 1
                """
            ).fetchall()
        return tuple(str(name) for (name,) in found)

    def exists(self, database: str) -> bool:
        """Whether there is a database of that name."""
        with self._at(_MAINTENANCE) as connection:
            return _has(connection, "pg_database", "datname", database)

    def is_empty(self, database: str) -> bool:
        """Whether a database has no table at all."""
        with self._at(database) as connection:
            return not _tables(connection)

    def timescaledb_versions(self) -> frozenset[str]:
        """The versions of TimescaleDB that the server brings."""
        with self._at(_MAINTENANCE) as connection:
            found = connection.execute(
                "select version from pg_available_extension_versions"
                " where name = 'timescaledb'"
            ).fetchall()
        return frozenset(str(version) for (version,) in found)

    @contextmanager
    def snapshot(self, database: str) -> Iterator[Snapshot]:
        """A database as it is now, for as long as the context lasts."""
        with self._at(database) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction():
                (id_,) = _row(connection, "select pg_export_snapshot()")
                yield Snapshot(connection, _facts(connection), str(id_))

    def contents(
        self, database: str, tell: Callable[[str], None]
    ) -> dict[str, Contents]:
        """What is in a database nobody else writes to."""
        with self._at(database) as connection:
            return _contents(connection, tell)

    @contextmanager
    def draft(self, owner: str, timescaledb: str | None) -> Iterator[str]:
        """A new database to restore into; it is dropped unless it was swapped in."""
        name = f"{_DRAFT}{secrets.token_hex(4)}"
        with self._at(_MAINTENANCE) as admin:
            if not _has(admin, "pg_roles", "rolname", owner):
                _run(admin, "create role {} login", owner)
            if owner != admin.info.user and not _is_superuser(admin):
                _run(admin, "grant {} to current_user", owner)
            _run(admin, "create database {} owner {} template template0", name, owner)
            _run(admin, "revoke connect, temporary on database {} from public", name)
        try:
            if timescaledb is not None:
                self._before_restore(name, timescaledb)
            yield name
        finally:
            with self._at(_MAINTENANCE) as admin:
                _run(admin, "drop database if exists {} with (force)", name)

    def restored(self, database: str) -> None:
        """Back to work with TimescaleDB after a restore, and new statistics."""
        with self._at(database) as connection:
            if _has(connection, "pg_extension", "extname", "timescaledb"):
                _row(connection, "select public.timescaledb_post_restore()")
            connection.execute("analyze")

    def swap_in(self, draft: str, database: str, *, keep: bool) -> str | None:
        """Give a draft the name; what had it is kept aside or dropped. Tells where."""
        aside = f"{database[:40]}-before-{draft.rpartition('-')[2]}"
        with self._at(_MAINTENANCE) as admin:
            there = _has(admin, "pg_database", "datname", database)
            if there:
                _run(admin, "alter database {} with allow_connections false", database)
                self._clear(admin, database)
                _run(admin, "alter database {} rename to {}", database, aside)
            try:
                self._clear(admin, draft)
                _run(admin, "alter database {} rename to {}", draft, database)
            except psycopg.Error:
                if there:
                    _run(admin, "alter database {} rename to {}", aside, database)
                    _run(
                        admin, "alter database {} with allow_connections true", database
                    )
                raise
            if there and not keep:
                _run(admin, "drop database {} with (force)", aside)
        return aside if there and keep else None

    def _clear(self, admin: Connection, database: str) -> None:
        """End every session in a database."""
        admin.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
            " where datname = %s and pid <> pg_backend_pid()",
            [database],
        )

    def _before_restore(self, database: str, version: str) -> None:
        with self._at(database) as connection:
            _run(
                connection,
                "create extension timescaledb schema public version {}",
                version,
            )
        with self._at(database) as connection:  # a session that has loaded it
            _row(connection, "select public.timescaledb_pre_restore()")

    @contextmanager
    def _at(self, database: str) -> Iterator[Connection]:
        with _told():
            connection = psycopg.connect(
                self._conninfo, dbname=database, autocommit=True
            )
            with closing(connection):
                yield connection


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise ArchiveFailed(" ".join(str(error).split())) from None


def _facts(connection: Connection) -> Facts:
    name, owner, size, version = _row(
        connection,
        """
        select datname, pg_get_userbyid(datdba), pg_database_size(oid),
               (select extversion from pg_extension where extname = 'timescaledb')
          from pg_database where datname = current_database()
        """,
    )
    return Facts(name=name, owner=owner, bytes=size, timescaledb=version)


def _contents(
    connection: Connection, tell: Callable[[str], None]
) -> dict[str, Contents]:
    found = {}
    for schema, table in _tables(connection):
        rows, checksum = _row(
            connection,
            sql.SQL(
                """
                select count(*), coalesce(sum(
                           ('x' || left(md5((this.*)::text), 16))::bit(64)::bigint
                       ), 0)::text
                  from {} as this
                """
            ).format(sql.Identifier(schema, table)),
        )
        found[f"{schema}.{table}"] = Contents(rows=rows, checksum=checksum)
        if rows >= _LARGE:
            tell(f"{rows} rows in {table}")
    return found


def _tables(connection: Connection) -> list[tuple[str, str]]:
    """Every table of ours; a partition or chunk counts with its table."""
    found = connection.execute(
        """
        select n.nspname, c.relname
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and not c.relispartition
           and n.nspname <> 'information_schema' and n.nspname !~ '^(pg_|_?timescaledb)'
         order by 1, 2
        """
    ).fetchall()
    return [(str(schema), str(table)) for schema, table in found]


def _is_superuser(connection: Connection) -> bool:
    (is_,) = _row(
        connection, "select rolsuper from pg_roles where rolname = current_user"
    )
    return bool(is_)


def _has(connection: Connection, catalog: str, column: str, name: str) -> bool:
    found = connection.execute(
        sql.SQL("select from {} where {} = %s").format(
            sql.Identifier("pg_catalog", catalog), sql.Identifier(column)
        ),
        [name],
    )
    return found.fetchone() is not None


def _run(connection: Connection, statement: str, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _row(
    connection: Connection, query: str | sql.Composed, *values: object
) -> tuple[Any, ...]:
    asked = query.encode() if isinstance(query, str) else query
    found = connection.execute(asked, values or None).fetchone()
    assert found is not None, "every such query has one row"  # noqa: S101
    return found
