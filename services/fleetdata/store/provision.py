"""A project's database and login: made, closed to everyone else, and migrated.

Everything here may be repeated and may run in several processes at once. The login's
password is derived from the service's key, so that it need not be kept anywhere.
"""

import hmac
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from twisted.logger import Logger
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import parse_uri
from yoyo.exceptions import LockTimeout
from yoyo.migrations import default_migration_table

from heddle.newer import refuse_newer
from services.fleetdata.store.links import StoreUnreachable

log = Logger()

MIGRATIONS = Path(__file__).parent / "migrations"
CONNECT_TIMEOUT_S = 5
_LOCK = 0x48454444  # "HEDD": one provisioning at a time on a server
_LONGEST_NAME = 63  # PostgreSQL cuts names longer than this


class BadDatabaseUrl(Exception):
    """The database URL cannot be read."""


@dataclass(frozen=True, slots=True)
class Server:
    """A database server: how we reach it, and the secret the passwords derive from."""

    admin: str  # conninfo of a login that may create databases and roles
    secret: bytes

    @classmethod
    def at(cls, url: str, password: str | None, secret: bytes) -> "Server":
        """The server of a libpq URL or conninfo. Raises ``BadDatabaseUrl``."""
        override = {} if password is None else {"password": password}
        try:
            admin = make_conninfo(url, connect_timeout=CONNECT_TIMEOUT_S, **override)
        except psycopg.Error:  # its words repeat the URL, password and all
            raise BadDatabaseUrl(
                "it is no PostgreSQL URL such as postgresql://user@host:5432/postgres"
            ) from None
        return cls(admin, secret)

    @property
    def place(self) -> str:
        """Where the server is, for people."""
        found = conninfo_to_dict(self.admin)
        host = found.get("host") or "the local socket"
        return f"{host}:{found['port']}" if found.get("port") else str(host)

    def password(self, project: str) -> str:
        """The password of a project's login."""
        text = f"heddle fleetdata login of {project}"
        return hmac.new(self.secret, text.encode(), sha256).hexdigest()

    def conninfo(self, project: str, timeout_s: float) -> str:
        """How a project's login reaches its database; statements end in time."""
        name = database_name(project)
        options = (
            f"-c statement_timeout={int(timeout_s * 1000)} -c lock_timeout=10000 "
            "-c timezone=UTC -c idle_in_transaction_session_timeout=60000"
        )
        return make_conninfo(
            self.admin,
            dbname=name,
            user=name,
            password=self.password(project),
            options=options,
            application_name="heddle-fleetdata",
            tcp_user_timeout=15_000,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )


def database_name(project: str) -> str:
    """The name of a project's database and of its login.

    Ids too long for PostgreSQL are shortened; the hyphen keeps them apart from ids.
    """
    name = f"heddle_{project}"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:50]}-{sha256(project.encode()).hexdigest()[:12]}"


def open_project(server: Server, project: str) -> None:
    """Make and migrate a project's database, as far as it is not there yet.

    Raises ``StoreUnreachable`` while the server does not answer, and ``NewerStore``
    for a database of a newer version's.
    """
    try:
        with closing(psycopg.connect(server.admin, autocommit=True)) as admin:
            admin.execute("select pg_advisory_lock(%s)", [_LOCK])
            _make(admin, server, project)
            _extend(server, database_name(project))
            _migrate(server, project)
    except (psycopg.OperationalError, LockTimeout) as error:
        raise StoreUnreachable(" ".join(str(error).split())) from None


def _make(admin: Connection, server: Server, project: str) -> None:
    """The login, and the database that belongs to it."""
    name = database_name(project)
    login = sql.Identifier(name)
    if not _exists(admin, "select from pg_roles where rolname = %s", name):
        admin.execute(sql.SQL("create role {} login").format(login))
        log.info("made the database login {name}", name=name)
    # Hashed here, so that the password itself is in nobody's log.
    hashed = admin.pgconn.encrypt_password(
        server.password(project).encode(), name.encode(), b"scram-sha-256"
    )
    admin.execute(
        sql.SQL("alter role {} password {}").format(login, sql.Literal(hashed.decode()))
    )
    if not _exists(
        admin, "select from pg_roles where rolname = current_user and rolsuper"
    ):  # only a member of a role may give it a database
        admin.execute(sql.SQL("grant {} to current_user").format(login))
    if not _exists(admin, "select from pg_database where datname = %s", name):
        admin.execute(
            sql.SQL("create database {} owner {} template template0").format(
                login, login
            )
        )
        log.info("made the database {name}", name=name)
    admin.execute(
        sql.SQL("revoke connect, temporary on database {} from public").format(login)
    )


def _extend(server: Server, name: str) -> None:
    """Switch TimescaleDB on where the server has it loaded."""
    conninfo = make_conninfo(server.admin, dbname=name)
    with closing(psycopg.connect(conninfo, autocommit=True)) as admin:
        fresh = _exists(
            admin,
            """
            select from pg_available_extensions
             where name = 'timescaledb' and installed_version is null
               and to_regclass('sample') is null
            """,
        )
        if not fresh:
            return
        try:
            if _exists(
                admin,
                "select where current_setting('shared_preload_libraries') like %s",
                "%timescaledb%",
            ):
                admin.execute("create extension if not exists timescaledb")
        except psycopg.errors.InsufficientPrivilege:
            log.warn(
                "{name}: the administrating login may not create the extension "
                "timescaledb; using plain partitions",
                name=name,
            )


def _exists(connection: Connection, query: str, *args: str) -> bool:
    return connection.execute(query.encode(), args).fetchone() is not None


class _Migrations(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """Yoyo's backend, sparing it to ask the machine for its users and its name."""

    def get_log_data(
        self, migration: Any = None, operation: str = "apply"
    ) -> Mapping[str, object]:
        """What yoyo writes into its log."""
        os.environ.setdefault("LOGNAME", "fleetdata")
        return super().get_log_data(migration, operation)  # type: ignore[no-any-return]


def _migrate(server: Server, project: str) -> None:
    """Apply the migrations still missing, as the project's own login."""
    parts = {
        key: value
        for key, value in conninfo_to_dict(server.conninfo(project, 600)).items()
        if value is not None and key != "dbname"
    }
    uri = f"postgresql+psycopg:///{database_name(project)}?{urlencode(parts)}"
    with _Migrations(parse_uri(uri), default_migration_table) as backend:
        backend.init_database()
        backend.break_lock()  # a dead process's: the living ones are held off above
        with backend.lock():
            known = read_migrations(str(MIGRATIONS))
            missing = backend.to_apply(known)
            applied = backend.execute("select migration_id from _yoyo_migration")
            refuse_newer(
                f"the database {database_name(project)}",
                [row[0] for row in applied.fetchall()],
                [each.id for each in known],
            )
            for migration in missing:
                log.info("{project}: {id}", project=project, id=migration.id)
            backend.apply_migrations(missing)
