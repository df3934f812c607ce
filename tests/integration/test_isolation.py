"""A project's login, in an attacker's hands, on a real server of either kind.

The login owns its own database, so everything PostgreSQL lets an owner do is tried:
every way to another project's data or the backend's must be closed.
"""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import pytest_twisted
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from services.backend.store.database import Database, conninfo
from services.fleetdata.store.links import Link
from services.fleetdata.store.provision import database_name, open_project
from tests.support.storage import KINDS, Storage, storage_on


@dataclass(frozen=True)
class Stage:
    """Two projects with samples, the backend's database, and the first one's login."""

    storage: Storage
    mine: str  # names of databases
    theirs: str
    backend: str
    login: dict[str, str]

    def as_admin(self, database: str) -> psycopg.Connection[Any]:
        dsn = self.storage.running.dsn(database)
        return psycopg.connect(dsn, autocommit=True)

    def log_in(self, database: str, **more: Any) -> psycopg.Connection[Any]:
        dsn = make_conninfo(self.storage.running.dsn(database), **self.login, **more)
        return psycopg.connect(dsn, autocommit=True)

    @contextmanager
    def at_home(self) -> Iterator[psycopg.Connection[Any]]:
        with closing(self.log_in(self.mine)) as connection:
            yield connection


def fill(storage: Storage, project: str) -> None:
    def put(link: Link) -> None:
        link.connection.execute(
            "insert into stream (device, stream, epoch) values ('a', 'samples', 'e')"
        )

    storage.link(project).perform(put)


async def migrate_backend(dsn: str) -> None:
    database = Database(reactor, conninfo(dsn, None), 1)
    database.start()
    try:
        await database.migrate()
    finally:
        database.stop()


@pytest.fixture(scope="module", params=KINDS)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    running = request.getfixturevalue(f"{request.param}_server")
    with storage_on(running) as storage, running.database() as dsn:
        projects = storage.project(), storage.project()
        for project in projects:
            open_project(storage.server, project)
            fill(storage, project)
        pytest_twisted.blockon(Deferred.fromCoroutine(migrate_backend(dsn)))
        mine, theirs = map(database_name, projects)
        backend = str(conninfo_to_dict(dsn)["dbname"])
        password = storage.server.password(projects[0])
        login = {"user": mine, "password": password}
        yield Stage(storage, mine, theirs, backend, login)


def test_it_reads_and_writes_its_own(stage: Stage) -> None:
    with stage.at_home() as home:
        assert home.execute("select count(*) from stream").fetchone() == (1,)
        home.execute("update stream set next_number = 5")
        home.execute("create table scratch as select 1 as one")


