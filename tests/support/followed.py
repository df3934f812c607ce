"""Connections from a tag file's words, what they told, and what came of it."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from twisted.logger import globalLogPublisher

from edge_agent.drivers.connections import Connections, Fields, driver_of
from edge_agent.drivers.driver import Reading, Value
from heddle.contract.devices import Tag, TagType
from heddle.contract.samples import Quality
from tests.support.device import Ledger
from tests.support.waiting import becomes, until


class Followed:
    """A driver that is followed; ``told`` has all readings, oldest first."""

    def __init__(self, reactor: Any, driver: Connections) -> None:
        self.driver = driver
        self.told: list[Reading] = []
        self._reactor = reactor
        driver.subscribe(self.told.extend)

    def last(self, tag: str) -> Reading:
        """What was told of it last."""
        return next(each for each in reversed(self.told) if each.tag == tag)

    def value(self, tag: str) -> tuple[Value, Quality]:
        """Its value and quality as told last."""
        last = self.last(tag)
        return last.value, last.quality

    async def sees(
        self, tag: str, value: Value, quality: Quality = Quality.GOOD
    ) -> None:
        """Wait until that is what was told last."""
        await becomes(self._reactor, lambda: self.value(tag), (value, quality))

    async def lost(self, *tags: str) -> None:
        """Wait until these are bad."""
        for tag in tags:
            await self.sees(tag, None, Quality.BAD)


def connected(
    reactor: Any,
    connection: Fields,
    tags: Mapping[str, Mapping[str, Any]],
    folder: Path,
) -> Connections:
    """The driver of one connection, ``peer``; ``type`` is the tag's."""
    made = {}
    for name, said in tags.items():
        fields = {"connection": "peer", **said}
        kind = TagType(fields.pop("type", "float"))
        tag = Tag(tag=name, type=kind, writable=bool(fields.get("writable")))
        made[name] = (tag, fields)
    return driver_of(
        reactor,
        {"peer": connection},
        made,
        source="tags.toml",
        files=folder,
        data=folder / "data",
        now_s=time.time,
    )


@contextmanager
def overheard() -> Iterator[list[str]]:
    """What is logged meanwhile, as a person reads it."""
    lines: list[str] = []

    def hear(event: Any) -> None:
        lines.append((event.get("log_format") or "").format(**event))

    globalLogPublisher.addObserver(hear)
    try:
        yield lines
    finally:
        globalLogPublisher.removeObserver(hear)


@asynccontextmanager
async def following(
    reactor: Any,
    connection: Fields,
    tags: Mapping[str, Mapping[str, Any]],
    folder: Path,
) -> AsyncIterator[Followed]:
    """Follow one connection, ``peer``, until the block ends."""
    driver = connected(reactor, connection, tags, folder)
    try:
        yield Followed(reactor, driver)
    finally:
        await driver.stop()


class Seen:
    """What came of it: at fleetdata."""

    def __init__(self, reactor: Any, ledger: Ledger) -> None:
        self._reactor = reactor
        self._ledger = ledger

    async def until(self, tag: str, value: float) -> None:
        """Until that was told of the tag, as good."""

        async def there() -> bool:
            return any(
                (name, of, quality) == (tag, value, Quality.GOOD)
                for name, _, of, quality in self._ledger.samples
            )

        await until(self._reactor, there)

    async def until_bad(self, *tags: str) -> None:
        """Until they are bad, having been good."""

        async def there() -> bool:
            for tag in tags:
                told = [q for name, _, _, q in self._ledger.samples if name == tag]
                if Quality.GOOD not in told or told[-1] != Quality.BAD:
                    return False
            return True

        await until(self._reactor, there)
