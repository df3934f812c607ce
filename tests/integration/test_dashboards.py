"""Dashboards at the real backend: shared, revised, refused, deleted, audited."""

from typing import Any

import psycopg
import pytest
import pytest_twisted
from twisted.internet import reactor

from heddle.contract.dashboards import (
    DELETE_DASHBOARD,
    FIND_TAGS,
    GET_DASHBOARD,
    LIST_DASHBOARDS,
    SAVE_DASHBOARD,
    DashboardChanged,
    DashboardNotFound,
    DashboardPanel,
    DashboardRef,
    DeleteDashboard,
    FindTags,
    ListDashboards,
    PanelKind,
    PanelSeries,
    SaveDashboard,
)
from heddle.contract.declare import NotPermitted, Role
from heddle.contract.devices import ANNOUNCE, Announce, DeviceKind, HostFacts, Tag
from heddle.contract.fleet import LABEL_DEVICE, LabelDevice
from heddle.contract.flows import Runtime
from heddle.contract.people import CREATE_USER, CreateUser
from tests.support.fleet import Fleet, running_fleet

PASSWORD = "a good password"
PANEL = DashboardPanel(
    panel="oil",
    kind=PanelKind.CHART,
    x=0,
    y=0,
    w=12,
    h=4,
    series=(PanelSeries(tag="oil", labels="site=graz"),),
    low=0.5,
)
FACTS = HostFacts(
    hostname="press",
    os="Debian",
    arch="x86_64",
    cpus=2,
    memory_bytes=1 << 30,
    python="3.11",
    docker=None,
)


@pytest_twisted.async_yield_fixture
async def fleet(plain_database, tmp_path):
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


def shop(**fields: Any) -> SaveDashboard:
    return SaveDashboard(
        **{"dashboard": "shop", "title": "Press shop", "panels": (PANEL,), **fields}
    )


async def add_person(fleet: Fleet, user: str, role: Role) -> None:
    async with fleet.owner() as owner:
        await owner.call(
            CREATE_USER, CreateUser(user=user, password=PASSWORD, role=role)
        )


@pytest_twisted.ensureDeferred
async def test_a_dashboard_is_shared_revised_and_deleted(
    fleet: Fleet, plain_database: str
) -> None:
    await add_person(fleet, "ann", Role.OPERATOR)
    await add_person(fleet, "vic", Role.VIEWER)
    async with (
        fleet.owner() as owner,
        fleet.inside(await fleet.ticket("plant", "ann", PASSWORD)) as ann,
        fleet.inside(await fleet.ticket("plant", "vic", PASSWORD)) as vic,
    ):
        made = await ann.call(SAVE_DASHBOARD, shop(if_revision=0))
        assert (made.revision, made.created_by, made.panels) == (1, "ann", (PANEL,))
        again = await ann.call(SAVE_DASHBOARD, shop(if_revision=0))
        assert again == made
        revised = await owner.call(SAVE_DASHBOARD, shop(title="Presses", if_revision=1))
        assert (revised.revision, revised.changed_by) == (2, "admin")
        with pytest.raises(DashboardChanged, match="meanwhile by admin") as told:
            await ann.call(SAVE_DASHBOARD, shop(title="Mine", if_revision=1))
        assert told.value.details["revision"] == 2
        assert await vic.call(GET_DASHBOARD, DashboardRef(dashboard="shop")) == revised
        with pytest.raises(NotPermitted):
            await vic.call(SAVE_DASHBOARD, shop())
        await owner.call(SAVE_DASHBOARD, shop(dashboard="other", title="Other"))
        await _listed(vic)
        with pytest.raises(NotPermitted, match="made by admin"):
            await ann.call(DELETE_DASHBOARD, DeleteDashboard(dashboard="other"))
        with pytest.raises(DashboardChanged):
            await ann.call(
                DELETE_DASHBOARD, DeleteDashboard(dashboard="shop", if_revision=1)
            )
        await ann.call(
            DELETE_DASHBOARD, DeleteDashboard(dashboard="shop", if_revision=2)
        )
        for ask, request in (
            (GET_DASHBOARD, DashboardRef(dashboard="shop")),
            (SAVE_DASHBOARD, shop(if_revision=2)),
        ):
            with pytest.raises(DashboardNotFound):
                await ann.call(ask, request)
    assert _trail(plain_database) == [
        ("ann", "dashboard.save", "shop"),
        ("admin", "dashboard.save", "shop"),
        ("admin", "dashboard.save", "other"),
        ("ann", "dashboard.delete", "shop"),
    ]


async def _listed(session: Any) -> None:
    first = await session.call(LIST_DASHBOARDS, ListDashboards(most=1))
    assert ([d.dashboard for d in first.dashboards], first.more) == (["other"], True)
    rest = await session.call(LIST_DASHBOARDS, ListDashboards(after="other"))
    assert [(d.title, d.panels) for d in rest.dashboards] == [("Presses", 1)]
    found = await session.call(LIST_DASHBOARDS, ListDashboards(search="PRESS"))
    assert [d.dashboard for d in found.dashboards] == ["shop"]


def _trail(dsn: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "select actor, action, subject from audit"
            " where action like 'dashboard.%' order by number"
        ).fetchall()


@pytest_twisted.ensureDeferred
async def test_tags_are_found_as_devices_announced_them(fleet: Fleet) -> None:
    for device, tags in {
        "press_1": (Tag(tag="oil", unit="°C"), Tag(tag="a\x00b")),
        "press_2": (Tag(tag="oil", unit="°C"),),
        "silent": None,
    }.items():
        key = await fleet.enrol(device)
        if tags is None:
            continue
        async with fleet.agent(key) as agent:
            await agent.call(
                ANNOUNCE,
                Announce(
                    kind=DeviceKind.EDGE,
                    version="1",
                    runtime=Runtime.PROCESS,
                    facts=FACTS,
                    tags=tags,
                ),
            )
    async with fleet.owner() as owner:
        await owner.call(
            LABEL_DEVICE, LabelDevice(device="press_2", set={"site": "graz"})
        )
        found = await owner.call(FIND_TAGS, FindTags())
        assert [(one.tag, one.devices) for one in found.tags] == [
            ("oil", ("press_1", "press_2")),
        ]
        graz = await owner.call(FIND_TAGS, FindTags(labels="site=graz"))
        assert [one.devices for one in graz.tags] == [("press_2",)]
        both = await owner.call(
            FIND_TAGS, FindTags(labels="site=graz", device="press_1")
        )
        assert both.tags == ()
