"""Alarms that the device judges, from its driver to the journal at the centre."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from edge_agent.agent import Agent
from edge_agent.drivers.driver import Reading
from heddle.contract.alarm_answers import AlarmJournalQuery, AlarmReport, AlarmsQuery
from heddle.contract.alarm_procedures import (
    ACKNOWLEDGE_ALARMS,
    ACTIVE_ALARMS,
    ALARM_JOURNAL,
    REMOVE_ALARM_RULES,
    SET_ALARM_RULES,
)
from heddle.contract.alarms import (
    AlarmCommand,
    AlarmKind,
    AlarmPlace,
    AlarmRule,
    AlarmTransition,
    DeviceOffline,
    RemoveAlarmRules,
    SetAlarmRules,
    WrongAlarmState,
)
from heddle.contract.flows import INSTALL_FLOW, InstallFlow
from heddle.contract.runs import RUN_STATUS, START_RUN, RunQuery, RunStatus, StartRun
from heddle.contract.samples import Quality, Stream
from tests.support import alarms as stir
from tests.support.databases import Server
from tests.support.device import program
from tests.support.hand import DEVICE, Hand, Works, running_works
from tests.support.waiting import until

DAY_MS = 86_400_000
SEED = 6  # that gives rules of every kind
HOT = AlarmRule(
    device=DEVICE,
    alarm="hot",
    tag="t",
    kind=AlarmKind.HI,
    limit=80.0,
    place=AlarmPlace.EDGE,
)


@pytest_twisted.async_yield_fixture
async def works(
    embedded_server: Server, plain_database: str, tmp_path: Path
) -> AsyncIterator[Works]:
    async with running_works(
        reactor, embedded_server, plain_database, tmp_path
    ) as found:

        async def answers() -> bool:
            return not await active(found)

        await until(reactor, answers, within_s=60)
        yield found


async def set_rules(works: Works, *rules: AlarmRule) -> None:
    async with works.owner() as owner:
        await owner.call(SET_ALARM_RULES, SetAlarmRules(rules=rules))


async def until_known(works: Works, alarm: str = "hot") -> None:
    """Until the device knows the rule: it refuses to acknowledge what is normal."""

    async def refused() -> bool:
        with pytest.raises(WrongAlarmState):
            await act(works, alarm)
        return True

    await until(reactor, refused, within_s=60)


async def act(works: Works, alarm: str, comment: str = "") -> Any:
    """Acknowledge."""
    command = AlarmCommand(device=DEVICE, alarms=(alarm,), comment=comment)
    async with works.owner() as owner:
        return await owner.call(ACKNOWLEDGE_ALARMS, command)


async def active(works: Works) -> dict[str, AlarmReport]:
    async with works.owner() as owner:
        listed = await owner.call(ACTIVE_ALARMS, AlarmsQuery())
    return {each.alarm: each for each in listed.alarms}


async def journal(works: Works) -> list[AlarmTransition]:
    """All transitions, in the order they were recorded."""
    now_ms = int(reactor.seconds() * 1000)  # type: ignore[attr-defined]
    query = AlarmJournalQuery(
        from_ms=now_ms - DAY_MS, to_ms=now_ms + DAY_MS, limit=1000
    )
    entries = []
    async with works.owner() as owner:
        while True:
            page = await owner.call(ALARM_JOURNAL, query)
            entries += page.entries
            if page.more is None:
                break
            query = replace(query, before=page.more)
    return [x.transition for x in sorted(entries, key=lambda entry: entry.id)]


async def told(works: Works, alarm: str = "hot") -> list[tuple[int | None, str]]:
    found = await journal(works)
    return [(each.number, each.cause) for each in found if each.alarm == alarm]


async def until_told(works: Works, wanted: list[tuple[int | None, str]]) -> None:
    async def so() -> bool:
        return await told(works) == wanted

    await until(reactor, so, within_s=60)


@pytest_twisted.ensureDeferred
async def test_an_alarm_of_an_outage_arrives_once_with_the_time_of_the_device(
    works: Works,
) -> None:
    hand = Hand("t")
    await set_rules(works, HOT)
    async with works.agent(hand):
        await until_known(works)
    with pytest.raises(DeviceOffline, match="press_7 is offline"):
        await act(works, "hot")
    await works.fleet.router.stop()
    async with works.agent(hand) as agent:  # an offline start: it has the rules
        at_us = hand.set("t", 85.0)

        async def on_its_disk() -> bool:
            return (await agent._outbox.waiting())[Stream.ALARMS] == 1

        await until(reactor, on_its_disk)
    async with works.agent(hand):  # and another
        hand.set("t", 86.0)
        await works.fleet.router.start()
        await works.fleet.served()
        await until_told(works, [(0, "raised")])
        (raised,) = await journal(works)
        assert (raised.at_us, raised.value) == (at_us, 85.0)
        moved = await act(works, "hot", "on my way")
        assert [x.comment for x in moved.transitions] == ["on my way"]
        hand.set("t", 20.0)
        await until_told(works, [(0, "raised"), (1, "acknowledged"), (2, "cleared")])
        assert await active(works) == {}


@pytest_twisted.ensureDeferred
async def test_a_device_that_lost_its_disk_tells_how_its_alarms_stand(
    works: Works,
) -> None:
    hand = Hand("t")
    await set_rules(works, HOT)
    async with works.agent(hand):
        await until_known(works)
        hand.set("t", 85.0)
        await until_told(works, [(0, "raised")])
    for file in works.data.glob("outbox.sqlite*"):
        file.unlink()
    hand.set("t", 20.0)
    async with works.agent(hand):
        wanted = [(0, "raised"), (None, "reconciled")]
        await until_told(works, wanted)
        (_, entry) = await journal(works)
        assert (entry.before, entry.after) == ("unacknowledged", "normal")
        assert entry.comment is not None
        assert "was lost" in entry.comment
        assert await active(works) == {}
    async with works.agent(hand):
        hand.set("t", 86.0)
        await until_told(works, [*wanted, (0, "raised")])
        assert (await active(works))["hot"].state == "unacknowledged"


@pytest_twisted.ensureDeferred
async def test_rules_change_and_go_while_the_device_is_at_work(works: Works) -> None:
    hand = Hand("t")
    async with works.agent(hand):
        hand.set("t", 50.0)
        await set_rules(works, replace(HOT, limit=40.0))
        await until_told(works, [(0, "raised")])
        await set_rules(works, HOT)
        cleared = [(0, "raised"), (1, "changed"), (2, "cleared")]
        await until_told(works, cleared)
        async with works.owner() as owner:
            gone = RemoveAlarmRules(device=DEVICE, alarms=("hot",))
            await owner.call(REMOVE_ALARM_RULES, gone)
        await until_told(works, [*cleared, (3, "removed")])
        assert await active(works) == {}


@pytest_twisted.ensureDeferred
async def test_an_alarm_that_moves_to_the_centre_is_judged_there(works: Works) -> None:
    hand = Hand("t")
    await set_rules(works, HOT)
    async with works.agent(hand):
        await until_known(works)
        hand.set("t", 85.0)
        await until_told(works, [(0, "raised")])
        await set_rules(works, replace(HOT, place=AlarmPlace.CENTRE))

        async def let_go() -> bool:
            return "removed" in [cause for _, cause in await told(works)]

        await until(reactor, let_go, within_s=60)
        report = (await active(works))["hot"]
        assert (report.state, report.place) == ("unacknowledged", "centre")
        hand.set("t", 20.0)

        async def returned() -> bool:
            return (await active(works))["hot"].state == "returned"

        await until(reactor, returned, within_s=60)


@pytest_twisted.ensureDeferred
async def test_kill_9_loses_and_doubles_no_transition(
    works: Works, tmp_path: Path
) -> None:
    csv = tmp_path / "readings.csv"
    rows = [f"{n / 20},{20 if n % 2 else 90}" for n in range(10)]
    csv.write_text("\n".join(["time,t", *rows]) + "\n")
    await set_rules(works, HOT)
    config = await works.config()
    settings = {"code": config.code, "driver": f"csv:{csv}", "time_scale": 1}
    async with program(reactor, works.fleet.router, works.data, **settings) as agent:
        for lives in range(1, 4):
            before = len(await told(works))

            async def more(before: int = before) -> bool:
                return len(await told(works)) > before + 4

            await until(reactor, more, within_s=60)
            await agent.kill()
            if lives == 2:
                standing = (await active(works))["hot"].state
            if lives < 3:
                agent.start()
    found = await told(works)
    assert [number for number, _ in found] == list(range(len(found)))
    causes = [cause for _, cause in found]
    assert causes == (["raised", "cleared"] * len(causes))[: len(causes)]
    assert standing in ("unacknowledged", "returned")


@pytest_twisted.ensureDeferred
async def test_the_same_samples_are_judged_alike_here_and_there(works: Works) -> None:
    """Thousands of them by each on its own path, of a device whose clock runs fast."""
    hand = Hand(*(f"t{n}" for n in range(6)))
    rules = both_places(6)
    await set_rules(works, *rules)
    async with works.agent(hand) as agent:
        await until_known(works, "e_end")
        ahead_us = int(reactor.seconds() * 1e6) + 60_000_000  # type: ignore[attr-defined]
        clock = FastClock(agent)
        for some in readings(ahead_us - stir.START_US):
            clock.at_us = max(clock.at_us, *(each.at_us for each in some))
            hand.tell(some)
            await deferLater(reactor, 0)
        end_us = ahead_us + 7_200_000_000
        for at_us, value in ((end_us, 50.0), (end_us + 60_000_000, 1000.0)):
            clock.at_us = at_us
            hand.tell([Reading(f"t{n}", at_us, value) for n in range(6)])
        every: list[AlarmTransition] = []

        async def all_told() -> bool:
            every[:] = await journal(works)
            return {"e_end", "c_end"} <= {x.alarm for x in every}

        await until(reactor, all_told, within_s=60, every_s=0.3)
    judged = [x for x in every if ahead_us <= x.at_us <= end_us]
    at_edge, at_centre = of(judged, "e_"), of(judged, "c_")
    assert at_edge == at_centre
    assert sum(map(len, at_edge.values())) > 500
    assert {rule.kind for rule in rules if rule.alarm[2:] in at_edge} == set(AlarmKind)


class FastClock:
    """A device's clock that says what the test wants, as far as alarms go by it."""

    def __init__(self, agent: Agent) -> None:
        self.at_us = 0
        agent._recorder._now_s = agent._alarming.ruled._now_s = self.seconds

    def seconds(self) -> float:
        return self.at_us / 1e6


