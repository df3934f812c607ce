"""Deployments over a real router and a real PostgreSQL; the devices do as told."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_twisted
from twisted.internet import reactor

from heddle.contract.alarm_answers import AlarmList, AlarmReport
from heddle.contract.alarm_procedures import ACTIVE_ALARMS
from heddle.contract.alarms import AlarmPlace, AlarmState
from heddle.contract.declare import InvalidRequest, Role
from heddle.contract.deployments import (
    APPROVE_DEPLOYMENT,
    CANCEL_DEPLOYMENT,
    DEPLOYMENT_MOVED,
    LIST_DEPLOYMENTS,
    PAUSE_DEPLOYMENT,
    PREVIEW_DEPLOYMENT,
    RESUME_DEPLOYMENT,
    ROLL_BACK_DEPLOYMENT,
    START_DEPLOYMENT,
    DeploymentConflict,
    DeploymentMoved,
    DeploymentNotFound,
    DeploymentRef,
    DeploymentReport,
    LabelVariables,
    ListDeployments,
    NoTargets,
    PreviewDeployment,
    SecondPersonNeeded,
    StrategyConfig,
    StrategyInvalid,
    StrategyKind,
    TargetStatus,
    WrongDeploymentState,
)
from heddle.contract.device_deployments import DeviceStage, VariableInvalid
from heddle.contract.fleet import Targets
from heddle.contract.lifecycle import FlowArchived, ReleaseNotFound
from services.backend.deployments.standing import DriverReplaced, move
from tests.support.device import example
from tests.support.rollouts import FLOW, PROJECT, Rollouts, publish, running_rollouts
from tests.support.waiting import becomes, until

QUICK: dict[str, Any] = {"health_check": False}
ONLY = Targets(devices=("a",))


@pytest_twisted.async_yield_fixture
async def rollouts(plain_database: str, tmp_path: Path) -> AsyncIterator[Rollouts]:
    async with running_rollouts(reactor, plain_database, tmp_path) as running:
        yield running


def eventually(look: Callable[[], object], wanted: object = True) -> Any:
    return becomes(reactor, look, wanted)


@pytest_twisted.ensureDeferred
async def test_all_at_once_reaches_every_device_once(rollouts: Rollouts) -> None:
    moves: list[DeploymentMoved] = []
    await rollouts.owner.hear(DEPLOYMENT_MOVED, lambda event, _: moves.append(event))
    devices = await rollouts.enrol("a", "b", "c")
    made = await rollouts.make(key="k1", note="the first")
    assert (made.status, made.total, made.config.timeout) == ("running", 3, "30m")
    done = await rollouts.until_status(made.deployment, "completed")
    assert {one.device: one.status for one in done.targets} == {
        "a": "success",
        "b": "success",
        "c": "success",
    }
    assert all(one.changed_at_ms >= made.created_at_ms for one in done.targets)
    assert done.report.counts["success"] == 3
    for device in devices:
        await eventually(lambda d=device: d.count("settle"), 1)
        assert device.acts == [
            ("deploy", made.deployment),
            ("settle", made.deployment),
        ]
        assert device.running == 1
    await eventually(lambda: moves[-1].status if moves else "", "completed")
    assert [one.revision for one in moves] == sorted({one.revision for one in moves})

    happened = await rollouts.history(made.deployment)
    assert happened[:4] == [
        (None, "created"),
        (None, "start"),
        (None, "wave"),
        ("a", "deploying"),
    ]
    assert {x for x in happened if x[1] == "success"} == {(d, "success") for d in "abc"}
    assert (None, "completed") in happened
    assert (await rollouts.make(key="k1", note="the first")).deployment == (
        made.deployment
    )
    with pytest.raises(InvalidRequest, match="was used for deployment dep_"):
        await rollouts.make(key="k1", note="the second")
    page = await rollouts.get(made.deployment, most=1, after="a")
    assert ([one.device for one in page.targets], page.more) == (["b"], True)
    failed = await rollouts.get(made.deployment, status=TargetStatus.FAILED)
    assert failed.targets == ()


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_deployed_is_refused_with_a_sentence(
    rollouts: Rollouts,
) -> None:
    with pytest.raises(NoTargets, match="project plant has no device"):
        await rollouts.make()
    await rollouts.enrol("a", "b", online=False)
    await _refused(rollouts)
    waits = await rollouts.make(
        start=False, targets=ONLY, config=StrategyConfig(needs_approval=True)
    )
    assert (waits.status, waits.waves) == ("pending", 1)
    with pytest.raises(DeploymentConflict, match=f"{waits.deployment} of brew is pen"):
        await rollouts.make()
    with pytest.raises(SecondPersonNeeded, match="ask a second person"):
        await rollouts.tell(APPROVE_DEPLOYMENT, waits.deployment)
    with pytest.raises(WrongDeploymentState, match="pending: only a running one can"):
        await rollouts.tell(PAUSE_DEPLOYMENT, waits.deployment)
    await _refused_while_archived(rollouts, waits.deployment)
    started = await rollouts.tell(START_DEPLOYMENT, waits.deployment)
    assert started.status == "pending"
    approved = await _approved_by_vera(rollouts, waits.deployment)
    assert (approved.status, approved.approved_by) == ("running", "vera")
    ended = await rollouts.tell(CANCEL_DEPLOYMENT, waits.deployment)
    assert ended.status in {"rolling_back", "cancelled"}
    await _told(rollouts, waits.deployment)
    with psycopg.connect(rollouts.dsn) as connection:
        trail = connection.execute("select action, actor from audit order by number")
        assert trail.fetchall() == [
            ("deployment.create", "owner"),
            ("deployment.start", "owner"),
            ("deployment.approve", "vera"),
            ("deployment.cancel", "owner"),
        ]


async def _refused_while_archived(rollouts: Rollouts, deployment: str) -> None:
    with psycopg.connect(rollouts.dsn, autocommit=True) as connection:
        connection.execute("update flow set archived_at = now()")
        with pytest.raises(FlowArchived):
            await rollouts.tell(START_DEPLOYMENT, deployment)
        connection.execute("update flow set archived_at = null")


async def _approved_by_vera(rollouts: Rollouts, deployment: str) -> DeploymentReport:
    ticket = rollouts.gate.ticket("vera", PROJECT, Role.OPERATOR)
    async with rollouts.router.joined(f"project_{PROJECT}", ticket) as vera:
        ref = DeploymentRef(deployment=deployment, reason="looks good")
        return await vera.call(APPROVE_DEPLOYMENT, ref)


async def _refused(rollouts: Rollouts) -> None:
    for wrong, error, sentence in (
        ({"targets": Targets(labels="site=graz")}, NoTargets, "match no device"),
        ({"targets": Targets()}, NoTargets, "name some"),
        ({"version": 7}, ReleaseNotFound, "version 7 of brew is not published"),
        (
            {"config": StrategyConfig(timeout="soon")},
            StrategyInvalid,
            "timeout: 'soon'",
        ),
        ({"config": StrategyConfig(check="1 +")}, StrategyInvalid, "check, column"),
        ({"variables": {"x": 1}}, VariableInvalid, "no variable 'x'"),
    ):
        with pytest.raises(error, match=sentence):
            await rollouts.make(**wrong)


async def _told(rollouts: Rollouts, deployment: str) -> None:
    with pytest.raises(DeploymentNotFound):
        await rollouts.tell(START_DEPLOYMENT, "dep_no")
    listed = await rollouts.owner.call(LIST_DEPLOYMENTS, ListDeployments(flow=FLOW))
    assert [one.deployment for one in listed.deployments] == [deployment]
    preview = await rollouts.owner.call(
        PREVIEW_DEPLOYMENT,
        PreviewDeployment(
            targets=Targets(all=True),
            strategy=StrategyKind.ROLLING,
            config=StrategyConfig(batch_size=1),
        ),
    )
    assert [(wave.devices, wave.online) for wave in preview.waves] == [
        (("a",), 0),
        (("b",), 0),
    ]


@pytest_twisted.ensureDeferred
async def test_a_rolling_deployment_stops_in_the_wave_that_fails(
    rollouts: Rollouts,
) -> None:
    devices = await rollouts.enrol("a", "b", "c", "d")
    first = await rollouts.make()
    await rollouts.until_status(first.deployment, "completed")
    with psycopg.connect(rollouts.dsn) as connection:
        publish(connection, 2, example())
    rollouts.devices["b"].fails = "engine exited (out of memory)"
    config = StrategyConfig(**QUICK, batch_size=2, batch_delay="100ms")
    made = await rollouts.make(strategy=StrategyKind.ROLLING, config=config)
    assert made.version == 2
    over = await rollouts.until_status(made.deployment, "rolled_back")
    assert over.report.detail == (
        "1 of 2 devices of wave 1 failed, more than 20 %: "
        "b: engine exited (out of memory)"
    )
    assert (await rollouts.standing(made.deployment))[1] == {
        "a": "rolled_back",
        "b": "failed",
        "c": "skipped",
        "d": "skipped",
    }
    assert [device.running for device in devices] == [1, 1, 1, 1]
    assert [device.count("deploy") for device in devices] == [2, 2, 1, 1]


@pytest_twisted.ensureDeferred
async def test_canaries_go_first_and_blue_green_switches_all_at_once(
    rollouts: Rollouts,
) -> None:
    devices = await rollouts.enrol("a", "b", "c")
    config = StrategyConfig(**QUICK, canary_percentage=34, canary_delay="300ms")
    made = await rollouts.make(strategy=StrategyKind.CANARY, config=config)
    await rollouts.until_status(made.deployment, "completed")
    happened = await rollouts.history(made.deployment)
    second = [at for at, one in enumerate(happened) if one == (None, "wave")][1]
    before = {device for device, what in happened[:second] if what == "success"}
    after = {device for device, what in happened[second:] if what == "success"}
    assert (len(before), len(after)) == (2, 1)

    config = StrategyConfig(**QUICK, switch_delay="500ms", timeout="60s")
    made = await rollouts.make(strategy=StrategyKind.BLUE_GREEN, config=config)
    await rollouts.until_status(made.deployment, "completed")
    for device in devices:
        await eventually(lambda d=device: d.count("settle"), 2)
        assert device.acts[2:] == [
            (act, made.deployment) for act in ("deploy", "switch", "settle")
        ]


@pytest_twisted.ensureDeferred
async def test_who_does_not_answer_times_out_and_catches_up(rollouts: Rollouts) -> None:
    (mute,) = await rollouts.enrol("b")
    (away,) = await rollouts.enrol("c", online=False)
    mute.mute = True
    config = StrategyConfig(
        **QUICK, timeout="2s", failure_threshold=100, catch_up=True, retries=1
    )
    made = await rollouts.make(config=config)
    over = await rollouts.until_status(made.deployment, "completed", "failed")
    told = {one.device: (one.status, one.caught_up) for one in over.targets}
    assert told == {
        "b": ("timed_out", False),
        "c": ("timed_out", False),
    }
    await away.join(rollouts.router)
    await eventually(lambda: away.count("settle"), 1)

    async def caught_up() -> bool:
        targets = (await rollouts.get(made.deployment)).targets
        return targets[1].caught_up

    await until(reactor, caught_up)
    assert away.count("deploy") == 1
    assert ("c", "caught_up") in await rollouts.history(made.deployment)
    later = await rollouts.make(targets=Targets(devices=("b",)))  # takes its place
    mute.mute = False
    await mute.leave()
    await mute.join(rollouts.router)
    await rollouts.until_status(later.deployment, "completed")
    assert {of for _, of in mute.acts} == {later.deployment}


@pytest_twisted.ensureDeferred
async def test_a_paused_deployment_moves_nothing_and_a_rollback_brings_all_back(
    rollouts: Rollouts,
) -> None:
    a, b, c = await rollouts.enrol("a", "b", "c")
    b.holds = True
    config = StrategyConfig(**QUICK, batch_size=2, batch_delay="0s")
    made = await rollouts.make(strategy=StrategyKind.ROLLING, config=config)
    await eventually(lambda: (a.running, b.count("deploy")), (1, 1))
    paused = await rollouts.tell(PAUSE_DEPLOYMENT, made.deployment)
    assert paused.status == "paused"
    b.tell(made.deployment, DeviceStage.ACTIVE)

    async def both() -> bool:
        return (await rollouts.standing(made.deployment))[1]["b"] == "success"

    await until(reactor, both)
    assert c.calls == []
    await rollouts.tell(RESUME_DEPLOYMENT, made.deployment)
    c.holds = True
    await eventually(lambda: c.count("deploy"), 1)
    await rollouts.tell(ROLL_BACK_DEPLOYMENT, made.deployment)
    over = await rollouts.until_status(made.deployment, "rolled_back")
    assert over.report.detail == "rolled back by owner"
    assert {one.status for one in over.targets} == {"rolled_back"}
    assert [device.running for device in (a, b, c)] == [0, 0, 0]
    with pytest.raises(WrongDeploymentState, match="it has ended; make a new"):
        await rollouts.tell(RESUME_DEPLOYMENT, made.deployment)


@pytest_twisted.ensureDeferred
async def test_another_replica_goes_on_when_one_dies(rollouts: Rollouts) -> None:
    names = [f"d{number}" for number in range(8)]
    devices = await rollouts.enrol(*names)
    for device in devices:
        device.holds = True
    config = StrategyConfig(**QUICK, batch_size=4, batch_delay="0s")
    made = await rollouts.make(strategy=StrategyKind.ROLLING, config=config)
    await eventually(lambda: [d.count("deploy") for d in devices[:4]], [1] * 4)
    (first,) = rollouts.replicas
    second = await rollouts.add_replica()
    assert dict(second.part.drivers) == {}
    rollouts.replicas.remove(first)
    await first.die()
    for device in devices[:2]:  # while nobody drives, or soon after
        device.tell(made.deployment, DeviceStage.ACTIVE)
    await eventually(lambda: list(second.part.drivers), [made.deployment])
    with pytest.raises(DriverReplaced):  # what the dead one would still write
        await second.database(move, PROJECT, made.deployment, [], 0, driver="another")
    for device in devices[2:4]:
        device.tell(made.deployment, DeviceStage.ACTIVE)
    await eventually(lambda: [d.count("deploy") for d in devices], [1] * 8)
    await rollouts.add_replica()
    with psycopg.connect(rollouts.dsn, autocommit=True) as connection:
        connection.execute(
            """
            select pg_terminate_backend(pid) from pg_stat_activity
             where application_name = 'heddle-backend-driver'
               and datname = current_database()
            """
        )
    for device in devices[4:]:
        device.tell(made.deployment, DeviceStage.ACTIVE)
    await rollouts.until_status(made.deployment, "completed")
    for device in devices:
        await eventually(lambda d=device: d.count("settle"), 1)
        assert [act for act, _ in device.acts] == ["deploy", "settle"]


@pytest_twisted.ensureDeferred
async def test_health_is_watched_before_a_device_counts(rollouts: Rollouts) -> None:
    fine, restarting, _ = await rollouts.enrol("a", "b", "c")
    restarting.restarts = 2
    async with rollouts.router.joined(
        f"project_{PROJECT}", rollouts.router.service_key("fleetdata")
    ) as fleetdata:

        async def alarms(_query: Any, _caller: Any) -> AlarmList:
            raised_at_ms = round(reactor.seconds() * 1000) + 60_000
            report = AlarmReport(
                device="c",
                alarm="too_hot",
                tag="t",
                state=AlarmState.UNACKNOWLEDGED,
                severity=900,
                place=AlarmPlace.EDGE,
                since_ms=raised_at_ms,
                raised_at_ms=raised_at_ms,
            )
            return AlarmList(alarms=(report,), by_state={}, unacknowledged=1)

        await fleetdata.serve(ACTIVE_ALARMS, alarms)
        config = StrategyConfig(watch="1s", failure_threshold=100, auto_rollback=False)
        made = await rollouts.make(config=config, start_run=True)
        over = await rollouts.until_status(made.deployment, "completed", "failed")
    assert {one.device: (one.status, one.detail) for one in over.targets} == {
        "a": ("success", ""),
        "b": ("failed", "its engine was restarted 2 times"),
        "c": ("failed", "critical alarm too_hot came up"),
    }
    assert fine.calls.count("status") >= 1


@pytest_twisted.ensureDeferred
async def test_devices_that_come_later_join_with_their_variables(
    rollouts: Rollouts,
) -> None:
    definition = example()
    definition["variables"] = [{"name": "speed", "type": "number", "value": 1}]
    with psycopg.connect(rollouts.dsn) as connection:
        publish(connection, 2, definition)
    (a,) = await rollouts.enrol("a")
    a.holds = True
    made = await rollouts.make(
        targets=Targets(all=True, dynamic=True),
        variables={"speed": "2"},
        label_variables=(LabelVariables(labels="fast", variables={"speed": 3}),),
        device_variables={"c": {"speed": 4}},
    )
    await eventually(lambda: a.variables, {"speed": 2})
    b, c = await rollouts.enrol("b", "c", online=False)
    with psycopg.connect(rollouts.dsn) as connection:
        connection.execute(
            """update device set labels = '{"fast": ""}' where device > 'a'"""
        )
    await b.join(rollouts.router)
    await c.join(rollouts.router)

    async def joined() -> bool:
        return len((await rollouts.get(made.deployment)).targets) == 3

    await until(reactor, joined)
    a.tell(made.deployment, DeviceStage.ACTIVE)
    await eventually(lambda: (b.variables, c.variables), ({"speed": 3}, {"speed": 4}))
    over = await rollouts.until_status(made.deployment, "completed")
    assert over.report.total == 3
