"""Real PostgreSQL servers for tests, and an empty database for each test that asks.

``plain_database`` is a DSN in PostgreSQL without TimescaleDB (the embedded wheel's),
``timescale_database`` one with it; ``either_database`` runs the test on both. A server
starts when first asked for (about a second) and serves the whole session.
"""

import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from heddle.local.postgres import Postgres, embedded_bin
from tests.support.neighbours import need, timescaledb_bin
from tests.support.ports import free_port

Kind = Literal["embedded", "timescaledb"]
PASSWORD = "weaver's: secret/1"  # has what a URI must quote
# A test's database need not outlive a power cut.
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Server:
    """A running server that makes and drops databases."""

    def __init__(self, postgres: Postgres, process: subprocess.Popen[bytes]) -> None:
        self.postgres = postgres
        self.process = process

    def dsn(self, database: str = "postgres") -> str:
        """A DSN for the superuser, with the password."""
        return self.postgres.dsn(database, PASSWORD)

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """An empty database, or a copy of ``template``; its DSN."""
        name = f"test_{secrets.token_hex(4)}"
        with closing(psycopg.connect(self.dsn(), autocommit=True)) as connection:
            connection.execute(
                SQL("create database {} template {}").format(
                    Identifier(name), Identifier(template)
                )
            )
            try:
                yield self.dsn(name)
            finally:
                connection.execute(
                    SQL("drop database {} with (force)").format(Identifier(name))
                )


def programs(kind: Kind) -> Path:
    """The folder of programs of one kind; skips the test if they are missing."""
    if kind == "embedded":
        return embedded_bin()
    need("timescaledb")
    found = timescaledb_bin()
    assert found is not None
    return found


@contextmanager
def running(
    postgres: Postgres, databases: tuple[str, ...] = (), *, within_s: float = 60
) -> Iterator[Server]:
    """Initialise and start a server, and stop it at the end."""
    postgres.initialise(PASSWORD, databases)
    argv, env = postgres.command()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(argv, env=env, stdout=said, stderr=said)
        try:
            deadline = time.monotonic() + within_s
            while not postgres.ready(process.pid):
                if process.poll() is not None or time.monotonic() > deadline:
                    said.seek(0)
                    pytest.fail(f"{argv} did not start:\n{said.read().decode()}")
                time.sleep(0.02)  # another process's file: nothing to wait on
            yield Server(postgres, process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(within_s)


@contextmanager
def postgres_server(kind: Kind) -> Iterator[Server]:
    """A server on a free port with its data in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix=f"heddle-{kind}-") as folder:
        data = Path(folder) / "data"
        with running(Postgres(programs(kind), data, free_port(), QUICK)) as server:
            yield server


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[Server]:
    """PostgreSQL of the embedded wheel."""
    with postgres_server("embedded") as server:
        yield server


@pytest.fixture(scope="session")
def timescaledb_server() -> Iterator[Server]:
    """PostgreSQL that brings TimescaleDB."""
    with postgres_server("timescaledb") as server:
        yield server


@pytest.fixture
def plain_database(embedded_server: Server) -> Iterator[str]:
    """The DSN of an empty database without TimescaleDB."""
    with embedded_server.database() as dsn:
        yield dsn


@pytest.fixture
def timescale_database(timescaledb_server: Server) -> Iterator[str]:
    """The DSN of an empty database where TimescaleDB can be created."""
    with timescaledb_server.database() as dsn:
        yield dsn


@pytest.fixture(params=["embedded", "timescaledb"])
def either_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The DSN of an empty database: the test runs without and with TimescaleDB."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    with server.database() as dsn:
        yield dsn