def both_places(tags: int) -> list[AlarmRule]:
    """Rules of every kind, each for the device and for the centre; and ``end``."""
    every = [stir.wire_rule(one) for one in stir.assorted_rules(tags, seed=SEED)]
    every.append(replace(HOT, alarm="end", tag="t0", limit=1000.0))
    return [
        replace(rule, place=place, alarm=f"{place.value[0]}_{rule.alarm}")
        for rule in every
        for place in AlarmPlace
    ]


def readings(later_us: int) -> Iterator[list[Reading]]:
    """All but the late ones, batch by batch."""
    newest_us = 0
    for batch in stir.batches(6, 3_000, 100, seed=3):
        found = []
        for tag, at_us, value, quality in stir.rows(batch):
            if at_us < newest_us:
                continue
            newest_us, then_us = at_us, at_us + later_us
            good = Reading(f"t{tag}", then_us, value, Quality(quality))
            bad = Reading(f"t{tag}", then_us, None, Quality.BAD)
            found.append(bad if isnan(value) else good)
        yield found


def of(
    every: Sequence[AlarmTransition], prefix: str
) -> dict[str, list[AlarmTransition]]:
    """The transitions of each alarm of a place, by the name both have."""
    found: dict[str, list[AlarmTransition]] = {}
    for each in every:
        if each.alarm.startswith(prefix):
            name = each.alarm.removeprefix(prefix)
            found.setdefault(name, []).append(replace(each, alarm=name))
    return found


