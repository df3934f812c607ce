"""A device as it sees itself, gathered when somebody asks."""

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from edge_agent.drivers.driver import Driver
from edge_agent.facts import agent_version, host_facts
from edge_agent.flows import Flows
from edge_agent.outbox import Outbox, OutboxFailed
from edge_agent.tags import TagTable
from heddle.contract.samples import Quality
from heddle.contract.upkeep import DeviceInfo, LinkReport, Waiting


class DeviceFigures:
    """What a device can tell of itself."""

    def __init__(
        self,
        device: str,
        data: Path,
        *,
        now_s: Callable[[], float],
        driver: Driver,
        tags: TagTable,
        flows: Flows,
        outbox: Outbox,
        docker: str | None,
    ) -> None:
        self._device = device
        self._data = data
        self._now_s = now_s
        self._started_at_ms = int(now_s() * 1000)
        self._driver = driver
        self._tags = tags
        self._flows = flows
        self._outbox = outbox
        self._docker = docker

    async def info(self) -> DeviceInfo:
        """All of it. What the disk does not tell is 0."""
        total, free = disk(self._data)
        return DeviceInfo(
            device=self._device,
            version=agent_version(),
            at_ms=int(self._now_s() * 1000),
            started_at_ms=self._started_at_ms,
            facts=host_facts(self._docker),
            memory_bytes=resident_bytes(),
            disk_bytes=total,
            disk_free_bytes=free,
            outbox=await self._waiting(),
            outbox_bytes=size(self._data / "outbox.sqlite"),
            flows=self._flows.list().flows,
            links=self._links(),
            tags=len(self._tags.tags),
            bad_tags=self._bad(self._tags.tags),
            outbox_oldest_ms=await self._oldest_ms(),
        )

    async def _waiting(self) -> tuple[Waiting, ...]:
        try:
            found = await self._outbox.waiting()
        except OutboxFailed:
            return ()  # its log tells why
        return tuple(Waiting(stream=k.value, items=n) for k, n in found.items())

    async def _oldest_ms(self) -> int | None:
        try:
            return await self._outbox.oldest_ms()
        except OutboxFailed:
            return None

    def _links(self) -> tuple[LinkReport, ...]:
        return tuple(
            LinkReport(
                connection=link.name,
                connected=self._tags.now(link.link_tag).value is True,
                tags=len(link.tags()) - 1,
                bad_tags=self._bad(tag.tag for tag in link.tags()),
                detail=link.why_down,
            )
            for link in self._driver.connections()
        )

    def _bad(self, tags: Iterable[str]) -> int:
        return sum(self._tags.now(tag).quality is Quality.BAD for tag in tags)


def disk(folder: Path) -> tuple[int, int]:
    """Bytes in all and free of the folder's disk."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return 0, 0
    return usage.total, usage.free


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def size(file: Path) -> int:
    """Bytes of a SQLite file and its log; 0 if it is not there."""
    found = 0
    for each in (file, file.with_name(file.name + "-wal")):
        with suppress(OSError):
            found += each.stat().st_size
    return found
