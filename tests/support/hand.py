"""An agent whose tags a test sets by hand, with a real backend and a real fleetdata."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from edge_agent.agent import Agent
from edge_agent.config import Config, RuntimeChoice
from edge_agent.drivers.driver import (
    DriverFailed,
    Found,
    Link,
    OnReadings,
    Reading,
    Value,
    WriteRefused,
    tags_found,
)
from edge_agent.identity import Identity
from edge_agent.runtime.choose import choose_runtime
from edge_agent.tags import TagTable
from heddle.contract.declare import project_realm
from heddle.contract.devices import CREATE_CODE, CreateCode, DeviceKind, Tag
from heddle.wamp.joining import Joined
from services.fleetdata.config import Config as FleetdataConfig
from services.fleetdata.service import Fleetdata
from tests.support.databases import Server
from tests.support.fleet import Fleet, running_fleet
from tests.support.storage import storage_on

PROJECT, DEVICE = "plant", "press_7"


class Hand:
    """A driver that tells what a test gives it."""

    def __init__(self, *tags: str) -> None:
        self._tags = tuple(Tag(tag=tag) for tag in tags)
        self._tell: OnReadings = lambda _: None

    def tags(self) -> tuple[Tag, ...]:
        """Numbers of no unit."""
        return self._tags

    def subscribe(self, on_readings: OnReadings) -> None:
        """Nothing is known at first."""
        self._tell = on_readings

    def set(self, tag: str, value: Value) -> int:
        """The tag is read now; when that was (unix microseconds)."""
        at_us = int(time.time() * 1e6)
        self.tell([Reading(tag, at_us, value)])
        return at_us

    def tell(self, readings: Sequence[Reading]) -> None:
        """These were read."""
        self._tell(readings)

    def connections(self) -> Sequence[Link]:
        """None: it talks to nobody."""
        return ()

    async def read(self, tag: str) -> Reading:
        """A hand is not asked."""
        raise DriverFailed(f"tag {tag!r} is set by hand")

    async def browse(self, at: str = "") -> tuple[Found, ...]:
        """Its tags."""
        return tags_found(self._tags, at)

    async def write(self, tag: str, value: Value, *, key: str = "") -> None:
        """A hand takes no setpoints."""
        raise WriteRefused(f"tag {tag!r} is set by hand, not to {value!r}")

    async def stop(self) -> None:
        """Tell no more."""
        self._tell = lambda _: None


class Works:
    """A router, the backend, fleetdata, and the folder of a device."""

    def __init__(self, fleet: Fleet, data: Path) -> None:
        self.fleet = fleet
        self.data = data
        self.reactor = fleet.reactor

    def owner(self) -> Joined:
        """The local owner's session in the project."""
        return self.fleet.router.joined(
            project_realm(PROJECT), self.fleet.router.owner_key
        )

    async def config(self, **changes: Any) -> Config:
        """The device's settings; with the first come a code to enrol with."""
        if not (self.data / "enrolled.json").exists():
            async with self.owner() as owner:
                code = await owner.call(CREATE_CODE, CreateCode(device=DEVICE))
            changes["code"] = code.code
        wanted: dict[str, Any] = {
            "router_url": self.fleet.router.url,
            "data": self.data,
            "kind": DeviceKind.VIRTUAL,
            "runtime": RuntimeChoice.PROCESS,
            "commit_ms": 50,
        }
        return Config(**{**wanted, **changes})

    @asynccontextmanager
    async def agent(self, driver: Hand) -> AsyncIterator[Agent]:
        """The device's agent for the length of a ``with``."""
        config = await self.config()
        identity = Identity(config.data)
        enrolled = await identity.enrol(self.reactor, config)
        agent = Agent(
            self.reactor,
            config,
            identity,
            enrolled,
            driver=driver,
            tags=TagTable(driver.tags()),
            runtime=await choose_runtime(self.reactor, config, enrolled.device),
        )
        await agent.start()
        try:
            yield agent
        finally:
            await agent.stop()


@asynccontextmanager
async def running_works(
    reactor: Any, server: Server, dsn: str, folder: Path
) -> AsyncIterator[Works]:
    """All but the device; ``dsn`` is the backend's database."""
    with storage_on(server) as storage:
        storage.projects.append(PROJECT)
        async with running_fleet(reactor, dsn, folder) as fleet:
            key_file = folder / "fleetdata.key"
            key_file.write_text(fleet.router.service_key("fleetdata").encode().hex())
            fleetdata = Fleetdata(
                reactor,
                FleetdataConfig(
                    router_url=fleet.router.url,
                    key_file=key_file,
                    database_url=server.dsn(),
                ),
            )
            fleetdata.start()
            try:
                yield Works(fleet, folder / "device")
            finally:
                await fleetdata.stop()
