"""Labels, targets and commands to many devices, through router and PostgreSQL."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from heddle.contract.declare import InvalidRequest, NotPermitted, Role
from heddle.contract.devices import (
    LIST_DEVICES,
    PRESENCE,
    DeviceNotFound,
    ListDevices,
    Presence,
    SelectorInvalid,
)
from heddle.contract.fleet import (
    COMMAND_FLEET,
    LABEL_DEVICE,
    RESOLVE_TARGETS,
    FleetCommand,
    FleetVerb,
    LabelDevice,
    ResolveTargets,
    Targets,
)
from heddle.contract.people import CREATE_USER, CreateUser
from heddle.contract.runs import (
    APPROVE_RUN,
    RUN_STATUS,
    START_RUN,
    RunAlreadyActive,
    RunList,
    RunReport,
    RunStatus,
)
from services.backend.config import Config
from services.backend.service import Backend
from tests.support.fleet import Fleet, running_fleet
from tests.support.waiting import until


@pytest_twisted.async_yield_fixture
async def fleet(plain_database, tmp_path):
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


class Press:
    """A device's agent, as far as runs of one flow go."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.run: str | None = None
        self.told: list[Any] = []

    async def serve(self, session: Any) -> None:
        for procedure, handler in (
            (START_RUN, self.start),
            (APPROVE_RUN, self.approve),
            (RUN_STATUS, self.status),
        ):
            await session.serve(procedure, handler, device=self.device)
        await session.published(PRESENCE, Presence(online=True), device=self.device)

    async def start(self, request: Any, _caller: Any) -> RunReport:
        self.told.append(request)
        if self.run is not None:
            raise RunAlreadyActive(f"run {self.run} is active", run=self.run)
        self.run = request.run or "run_1"
        return self._report()

    async def approve(self, request: Any, _caller: Any) -> RunReport:
        self.told.append(request)
        return self._report()

    async def status(self, _request: Any, _caller: Any) -> RunList:
        return RunList(runs=(self._report(),))

    def _report(self) -> RunReport:
        assert self.run is not None
        return RunReport(run=self.run, flow="bio", version=1, status=RunStatus.RUNNING)


@asynccontextmanager
async def presses(fleet: Fleet, *online: str) -> AsyncIterator[dict[str, Press]]:
    """Devices that are online, and that the backend knows to be."""
    async with AsyncExitStack() as stack:
        found = {}
        for device in online:
            session = await stack.enter_async_context(
                fleet.agent(await fleet.enrol(device))
            )
            found[device] = Press(device)
            await found[device].serve(session)
        owner = await stack.enter_async_context(fleet.owner())

        async def all_online() -> bool:
            listed = await owner.call(LIST_DEVICES, ListDevices(online=True))
            return {one.device for one in listed.devices} == set(online)

        await until(reactor, all_online)
        yield found


def trail(dsn: str, action: str) -> list[tuple[str, str, dict[str, Any]]]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select actor, subject, details from audit where action = %s order by 1, 2",
            [action],
        ).fetchall()
    return [(actor, subject, details) for actor, subject, details in rows]


