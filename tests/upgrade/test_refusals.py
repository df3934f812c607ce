"""What a newer Heddle wrote is left alone, and told in one sentence."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import pytest_twisted
from nacl.signing import SigningKey
from twisted.internet import reactor

from edge_agent.budget import Budget
from edge_agent.outbox import Outbox
from edge_agent.outbox_store import OutboxStore
from heddle.contract.declare import StorageUnavailable
from heddle.newer import NewerStore, refuse_newer
from heddle.wamp.blocking import Blocking
from services.backend.store.database import Database as Backends
from services.backend.store.database import conninfo
from services.fleetdata.database import Database, Doors, Keep
from services.fleetdata.store.provision import open_project
from tests.support.databases import Server as RunningServer
from tests.support.ports import free_port
from tests.support.stack import ROOT
from tests.support.storage import Storage, storage_on
from tests.support.waiting import becomes, until

NEWER = "insert into _yoyo_migration (migration_hash, migration_id) values ('x', '{}')"
LATER = "9999.of-a-later-version"


def test_only_what_is_unknown_is_refused() -> None:
    refuse_newer("the database x", ["1.a"], ["1.a", "2.b"])
    refuse_newer("the database x", [], ["1.a"])
    with pytest.raises(NewerStore) as refusal:
        refuse_newer("the database x", ["1.a", "3.c", "4.d"], ["1.a", "2.b"])
    assert str(refusal.value) == (
        "the database x was brought to 4.d by a newer Heddle, this one knows up to "
        "2.b: run the newer one again, or restore the backup that was made before the "
        "upgrade"
    )


@pytest_twisted.ensureDeferred
async def test_an_agent_leaves_a_newer_outbox_alone(tmp_path: Path) -> None:
    file = tmp_path / "outbox.sqlite"
    OutboxStore(file, Budget(1 << 20)).close()
    with closing(sqlite3.connect(file)) as db:
        db.execute("pragma user_version = 3")
        db.execute("alter table kept add column of_a_later_version integer")
    before = file.read_bytes()
    outbox = Outbox(reactor, file, Budget(1 << 20))
    with pytest.raises(NewerStore, match="has format 3, this agent knows up to 2: run"):
        await outbox.open()
    assert file.read_bytes() == before  # and not put aside as a broken one


@pytest_twisted.ensureDeferred
async def test_a_backend_does_not_start_on_a_newer_database(
    plain_database: str, tmp_path: Path
) -> None:
    database = Backends(reactor, conninfo(plain_database, None), 1)
    database.start()
    try:
        await database.migrate()
        with psycopg.connect(plain_database, autocommit=True) as link:
            link.execute(NEWER.format(LATER))
        with pytest.raises(NewerStore, match=f"was brought to {LATER} by a newer"):
            await database.migrate()
    finally:
        database.stop()
    ended = _backend(plain_database, tmp_path)
    assert ended.returncode == 2
    assert f"was brought to {LATER} by a newer Heddle" in ended.stderr
    assert ended.stderr.count("\n") == 1


def _backend(dsn: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The program, until it ends."""
    (folder / "key").write_text(SigningKey.generate().encode().hex())
    (folder / "password").write_text("a long enough password")
    settings = {
        "ROUTER_URL": f"rs://127.0.0.1:{free_port()}",
        "KEY_FILE": str(folder / "key"),
        "ADMIN_PASSWORD_FILE": str(folder / "password"),
        "DATABASE_URL": dsn,
    }
    return subprocess.run(
        [sys.executable, "-m", "services.backend"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, **{f"BACKEND_{k}": v for k, v in settings.items()}},
    )


@pytest_twisted.ensureDeferred
async def test_fleetdata_refuses_a_newer_project_and_serves_the_others(
    embedded_server: RunningServer,
) -> None:
    doors = Doors(*(Blocking(reactor, name, 1) for name in ("w", "r", "o")))
    doors.start()
    with storage_on(embedded_server) as storage:
        newer, usual = storage.project(), storage.project()
        open_project(storage.server, newer)
        conninfo_of = storage.server.conninfo(newer, 30)
        with closing(psycopg.connect(conninfo_of, autocommit=True)) as link:
            link.execute(NEWER.format(LATER))
        with pytest.raises(NewerStore, match=f"heddle_{newer} was brought to {LATER}"):
            open_project(storage.server, newer)
        served = {each: _database(doors, storage, each) for each in (newer, usual)}
        for database in served.values():
            database.start()

        async def is_told() -> bool:
            try:
                await served[newer].read(lambda _: None)
            except StorageUnavailable as refusal:
                return "by a newer Heddle" in str(refusal)
            return False

        await until(reactor, is_told)
        await becomes(reactor, lambda: served[usual].is_open)
        assert not served[newer].is_open
        for database in served.values():
            await database.stop()
        doors.stop()


def _database(doors: Doors, storage: Storage, project: str) -> Database:
    return Database(
        reactor,
        doors,
        storage.server,
        project,
        keep=Keep.at_least(90, 400, 3650),
        write_timeout_s=30,
        read_timeout_s=10,
    )
