"""Fleetdata and its database are killed in the middle of groups, or held up.

Devices send what has numbers, three batches under way at once, and repeat what they
have no receipt for. In the end each item is there once, as the checksums tell.
"""

import hashlib
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import (
    ExitStack,
    asynccontextmanager,
    closing,
    contextmanager,
    suppress,
)
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from heddle.contract.declare import FleetError, StorageUnavailable
from heddle.contract.devices import TagType
from heddle.contract.history import LATEST, LatestQuery
from heddle.contract.people import LIST_PROJECTS, ListProjects, Project, ProjectList
from heddle.contract.samples import GAPS, INGEST, GapsQuery, Ingest
from heddle.local.postgres import Postgres, embedded_bin
from heddle.wamp.session import Caller, Session
from services.fleetdata.store.provision import database_name
from tests.support.batches import TypedRow, now_s, ramp, typed_samples
from tests.support.databases import PASSWORD, running
from tests.support.ports import free_port
from tests.support.router import InProcRouter, MiniBackend, router
from tests.support.waiting import until

__all__ = ["router"]

pytestmark = pytest.mark.timeout(400)

NOW_S = now_s()
DEVICES = ("press_1", "press_2", "press_3")
BATCH, WINDOW = 40, 3
ENOUGH = 1_200  # items of each device
KILLS = 2
QUEUE_BYTES = 8_000_000


def batch(first: int) -> Ingest:
    """Numbers and texts by turns; each tells its number in the stream."""
    rows: list[TypedRow] = []
    for n in range(first, first + BATCH):
        if n % 2:
            rows.append(("note", TagType.TEXT, NOW_S - 9000 + n, f"n{n}", 0))
        else:
            rows.append(("temp", TagType.FLOAT, NOW_S - 9000 + n, float(n), 0))
    return typed_samples(first, rows)


class Service:
    """The process of fleetdata."""

    def __init__(self, **settings: object) -> None:
        self._env = os.environ | {
            f"FLEETDATA_{key.upper()}": str(value) for key, value in settings.items()
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.fleetdata"], env=self._env
        )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(60)


class Database:
    """A PostgreSQL of the test's own."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._postgres = Postgres(embedded_bin(), folder / "data", free_port())
        self._stack = stack
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = self._stack.enter_context(running(self._postgres)).process

    def kill(self) -> None:
        """All of it at once; a later start recovers from the log."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()  # first: it would start others in their place
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        self.process.wait(60)
        psutil.wait_procs(children, 60)

    def dsn(self, database: str = "postgres") -> str:
        return self._postgres.dsn(database, PASSWORD)


@contextmanager
def a_database() -> Iterator[Database]:
    with (
        tempfile.TemporaryDirectory(prefix="heddle-kills-") as folder,
        ExitStack() as stack,
    ):
        yield Database(stack, Path(folder))


@asynccontextmanager
async def a_plant(
    router: InProcRouter, database: Database
) -> AsyncIterator[tuple[MiniBackend, Service]]:
    """The backend's part and the service's process, ready to store."""
    await deferToThread(database.start)
    key_file = router.folder / "fleetdata.key"
    key_file.write_text(router.service_key("fleetdata").encode().hex())
    service = Service(
        router_url=router.url,
        key_file=key_file,
        database_url=database.dsn(),
        queue_bytes=QUEUE_BYTES,
    )
    async with router.backend(projects=("plant",)) as backend:

        async def projects(_: ListProjects, caller: Caller) -> ProjectList:
            return ProjectList(projects=(Project(project="plant", name=""),))

        await backend.session.serve(LIST_PROJECTS, projects)
        service.start()
        try:
            await serving(router)
            yield backend, service
        finally:
            service.kill()


async def serving(router: InProcRouter) -> None:
    async def answers() -> bool:
        async with router.joined("project_plant", router.owner_key) as owner:
            await owner.call(LATEST, LatestQuery(device="nobody"))
        return True

    await until(router.reactor, answers, within_s=120)


class Sender:
    """An agent's outbox in short."""

    def __init__(self, reactor: Any, session: Session) -> None:
        self._reactor = reactor
        self._session = session
        self.acknowledged = 0
        self.failures = 0
        self.enough = False

    async def run(self) -> None:
        """Until all of ``ENOUGH`` is acknowledged, and told that it is enough."""
        while self.acknowledged < ENOUGH or not self.enough:
            await gatherResults(
                [
                    Deferred.fromCoroutine(self._send(self.acknowledged + n * BATCH))
                    for n in range(WINDOW)
                ]
            )

    async def _send(self, first: int) -> None:
        try:
            receipt = await self._session.call(INGEST, batch(first), timeout_s=5)
        except FleetError:
            self.failures += 1
            await deferLater(self._reactor, 0.02)
        else:
            self.acknowledged = max(self.acknowledged, receipt.next_number)


def checksum(texts: Sequence[str]) -> str:
    return hashlib.sha256(",".join(texts).encode()).hexdigest()


def stored(dsn: str, device: str) -> tuple[int, str]:
    """How many items are stored of a device, and their checksum."""
    with closing(psycopg.connect(dsn)) as connection:
        found = connection.execute(
            """
            select at, value::int::text from sample join tag on id = tag_id
             where device = %(device)s
            union all
            select at, substr(value, 2) from sample_text join tag on id = tag_id
             where device = %(device)s
            order by 1
            """,
            {"device": device},
        ).fetchall()
    return len(found), checksum([text for _, text in found])


