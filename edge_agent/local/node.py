"""This device in figures: host, disk, memory, uplink, outbox, changes."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_agent.drivers.driver import Driver, Link
from edge_agent.facts import agent_version, host_facts
from edge_agent.local.answers import (
    ChangesState,
    Disk,
    DriverLink,
    Health,
    Memory,
    Node,
    OutboxState,
    UplinkState,
)
from edge_agent.local.changes import Changes
from edge_agent.local.desk import told
from edge_agent.outbox import Outbox, OutboxFailed
from edge_agent.tags import TagTable
from edge_agent.upkeep.figures import disk, resident_bytes, size
from heddle.contract.devices import DeviceKind, Enrolled
from heddle.contract.flows import Runtime as RuntimeKind
from heddle.contract.samples import Quality

OK = "ok"
CHANGES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What of the device does not change while the agent runs."""

    enrolled: Enrolled
    kind: DeviceKind
    data: Path
    router_url: str
    runtime: RuntimeKind
    docker: str | None


class Figures:
    """Gathers them when somebody asks."""

    def __init__(
        self,
        place: Place,
        uplink: Callable[[], tuple[bool, int]],
        outbox: Outbox,
        driver: Driver,
        tags: TagTable,
        changes: Changes,
        now_s: Callable[[], float],
    ) -> None:
        self._place = place
        self._uplink = uplink
        self._outbox = outbox
        self._driver = driver
        self._tags = tags
        self._changes = changes
        self._now_s = now_s
        self._started_at_ms = int(now_s() * 1000)
        self._host = host_facts(place.docker)

    async def node(self) -> Node:
        """All of them."""
        place = self._place
        is_up, since_ms = self._uplink()
        readings = self._tags.all_now()
        return Node(
            device=place.enrolled.device,
            project=place.enrolled.project,
            kind=place.kind,
            agent_version=agent_version(),
            runtime=place.runtime,
            started_at_ms=self._started_at_ms,
            at_ms=int(self._now_s() * 1000),
            host=self._host,
            disk=_disk(place.data),
            memory=_memory(),
            uplink=UplinkState(url=place.router_url, is_up=is_up, since_ms=since_ms),
            outbox=await self._waiting(),
            changes=self._local_changes(),
            tags=len(self._tags.tags),
            bad_tags=sum(each.quality is Quality.BAD for each in readings),
            links=tuple(self._link(each) for each in self._driver.connections()),
        )

    async def health(self) -> Health:
        """Whether the agent can keep what happens."""
        try:
            await self._outbox.waiting()
        except OutboxFailed:
            return Health(status="failing", checks={"outbox": "its disk fails"})
        return Health(status=OK)

    async def _waiting(self) -> OutboxState | None:
        try:
            items = await self._outbox.waiting()
            oldest_at_ms = await self._outbox.oldest_ms()
        except OutboxFailed:
            return None  # its log tells why
        return OutboxState(
            items={stream.value: number for stream, number in items.items()},
            total=sum(items.values()),
            file_bytes=size(self._place.data / "outbox.sqlite"),
            oldest_at_ms=oldest_at_ms,
        )

    def _link(self, link: Link) -> DriverLink:
        is_up = bool(self._tags.now(link.link_tag).value)
        return DriverLink(
            name=link.name, is_up=is_up, why_down="" if is_up else link.why_down
        )

    def _local_changes(self) -> ChangesState:
        changes = list(self._changes)
        return ChangesState(
            waiting=sum(change.is_open for change in changes),
            newest=tuple(told(each) for each in reversed(changes[-CHANGES_SHOWN:])),
        )


def _disk(folder: Path) -> Disk:
    total, free = disk(folder)
    return Disk(total_bytes=total, free_bytes=free)


def _memory() -> Memory:
    return Memory(
        total_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        available_bytes=_available(),
        agent_bytes=resident_bytes(),
    )


def _available() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return 0