class Asking:
    """An owner's questions about devices, with short answers."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner

    async def label(self, device: str, *remove: str, **labels: str) -> dict[str, str]:
        request = LabelDevice(device=device, set=labels, remove=remove)
        return (await self._owner.call(LABEL_DEVICE, request)).labels

    async def listed(self, **asked: Any) -> tuple[str, bool]:
        found = await self._owner.call(LIST_DEVICES, ListDevices(**asked))
        return " ".join(one.device for one in found.devices), found.more

    async def meant(self, *devices: str, **asked: Any) -> str:
        targets = Targets(devices=devices, **asked)
        request = ResolveTargets(targets=targets)
        return " ".join((await self._owner.call(RESOLVE_TARGETS, request)).devices)


@pytest_twisted.ensureDeferred
async def test_devices_are_labelled_listed_and_resolved(fleet: Fleet) -> None:
    for device in ("press_1", "press_2", "press_3", "kettle"):
        await fleet.enrol(device)
    async with fleet.owner() as owner:
        ask = Asking(owner)
        assert await ask.label("press_1", site="graz") == {"site": "graz"}
        both = {"site": "linz", "spare": ""}
        assert await ask.label("press_2", **both) == both
        assert await ask.label("press_2", "line", site="graz") == {
            "site": "graz",
            "spare": "",
        }
        assert await ask.label("press_3", spare="") == {"spare": ""}
        assert await ask.label("press_3", "spare") == {}

        assert await ask.meant(labels="site=graz and not spare") == "press_1"
        united = await ask.meant("press_3", labels="site=graz")
        assert united == "press_1 press_2 press_3"
        assert await ask.meant(labels="site=rome") == ""
        assert await ask.meant(all=True) == "kettle press_1 press_2 press_3"

        assert await ask.listed(labels="site=graz", most=1) == ("press_1", True)
        second = await ask.listed(labels="site=graz", after="press_1")
        assert second == ("press_2", False)
        found = await ask.listed(search="RESS_", most=3)
        assert found == ("press_1 press_2 press_3", False)
        assert await ask.listed(online=True) == ("", False)
        assert await ask.listed(online=False, search="k") == ("kettle", False)


@pytest_twisted.ensureDeferred
async def test_labels_and_targets_that_make_no_sense_are_refused(
    fleet: Fleet, plain_database: str
) -> None:
    await fleet.enrol("press_1")
    async with fleet.owner() as owner:
        ask = Asking(owner)
        await ask.label("press_1", site="graz")
        with pytest.raises(DeviceNotFound, match="no device ghost, spook") as missing:
            await ask.meant("spook", "press_1", "ghost")
        assert missing.value.details["devices"] == ["ghost", "spook"]
        with pytest.raises(SelectorInvalid, match="character 6"):
            await ask.meant(labels="site=")
        with pytest.raises(InvalidRequest, match="no device is meant"):
            await ask.meant()
        with pytest.raises(SelectorInvalid):
            await ask.listed(labels="and")
        with pytest.raises(InvalidRequest, match="search must be one line"):
            await ask.listed(search="\x00")
        with pytest.raises(InvalidRequest, match="cannot be a label"):
            await ask.label("press_1", **{"not": "x"})
        with pytest.raises(InvalidRequest, match="remove must be one line"):
            await ask.label("press_1", "\x00")
        with pytest.raises(InvalidRequest, match="would have 33 labels"):
            await ask.label("press_1", **{f"l{n}": "" for n in range(32)})
        with pytest.raises(DeviceNotFound, match="no device ghost"):
            await ask.label("ghost", site="graz")
    told = {"set": {"site": "graz"}, "removed": []}
    assert trail(plain_database, "device.label") == [("admin", "press_1", told)]


START = FleetCommand(
    verb=FleetVerb.START, flow="bio", targets=Targets(all=True), within_ms=60_000
)


@pytest_twisted.ensureDeferred
async def test_a_command_reaches_all_that_are_meant_and_is_written_down(
    fleet: Fleet, plain_database: str
) -> None:
    await fleet.enrol("away")
    async with presses(fleet, "a", "b") as found, fleet.owner() as owner:
        found["b"].run = "run_0"
        answer = await owner.call(COMMAND_FLEET, START, timeout_s=60)
        assert answer.counts == {"done": 1, "refused": 1, "offline": 1, "timed_out": 0}
        assert [(one.device, one.outcome.value) for one in answer.results] == [
            ("a", "done"),
            ("away", "offline"),
            ("b", "refused"),
        ]
        assert answer.results[2].error == RunAlreadyActive.uri
        assert answer.results[2].detail == "run run_0 is active"
        approve = FleetCommand(
            verb=FleetVerb.APPROVE,
            flow="bio",
            targets=Targets(devices=("a",)),
            within_ms=60_000,
            comment="looks fine",
        )
        await owner.call(COMMAND_FLEET, approve, timeout_s=60)
        assert (found["a"].told[-1].by, found["a"].told[-1].flow) == ("admin", "bio")
        await owner.call(
            CREATE_USER,
            CreateUser(user="vera", role=Role.VIEWER, password="a good password"),
        )
    ticket = await fleet.ticket("plant", "vera", "a good password")
    async with fleet.inside(ticket) as viewer:
        with pytest.raises(NotPermitted):
            await viewer.call(COMMAND_FLEET, START)
    assert trail(plain_database, "fleet.start") == [
        (
            "admin",
            "bio",
            {
                "targets": {"all": True, "labels": None, "named": []},
                "devices": 3,
            },
        )
    ]
    ((_, _, summary),) = trail(plain_database, "fleet.start.answered")
    assert summary == {
        "counts": {"done": 1, "refused": 1, "offline": 1, "timed_out": 0},
        "not_done": {"away": "offline", "b": "refused"},
    }


@pytest_twisted.ensureDeferred
async def test_a_repeat_is_carried_out_once_whichever_backend_is_asked(
    fleet: Fleet, plain_database: str
) -> None:
    second = Backend(reactor, Config(**fleet.settings))
    await second.start()
    try:
        async with presses(fleet, "a", "b") as found, fleet.owner() as owner:
            await both_know(owner)
            keyed = replace(START, key="monday")
            asked = [owner.call(COMMAND_FLEET, keyed, timeout_s=90) for _ in range(6)]
            answers = await gatherResults([Deferred.fromCoroutine(a) for a in asked])
            assert answers[0].counts["done"] == 2
            assert answers == [answers[0]] * 6
            assert [len(press.told) for press in found.values()] == [1, 1]
            with pytest.raises(InvalidRequest, match="another command today"):
                await owner.call(COMMAND_FLEET, replace(keyed, verb=FleetVerb.PAUSE))

            lose_the_answer(plain_database)  # its backend was killed in the middle
            again = await owner.call(COMMAND_FLEET, keyed, timeout_s=90)
            assert again == answers[0], "the same runs, and no second ones"
            assert [len(press.told) for press in found.values()] == [2, 2]

            make_it_old(plain_database)
            afresh = await owner.call(COMMAND_FLEET, keyed, timeout_s=90)
            assert afresh.counts["refused"] == 2, "a day later it is another command"
    finally:
        await second.stop()


async def both_know(owner: Any) -> None:
    """Each of two backends, asked in turn, has heard that two devices are online."""

    async def look() -> bool:
        for _ in range(2):
            listed = await owner.call(LIST_DEVICES, ListDevices(online=True))
            if len(listed.devices) != 2:
                return False
        return True

    await until(reactor, look)


def lose_the_answer(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        (answer,) = connection.execute("select answer from fleet_command").fetchone()
        assert json.dumps(answer).count("done") == 3
        connection.execute(
            "update fleet_command set answer = null, due_at = now() - interval '1 s'"
        )


def make_it_old(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "update fleet_command set begun_at = begun_at - interval '25 hours'"
        )
