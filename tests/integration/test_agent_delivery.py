"""From the outbox to fleetdata's end of the ledger, over a real router."""

import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.delivery import Delivery
from edge_agent.outbox import Outbox, OutboxFailed
from heddle.contract.declare import InvalidRequest
from heddle.contract.runs import RunEvents, WorkflowEvent
from heddle.contract.samples import SampleColumns, SampleTag, Stream
from heddle.wamp.keys import load_key
from tests.support.device import DEVICE, PROJECT, Ledger, Site, running_site
from tests.support.router import InProcRouter
from tests.support.waiting import until


@pytest_twisted.async_yield_fixture
async def site(router: InProcRouter, tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(router, tmp_path) as found:
        yield found


@pytest_twisted.async_yield_fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    opened = Outbox(reactor, tmp_path / "outbox.sqlite", 1 << 20)
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
    """The device's session, with a delivery of its samples on it."""

    def __init__(self, site: Site, outbox: Outbox) -> None:
        key = load_key(site.data / "device.key")
        self._joined = site.router.joined(f"project_{PROJECT}", key)
        self._delivery = Delivery(reactor, outbox, Stream.SAMPLES)

    async def __aenter__(self) -> None:
        self._delivery.start(await self._joined.__aenter__())

    async def __aexit__(self, *_: object) -> None:
        self._delivery.stop()
        await self._joined.__aexit__()


async def arrived(ledger: Ledger, *values: float) -> None:
    async def look() -> bool:
        return [value for _, _, value, _ in ledger.samples] == list(values)

    await until(reactor, look, within_s=20)


@pytest_twisted.ensureDeferred
async def test_what_waited_and_what_comes_is_delivered(
    site: Site, outbox: Outbox
) -> None:
    await outbox.keep_samples(one(1))
    async with Link(site, outbox):
        await arrived(site.ledger, 1)
        await outbox.keep_samples(one(2))
        await arrived(site.ledger, 1, 2)

    async def empty() -> bool:
        return not any((await outbox.waiting()).values())

    await until(reactor, empty)


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
        offered.append(batch.first)
        if struct.unpack_from("<d", batch.samples.value) == (13.0,):
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
    assert offered == [0] * len(offered)  # a new epoch begins at 0
    assert len(offered) == 6


@pytest_twisted.ensureDeferred
async def test_a_broken_outbox_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    path.write_bytes(b"no database" * 1000)
    outbox = Outbox(reactor, path, 1 << 20)
    await outbox.open()
    await outbox.keep_samples(one(1))
    assert (await outbox.waiting())[Stream.SAMPLES] == 1
    await outbox.close()
    assert put_aside(tmp_path).startswith(b"no database")


@pytest_twisted.ensureDeferred
async def test_an_outbox_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite").mkdir()
    with pytest.raises(OutboxFailed, match=r"outbox\.sqlite: unable to open"):
        await Outbox(reactor, tmp_path / "outbox.sqlite", 1 << 20).open()


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