@pytest.mark.parametrize("which", ["theirs", "backend"])
def test_it_cannot_connect_elsewhere(stage: Stage, which: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for data"):
        stage.log_in(getattr(stage, which))


@pytest.mark.parametrize("kind", ["database", "true"])
def test_it_cannot_stream_the_servers_changes(stage: Stage, kind: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"(?i)replication|pg_hba"):
        stage.log_in(stage.mine, replication=kind)


def test_its_login_has_no_powers_and_belongs_to_nobody(stage: Stage) -> None:
    with stage.as_admin("postgres") as admin:
        powers = admin.execute(
            "select rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
            "  from pg_roles where rolname = %s",
            [stage.mine],
        ).fetchone()
        groups = admin.execute(
            "select count(*) from pg_auth_members where member = %s::regrole",
            [f'"{stage.mine}"'],
        ).fetchone()
    assert powers == (False,) * 5
    assert groups == (0,)


ATTEMPTS = {
    "naming another database's table": "select * from {theirs}.public.stream",
    "becoming the other": "set role {theirs}",
    "becoming the administrator": "set role {admin}",
    "changing the session's user": "set session authorization {theirs}",
    "joining the other": "grant {theirs} to {mine}",
    "joining who reads everything": "grant pg_read_all_data to {mine}",
    "taking the other's database": "alter database {theirs} owner to {mine}",
    "renaming the other's database": "alter database {theirs} rename to gone",
    "dropping the other's database": "drop database {theirs}",
    "copying the other's database": "create database copy template {theirs}",
    "changing the other's password": "alter role {theirs} password 'mine'",
    "changing the administrator's password": "alter role {admin} password 'mine'",
    "rising": "alter role {mine} superuser",
    "rising a little": "alter role {mine} createdb createrole",
    "dblink": "create extension dblink",
    "a foreign server": "create extension postgres_fdw",
    "a foreign file": "create extension file_fdw",
    "administration": "create extension adminpack",
    "peeking at pages": "create extension pageinspect",
    "a program": "copy (select 1) to program 'id'",
    "a program's output": "copy sample from program 'id'",
    "a file": "create temp table f (t text); copy f from '/etc/passwd'",
    "writing a file": "copy (select 1) to '/tmp/heddle-isolation'",
    "reading a file": "select pg_read_file('PG_VERSION')",
    "reading bytes": "select pg_read_binary_file('PG_VERSION')",
    "listing files": "select pg_ls_dir('base')",
    "a large object from a file": "select lo_import('/etc/passwd')",
    "a large object to a file": "select lo_export(1, '/tmp/heddle-isolation')",
    "a library": "load '/tmp/evil.so'",
    "a function in C": "create function f() returns int language c as '/tmp/evil.so'",
    "a function in internal": (
        "create function f(oid) returns text language internal as 'pg_read_file_all'"
    ),
    "an untrusted language": "create extension plpython3u",
    "a subscription": (
        "create subscription s connection 'dbname=x' publication p"
        " with (connect = false)"
    ),
    "a replication slot": "select pg_create_logical_replication_slot('s', 'pgoutput')",
    "a tablespace": "create tablespace t location '/tmp'",
    "the server's settings": "alter system set log_statement = 'all'",
    "an archive command": "set archive_command = 'id'",
    "a preloaded library": "set session_preload_libraries = 'evil'",
    "passwords": "select rolpassword from pg_authid",
    "passwords again": "select passwd from pg_shadow",
    "users' mappings": "select * from pg_user_mapping",
    "statistics of columns": "select stavalues1 from pg_statistic",
    "an event trigger": (
        "create function e() returns event_trigger language plpgsql as"
        " 'begin end'; create event trigger t on ddl_command_end execute function e()"
    ),
    "ending the others' sessions": (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where usename <> current_user or usename is null"
    ),
    "the log": "select pg_current_logfile()",
    "the configuration": "select * from pg_hba_file_rules",
    "changing a system catalog": (
        "update pg_database set datacl = null where datname = current_database()"
    ),
}
"""Each must fail for want of a right, or because it is not there at all."""

DENIED = (
    errors.InsufficientPrivilege,
    errors.FeatureNotSupported,  # cross-database references
    errors.UndefinedFile,  # an extension this server does not bring
    errors.CantChangeRuntimeParam,
)


def test_no_trick_leads_out(stage: Stage) -> None:
    """One session, every attempt: what succeeded is the list, and it is empty."""
    names = {
        "mine": Identifier(stage.mine),
        "theirs": Identifier(stage.theirs),
        "admin": Identifier("heddle"),
    }
    succeeded = []
    with stage.at_home() as home:
        for what, attempt in ATTEMPTS.items():
            try:
                home.execute(SQL(attempt).format(**names))
            except DENIED:
                continue
            succeeded.append(what)
    assert succeeded == []


@pytest.mark.parametrize("which", ["theirs", "backend"])
def test_it_cannot_let_itself_in(stage: Stage, which: str) -> None:
    """PostgreSQL answers such a GRANT with an error or, granting nothing, a warning."""
    door = getattr(stage, which)
    attempt = SQL("grant connect on database {} to {}")
    with stage.at_home() as home, suppress(errors.InsufficientPrivilege):
        home.execute(attempt.format(Identifier(door), Identifier(stage.mine)))
    with pytest.raises(psycopg.OperationalError, match="permission denied for data"):
        stage.log_in(door)


def test_what_others_ask_is_hidden(stage: Stage) -> None:
    secret = f"select '{secrets.token_hex(8)}'"
    with stage.as_admin(stage.theirs) as other, stage.at_home() as home:
        other.execute(secret.encode())
        seen = home.execute(
            "select query from pg_stat_activity where datname = %s", [stage.theirs]
        ).fetchall()
    assert seen
    assert not any(secret in query for (query,) in seen)


@pytest.mark.parametrize("door", ["postgres", "template1"])
def test_common_databases_are_no_way_round(stage: Stage, door: str) -> None:
    """Whoever gets into a database all may enter finds nothing, and leaves nothing."""
    try:
        connection = stage.log_in(door)
    except psycopg.OperationalError:
        return
    with closing(connection) as common:
        for attempt in (
            "create table public.left_behind (x int)",
            "create schema mine",
            "create extension dblink",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                common.execute(attempt.encode())


def test_a_database_made_anew_is_as_closed(stage: Stage) -> None:
    """Opening again closes what somebody opened."""
    with stage.as_admin("postgres") as admin:
        admin.execute(
            SQL("grant connect on database {} to public").format(
                Identifier(stage.theirs)
            )
        )
    open_project(stage.storage.server, stage.storage.projects[1])
    with pytest.raises(psycopg.OperationalError, match="permission denied for data"):
        stage.log_in(stage.theirs)
