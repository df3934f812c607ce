"""The service behind the real router, over both storages."""

import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import pytest_twisted
from nacl.signing import SigningKey
from psycopg.sql import SQL, Identifier
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from heddle.contract.declare import (
    FleetError,
    InvalidRequest,
    NotPermitted,
    StorageUnavailable,
)
from heddle.contract.history import (
    HISTORY,
    LATEST,
    LIVE,
    MAX_ROWS_PER_REPLY,
    RUN_EVENTS,
    Fill,
    HistoryQuery,
    LatestQuery,
    LiveValues,
    RunEventsQuery,
    TooManyRows,
)
from heddle.contract.people import (
    LIST_PROJECTS,
    PROJECT_CREATED,
    ListProjects,
    Project,
    ProjectList,
)
from heddle.contract.run_records import RUNS, RunsQuery
from heddle.contract.runs import RunNotFound
from heddle.contract.samples import (
    GAPS,
    INGEST,
    GapsQuery,
    Ingest,
    Receipt,
    SequenceGap,
    Stream,
)
from heddle.local.postgres import Postgres, embedded_bin
from heddle.tag_values import tag_values
from heddle.wamp.session import Caller, CallTimedOut, Session
from services.fleetdata.config import Config
from services.fleetdata.service import Fleetdata
from services.fleetdata.store.provision import database_name
from tests.support.batches import events, loss, losses, now_s, ramp, samples
from tests.support.databases import PASSWORD, running
from tests.support.ports import free_port
from tests.support.router import InProcRouter, MiniBackend
from tests.support.storage import Storage, storage
from tests.support.waiting import until

__all__ = ["storage"]

NOW_S = now_s()


class Setting:
    """A router, the backend's part, and a running fleetdata service."""

    def __init__(
        self, reactor: Any, router: InProcRouter, backend: MiniBackend, config: Config
    ) -> None:
        self.reactor = reactor
        self.router = router
        self.backend = backend
        self.config = config
        self.project = backend.projects[0]
        self.service = Fleetdata(reactor, config)
        self._stopped = False

    async def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            await self.service.stop()

    def device(self, key: SigningKey) -> Any:
        return self.router.joined(f"project_{self.project}", key)

    def owner(self, project: str | None = None) -> Any:
        realm = f"project_{project or self.project}"
        return self.router.joined(realm, self.router.owner_key)

    async def served(self, project: str | None = None) -> None:
        """Wait until a project's questions are answered."""

        async def answers() -> bool:
            async with self.owner(project) as session:
                await session.call(LATEST, LatestQuery(device="nobody"))
            return True

        await until(self.reactor, answers)


@asynccontextmanager
async def setting(
    router: InProcRouter, project: str, dsn: str, **changes: Any
) -> AsyncIterator[Setting]:
    """The service for the length of a ``with``."""
    key_file = router.folder / "fleetdata.key"
    key_file.write_text(router.service_key("fleetdata").encode().hex())
    config = replace(
        Config(router_url=router.url, key_file=key_file, database_url=dsn), **changes
    )
    async with router.backend(projects=(project,)) as backend:

        async def projects(_: ListProjects, caller: Caller) -> ProjectList:
            assert caller.role == "fleetdata"
            return ProjectList(
                projects=tuple(Project(project=p, name="") for p in backend.projects)
            )

        await backend.session.serve(LIST_PROJECTS, projects)
        found = Setting(router.reactor, router, backend, config)
        found.service.start()
        try:
            yield found
        finally:
            await found.stop()
            await deferLater(router.reactor, 0)  # lent links come back


@pytest_twisted.async_yield_fixture
async def plant(router: InProcRouter, storage: Storage) -> AsyncIterator[Setting]:
    async with setting(router, storage.project(), storage.running.dsn()) as found:
        await found.served()
        yield found


def bits(of: Any) -> list[Any]:
    return [(s.at_ms, s.mean) for s in of.series]


