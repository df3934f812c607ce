"""Deployments on a device with child processes: taken up, refused, gone back from."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from nacl.signing import SigningKey
from twisted.internet import reactor

from edge_agent.runtime.processes import _arguments
from edge_agent.runtime.runtime import Order
from heddle.contract.device_deployments import (
    ActiveRuns,
    DeploymentSuperseded,
    DeploymentUnknown,
    DeviceStage,
)
from heddle.contract.flows import (
    INSTALL_FLOW,
    LIST_INSTALLED,
    FlowInvalid,
    FlowState,
    InstallFlow,
    ListInstalled,
    ReleaseRefused,
)
from heddle.contract.runs import RunStatus
from tests.support.device import Site, example, program, running_agent, settings
from tests.support.engine import dispatcher, phase, timer, workflow
from tests.support.releases import Centre, release, signing_site
from tests.support.router import InProcRouter
from tests.support.waiting import becomes, until

ACTIVE, READY = DeviceStage.ACTIVE, DeviceStage.READY
FAILED, REVERTED = DeviceStage.FAILED, DeviceStage.REVERTED


@pytest_twisted.async_yield_fixture
async def scene(
    router: InProcRouter, tmp_path: Path
) -> AsyncIterator[tuple[Site, Centre]]:
    async with signing_site(router, tmp_path) as found:
        yield found


async def flow(site: Site) -> Any:
    """How the one flow stands."""
    (found,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
    return found


@pytest_twisted.ensureDeferred
async def test_a_release_is_taken_up_once_and_gone_back_from(
    scene: tuple[Site, Centre],
) -> None:
    site, centre = scene
    config = settings(site.router, site.data, time_scale=300)
    async with running_agent(reactor, config):
        await site.until_online()
        told = await centre.deploy("dep_1", release(1), start_run=True)
        assert (told.stage, told.former_version) == (DeviceStage.PREPARING, None)
        again = await centre.deploy("dep_1", release(1), start_run=True)
        assert again.run == told.run is not None
        await centre.until("dep_1", ACTIVE)
        assert (await flow(site)).content_hash == release(1).content_hash
        first = await site.until_ended(told.run)
        assert first.status is RunStatus.FINISHED
        await centre.deploy("dep_2", release(2))
        await centre.until("dep_2", ACTIVE)
        assert (await centre.status("dep_1")).stage is DeviceStage.SETTLED
        assert (await centre.revert("dep_2")).stage is DeviceStage.REVERTING
        await centre.until("dep_2", REVERTED)
        found = await flow(site)
        assert (found.version, found.state) == (1, FlowState.READY)
        assert (await centre.deploy("dep_2", release(2))).stage is REVERTED
    assert centre.stages("dep_2") == [ACTIVE, DeviceStage.REVERTING, REVERTED]


@pytest_twisted.ensureDeferred
async def test_orders_that_are_over_are_refused_and_stay_so(
    scene: tuple[Site, Centre],
) -> None:
    site, centre = scene
    config = settings(site.router, site.data)
    async with running_agent(reactor, config):
        await site.until_online()
        await centre.deploy("dep_1", release(1))
        assert (await centre.revert("dep_9")).stage is REVERTED  # never heard of
        assert (await centre.deploy("dep_9", release(9))).stage is REVERTED
        with pytest.raises(DeploymentUnknown):
            await centre.status("dep_8")
        await centre.deploy("dep_3", release(3))
        await centre.until("dep_3", ACTIVE)
        assert (await centre.settle("dep_3")).stage is DeviceStage.SETTLED
        assert (await centre.revert("dep_3")).stage is DeviceStage.SETTLED
    async with running_agent(reactor, config):  # all of that is remembered
        await site.until_online()
        assert (await centre.deploy("dep_9", release(9))).stage is REVERTED
        with pytest.raises(DeploymentSuperseded):
            await centre.deploy("dep_1", release(1))
        assert (await centre.status("dep_3")).stage is DeviceStage.SETTLED
        assert (await flow(site)).version == 3


@pytest_twisted.ensureDeferred
async def test_what_is_not_the_projects_is_refused_and_told(
    scene: tuple[Site, Centre],
) -> None:
    site, centre = scene
    good = release(1)
    bad = {
        "changed": replace(good, document=good.document.replace(b"ada", b"eve")),
        "foreign key": release(1, SigningKey.generate()),
        "foreign project": release(1, project="other"),
    }
    async with running_agent(
        reactor, settings(site.router, site.data, only_releases=True)
    ):
        await site.until_online()
        for name, signed in bad.items():
            with pytest.raises(ReleaseRefused):
                await centre.deploy(name.replace(" ", "_"), signed)
        with pytest.raises(ReleaseRefused, match="AGENT_ONLY_RELEASES"):
            await site.install()
        with pytest.raises(FlowInvalid):
            await centre.deploy("dep_0", release(1, elements=[]))
        proved = InstallFlow(flow="brew", version=1, definition=example(), release=good)
        found = await site.ask(INSTALL_FLOW, proved)
        assert (found.state, found.content_hash) == (
            FlowState.READY,
            good.content_hash,
        )
        with pytest.raises(ReleaseRefused, match="not version 2"):
            await site.ask(INSTALL_FLOW, replace(proved, version=2))
        await becomes(reactor, lambda: len(centre.refusals), 4)


@pytest_twisted.ensureDeferred
async def test_what_was_changed_on_the_disk_is_not_run(
    scene: tuple[Site, Centre],
) -> None:
    site, centre = scene
    good = release(1)
    async with running_agent(reactor, settings(site.router, site.data)):
        await site.until_online()
        await centre.deploy("dep_1", good)
        await centre.until("dep_1", ACTIVE)
    file = site.data / "wanted" / "brew.json"
    kept = file.read_bytes()
    file.write_bytes(kept.replace(good.signature[:8].encode(), b"00000000"))
    async with running_agent(reactor, settings(site.router, site.data)):
        await site.until_online()
        found = await flow(site)
        assert found.state is FlowState.FAILED
        assert "is not to be run: the release's signature" in found.detail


@pytest.mark.parametrize("beside", [False, True])
@pytest_twisted.ensureDeferred
async def test_an_engine_that_does_not_serve_leaves_the_former_one(
    scene: tuple[Site, Centre], beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, centre = scene
    async with running_agent(reactor, settings(site.router, site.data)):
        await site.until_online()
        await centre.deploy("dep_1", release(1))
        await centre.until("dep_1", ACTIVE)
        monkeypatch.setattr("edge_agent.runtime.processes._arguments", misled)
        former = await flow(site)
        await centre.deploy("dep_2", release(2), beside=beside)
        told = await centre.until("dep_2", FAILED)
        assert "unrecognized arguments" in told.detail
        found = await flow(site)
        assert (found.version, found.state) == (1, FlowState.READY)
        if beside:
            assert found.engine == former.engine


def misled(order: Order) -> list[str]:
    """Arguments that no engine of version 2 can do with."""
    bad = ["--no-such-option"] if order.release.startswith("2-") else []
    return [*_arguments(order), *bad]


@pytest_twisted.ensureDeferred
async def test_blue_green_waits_for_the_switch_and_loses_nothing(
    scene: tuple[Site, Centre],
) -> None:
    site, centre = scene
    async with running_agent(reactor, settings(site.router, site.data)):
        await site.until_online()
        await centre.deploy("dep_1", release(1), start_run=True)
        told = await centre.until("dep_1", ACTIVE)
        former = (await flow(site)).engine
        await centre.deploy("dep_2", release(2), beside=True)
        await centre.until("dep_2", READY)
        assert (await flow(site)).engine == former
        await centre.switch("dep_2")
        await centre.until("dep_2", ACTIVE)
        assert (await flow(site)).version == 2
        report = await site.until_ended(told.run)
        assert (report.status, report.version) == (RunStatus.FINISHED, 1)
        assert site.ledger.numbers(told.run) == list(range(report.events))

        async def swept() -> bool:
            return not (site.data / "flows" / "brew.trial").exists()

        await until(reactor, swept)
    assert centre.stages("dep_2")[:2] == [READY, ACTIVE]


@pytest_twisted.ensureDeferred
async def test_active_runs_end_before_the_release_serves(
    scene: tuple[Site, Centre],
) -> None:
    site, centre = scene
    async with running_agent(reactor, settings(site.router, site.data, time_scale=300)):
        await site.until_online()
        await site.install()
        run = await site.start()
        told = await centre.deploy(
            "dep_1", release(2), active_runs=ActiveRuns.STOP, start_run=True
        )
        assert told.former_version == 1
        await centre.until("dep_1", ACTIVE)
        assert (await site.report(run)).status is RunStatus.TERMINATED
        report = await site.until_ended(told.run)
        assert (report.status, report.version) == (RunStatus.FINISHED, 2)
    assert DeviceStage.WAITING in centre.stages("dep_1")


@pytest_twisted.ensureDeferred
async def test_an_active_run_goes_on_under_the_release_or_refuses_it(
    scene: tuple[Site, Centre],
) -> None:
    site, centre = scene
    how = {"active_runs": ActiveRuns.HAND_OVER}
    async with running_agent(reactor, settings(site.router, site.data, time_scale=40)):
        await site.until_online()
        await centre.deploy("dep_1", release(1))
        await centre.until("dep_1", ACTIVE)
        run = await site.start()
        await centre.deploy("dep_2", release(2), **how)
        assert (await centre.until("dep_2", ACTIVE)).run == run
        assert (await site.report(run)).version == 2
        gone = workflow(
            *(phase("other"), timer("t", "other", 1000), dispatcher("end")),
            links="start>other t>end",
        )
        gone["id"] = gone.pop("version")  # the rest is the example's
        await centre.deploy("dep_3", release(3, **gone), **how)
        told = await centre.until("dep_3", FAILED)
        assert f"run {run} cannot go on as version 3 of flow brew" in told.detail
        assert (await flow(site)).version == 2
        report = await site.until_ended(run)
        assert (report.status, report.version) == (RunStatus.FINISHED, 2)
    assert site.ledger.numbers(run) == list(range(report.events))


@pytest_twisted.ensureDeferred
async def test_an_agent_that_is_killed_goes_on_with_its_deployment(
    scene: tuple[Site, Centre],
) -> None:
    site, centre = scene
    async with program(reactor, site.router, site.data, time_scale=40) as agent:
        await site.until_online()
        told = await centre.deploy("dep_1", release(1), start_run=True)
        await centre.until("dep_1", ACTIVE)
        await centre.deploy("dep_2", release(2), beside=True)
        await agent.kill()
        agent.start()
        await centre.until("dep_2", READY)
        await agent.kill()
        agent.start()
        await site.until_online()
        assert (await centre.status("dep_2")).stage is READY
        assert (await flow(site)).version == 1
        await switched(centre)
        await agent.kill()
        agent.start()
        await centre.until("dep_2", ACTIVE)
        assert (await flow(site)).version == 2
        report = await site.until_ended(told.run)
        assert (report.status, report.version) == (RunStatus.FINISHED, 1)
    assert site.ledger.numbers(told.run) == list(range(report.events))


async def switched(centre: Centre) -> None:
    """Order the switch until it is answered: the trial may be on its way up."""

    async def answered() -> bool:
        await centre.switch("dep_2")
        return True

    await until(reactor, answered)
