"""Backup and restore on real servers, without and with TimescaleDB."""

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from services.fleetdata.backup import manifest
from services.fleetdata.backup.making import back_up, prove
from services.fleetdata.backup.manifest import NotABackup
from services.fleetdata.backup.programs import BackupFailed, Programs
from services.fleetdata.backup.restoring import restore
from services.fleetdata.store.archive import ArchiveFailed, Cluster
from services.fleetdata.store.provision import Server, database_name, open_project
from tests.support import databases
from tests.support.storage import KINDS, Storage, storage_on

DAYS = 3


@dataclass
class Bench:
    """A server with a backend's database and one project's."""

    storage: Storage
    dsn: str  # of the backend's database
    project: str
    folder: Path

    @property
    def cluster(self) -> Cluster:
        return Cluster(self.dsn)

    @property
    def programs(self) -> Programs:
        bin_dir = self.storage.running.postgres.bin_dir
        return Programs(bin_dir, databases.PASSWORD)

    @property
    def name(self) -> str:
        return database_name(self.project)

    def back_up(self, **options: Any) -> list[str]:
        told: list[str] = []
        back_up(
            self.cluster, self.programs, self.folder, (self.project,), told.append,
            **options,
        )  # fmt: skip
        return told

    def restore(self, *projects: str, **options: Any) -> tuple[str, ...]:
        return restore(
            self.cluster,
            self.programs,
            self.folder,
            projects,
            lambda _: None,
            **options,
        )

    def ask(self, query: str, database: str | None = None) -> list[Any]:
        dsn = self.storage.running.dsn(database or self.name)
        with closing(psycopg.connect(dsn, autocommit=True)) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def drop(self, database: str) -> None:
        dsn = self.storage.running.dsn()
        with closing(psycopg.connect(dsn, autocommit=True)) as admin:
            drop = SQL("drop database {} with (force)")
            admin.execute(drop.format(Identifier(database)))

    def named_like(self, pattern: str) -> list[str]:
        dsn = self.storage.running.dsn()
        with closing(psycopg.connect(dsn, autocommit=True)) as admin:
            found = admin.execute(
                "select datname from pg_database where datname like %s", [pattern]
            ).fetchall()
        return [name for (name,) in found]


@contextmanager
def bench_on(running: databases.Server, folder: Path) -> Iterator[Bench]:
    with storage_on(running) as storage, running.database() as dsn:
        project = storage.project()
        open_project(storage.server, project)
        bench = Bench(storage, dsn, project, folder)
        fill(bench)
        yield bench
        for aside in bench.named_like("%-before-%"):
            bench.drop(aside)


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    running = request.getfixturevalue(f"{request.param}_server")
    with bench_on(running, tmp_path / "backup") as bench:
        yield bench