@pytest_twisted.ensureDeferred
async def test_what_a_device_sends_is_answered(plant: Setting) -> None:
    key = await plant.backend.device(plant.project, "press_7")
    async with plant.device(key) as device, plant.owner() as owner:
        rows = [
            ("temp", NOW_S - 2, 20.0, 0),
            ("temp", NOW_S - 1, 22.0, 1),
            ("ph", NOW_S - 1, 7.0, 0),
        ]
        receipt = await device.call(INGEST, samples(0, rows))
        assert receipt == Receipt(stream=Stream.SAMPLES, epoch="e1", next_number=3)
        receipt = await device.call(INGEST, events(0, [0, 1, 2], NOW_S))
        assert receipt.next_number == 3

        latest = await owner.call(LATEST, LatestQuery(device="press_7"))
        values = tag_values(latest.values)
        assert [(v.tag, v.unit, v.value, v.quality) for v in values] == [
            ("ph", "K", 7.0, 0),
            ("temp", "K", 22.0, 1),
        ]
        asked = HistoryQuery(
            device="press_7",
            tags=("temp", "gone", "ph"),
            from_ms=int(NOW_S - 10) * 1000,
            to_ms=int(NOW_S) * 1000,
        )
        history = await owner.call(HISTORY, asked)
        assert [(s.tag, s.unit) for s in history.series] == [
            ("temp", "K"),
            ("gone", ""),
            ("ph", "K"),
        ]
        assert bits(history)[0] == (
            (int(NOW_S - 2) * 1000, int(NOW_S - 1) * 1000),
            (20.0, 22.0),
        )
        assert history.series[0].quality == (0, 1)
        assert bits(history)[1] == ((), ())
        buckets = await owner.call(HISTORY, replace(asked, bucket_ms=86_400_000))
        (temp, _, _) = buckets.series
        assert (temp.mean, temp.low, temp.high, temp.count) == (
            *((21.0,), (20.0,), (22.0,)),
            (2,),
        )
        await check_runs(owner)


async def check_runs(owner: Session) -> None:
    """What was sent of run_1 is there, and of no other."""
    told = await owner.call(
        RUN_EVENTS, RunEventsQuery(device="press_7", run="run_1", first=1)
    )
    assert [event.number for event in told.events] == [1, 2]
    assert told.events[0].data == {"phaseId": "phase_1"}
    with pytest.raises(RunNotFound):
        await owner.call(RUN_EVENTS, RunEventsQuery(device="press_7", run="no"))
    listed = await owner.call(RUNS, RunsQuery(device="press_7", limit=1))
    assert [(one.run, one.events) for one in listed.runs] == [("run_1", 3)]
    assert listed.more is None


@pytest_twisted.ensureDeferred
async def test_repeats_and_gaps_are_told_apart(plant: Setting) -> None:
    key = await plant.backend.device(plant.project, "press_7")
    async with plant.device(key) as device:
        for first in (0, 0, 2):
            receipt = await device.call(INGEST, ramp(first, 5, NOW_S - 100))
        assert receipt.next_number == 7
        with pytest.raises(SequenceGap) as gap:
            await device.call(INGEST, ramp(9, 5, NOW_S))
        assert gap.value.details == {"wanted": 7}


@pytest_twisted.ensureDeferred
async def test_a_bad_batch_is_refused_and_the_session_lives_on(plant: Setting) -> None:
    key = await plant.backend.device(plant.project, "press_7")
    async with plant.device(key) as device, plant.owner() as owner:
        good = ramp(0, 5, NOW_S)
        assert good.samples is not None
        for bad in (
            replace(good, samples=replace(good.samples, quality=b"\7" * 5)),
            samples(0, [("temp", NOW_S, float("inf"), 0)]),
            replace(good, stream=Stream.RUN_EVENTS),
        ):
            with pytest.raises(InvalidRequest):
                await device.call(INGEST, bad)
        assert (await device.call(INGEST, good)).next_number == 5
        with pytest.raises(InvalidRequest, match="from_ms"):
            await owner.call(
                HISTORY, HistoryQuery(device="x", tags=("t",), from_ms=5, to_ms=5)
            )
        with pytest.raises(NotPermitted):
            await owner.call(INGEST, good)


