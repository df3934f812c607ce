"""What every connection does, whatever its protocol: real threads, a scripted peer."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.drivers import linked
from edge_agent.drivers.connections import Connections
from edge_agent.drivers.door import AsyncioDoor
from edge_agent.drivers.driver import DriverFailed, Reading, WriteRefused
from edge_agent.drivers.linked import Linked, LinkLost
from edge_agent.drivers.points import Point, PointSettings
from heddle.contract.devices import Tag, TagType
from heddle.contract.samples import Quality
from tests.support.peer import ScriptedPeer, World
from tests.support.waiting import until

FLOW = Point(
    Tag(tag="flow", writable=True), None, PointSettings(writable=True, scale=0.1)
)
MODE = Point(Tag(tag="mode", type=TagType.TEXT), None, PointSettings())


class Desk:
    """The connection under test and what it told."""

    def __init__(self, world: World) -> None:
        door = AsyncioDoor(reactor)
        link = Linked(
            door, "press", (FLOW, MODE), lambda: ScriptedPeer(world), now_s=time.time
        )
        self.world = world
        self.driver = Connections(door, [link])
        self.told: list[Reading] = []

    def now(self, tag: str) -> tuple[object, Quality] | None:
        """The newest that was told of a tag."""
        for reading in reversed(self.told):
            if reading.tag == tag:
                return reading.value, reading.quality
        return None

    async def until(self, tag: str, value: object) -> None:
        """Wait for it."""

        async def there() -> bool:
            found = self.now(tag)
            return found is not None and found[0] == value

        await until(reactor, there, within_s=60)


@asynccontextmanager
async def desk(**values) -> AsyncIterator[Desk]:
    made = Desk(World({"flow": 100, "mode": "auto", **values}))
    made.driver.subscribe(made.told.extend)
    try:
        yield made
    finally:
        await made.driver.stop()
        assert made.world.open == 0


@pytest_twisted.ensureDeferred
async def test_tags_follow_the_peer_and_setpoints_are_read_back() -> None:
    async with desk() as it:
        first = {reading.tag: reading for reading in it.told}
        assert first["press_connected"].value is False
        assert first["flow"].quality is Quality.BAD  # before anything is known
        await it.until("flow", 10.0)
        assert it.now("press_connected") == (True, Quality.GOOD)
        await it.driver.write("flow", 12.5, key="run/1")
        assert it.world.written == [("flow", 125.0, "run/1")]
        assert it.now("flow") == (12.5, Quality.GOOD)
        assert (await it.driver.read("flow")).value == 12.5
        assert [found.address for found in await it.driver.browse()] == ["press"]
        assert {x.address for x in await it.driver.browse("press")} == {"flow", "mode"}


@pytest_twisted.ensureDeferred
async def test_a_setpoint_that_does_not_arrive_is_told() -> None:
    async with desk() as it:
        await it.until("flow", 10.0)
        with pytest.raises(WriteRefused, match=r"press: 13 is out of range: BadOut"):
            await it.driver.write("flow", 1.3)
        with pytest.raises(WriteRefused, match="'mode' cannot be written"):
            await it.driver.write("mode", "hand")
        with pytest.raises(WriteRefused, match="no connection has a tag 'sped'"):
            await it.driver.write("sped", 1)
        with pytest.raises(DriverFailed, match="no connection 'pres'; there are press"):
            await it.driver.browse("pres")
        it.world.stuck = True
        with pytest.raises(WriteRefused, match=r"was set to 20\.0, but reads 10\.0"):
            await it.driver.write("flow", 20.0)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    "fault",
    [LinkLost("gone"), ConnectionResetError(104, "reset"), RuntimeError("a defect")],
)
async def test_a_link_that_is_lost_is_bad_and_comes_back(fault, monkeypatch) -> None:
    monkeypatch.setattr(linked, "FIRST_RETRY_S", 0.05)
    async with desk() as it:
        await it.until("flow", 10.0)
        it.world.fault = fault
        await it.until("press_connected", False)
        assert it.now("flow") == (None, Quality.BAD)
        assert it.now("mode") == (None, Quality.BAD)
        with pytest.raises(WriteRefused, match="connection press is down"):
            await it.driver.write("flow", 12.5)
        it.world.values["flow"] = 300
        it.world.fault = None
        await it.until("flow", 30.0)
        assert it.now("press_connected") == (True, Quality.GOOD)


@pytest_twisted.ensureDeferred
async def test_a_peer_that_refuses_is_tried_again_and_the_reason_told(
    monkeypatch,
) -> None:
    monkeypatch.setattr(linked, "FIRST_RETRY_S", 0.05)
    made = Desk(World({"flow": 1, "mode": "x"}, refuses="the certificate is unknown"))
    made.driver.subscribe(made.told.extend)

    async def tried() -> bool:
        return made.world.tries >= 3

    await until(reactor, tried, within_s=60)
    with pytest.raises(DriverFailed, match="is down: the certificate is unknown"):
        await made.driver.read("flow")
    told = len(made.told)
    assert told == 3  # nothing is told again and again
    made.world.refuses = ""
    await made.until("mode", "x")
    await made.driver.stop()
    assert made.world.open == 0


@pytest_twisted.ensureDeferred
async def test_a_peer_that_does_not_answer_is_given_up(monkeypatch) -> None:
    monkeypatch.setattr(linked, "ASK_WITHIN_S", 0.2)
    async with desk() as it:
        await it.until("flow", 10.0)
        it.world.hangs = True
        with pytest.raises(WriteRefused, match="press: it did not answer in time"):
            await it.driver.write("flow", 12.5)