@pytest.fixture(scope="module")
def made(
    embedded_server: databases.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """A bench with a backup, for tests that change neither."""
    with bench_on(embedded_server, tmp_path_factory.mktemp("made") / "backup") as bench:
        bench.back_up(verify=False)
        yield bench


@pytest.fixture
def plain(made: Bench, tmp_path: Path) -> Bench:
    """The same without the backup."""
    return replace(made, folder=tmp_path / "backup")


@pytest.fixture
def copied(made: Bench, tmp_path: Path) -> Bench:
    """The same with a copy of the backup."""
    shutil.copytree(made.folder, tmp_path / "backup")
    return replace(made, folder=tmp_path / "backup")


def fill(bench: Bench) -> None:
    """Samples of three days, and something in the backend's database."""
    timescale = bench.ask("select 1 from pg_extension where extname = 'timescaledb'")
    days = [f"2026-03-0{day + 1}" for day in range(DAYS)]
    bench.ask("insert into tag (device, tag, unit) values ('press_7', 'tempé', '°C')")
    for day in days:
        if not timescale:
            bench.ask(
                f"create table sample_{day.replace('-', '_')} partition of sample"
                f" for values from ('{day}') to ('{day}'::timestamptz + '1 day')"
            )
        bench.ask(
            "insert into sample (tag_id, at, value, quality)"  # noqa: S608
            f" select 1, '{day}'::timestamptz + n * interval '1 second',"
            "         nullif(sin(n), 0), n % 3"
            "   from generate_series(0, 499) as n"
        )
    backend = psycopg.conninfo.conninfo_to_dict(bench.dsn)["dbname"]
    bench.ask("create table project as select 'plant' as id", str(backend))


SUM = "select count(*), sum(value), min(at), max(at) from sample"


def test_a_backup_is_proven_and_restored_as_it_was_made(bench: Bench) -> None:
    """It is whole, belongs to its login, is closed to others, and can be written."""
    before = bench.ask(SUM)
    told = bench.back_up()
    assert f"{bench.name}: the test restore has every row" in told
    found = manifest.read(bench.folder)
    assert found.databases[1].tables["public.sample"].rows == 500 * DAYS
    assert bench.named_like("heddle-draft-%") == []

    bench.drop(bench.name)
    assert bench.restore(bench.project) == ()
    assert bench.ask(SUM) == before
    assert bench.named_like("heddle-draft-%") == []
    assert bench.ask(
        "select pg_get_userbyid(datdba),"
        "       has_database_privilege('public', oid, 'connect')"
        "  from pg_database where datname = current_database()"
    ) == [(bench.name, False)]
    open_project(bench.storage.server, bench.project)
    link = bench.storage.link(bench.project)
    link.perform(
        lambda link: link.connection.execute(
            "insert into tag (device, tag, unit) values ('press_7', 'new', '')"
        )
    )
    assert bench.ask("select max(id) from tag") == [(2,)]
    if bench.ask("select 1 from pg_extension where extname = 'timescaledb'"):
        chunks = bench.ask("select count(*) from public.show_chunks('sample')")
        assert chunks == [(DAYS,)]
        assert bench.ask("show timescaledb.restoring") == [("off",)]


def test_what_is_there_is_replaced_only_when_told_and_kept(bench: Bench) -> None:
    """And what is written while a backup is made is not in it."""

    def tell(word: str) -> None:
        if word == f"{bench.name}: dumping":
            bench.ask("insert into sample select * from sample limit 100")

    cluster, programs = bench.cluster, bench.programs
    back_up(cluster, programs, bench.folder, (bench.project,), tell)
    assert bench.ask("select count(*) from sample") == [(500 * DAYS + 100,)]
    with pytest.raises(BackupFailed, match=rf"{bench.name} exist.*--replace"):
        bench.restore()
    kept = bench.restore(replace=True)
    assert bench.ask("select count(*) from sample") == [(500 * DAYS,)]
    assert len(kept) == 2
    assert sorted(bench.named_like("%-before-%")) == sorted(kept)


def test_a_restore_that_differs_is_refused(copied: Bench) -> None:
    file = copied.folder / manifest.NAME
    told = json.loads(file.read_text())
    told["databases"][1]["tables"]["public.sample"]["checksum"] = "1"
    told["databases"][1]["tables"]["public.tag"]["rows"] = 7
    file.write_text(json.dumps(told))
    with pytest.raises(
        BackupFailed,
        match=r"sample has other rows; public\.tag has 1 rows instead of 7",
    ):
        copied.restore(copied.project, replace=True)
    assert copied.named_like("%-before-%") == []
    assert copied.named_like("heddle-draft-%") == []


def test_a_backup_is_proven_later_too(copied: Bench) -> None:
    told: list[str] = []
    prove(copied.cluster, copied.programs, copied.folder, told.append)
    assert f"{copied.name}: the test restore has every row" in told

    file = copied.folder / "manifest.json"
    wrong = json.loads(file.read_text())
    wrong["databases"][1]["tables"]["public.sample"]["checksum"] = "1"
    file.write_text(json.dumps(wrong))
    with pytest.raises(BackupFailed, match="sample has other rows"):
        prove(copied.cluster, copied.programs, copied.folder, told.append)
    assert copied.named_like("heddle-draft-%") == []


def test_a_damaged_file_is_named_before_anything_is_done(copied: Bench) -> None:
    file = copied.folder / f"{copied.name}.dump"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(NotABackup, match=f"{file} is damaged"):
        copied.restore(replace=True)
    file.unlink()
    with pytest.raises(NotABackup, match=f"{file}: No such file"):
        copied.restore(replace=True)


def test_what_a_dead_backup_left_is_dropped(plain: Bench) -> None:
    plain.ask('create database "heddle-draft-dead"', "postgres")
    with plain.cluster.alone():
        assert plain.named_like("heddle-draft-%") == []


def test_two_at_once_are_refused(plain: Bench) -> None:
    with plain.cluster.alone(), pytest.raises(ArchiveFailed, match="wait for it"):
        plain.back_up()
    assert not plain.folder.exists()


def test_an_administrator_need_not_be_superuser(
    embedded_server: databases.Server, tmp_path: Path
) -> None:
    """One that may make databases and roles, and owns the backend's database."""
    admin = f"admin_{secrets.token_hex(4)}"
    with closing(psycopg.connect(embedded_server.dsn(), autocommit=True)) as root:
        role = SQL("create role {} login createdb createrole password 'pw'")
        root.execute(role.format(Identifier(admin)))
        with storage_on(embedded_server) as storage:
            dsn = psycopg.conninfo.make_conninfo(
                embedded_server.dsn(), user=admin, password="pw", dbname=admin
            )
            make = SQL("create database {} owner {}")
            root.execute(make.format(Identifier(admin), Identifier(admin)))
            try:
                project = storage.project()
                open_project(Server.at(dsn, None, b"key"), project)
                bin_dir = embedded_server.postgres.bin_dir
                cluster, programs = Cluster(dsn), Programs(bin_dir, "pw")
                folder = tmp_path / "backup"
                back_up(cluster, programs, folder, (project,), str)
                kept = restore(cluster, programs, folder, (project,), str, replace=True)
                for name in kept:
                    drop = SQL("drop database {} with (force)")
                    root.execute(drop.format(Identifier(name)))
            finally:
                storage.close()
                drop = SQL("drop database {} with (force)")
                root.execute(drop.format(Identifier(admin)))
                root.execute(SQL("drop role {}").format(Identifier(admin)))


def test_a_folder_in_use_is_refused(plain: Bench) -> None:
    plain.folder.mkdir()
    (plain.folder / "photo").touch()
    with pytest.raises(BackupFailed, match="exists already: name a new folder"):
        plain.back_up()


def test_a_folder_that_cannot_be_made_is_named(plain: Bench) -> None:
    plain = replace(plain, folder=Path("/proc/backup"))
    with pytest.raises(BackupFailed, match=r"/proc/backup\.unfinished cannot be made"):
        plain.back_up()


def test_a_project_that_is_not_there_is_named(plain: Bench) -> None:
    plain = replace(plain, project="nobody")
    with pytest.raises(BackupFailed, match="'nobody' has no database heddle_nobody"):
        plain.back_up()


def test_programs_of_another_version_are_refused(plain: Bench, tmp_path: Path) -> None:
    for name in ("pg_dump", "pg_restore"):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 9.6.1'\n")
        script.chmod(0o755)
    with pytest.raises(BackupFailed, match=r"pg_dump is version 9: .*--postgres-bin"):
        back_up(plain.cluster, Programs(tmp_path), plain.folder, (), str)


def test_programs_that_are_not_there_are_named(plain: Bench, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="pg_dump cannot be run"):
        back_up(plain.cluster, Programs(tmp_path), plain.folder, (), str)


def test_a_full_disk_is_told_and_nothing_is_left(plain: Bench, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    real = plain.storage.running.postgres.bin_dir
    (tmp_path / "bin/pg_restore").symlink_to(real / "pg_restore")
    script = tmp_path / "bin/pg_dump"
    script.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exec {real}/pg_dump --version\n'
        "echo 'pg_dump: error: could not write to output file: No space left on device'"
        " >&2\nexit 1\n"
    )
    script.chmod(0o755)
    with pytest.raises(BackupFailed, match=r"there is no room left in .* \(.* free\)"):
        back_up(plain.cluster, Programs(tmp_path / "bin"), plain.folder, (), str)
    assert not list(tmp_path.glob("backup*"))


def test_a_server_that_is_not_there_is_told(plain: Bench) -> None:
    plain = replace(plain, dsn=psycopg.conninfo.make_conninfo(plain.dsn, port=1))
    with pytest.raises(ArchiveFailed, match="Connection refused"):
        plain.back_up()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is no backup of Heddle: manifest.json: No such file"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 2, "heddle": "9.0"}', "has format 2, this Heddle reads 1.*9.0"),
        ('{"format": 1}', "is damaged: .*missing"),
    ],
)
def test_a_folder_that_is_no_backup_is_told(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / manifest.NAME).write_text(content)
    with pytest.raises(NotABackup, match=sentence):
        manifest.read(tmp_path)


def test_a_newer_servers_backup_is_refused(copied: Bench) -> None:
    file = copied.folder / manifest.NAME
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"server_version": 990000}))
    with pytest.raises(BackupFailed, match="made on PostgreSQL 99, this server is 18"):
        copied.restore()


def test_a_backup_with_timescaledb_needs_it(copied: Bench) -> None:
    file = copied.folder / manifest.NAME
    told = json.loads(file.read_text())
    told["databases"][1]["timescaledb"] = "2.19.3"
    file.write_text(json.dumps(told))
    with pytest.raises(BackupFailed, match=r"needs TimescaleDB 2\.19\.3.*brings none"):
        copied.restore()


def test_the_password_is_in_no_argument(plain: Bench) -> None:
    assert databases.PASSWORD not in plain.cluster.conninfo("x")
    assert plain.cluster.password == databases.PASSWORD