@pytest_twisted.ensureDeferred
async def test_wrong_typed_columns_are_refused_by_name_and_counted(
    plant: Setting,
) -> None:
    key = await plant.backend.device(plant.project, "press_7")
    good = ramp(0, 5, NOW_S)
    assert good.samples is not None
    wrong: list[tuple[str, Any]] = [
        ("at", "soon"),
        ("value", [1.0, 2.0]),
        ("tags", [{"tag": 5}]),
        ("tags", [{"tag": "t", "type": "colour"}]),
        ("texts", [b"x"]),
        ("quality", None),
    ]
    async with plant.device(key) as device:
        for name, value in wrong:
            columns = replace(good.samples, **{name: value})
            with pytest.raises(InvalidRequest, match=rf"\$\.samples\.{name}"):
                await device.call(INGEST, replace(good, samples=columns))
        assert (await device.call(INGEST, good)).next_number == 5
    counted = plant.service._registry.get_sample_value(
        "heddle_fleetdata_refusals_total",
        {"project": plant.project, "reason": "invalid_request"},
    )
    assert counted == len(wrong)


@pytest_twisted.ensureDeferred
async def test_gaps_are_asked_for_over_the_wire(plant: Setting) -> None:
    key = await plant.backend.device(plant.project, "press_7")
    async with plant.device(key) as device, plant.owner() as owner:
        await device.call(INGEST, ramp(0, 5, NOW_S, epoch="one"))
        await device.call(INGEST, ramp(0, 5, NOW_S, epoch="two"))
        await device.call(INGEST, losses(0, loss("one", 5, 3, NOW_S)))
        found = await owner.call(GAPS, GapsQuery(device="press_7"))
        assert not found.complete
        assert [(e.stream, e.epoch, e.state.value) for e in found.epochs] == [
            ("losses", "l1", "open"),
            ("samples", "one", "closed"),
            ("samples", "two", "open"),
        ]
        assert [(one.first, one.count) for one in found.losses] == [(5, 3)]
        later = GapsQuery(device="press_7", from_ms=int(NOW_S + 1) * 1000)
        assert (await owner.call(GAPS, later)).complete
        with pytest.raises(InvalidRequest, match="empty"):
            await owner.call(GAPS, replace(later, to_ms=0))
        with pytest.raises(NotPermitted):
            await device.call(GAPS, later)


@pytest_twisted.ensureDeferred
async def test_the_largest_answer_passes_the_router(plant: Setting) -> None:
    key = await plant.backend.device(plant.project, "press_7")
    start_s = NOW_S - 60_000
    async with plant.device(key) as device, plant.owner() as owner:
        for first in range(0, 50_000, 10_000):
            await device.call(INGEST, ramp(first, 10_000, start_s))

        async def history(seconds: int, bucket_ms: int | None) -> Any:
            return await owner.call(
                HISTORY,
                HistoryQuery(
                    device="press_7",
                    tags=("temp",),
                    from_ms=int(start_s) * 1000,
                    to_ms=int(start_s + seconds) * 1000,
                    bucket_ms=bucket_ms,
                    limit=MAX_ROWS_PER_REPLY,
                ),
            )

        assert len((await history(40_000, None)).series[0].mean) == 40_000
        assert len((await history(15_000, 1000)).series[0].mean) == 15_000
        with pytest.raises(TooManyRows, match="50000 rows"):
            await history(60_000, None)
        with pytest.raises(TooManyRows, match="50000 rows"):
            await history(60_000, 1000)
        assert len((await history(60_000, 60_000)).series[0].mean) in (834, 835)


@pytest_twisted.ensureDeferred
async def test_history_comes_in_pages(plant: Setting) -> None:
    key = await plant.backend.device(plant.project, "press_7")
    async with plant.device(key) as device, plant.owner() as owner:
        await device.call(INGEST, ramp(0, 2500, NOW_S - 3000))
        query = HistoryQuery(
            device="press_7",
            tags=("temp",),
            from_ms=int(NOW_S - 5000) * 1000,
            to_ms=int(NOW_S) * 1000,
            limit=1000,
            page="",
        )
        found: list[float | None] = []
        sizes = []
        while query.page is not None:
            page = await owner.call(HISTORY, query)
            sizes.append(sum(len(series.mean) for series in page.series))
            found += [value for series in page.series for value in series.mean]
            query = replace(query, page=page.next_page)
        assert sizes == [1000, 1000, 500]
        assert found == [float(n) for n in range(2500)]
        with pytest.raises(InvalidRequest, match="no `next_page`"):
            await owner.call(HISTORY, replace(query, page="nonsense"))
        with pytest.raises(InvalidRequest, match="fill is for buckets"):
            await owner.call(HISTORY, replace(query, fill=Fill.NULL))
        with pytest.raises(InvalidRequest, match="page is for raw"):
            await owner.call(HISTORY, replace(query, page="", bucket_ms=1000))


