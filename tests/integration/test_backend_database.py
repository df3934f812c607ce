"""The backend's door to PostgreSQL while PostgreSQL comes and goes."""

import signal
from contextlib import ExitStack, contextmanager

import psutil
import psycopg
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from heddle.contract.declare import Role, StorageUnavailable
from heddle.contract.devices import LIST_DEVICES, CodeUsed, ListDevices
from heddle.local.postgres import Postgres, embedded_bin
from heddle.wamp.session import Caller
from services.backend.fleet.enrolment import keep_code, redeem
from services.backend.store import people, projects
from services.backend.store.database import Database, conninfo
from tests.support.databases import PASSWORD, QUICK, Server, running
from tests.support.fleet import running_fleet
from tests.support.ports import free_port
from tests.support.waiting import until


class Fragile:
    """A server of the test's own, to be stopped, frozen and started again."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._running = ExitStack()
        self.server: Server | None = None

    @property
    def dsn(self) -> str:
        return self._postgres.dsn("heddle", PASSWORD)

    def start(self) -> None:
        self.server = self._running.enter_context(running(self._postgres, ("heddle",)))

    def stop(self) -> None:
        self._running.close()

    @contextmanager
    def frozen(self):
        assert self.server is not None
        main = psutil.Process(self.server.process.pid)
        everyone = [main, *main.children()]
        for process in everyone:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in everyone:
                process.send_signal(signal.SIGCONT)


@pytest.fixture
def fragile(tmp_path):
    server = Fragile(Postgres(embedded_bin(), tmp_path / "pg", free_port(), QUICK))
    server.start()
    yield server
    server.stop()


@pytest_twisted.async_yield_fixture
async def database(fragile):
    made = Database(reactor, conninfo(fragile.dsn, None), 2)
    made.start()
    await made.migrate()
    yield made
    made.stop()


@pytest_twisted.ensureDeferred
async def test_a_restart_costs_nothing_afterwards(fragile, database) -> None:
    await database(projects.insert, "plant", "")
    fragile.stop()
    for _ in range(3):
        with pytest.raises(StorageUnavailable, match="does not answer; try again"):
            await database(projects.every)
    fragile.start()
    assert [row.project for row in await database(projects.every)] == ["plant"]


@pytest_twisted.ensureDeferred
async def test_cut_connections_are_replaced(fragile, database) -> None:
    await database(projects.every)
    with psycopg.connect(fragile.dsn, autocommit=True) as other:
        other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'heddle-backend'"
        )
    assert await database(projects.every) == []


@pytest_twisted.ensureDeferred
async def test_a_frozen_server_is_an_error_and_no_hang(
    fragile, database, monkeypatch
) -> None:
    await database(projects.every)
    with fragile.frozen(), monkeypatch.context() as impatient:
        impatient.setattr(database, "_answer_within_s", 1.0)
        tries = [
            Deferred.fromCoroutine(_refused(database(projects.insert, name, "")))
            for name in ("a", "b", "c")
        ]
        assert await gatherResults(tries) == [True, True, True]

    async def answers() -> bool:
        return await database(projects.every) is not None

    await until(reactor, answers)
    found = {row.project for row in await database(projects.every)}
    assert "c" not in found  # waited for a thread until its caller had given up


async def _refused(call) -> bool:
    try:
        await call
    except StorageUnavailable:
        return True
    return False


@pytest_twisted.ensureDeferred
async def test_what_fails_half_way_leaves_nothing(database) -> None:
    def half(connection) -> None:
        projects.insert(connection, "plant", "")
        people.insert(connection, "vera", "hash")
        raise KeyError("defect")

    with pytest.raises(KeyError):
        await database(half)
    assert await database(projects.every) == []


@pytest_twisted.ensureDeferred
async def test_two_backends_may_migrate_at_once_even_after_a_killed_one(
    fragile, database
) -> None:
    with psycopg.connect(fragile.dsn) as connection:
        connection.execute("insert into yoyo_lock values (1, now(), 4711)")
    await gatherResults([Deferred.fromCoroutine(database.migrate()) for _ in range(2)])


@pytest_twisted.ensureDeferred
async def test_the_service_outlives_its_database(fragile, tmp_path) -> None:
    folder = tmp_path / "fleet"
    folder.mkdir()
    async with (
        running_fleet(reactor, fragile.dsn, folder) as fleet,
        fleet.owner() as owner,
    ):
        await owner.call(LIST_DEVICES, ListDevices())
        fragile.stop()
        with pytest.raises(StorageUnavailable):
            await owner.call(LIST_DEVICES, ListDevices())
        fragile.start()
        await owner.call(LIST_DEVICES, ListDevices())
        fragile.stop()
        await fleet.router.restart()  # the backend cannot settle without its database
        fragile.start()
        await fleet.served()


@pytest_twisted.ensureDeferred
async def test_a_unix_socket_and_a_password_of_its_own_will_do(tmp_path) -> None:
    postgres = Postgres(embedded_bin(), tmp_path / "pg", None, QUICK)
    with running(postgres, ("heddle",)):
        database = Database(reactor, conninfo(postgres.dsn("heddle"), PASSWORD), 1)
        database.start()
        try:
            await database.migrate()
            assert await database(projects.insert, "plant", "")
        finally:
            database.stop()


def enrolling(key: str) -> Caller:
    return Caller(session=1, authid=key * 64, role=Role.ENROLLING, request_id="r")


@pytest_twisted.ensureDeferred
async def test_a_code_being_redeemed_keeps_the_next_key_waiting(
    fragile, database
) -> None:
    await database(projects.insert, "plant", "")
    await database(keep_code, "a code", "plant", "press_7", "edge", "admin", 60)
    with psycopg.connect(fragile.dsn) as connection:
        assert redeem(connection, "a code", enrolling("a")).device == "press_7"
        second = Deferred.fromCoroutine(database(redeem, "a code", enrolling("b")))
        await deferLater(reactor, 0.3)
        assert not second.called
    with pytest.raises(CodeUsed):
        await second


@pytest_twisted.ensureDeferred
async def test_another_login_is_kept_out(fragile, database) -> None:
    with psycopg.connect(fragile.dsn, autocommit=True) as connection:
        connection.execute("create role heddle_stranger login")
        (allowed,) = connection.execute(
            "select has_database_privilege('heddle_stranger', 'heddle', 'connect')"
        ).fetchone()
    assert allowed is False
