"""Alarms over the real router: rules, commands, topics, devices that judge alarms."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.task import deferLater

from heddle.contract.alarm_answers import (
    AlarmEntries,
    AlarmJournalQuery,
    AlarmKpisQuery,
    AlarmsQuery,
)
from heddle.contract.alarm_procedures import (
    ACKNOWLEDGE_ALARMS,
    ACTIVE_ALARMS,
    ALARM_JOURNAL,
    ALARM_KPIS,
    ALARM_RULES_CHANGED,
    ALARM_TRANSITIONS,
    LIST_ALARM_RULES,
    ORDER_ALARMS,
    REMOVE_ALARM_RULES,
    SET_ALARM_RULES,
    SHELVE_ALARMS,
)
from heddle.contract.alarms import (
    AlarmAction,
    AlarmCommand,
    AlarmKind,
    AlarmNotFound,
    AlarmOrder,
    AlarmPlace,
    AlarmRule,
    AlarmRulesChanged,
    AlarmRulesInvalid,
    AlarmsMoved,
    DeviceOffline,
    ListAlarmRules,
    RemoveAlarmRules,
    SetAlarmRules,
    WrongAlarmState,
)
from heddle.contract.declare import InvalidRequest, NotPermitted
from heddle.contract.samples import INGEST
from heddle.wamp.session import Caller
from services.fleetdata.service import Fleetdata
from tests.integration.test_fleetdata import Setting, setting
from tests.support.batches import now_s, samples
from tests.support.databases import Server
from tests.support.router import InProcRouter
from tests.support.storage import storage_on
from tests.support.waiting import until

HOT = AlarmRule(
    device="press_7", alarm="hot", tag="temp", kind=AlarmKind.HI, limit=80.0
)
HOUR_MS = 3_600_000


@pytest_twisted.async_yield_fixture
async def plant(
    router: InProcRouter, embedded_server: Server
) -> AsyncIterator[Setting]:
    with storage_on(embedded_server) as storage:
        dsn = storage.running.dsn()
        async with setting(router, storage.project(), dsn) as found:
            await found.served()
            yield found


@asynccontextmanager
async def joined(plant: Setting) -> AsyncIterator[tuple[Any, Any]]:
    """A device and the owner."""
    key = await plant.backend.device(plant.project, "press_7")
    async with plant.device(key) as device, plant.owner() as owner:
        yield device, owner


async def states(owner: Any) -> dict[str, str]:
    listed = await owner.call(ACTIVE_ALARMS, AlarmsQuery())
    return {x.alarm: x.state.value for x in listed.alarms}


@pytest_twisted.ensureDeferred
async def test_the_life_of_an_alarm_with_a_restart_in_between(plant: Setting) -> None:
    now = now_s()
    async with joined(plant) as (device, owner):
        heard: list[str] = []

        def hear(event: AlarmEntries, ids: Mapping[str, str]) -> None:
            heard.extend(f"{ids['device']} {x.transition.cause}" for x in event.entries)

        await owner.hear(ALARM_TRANSITIONS, hear)
        await owner.call(SET_ALARM_RULES, SetAlarmRules(rules=(HOT,)))
        rows = [("temp", now - 9, 20.0, 0), ("temp", now - 8, 85.0, 0)]
        await device.call(INGEST, samples(0, rows))
        await plant.service.stop()
        plant.service = Fleetdata(plant.reactor, plant.config)
        plant.service.start()
        await plant.served()
        assert await states(owner) == {"hot": "unacknowledged"}
        command = AlarmCommand(device="press_7", alarms=("hot",), comment="on my way")
        moved = await owner.call(ACKNOWLEDGE_ALARMS, command)
        assert [(x.who, x.comment, x.number) for x in moved.transitions] == [
            (owner.authid, "on my way", 1)
        ]
        with pytest.raises(WrongAlarmState, match="hot is acknowledged"):
            await owner.call(ACKNOWLEDGE_ALARMS, command)
        await device.call(INGEST, samples(2, [("temp", now - 6, 60.0, 0)]))
        assert await states(owner) == {}

        await check_journal(owner, int(now) * 1000)

        async def all_heard() -> bool:
            return len(heard) == 3

        await until(plant.reactor, all_heard)
        assert heard == [f"press_7 {x}" for x in ("raised", "acknowledged", "cleared")]


async def check_journal(owner: Any, now_ms: int) -> None:
    query = AlarmJournalQuery(from_ms=now_ms - HOUR_MS, to_ms=now_ms + HOUR_MS)
    page = await owner.call(ALARM_JOURNAL, query)
    causes = [x.transition.cause for x in page.entries]
    assert sorted(causes) == ["acknowledged", "cleared", "raised"]
    page = await owner.call(ALARM_JOURNAL, replace(query, limit=1))
    again = replace(query, limit=1, before=page.more)
    assert (await owner.call(ALARM_JOURNAL, again)).entries[0].id != page.more
    figures = AlarmKpisQuery(from_ms=now_ms - HOUR_MS, to_ms=now_ms + HOUR_MS)
    assert (await owner.call(ALARM_KPIS, figures)).annunciated == 1


@pytest_twisted.ensureDeferred
async def test_a_shelving_ends_by_itself(plant: Setting) -> None:
    now = now_s()
    async with joined(plant) as (device, owner):
        await owner.call(SET_ALARM_RULES, SetAlarmRules(rules=(HOT,)))
        await device.call(INGEST, samples(0, [("temp", now - 8, 85.0, 0)]))
        until_ms = int(plant.reactor.seconds() * 1000) + 500
        command = AlarmCommand(device="press_7", until_ms=until_ms)
        moved = await owner.call(SHELVE_ALARMS, command)
        assert [x.until_ms for x in moved.transitions] == [until_ms]
        assert await states(owner) == {"hot": "shelved"}

        async def ended() -> bool:
            return await states(owner) == {"hot": "unacknowledged"}

        await until(plant.reactor, ended)
        with pytest.raises(InvalidRequest, match="until_ms is missing"):
            await owner.call(SHELVE_ALARMS, AlarmCommand(device="press_7"))


@pytest_twisted.ensureDeferred
async def test_a_device_judges_its_own_and_gets_its_orders(plant: Setting) -> None:
    async with joined(plant) as (device, owner):
        own = replace(HOT, alarm="own", place=AlarmPlace.EDGE)
        other = replace(own, device="mill")
        await owner.call(SET_ALARM_RULES, SetAlarmRules(rules=(HOT, own, other)))
        found = await device.call(LIST_ALARM_RULES, ListAlarmRules())
        assert found.rules == (own,)
        assert len((await owner.call(LIST_ALARM_RULES, ListAlarmRules())).rules) == 3
        command = AlarmCommand(device="press_7", alarms=("own",), comment="seen")
        with pytest.raises(DeviceOffline, match="press_7 is offline"):
            await owner.call(ACKNOWLEDGE_ALARMS, command)

        orders = []

        async def obey(order: AlarmOrder, _: Caller) -> AlarmsMoved:
            orders.append(order)
            raise WrongAlarmState("alarm own is normal: there is nothing to do")

        await device.serve(ORDER_ALARMS, obey, device="press_7")
        with pytest.raises(WrongAlarmState, match="nothing to do"):
            await owner.call(ACKNOWLEDGE_ALARMS, command)
        assert orders == [
            AlarmOrder(
                action=AlarmAction.ACKNOWLEDGE,
                who=owner.authid,
                alarms=("own",),
                comment="seen",
            )
        ]
        with pytest.raises(NotPermitted):
            await device.call(ACKNOWLEDGE_ALARMS, command)


@pytest_twisted.ensureDeferred
async def test_a_device_hears_that_its_rules_changed(plant: Setting) -> None:
    async with joined(plant) as (device, owner):
        told = []

        def hear(_: AlarmRulesChanged, __: Mapping[str, str]) -> None:
            told.append(True)

        await device.hear(ALARM_RULES_CHANGED, hear, device="press_7")
        await owner.call(SET_ALARM_RULES, SetAlarmRules(rules=(HOT,)))

        async def heard() -> bool:
            return bool(told)

        await until(plant.reactor, heard)


@pytest_twisted.ensureDeferred
async def test_what_is_wrong_is_told(plant: Setting) -> None:
    async with joined(plant) as (_, owner):
        with pytest.raises(AlarmRulesInvalid, match="press_7: hot: limit is missing"):
            bad = replace(HOT, limit=None)
            await owner.call(SET_ALARM_RULES, SetAlarmRules(rules=(bad,)))
        gone = RemoveAlarmRules(device="press_7", alarms=("hot",))
        with pytest.raises(AlarmNotFound, match="press_7 has no alarm hot"):
            await owner.call(REMOVE_ALARM_RULES, gone)
        with pytest.raises(AlarmNotFound):
            command = AlarmCommand(device="press_7", alarms=("hot",))
            await owner.call(ACKNOWLEDGE_ALARMS, command)
        with pytest.raises(InvalidRequest, match="out of bounds"):
            query = AlarmJournalQuery(from_ms=5, to_ms=5)
            await owner.call(ALARM_JOURNAL, query)
        with pytest.raises(InvalidRequest, match="31 days"):
            days = AlarmKpisQuery(from_ms=0, to_ms=32 * 24 * HOUR_MS)
            await owner.call(ALARM_KPIS, days)
    await deferLater(plant.reactor, 0)