@pytest_twisted.ensureDeferred
async def test_live_values_are_the_newest_stored_ones(plant: Setting) -> None:
    key = await plant.backend.device(plant.project, "press_7")
    heard: list[LiveValues] = []
    async with plant.device(key) as device, plant.owner() as owner:
        await owner.hear(LIVE, lambda live, _: heard.append(live), device="press_7")
        rows = [("temp", NOW_S - 2, 20.0, 0), ("temp", NOW_S - 1, 22.0, 1)]
        await device.call(INGEST, samples(0, [*rows, ("ph", NOW_S, float("nan"), 2)]))

        async def told() -> bool:
            return bool(heard)

        await until(plant.reactor, told)
        (live,) = heard
        assert live.device == "press_7"
        assert {v.tag: (v.value, v.quality) for v in tag_values(live.values)} == {
            "temp": (22.0, 1),
            "ph": (None, 2),
        }
        heard.clear()
        # late and repeated samples are no news
        await device.call(INGEST, samples(3, [("temp", NOW_S - 500, 1.0, 0)]))
        await device.call(INGEST, samples(0, rows))
        await device.call(INGEST, samples(4, [("ph", NOW_S + 1, 7.0, 0)]))
        await until(plant.reactor, told)
        assert [live.values.tags for live in heard] == [("ph",)]


@pytest_twisted.ensureDeferred
async def test_devices_at_once_each_get_their_receipt(plant: Setting) -> None:
    names = [f"press_{n}" for n in range(10)]
    keys = [await plant.backend.device(plant.project, name) for name in names]
    joined = [plant.device(key) for key in keys]
    sessions = [await one.__aenter__() for one in joined]
    try:
        receipts = await gatherResults(
            [
                deferred(session.call(INGEST, ramp(0, n + 1, NOW_S - 100)))
                for n, session in enumerate(sessions)
            ]
        )
        assert [r.next_number for r in receipts] == list(range(1, 11))
    finally:
        for one in joined:
            await one.__aexit__()
    async with plant.owner() as owner:
        for n, name in enumerate(names):
            latest = await owner.call(LATEST, LatestQuery(device=name))
            assert [v.value for v in tag_values(latest.values)] == [float(n)]


def deferred(work: Any) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(work)


@pytest_twisted.ensureDeferred
async def test_a_new_project_is_served_at_once(
    plant: Setting, storage: Storage
) -> None:
    other = storage.project()
    await plant.backend.open(other)
    await plant.backend.session.published(
        PROJECT_CREATED, Project(project=other, name="Other")
    )
    await plant.served(other)


@pytest_twisted.ensureDeferred
async def test_a_database_gone_is_made_anew(plant: Setting, storage: Storage) -> None:
    key = await plant.backend.device(plant.project, "press_7")
    async with plant.device(key) as device:
        await device.call(INGEST, ramp(0, 5, NOW_S))
        with closing(psycopg.connect(storage.running.dsn(), autocommit=True)) as admin:
            admin.execute(
                SQL("drop database {} with (force)").format(
                    Identifier(database_name(plant.project))
                )
            )

        async def stored() -> bool:
            return (await device.call(INGEST, ramp(0, 5, NOW_S))).next_number == 5

        with pytest.raises(StorageUnavailable):
            await stored()
        await until(plant.reactor, stored)


@pytest_twisted.ensureDeferred
async def test_the_service_comes_back_after_a_router_restart(plant: Setting) -> None:
    await plant.router.restart()
    async with plant.router.backend(projects=(plant.project,)) as backend:
        await backend.session.serve(
            LIST_PROJECTS,
            lambda _, __: async_value(
                ProjectList(projects=(Project(project=plant.project, name=""),))
            ),
        )
        await plant.served()


async def async_value(value: Any) -> Any:
    return value


