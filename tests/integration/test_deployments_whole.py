"""A flow saved, published and deployed: the real backend, and real agents."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest_twisted
from twisted.internet import reactor

from edge_agent.agent import start_agent
from heddle.contract.alarm_answers import AlarmList, AlarmReport
from heddle.contract.alarm_procedures import ACTIVE_ALARMS
from heddle.contract.alarms import AlarmPlace, AlarmState
from heddle.contract.deployments import (
    CREATE_DEPLOYMENT,
    GET_DEPLOYMENT,
    CreateDeployment,
    DeploymentDetail,
    GetDeployment,
    StrategyConfig,
    StrategyKind,
)
from heddle.contract.devices import CREATE_CODE, CreateCode
from heddle.contract.fleet import Targets
from heddle.contract.flows import LIST_INSTALLED, ListInstalled
from heddle.contract.lifecycle import PUBLISH_FLOW, SAVE_FLOW, PublishFlow, SaveFlow
from heddle.contract.runs import RUN_STATUS, RunQuery
from heddle.wamp.keys import load_or_make_key
from tests.support.device import example, settings
from tests.support.fleet import Fleet, running_fleet
from tests.support.waiting import until

DEVICES = ("a", "b")
QUICK = StrategyConfig(watch="1s", timeout="100s", canary_delay="0s")


@asynccontextmanager
async def running_agents(fleet: Fleet, owner: Any, folder: Path) -> AsyncIterator[None]:
    """Agents that enrolled at the real backend."""
    agents = []
    try:
        for device in DEVICES:
            data = folder / device
            data.mkdir()
            key = load_or_make_key(data / "device.key")
            code = await owner.call(CREATE_CODE, CreateCode(device=device))
            enrolled = await fleet.redeem(key, code.code)
            (data / "enrolled.json").write_bytes(msgspec.json.encode(enrolled))
            agents.append(await start_agent(reactor, settings(fleet.router, data)))
        yield
    finally:
        for agent in agents:
            await agent.stop()


async def deployed(owner: Any, **asked: Any) -> DeploymentDetail:
    """A deployment of the newest release, once it has ended."""
    request = CreateDeployment(flow="brew", config=QUICK, start=True, **asked)
    made = await owner.call(CREATE_DEPLOYMENT, request)
    found: list[DeploymentDetail] = []

    async def over() -> bool:
        request = GetDeployment(deployment=made.deployment)
        found[:] = [await owner.call(GET_DEPLOYMENT, request)]
        return found[0].report.ended_at_ms is not None

    await until(reactor, over, within_s=150)
    return found[0]


def told(detail: DeploymentDetail) -> list[tuple[str, str, str]]:
    return [(one.device, one.status.value, one.detail) for one in detail.targets]


async def critical_alarm_on_b(_query: Any, _caller: Any) -> AlarmList:
    raised_at_ms = round(reactor.seconds() * 1000) + 60_000  # since whatever it is
    report = AlarmReport(
        device="b",
        alarm="too_hot",
        tag="t",
        state=AlarmState.UNACKNOWLEDGED,
        severity=900,
        place=AlarmPlace.EDGE,
        since_ms=raised_at_ms,
        raised_at_ms=raised_at_ms,
    )
    return AlarmList(alarms=(report,), by_state={}, unacknowledged=1)


@pytest_twisted.ensureDeferred
async def test_a_release_reaches_agents_and_one_that_alarms_is_taken_back(
    plain_database: str, tmp_path: Path
) -> None:
    async with (
        running_fleet(reactor, plain_database, tmp_path) as fleet,
        fleet.owner() as owner,
        running_agents(fleet, owner, tmp_path),
        fleet.router.joined(
            "project_plant", fleet.router.service_key("fleetdata")
        ) as fleetdata,
    ):
        await owner.call(SAVE_FLOW, SaveFlow(flow="brew", definition=example()))
        release = await owner.call(PUBLISH_FLOW, PublishFlow(flow="brew"))
        over = await deployed(owner, targets=Targets(all=True), start_run=True)
        assert told(over) == [("a", "success", ""), ("b", "success", "")]
        for device in DEVICES:
            found = await owner.call(LIST_INSTALLED, ListInstalled(), device=device)
            assert [x.content_hash for x in found.flows] == [release.content_hash]
            runs = await owner.call(RUN_STATUS, RunQuery(), device=device)
            assert [run.version for run in runs.runs] == [1]

        await fleetdata.serve(ACTIVE_ALARMS, critical_alarm_on_b)
        changed = {**example(), "version": "2"}
        request = SaveFlow(flow="brew", definition=changed, revise=True)
        await owner.call(SAVE_FLOW, request)
        await owner.call(PUBLISH_FLOW, PublishFlow(flow="brew"))
        targets = Targets(devices=("b", "a"))
        over = await deployed(owner, targets=targets, strategy=StrategyKind.CANARY)
        assert over.report.status == "rolled_back"
        assert over.report.detail == (
            "1 of 1 canary failed: b: critical alarm too_hot came up"
        )
        assert told(over) == [
            ("a", "skipped", ""),
            ("b", "failed", "critical alarm too_hot came up"),
        ]
        for device in DEVICES:
            found = await owner.call(LIST_INSTALLED, ListInstalled(), device=device)
            assert [flow.version for flow in found.flows] == [1]
