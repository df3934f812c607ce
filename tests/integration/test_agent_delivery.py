"""From the outbox to fleetdata's end of the ledger, over a real router."""

import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from edge_agent.budget import Budget
from edge_agent.delivery import Delivery
from edge_agent.outbox import Outbox, OutboxFailed
from edge_agent.packing import count
from heddle.contract.alarms import AlarmTransition
from heddle.contract.declare import InvalidRequest, StorageUnavailable
from heddle.contract.runs import RunEvents, WorkflowEvent
from heddle.contract.samples import SampleColumns, SampleTag, Stream
from heddle.wamp.keys import load_key
from tests.support.centre import items_of
from tests.support.device import DEVICE, PROJECT, Ledger, Site, running_site
from tests.support.disk import small_disk_at
from tests.support.router import InProcRouter
from tests.support.waiting import until


@pytest_twisted.async_yield_fixture
async def site(router: InProcRouter, tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(router, tmp_path) as found:
        yield found


@pytest_twisted.async_yield_fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    opened = Outbox(reactor, tmp_path / "outbox.sqlite", Budget(1 << 20))
    await opened.open()
    yield opened
    await opened.close()


def one(value: float) -> SampleColumns:
    return SampleColumns(
        tags=(SampleTag(tag="t"),),
        tag=struct.pack("<H", 0),
        at=struct.pack("<q", int(value)),
        value=struct.pack("<d", value),
        quality=b"\0",
    )


def put_aside(folder: Path) -> bytes:
    """What was in the outbox that could not be opened."""
    (aside,) = folder.glob("outbox.broken-*")
    return aside.read_bytes()


class Link:
    """The device's session, with a delivery of every stream on it."""

    def __init__(self, site: Site, outbox: Outbox) -> None:
        key = load_key(site.data / "device.key")
        self._joined = site.router.joined(f"project_{PROJECT}", key)
        self._deliveries = [Delivery(reactor, outbox, each) for each in Stream]

    async def __aenter__(self) -> None:
        session = await self._joined.__aenter__()
        for delivery in self._deliveries:
            delivery.start(session)

    async def __aexit__(self, *_: object) -> None:
        for delivery in self._deliveries:
            delivery.stop()
        await self._joined.__aexit__()


async def arrived(ledger: Ledger, *values: float) -> None:
    async def look() -> bool:
        return [value for _, _, value, _ in ledger.samples] == list(values)

    await until(reactor, look)


async def told_lost(ledger: Ledger, items: int) -> None:
    async def look() -> bool:
        return sum(loss.count for loss in ledger.losses) == items

    await until(reactor, look)


async def emptied(outbox: Outbox) -> None:
    async def empty() -> bool:
        return not any((await outbox.waiting()).values())

    await until(reactor, empty)


def many(first: int, rows: int) -> SampleColumns:
    """Samples whose values go on from ``first``."""
    return SampleColumns(
        tags=(SampleTag(tag="t"),),
        tag=bytes(2 * rows),
        at=struct.pack(f"<{rows}q", *range(first, first + rows)),
        value=struct.pack(f"<{rows}d", *range(first, first + rows)),
        quality=bytes(rows),
    )


async def backlog(folder: Path, packs: int) -> Outbox:
    """An outbox with so many times 500 samples."""
    outbox = Outbox(reactor, folder / "big.sqlite", Budget(100 << 20))
    await outbox.open()
    for n in range(packs):
        await outbox.keep_samples(many(500 * n, 500))
    return outbox


def transition(alarm: str) -> AlarmTransition:
    return AlarmTransition(
        alarm=alarm, tag="t", at_us=1, cause="", before="", after="", severity=1
    )


@pytest_twisted.ensureDeferred
async def test_what_waited_and_what_comes_is_delivered(
    site: Site, outbox: Outbox
) -> None:
    await outbox.keep_samples(one(1))
    async with Link(site, outbox):
        await arrived(site.ledger, 1)
        await outbox.keep_samples(one(2))
        await arrived(site.ledger, 1, 2)
        await emptied(outbox)


@pytest_twisted.ensureDeferred
async def test_lost_receipts_and_a_lost_link_double_nothing(
    site: Site, outbox: Outbox
) -> None:
    site.ledger.drop_replies = 2
    await outbox.keep_samples(one(1))
    async with Link(site, outbox):
        await arrived(site.ledger, 1)
    await outbox.keep_samples(one(2))
    async with Link(site, outbox):
        await arrived(site.ledger, 1, 2)


@pytest_twisted.ensureDeferred
async def test_a_database_that_lost_its_cursor_gets_what_is_here(
    site: Site, outbox: Outbox
) -> None:
    async with Link(site, outbox):
        await outbox.keep_samples(one(1))
        await arrived(site.ledger, 1)
        site.ledger.cursors.clear()  # a backup from before was restored
        site.ledger.samples.clear()
        await outbox.keep_samples(one(2))
        await arrived(site.ledger, 2)


@pytest_twisted.ensureDeferred
async def test_a_batch_refused_for_good_does_not_block_the_rest(
    site: Site, outbox: Outbox, monkeypatch: Any
) -> None:
    monkeypatch.setattr("edge_agent.delivery.FIRST_RETRY_S", 0.01)
    offered: list[int] = []
    take = site.ledger.ingest

    async def picky(batch: Any, by: Any) -> Any:
        if batch.stream is not Stream.SAMPLES:
            return await take(batch, by)
        offered.append(batch.first)
        if any(value == 13.0 for _, _, value, _ in items_of(batch)):
            raise InvalidRequest("Ingest: 13 is unlucky")
        return await take(batch, by)

    monkeypatch.setattr(site.ledger, "ingest", picky)
    async with site.router.joined(
        f"project_{PROJECT}", site.router.service_key("fleetdata")
    ) as fleetdata:
        await site.ledger.serve(fleetdata)  # takes over from the one of the site
        await outbox.keep_samples(one(13))
        async with Link(site, outbox):

            async def tried() -> bool:
                return len(offered) >= 5

            await until(reactor, tried)
            await outbox.keep_samples(one(14))
            await arrived(site.ledger, 14)
            await told_lost(site.ledger, 1)
    assert offered == [0] * len(offered)  # a new epoch begins at 0
    assert len(offered) == 6


@pytest.fixture
def every_receipt_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine does meanwhile."""
    for limit in ("QUICK_S", "SLOW_S", "STALLED_S"):
        monkeypatch.setattr(f"edge_agent.pace.{limit}", 1_000.0)


@pytest.mark.usefixtures("every_receipt_is_quick")
@pytest_twisted.ensureDeferred
async def test_a_backlog_is_drained_by_several_batches_at_a_time(
    site: Site, tmp_path: Path, monkeypatch: Any
) -> None:
    outbox = await backlog(tmp_path, 100)
    under_way, most_under_way, sizes = 0, 0, []
    third: Deferred[None] = Deferred()
    take = site.ledger.ingest

    async def slow(batch: Any, by: Any) -> Any:
        nonlocal under_way, most_under_way
        under_way += 1
        most_under_way = max(most_under_way, under_way)
        sizes.append(count(batch))
        if len(sizes) == 3:
            third.callback(None)
        receipt = await take(batch, by)
        if len(sizes) > 1:
            await third  # comes before the second has its receipt
        await deferLater(reactor, 0.02)
        under_way -= 1
        return receipt

    monkeypatch.setattr(site.ledger, "ingest", slow)
    async with site.router.joined(
        f"project_{PROJECT}", site.router.service_key("fleetdata")
    ) as fleetdata:
        await site.ledger.serve(fleetdata)  # takes over from the one of the site
        async with Link(site, outbox):
            await emptied(outbox)
    await outbox.close()
    assert [value for _, _, value, _ in site.ledger.samples] == list(range(50_000))
    assert 2 <= most_under_way <= 3
    assert max(sizes) == 10_000


@pytest_twisted.ensureDeferred
async def test_events_alarms_and_losses_do_not_wait_behind_samples(
    site: Site, tmp_path: Path
) -> None:
    outbox = await backlog(tmp_path, 200)
    await outbox.keep_alarms([transition("a")])
    await outbox.keep_loss(Stream.ALARMS, 3, "the disk was full", None)
    event = WorkflowEvent(id="r:0", type="X", createdAt=1, number=0, data={})
    await outbox.keep_events(RunEvents(run="r", flow="f", version=1, events=(event,)))
    async with Link(site, outbox):
        await emptied(outbox)
    await outbox.close()
    assert site.ledger.alarms == [transition("a")]
    assert [loss.count for loss in site.ledger.losses] == [3]
    assert site.ledger.numbers("r") == [0]
    samples = [n for n, s in enumerate(site.ledger.order) if s is Stream.SAMPLES]
    others = [n for n, s in enumerate(site.ledger.order) if s is not Stream.SAMPLES]
    assert max(others) < samples[len(samples) // 2]


@pytest_twisted.ensureDeferred
async def test_receipts_that_ask_for_less_are_obeyed(
    site: Site, outbox: Outbox
) -> None:
    site.ledger.most_items, site.ledger.pause_ms = 7, 10
    await outbox.keep_samples(one(0))
    async with Link(site, outbox):
        await emptied(outbox)
        await outbox.keep_samples(many(1, 50))
        await emptied(outbox)
    assert [value for _, _, value, _ in site.ledger.samples] == list(range(51))
    assert len(site.ledger.order) == 1 + -(-50 // 7)


@pytest_twisted.ensureDeferred
async def test_a_centre_that_is_busy_says_when_to_come_again(
    site: Site, outbox: Outbox, monkeypatch: Any
) -> None:
    monkeypatch.setattr("edge_agent.delivery.FIRST_RETRY_S", 1_000.0)
    refused = []
    take = site.ledger.ingest

    async def busy(batch: Any, by: Any) -> Any:
        if len(refused) < 3:
            refused.append(batch)
            raise StorageUnavailable("busy, try again", retry_in_ms=20)
        return await take(batch, by)

    monkeypatch.setattr(site.ledger, "ingest", busy)
    async with site.router.joined(
        f"project_{PROJECT}", site.router.service_key("fleetdata")
    ) as fleetdata:
        await site.ledger.serve(fleetdata)
        await outbox.keep_samples(one(1))
        async with Link(site, outbox):
            await arrived(site.ledger, 1)
    assert len(refused) == 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, half of it ballast that can be thrown off."""
    with small_disk_at(tmp_path / "disk", 1, 1 << 19) as where:
        yield where


@pytest_twisted.ensureDeferred
async def test_an_outbox_on_a_full_disk_goes_on_when_there_is_room(
    site: Site, small_disk: Path
) -> None:
    outbox = Outbox(reactor, small_disk / "outbox.sqlite", Budget(64 << 20))
    await outbox.open()
    kept = 0
    with pytest.raises(OutboxFailed, match="disk is full"):
        while True:
            await outbox.keep_samples(many(500 * kept, 500))
            kept += 1
    assert kept > 5
    with pytest.raises(OutboxFailed, match="disk is full"):
        await outbox.keep_samples(many(0, 500))
    (small_disk / "ballast").unlink()
    await outbox.keep_loss(Stream.SAMPLES, 500, "the disk was full", None)
    await outbox.keep_samples(many(500 * kept, 500))
    async with Link(site, outbox):
        await emptied(outbox)
    await outbox.close()
    values = [value for _, _, value, _ in site.ledger.samples]
    assert values == list(range(500 * kept + 500))
    (loss,) = site.ledger.losses
    assert (loss.first, loss.count) == (500 * kept, 500)


@pytest_twisted.ensureDeferred
async def test_a_broken_outbox_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    path.write_bytes(b"no database" * 1000)
    outbox = Outbox(reactor, path, Budget(1 << 20))
    await outbox.open()
    await outbox.keep_samples(one(1))
    assert (await outbox.waiting())[Stream.SAMPLES] == 1
    await outbox.close()
    assert put_aside(tmp_path).startswith(b"no database")


@pytest_twisted.ensureDeferred
async def test_an_outbox_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite").mkdir()
    with pytest.raises(OutboxFailed, match=r"outbox\.sqlite: unable to open"):
        await Outbox(reactor, tmp_path / "outbox.sqlite", Budget(1 << 20)).open()


@pytest_twisted.ensureDeferred
async def test_events_of_a_run_are_delivered_in_order(
    site: Site, outbox: Outbox
) -> None:
    for number in range(5):
        event = WorkflowEvent(
            id=f"r:{number}", type="X", createdAt=1, number=number, data={}
        )
        told = RunEvents(run="r", flow="f", version=1, events=(event,))
        assert await outbox.keep_events(told) == told
        assert await outbox.keep_events(told) is None
    key = load_key(site.data / "device.key")
    delivery = Delivery(reactor, outbox, Stream.RUN_EVENTS)
    async with site.router.joined(f"project_{PROJECT}", key) as session:
        assert session.authid == DEVICE
        delivery.start(session)

        async def look() -> bool:
            return site.ledger.numbers("r") == [0, 1, 2, 3, 4]

        await until(reactor, look)
        delivery.stop()
