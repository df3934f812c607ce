"""Who does not read costs nobody else: the router's memory is bounded, and they go.

The router is a program of its own, so that its memory is its own.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest_twisted
from nacl.signing import SigningKey
from twisted.internet import reactor

from heddle.contract.gate import SET_DIRECTORY, DeviceKey, Directory
from heddle.contract.samples import TELEMETRY, Telemetry
from heddle.wamp.joining import Joined, KeyCredentials, Uplink
from heddle.wamp.keys import public_hex
from heddle.wamp.session import Session
from tests.integration.test_router_process import Program
from tests.support.rawwamp import EVENT, SUBSCRIBE, SUBSCRIBED, RawWamp, RawWeb, Speaker
from tests.support.waiting import becomes, until

PLANT = "project_plant"
PRESS = "press_7"
MESSAGE_BYTES = 200_000
MESSAGES = 300  # 60 MB for each who hears them
AS_MUCH_AS_FITS = 25  # messages: 5 MB of the 8 that may wait
LEAST_WITHOUT_LIMITS = 3 * MESSAGES * MESSAGE_BYTES - (30 << 20)  # kernels keep some
TEXT = "x" * MESSAGE_BYTES

Publish = Callable[[int], Awaitable[None]]
S = TypeVar("S", bound=Speaker)


class Plant:
    """A router with an owner, and the device press_7, whose values are heard."""

    def __init__(self, folder: Path) -> None:
        self.program = Program(folder)
        self.owner = SigningKey.generate()
        self.device = SigningKey.generate()
        owner = {"name": "owner", "role": "owner", "public_key": public_hex(self.owner)}
        principals = json.loads(self.program.principals.read_text())
        principals["principals"].append(owner)
        self.program.principals.write_text(json.dumps(principals))

    async def start(self) -> None:
        program = self.program
        program.start()
        await program.until_joined("system", program.key)
        press = DeviceKey(
            project="plant", device=PRESS, public_key=public_hex(self.device)
        )
        known = Directory(projects=("plant",), devices=(press,), ticket_key="0" * 64)
        service = KeyCredentials(program.key)
        async with Joined(reactor, program.url, "system", service) as backend:
            await backend.call(SET_DIRECTORY, known)

    async def by_rawsocket(self) -> RawWamp:
        port = self.program.rawsocket_port
        return await self._hearing(await RawWamp.connect(reactor, port))

    async def by_websocket(self) -> RawWeb:
        return await self._hearing(await RawWeb.connect(reactor, self.program.port))

    async def _hearing(self, speaker: S) -> S:
        await speaker.join(PLANT, self.owner)
        topic = TELEMETRY.at(device=PRESS)
        kind, *_ = await speaker.ask(SUBSCRIBE, 1, {}, topic)
        assert kind == SUBSCRIBED
        return speaker

    def rss(self) -> int:
        """What the router's worker holds."""
        (worker,) = self.program.children()
        return psutil.Process(worker).memory_info().rss

    async def coming_back(self, heard: list[int]) -> Uplink:
        """A client of ours that hears as well, and joins again when it is cut."""

        async def hear(session: Session) -> None:
            await session.hear(
                TELEMETRY, lambda event, _ids: heard.append(event.at_ms), device=PRESS
            )

        uplink = Uplink(
            reactor,
            self.program.url,
            PLANT,
            KeyCredentials(self.owner),
            on_join=hear,
        )
        uplink.start()
        await becomes(reactor, lambda: uplink.session is not None)
        return uplink

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[Publish]:
        """The device, which publishes an event of a given number."""
        who = KeyCredentials(self.device)
        async with Joined(reactor, self.program.url, None, who) as session:

            async def publish(number: int) -> None:
                event = Telemetry(
                    at_ms=number, tags=("t",), values=(TEXT,), quality=(0,)
                )
                await session.published(TELEMETRY, event, device=PRESS)

            yield publish

    def cuts(self) -> list[str]:
        """What the log tells of connections that were cut."""
        told = self.program.log.read_text().splitlines()
        return [line for line in told if "owner" in line and "has not taken" in line]


@pytest_twisted.async_yield_fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    plant = Plant(tmp_path)
    await plant.start()
    yield plant
    plant.program.kill()


async def heard(speaker: Speaker, most: int) -> list[int]:
    """The numbers of its next events."""
    found = []
    for _ in range(most):
        kind, _subscription, _publication, _details, (event,) = await speaker.receive()
        assert kind == EVENT
        found.append(event["at_ms"])
    return found


@pytest_twisted.ensureDeferred
async def test_who_stalls_is_cut_and_nobody_else_notices(plant: Plant) -> None:
    good: list[Speaker] = [await plant.by_rawsocket(), await plant.by_websocket()]
    late = await plant.by_websocket()
    stalled: list[Speaker] = [await plant.by_rawsocket(), await plant.by_websocket()]
    uplink = await plant.coming_back(ours := [])
    assert uplink.session is not None
    link: Any = uplink.session._wamp._transport  # type: ignore[attr-defined]
    for speaker in (late, *stalled, link):
        speaker.transport.pauseProducing()
    before = plant.rss()
    async with plant.publishing() as publish:
        for number in range(MESSAGES):
            await publish(number)
            for speaker in good:
                assert await heard(speaker, 1) == [number]
            if number == AS_MUCH_AS_FITS:
                late.transport.resumeProducing()  # in time: it has missed nothing
                assert await heard(late, number + 1) == list(range(number + 1))
                good.append(late)
        assert plant.rss() - before < LEAST_WITHOUT_LIMITS / 2
        assert len(plant.cuts()) == 3, plant.program.log.read_text()
        for speaker in (*stalled, link):
            speaker.transport.resumeProducing()
        for speaker in stalled:
            await speaker.ended()
        await until(reactor, lambda: hears_again(publish, ours))
    for speaker in good:
        speaker.drop()
        await speaker.ended()
    await uplink.stop()


async def hears_again(publish: Publish, ours: list[int]) -> bool:
    """Whether who has joined again hears what is published from now on."""
    await publish(-1)
    return -1 in ours
