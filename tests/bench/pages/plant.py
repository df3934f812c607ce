"""Enrolled devices that publish their telemetry ten times a second, and nothing else.

Their values leave at moments spread evenly, as those of devices that do not know of
each other. It also saves the dashboards that real browsers will open.
"""

import time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater

from heddle.contract.dashboards import (
    SAVE_DASHBOARD,
    DashboardPanel,
    PanelKind,
    PanelSeries,
    SaveDashboard,
)
from heddle.contract.devices import (
    ANNOUNCE,
    PRESENCE,
    Announce,
    DeviceKind,
    HostFacts,
    Presence,
    Runtime,
    Tag,
)
from heddle.contract.samples import TELEMETRY, Telemetry
from heddle.wamp.joining import Joined, KeyCredentials
from heddle.wamp.session import Session
from tests.bench.pages.setting import (
    REALM,
    TAGS,
    Setting,
    dashboard_id,
    play,
    tell,
)
from tests.support.enrolling import enrolled

FACTS = HostFacts(
    hostname="bench",
    os="linux",
    arch="x86_64",
    cpus=2,
    memory_bytes=1 << 30,
    python="3.11",
    docker=None,
)
COLUMNS, WIDTH, HEIGHT = 12, 3, 2


async def plant(reactor: Any, setting: Setting) -> None:
    """Enrol, announce, publish; for ever."""
    names = setting.names()
    async with Joined(
        reactor, setting.ws_url, REALM, KeyCredentials(setting.owner)
    ) as owner:
        devices = [await _enrolled(reactor, setting, owner, name) for name in names]
        for number in range(setting.watched):
            await _save_dashboard(owner, number, setting.dashboard(number))
    for number, (name, session) in enumerate(zip(names, devices, strict=True)):
        await deferLater(reactor, setting.every_ms / 1000 / len(names))
        every = LoopingCall(_publish, session, name, number)
        every.clock = reactor
        every.start(setting.every_ms / 1000)
    tell("ready")
    await Deferred()


async def _enrolled(
    reactor: Any, setting: Setting, owner: Session, name: str
) -> Session:
    key = KeyCredentials(await enrolled(reactor, setting.ws_url, owner, name))
    device = await Joined(reactor, setting.ws_url, None, key).__aenter__()
    tags = tuple(Tag(tag=tag, unit="1") for tag in TAGS)
    announce = Announce(
        kind=DeviceKind.EDGE,
        version="bench",
        runtime=Runtime.PROCESS,
        facts=FACTS,
        tags=tags,
    )
    await device.call(ANNOUNCE, announce)
    device.publish(PRESENCE, Presence(online=True), device=name)
    return device


async def _save_dashboard(owner: Session, number: int, devices: list[str]) -> None:
    panels = tuple(
        DashboardPanel(
            panel=device,
            kind=PanelKind.VALUE,
            x=place * WIDTH % COLUMNS,
            y=place * WIDTH // COLUMNS * HEIGHT,
            w=WIDTH,
            h=HEIGHT,
            series=tuple(PanelSeries(tag=tag, device=device) for tag in TAGS),
        )
        for place, device in enumerate(devices)
    )
    one = SaveDashboard(
        dashboard=dashboard_id(number), title=f"Bench {number}", panels=panels
    )
    await owner.call(SAVE_DASHBOARD, one)


def _publish(session: Session, device: str, number: int) -> None:
    now_s = time.time()
    values = tuple(
        round((now_s * (place + 1) + number) % 100, 3) for place in range(len(TAGS))
    )
    event = Telemetry(
        at_ms=int(now_s * 1000), tags=TAGS, values=values, quality=(0,) * len(TAGS)
    )
    session.publish(TELEMETRY, event, device=device)


if __name__ == "__main__":
    play(plant)