class OwnServer:
    """A PostgreSQL of the test's own, to kill and start again."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.postgres = Postgres(embedded_bin(), folder / "data", free_port())
        self._stack = stack
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = self._stack.enter_context(running(self.postgres)).process

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)  # at once, to recover from its log
        self.process.wait(60)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        assert self.process is not None
        server = psutil.Process(self.process.pid)
        family = [server, *server.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in family:
                process.resume()

    def dsn(self) -> str:
        return self.postgres.dsn("postgres", PASSWORD)


@contextmanager
def own_server() -> Iterator[OwnServer]:
    with (
        tempfile.TemporaryDirectory(prefix="heddle-own-") as folder,
        ExitStack() as stack,
    ):
        yield OwnServer(stack, Path(folder))


@pytest_twisted.ensureDeferred
async def test_the_service_waits_for_its_database(router: InProcRouter) -> None:
    with own_server() as server:
        async with setting(router, "plant", server.dsn()) as plant:
            key = await plant.backend.device("plant", "press_7")
            async with plant.device(key) as device:

                async def unavailable() -> bool:
                    with pytest.raises(StorageUnavailable, match="does not answer"):
                        await device.call(INGEST, ramp(0, 5, NOW_S))
                    return True

                await until(plant.reactor, unavailable)
                await deferToThread(server.start)
                await plant.served()
                receipt = await device.call(INGEST, ramp(0, 5, NOW_S))
                assert receipt.next_number == 5


@pytest_twisted.ensureDeferred
async def test_a_database_that_hangs_does_not_hold_up_the_stop(
    router: InProcRouter,
) -> None:
    with own_server() as server:
        await deferToThread(server.start)
        async with setting(router, "plant", server.dsn()) as plant:
            await plant.served()
            key = await plant.backend.device("plant", "press_7")
            async with plant.device(key) as device:
                await device.call(INGEST, ramp(0, 5, NOW_S))
                with server.frozen():
                    with pytest.raises(CallTimedOut):
                        await device.call(INGEST, ramp(5, 5, NOW_S), timeout_s=0.3)
                    await plant.stop()  # its queries are answered never


class Sender:
    """An agent's outbox in short: sends its numbers, repeats until acknowledged."""

    def __init__(self, session: Session, until_number: int) -> None:
        self._session = session
        self._until = until_number
        self.failures = 0

    async def run(self, reactor: Any) -> None:
        next_number = 0
        while next_number < self._until:
            batch: Ingest = ramp(next_number, 20, NOW_S - 5000)
            try:
                receipt = await self._session.call(INGEST, batch, timeout_s=5)
            except FleetError:
                self.failures += 1
                await deferLater(reactor, 0.02)
            else:
                assert receipt.next_number == next_number + 20
                next_number = receipt.next_number


@pytest_twisted.ensureDeferred
async def test_a_database_restart_under_load_loses_and_doubles_nothing(
    router: InProcRouter,
) -> None:
    devices = 5
    with own_server() as server:
        await deferToThread(server.start)
        async with setting(router, "plant", server.dsn()) as plant:
            await plant.served()
            names = [f"press_{n}" for n in range(devices)]
            keys = [await plant.backend.device("plant", name) for name in names]
            joined = [plant.device(key) for key in keys]
            senders = [Sender(await one.__aenter__(), 3000) for one in joined]
            sending = gatherResults([deferred(s.run(plant.reactor)) for s in senders])
            for _ in range(3):
                await deferLater(plant.reactor, 0.3)
                assert not sending.called, "the load ended too early to prove anything"
                await deferToThread(server.kill)
                await deferLater(plant.reactor, 0.1)
                await deferToThread(server.start)
            await sending.addTimeout(100, plant.reactor)
            for one in joined:
                await one.__aexit__()
            assert sum(sender.failures for sender in senders) > 0
        dsn = server.postgres.dsn(database_name("plant"), PASSWORD)
        with closing(psycopg.connect(dsn)) as connection:
            counted = connection.execute(
                "select device, count(*), count(distinct value), sum(value)"
                " from sample join tag on tag.id = tag_id group by 1 order by 1"
            ).fetchall()
            assert counted == [
                (name, 3000, 3000, sum(map(float, range(3000)))) for name in names
            ]
