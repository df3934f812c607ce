"""The database's disk runs full: a real small file system, a real service."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from heddle.contract.declare import StorageUnavailable
from heddle.contract.history import LATEST, LatestQuery
from heddle.contract.samples import INGEST, Receipt
from tests.integration.test_fleetdata import Setting, setting
from tests.support.batches import now_s, ramp
from tests.support.databases import Server
from tests.support.disk import small_disk_at
from tests.support.router import running_router
from tests.support.storage import storage_on
from tests.support.waiting import until

NOW_S = now_s()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Four megabytes."""
    with small_disk_at(tmp_path / "disk", 4) as where:
        yield where


@pytest_twisted.async_yield_fixture
async def plant(
    small_disk: Path, tmp_path: Path, embedded_server: Server
) -> AsyncIterator[Any]:
    async with running_router(reactor, tmp_path) as router:
        with storage_on(embedded_server) as storage:
            async with setting(
                router,
                storage.project(),
                storage.running.dsn(),
                guard_path=small_disk,
                guard_warn_mb=3,
                guard_refuse_mb=2,
            ) as found:
                await found.served()
                yield found


@pytest_twisted.ensureDeferred
async def test_it_refuses_to_store_and_still_answers(
    plant: Setting, small_disk: Path
) -> None:
    key = await plant.backend.device(plant.project, "press_7")
    ballast = small_disk / "ballast"
    async with plant.device(key) as device, plant.owner() as owner:
        await device.call(INGEST, ramp(0, 10, NOW_S))
        ballast.write_bytes(b"x" * 3_000_000)

        answers: list[Receipt | StorageUnavailable] = []

        async def answered(kind: type) -> bool:
            try:
                answers.append(await device.call(INGEST, ramp(10, 10, NOW_S)))
            except StorageUnavailable as refusal:
                answers.append(refusal)
            return isinstance(answers[-1], kind)

        await until(plant.reactor, lambda: answered(StorageUnavailable))
        refusal = answers[-1]
        assert isinstance(refusal, StorageUnavailable)
        assert refusal.details["reason"] == "disk_full"
        assert str(small_disk) in str(refusal)
        latest = await owner.call(LATEST, LatestQuery(device="press_7"))
        assert len(latest.values.tags) == 1

        ballast.unlink()
        await until(plant.reactor, lambda: answered(Receipt))
        receipt = answers[-1]
        assert isinstance(receipt, Receipt)
        assert receipt.next_number == 20