async def storm(
    router: InProcRouter, backend: MiniBackend, database: Database, strike: Any
) -> None:
    """Devices send while ``strike`` does its harm; then all is compared."""
    reactor, chance = router.reactor, random.Random(4)  # noqa: S311
    keys = [await backend.device("plant", name) for name in DEVICES]
    async with ExitStackOf(router, keys) as sessions:
        senders = [Sender(reactor, session) for session in sessions]
        sending = gatherResults([Deferred.fromCoroutine(s.run()) for s in senders])
        for _ in range(KILLS):
            before = sum(sender.acknowledged for sender in senders)

            async def goes_on(before: int = before) -> bool:
                return sum(sender.acknowledged for sender in senders) > before

            await until(reactor, goes_on, within_s=120)
            await deferLater(reactor, chance.random() * 0.1)
            await strike()
        for sender in senders:
            sender.enough = True
        await sending.addTimeout(180, reactor)
        await serving(router)
        assert sum(sender.failures for sender in senders) > 0
        async with router.joined("project_plant", router.owner_key) as owner:
            for name, sender in zip(DEVICES, senders, strict=True):
                found = await owner.call(GAPS, GapsQuery(device=name))
                (epoch,) = found.epochs
                assert found.complete
                count = epoch.next_number
                assert count >= sender.acknowledged >= ENOUGH
                told = checksum([str(n) for n in range(count)])
                dsn = database.dsn(database_name("plant"))
                assert stored(dsn, name) == (count, told)


class ExitStackOf:
    """Sessions of several devices, for the length of an ``async with``."""

    def __init__(self, router: InProcRouter, keys: Sequence[Any]) -> None:
        self._joined = [router.joined("project_plant", key) for key in keys]

    async def __aenter__(self) -> list[Session]:
        return [await one.__aenter__() for one in self._joined]

    async def __aexit__(self, *_: object) -> None:
        for one in self._joined:
            await one.__aexit__()


@pytest_twisted.ensureDeferred
async def test_the_service_killed_under_load_loses_and_doubles_nothing(
    router: InProcRouter,
) -> None:
    with a_database() as database:
        async with a_plant(router, database) as (backend, service):

            async def strike() -> None:
                await deferToThread(service.kill)
                service.start()

            await storm(router, backend, database, strike)


@pytest_twisted.ensureDeferred
async def test_the_database_killed_under_load_loses_and_doubles_nothing(
    router: InProcRouter,
) -> None:
    with a_database() as database:
        async with a_plant(router, database) as (backend, _):

            async def strike() -> None:
                await deferToThread(database.kill)
                await deferToThread(database.start)

            await storm(router, backend, database, strike)


@pytest_twisted.ensureDeferred
async def test_memory_stays_flat_while_the_database_is_held_up(
    router: InProcRouter,
) -> None:
    with a_database() as database:
        async with a_plant(router, database) as (backend, service):
            keys = [await backend.device("plant", name) for name in DEVICES]
            async with ExitStackOf(router, keys) as sessions:
                for session in sessions:
                    await session.call(INGEST, ramp(0, 10, NOW_S))
                assert service.process is not None
                process = psutil.Process(service.process.pid)
                before = process.memory_info().rss
                dsn = database.dsn(database_name("plant"))
                with closing(psycopg.connect(dsn)) as connection:
                    connection.execute("lock table stream in access exclusive mode")
                    flood = Flood(router.reactor, sessions)
                    await flood.most_were_refused()
                    grown = process.memory_info().rss - before
                    connection.rollback()
                await flood.done()
                assert min(flood.retry_in_ms) > 0
                assert grown < 5 * QUEUE_BYTES
                last = await sessions[0].call(INGEST, ramp(0, 10, NOW_S))
                assert last.next_number >= 10


class Flood:
    """Each device sends batches without waiting: many times what may wait."""

    ROWS, BATCHES = 2_000, 1_500
    HELD = QUEUE_BYTES // (19 * ROWS)  # at most so many may wait

    def __init__(self, reactor: Any, sessions: Sequence[Session]) -> None:
        self._reactor = reactor
        self.retry_in_ms: list[int] = []
        self._answers: list[Deferred[None]] = []
        self._sending = [Deferred.fromCoroutine(self._send(s)) for s in sessions]

    async def _send(self, session: Session) -> None:
        big = ramp(10, self.ROWS, NOW_S - 20_000)
        for _ in range(self.BATCHES // len(DEVICES)):
            self._answers.append(Deferred.fromCoroutine(self._one(session, big)))
            await deferLater(self._reactor, 0.002)

    async def _one(self, session: Session, big: Ingest) -> None:
        try:
            await session.call(INGEST, big, timeout_s=300)
        except StorageUnavailable as busy:
            self.retry_in_ms.append(int(str(busy.details.get("retry_in_ms", 1))))

    async def most_were_refused(self) -> None:
        async def look() -> bool:
            return len(self.retry_in_ms) >= self.BATCHES - 2 * self.HELD

        await until(self._reactor, look, within_s=100)

    async def done(self) -> None:
        await gatherResults(self._sending)
        await gatherResults(self._answers)