ALERTING = {
    "id": "alerting",
    "version": "1",
    "elements": [
        {"id": "begin", "elementType": "EVENT_LISTENER", "type": "START"},
        {"id": "work", "elementType": "PHASE", "commands": []},
        {
            "id": "soon",
            "elementType": "EVENT_LISTENER",
            "type": "TIMER",
            "phaseId": "work",
            "durationInMS": 100,
            "interrupting": False,
        },
        {"id": "mind", "elementType": "EVENT_DISPATCHER", "type": "ALERT"},
        {
            "id": "go",
            "elementType": "EVENT_LISTENER",
            "type": "APPROVAL",
            "phaseId": "work",
        },
        {"id": "done", "elementType": "EVENT_DISPATCHER", "type": "END"},
        *(
            {"id": f"{a}_{b}", "elementType": "FLOW", "srcId": a, "destId": b}
            for a, b in (("begin", "work"), ("soon", "mind"), ("go", "done"))
        ),
    ],
}


@pytest_twisted.ensureDeferred
async def test_an_alert_of_a_run_stands_at_the_centre_and_the_run_goes_on(
    works: Works,
) -> None:
    async with works.agent(Hand("t")), works.owner() as owner:

        async def call(procedure: Any, request: Any) -> Any:
            return await owner.call(procedure, request, device=DEVICE)

        async def installed() -> bool:
            request = InstallFlow(flow="brew", version=4, definition=ALERTING)
            await call(INSTALL_FLOW, request)
            return True

        await until(reactor, installed, within_s=60)
        run = (await call(START_RUN, StartRun(flow="brew"))).run

        async def raised() -> bool:
            return "alert_brew_mind" in await active(works)

        await until(reactor, raised, within_s=60)
        alert = (await active(works))["alert_brew_mind"]
        assert (alert.state, alert.severity, alert.place) == (
            "unacknowledged",
            700,
            "edge",
        )
        assert alert.comment is not None
        assert f"flow brew version 4, run {run}: dispatcher mind" in alert.comment
        (report,) = (await call(RUN_STATUS, RunQuery(run=run))).runs
        assert report.status is RunStatus.RUNNING
        moved = await act(works, "alert_brew_mind", "seen")
        assert [x.after for x in moved.transitions] == ["normal"]
        assert await active(works) == {}
        with pytest.raises(WrongAlarmState, match="nothing to acknowledge"):
            await act(works, "alert_brew_mind")
    assert [cause for _, cause in await told(works, "alert_brew_mind")] == [
        "raised",
        "acknowledged",
    ]
