"""The agent over a real router, with real engines as child processes."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from heddle.contract.devices import PRESENCE
from heddle.contract.flows import (
    LIST_INSTALLED,
    REMOVE_FLOW,
    FlowInvalid,
    FlowState,
    ListInstalled,
    RemoveFlow,
    Runtime,
)
from heddle.contract.runs import (
    APPROVE_RUN,
    PAUSE_RUN,
    RESUME_RUN,
    RUN_EVENT,
    RUN_STATUS,
    START_RUN,
    STOP_RUN,
    ApproveRun,
    EngineUnavailable,
    FlowNotInstalled,
    RunAlreadyActive,
    RunNotFound,
    RunQuery,
    RunRef,
    RunStatus,
    StartRun,
    StopMode,
    StopRun,
)
from heddle.contract.samples import TELEMETRY
from tests.support.device import (
    DEVICE,
    Site,
    program,
    running_agent,
    running_site,
    settings,
)
from tests.support.router import InProcRouter
from tests.support.waiting import becomes, until


@pytest_twisted.async_yield_fixture
async def site(router: InProcRouter, tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(router, tmp_path) as found:
        yield found


def times(values: list[int]) -> list[int]:
    """The numbers that a complete run of that length has."""
    return list(range(len(values)))


@pytest_twisted.ensureDeferred
async def test_the_example_runs_to_its_end(site: Site) -> None:
    telemetry: list[Any] = []
    told: list[Any] = []
    presence: list[bool] = []
    await site.owner.hear(TELEMETRY, lambda e, _: telemetry.append(e))
    await site.owner.hear(RUN_EVENT, lambda e, _: told.extend(e.events))
    await site.owner.hear(PRESENCE, lambda e, _: presence.append(e.online))
    async with running_agent(reactor, settings(site.router, site.data)):
        await site.until_online()
        installed = await site.install()
        assert (installed.state, installed.runtime) == (
            FlowState.READY,
            Runtime.PROCESS,
        )
        run = await site.start()
        report = await site.until_ended(run)
        numbers = site.ledger.numbers(run)
        await becomes(reactor, lambda: [event.number for event in told], numbers)
    assert report.status is RunStatus.FINISHED
    assert report.activations["gateway_2"] == 3
    assert numbers == times(numbers)
    assert told[-1].type == "WORKFLOW_FINISHED"
    await becomes(reactor, lambda: (presence[0], presence[-1]), (True, False))
    (announced,) = site.backend.announced
    assert {t.tag: t.node for t in announced.tags}["temperature"] is not None
    values = [v for tag, _, v, _ in site.ledger.samples if tag == "temperature"]
    assert max(values) > 36.5
    assert {t for each in telemetry for t in each.tags} >= {"temperature", "ph"}


@pytest_twisted.ensureDeferred
async def test_a_run_heeds_its_operator(site: Site) -> None:
    async with running_agent(reactor, settings(site.router, site.data, time_scale=2)):
        await site.until_online()
        await site.install()
        run = await site.start()
        for command, status in (
            (PAUSE_RUN, RunStatus.PAUSED),
            (RESUME_RUN, RunStatus.RUNNING),
        ):
            assert (await site.ask(command, RunRef(run=run))).status is status
        with pytest.raises(RunAlreadyActive, match=run):
            await site.start()
        with pytest.raises(RunAlreadyActive, match="stop it to install 2"):
            await site.install(version=2)
        with pytest.raises(RunAlreadyActive, match="stop it to remove it"):
            await site.ask(REMOVE_FLOW, RemoveFlow(flow="brew"))
        stopped = await site.ask(STOP_RUN, StopRun(run=run, mode=StopMode.HARD))
        assert stopped.status is RunStatus.TERMINATED
        again = await site.install(version=2)
        assert (again.version, again.state) == (2, FlowState.READY)
        assert (await site.report(run)).version == 1
        assert (await site.ask(REMOVE_FLOW, RemoveFlow(flow="brew"))).flow == "brew"
        assert (await site.ask(LIST_INSTALLED, ListInstalled())).flows == ()

        async def stored() -> bool:
            return "WORKFLOW_TERMINATED" in [e.type for _, e in site.ledger.events]

        await until(reactor, stored)
    assert site.ledger.numbers(run) == times(site.ledger.numbers(run))
    assert not (site.data / "flows" / "brew").exists()


@pytest_twisted.ensureDeferred
async def test_what_makes_no_sense_is_refused_in_words(site: Site) -> None:
    async with running_agent(reactor, settings(site.router, site.data)):
        await site.until_online()
        with pytest.raises(FlowNotInstalled, match="'brew' is not installed"):
            await site.start()
        with pytest.raises(FlowInvalid, match="cannot be installed"):
            await site.install(elements=[])
        assert (await site.ask(LIST_INSTALLED, ListInstalled())).flows == ()
        with pytest.raises(RunNotFound, match="'nobody'"):
            await site.ask(RUN_STATUS, RunQuery(run="nobody"))
        with pytest.raises(FlowNotInstalled):
            await site.ask(REMOVE_FLOW, RemoveFlow(flow="brew"))
        first = await site.install()
        assert await site.install() == first
        with pytest.raises(RunNotFound):
            await site.ask(APPROVE_RUN, ApproveRun(run="nobody"))


@pytest_twisted.ensureDeferred
async def test_a_killed_agent_goes_on_where_it_was(site: Site) -> None:
    async with program(reactor, site.router, site.data) as agent:
        await site.until_online()
        await site.install()
        run = await site.start()
        site.ledger.away = True  # so that the outbox fills
        await deferLater(reactor, 2)
        await agent.kill()
        agent.start()
        await site.until_online()
        site.ledger.away, site.ledger.drop_replies = False, 2
        report = await site.until_ended(run)
        assert report.status is RunStatus.FINISHED
        numbers = site.ledger.numbers(run)
        assert numbers == times(numbers)
        times_of = [at for tag, at, _, _ in site.ledger.samples if tag == "ph"]
        assert len(times_of) == len(set(times_of))
        assert await agent.stop() == 0


@pytest_twisted.ensureDeferred
async def test_a_killed_engine_is_back_and_the_run_goes_on(site: Site) -> None:
    async with running_agent(reactor, settings(site.router, site.data)):
        await site.until_online()
        installed = await site.install()
        run = await site.start()
        await deferLater(reactor, 1)
        os.kill(int(installed.engine.removeprefix("pid ")), signal.SIGKILL)
        report = await site.until_ended(run)
        assert report.status is RunStatus.FINISHED
        numbers = site.ledger.numbers(run)
        assert numbers == times(numbers)


@pytest_twisted.ensureDeferred
async def test_an_engine_that_cannot_live_is_told_and_costs_little(site: Site) -> None:
    flow = site.data / "flows" / "brew"
    async with running_agent(reactor, settings(site.router, site.data)):
        await site.until_online()
        await site.install()
    (flow / "journal.sqlite").write_bytes(b"not a journal" * 1000)
    for side in ("-wal", "-shm"):
        (flow / f"journal.sqlite{side}").unlink(missing_ok=True)
    async with running_agent(reactor, settings(site.router, site.data)):
        await site.until_online()

        async def failed() -> bool:
            (found,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
            return found.state is FlowState.FAILED and "exit code 2" in found.detail

        await until(reactor, failed)
        with pytest.raises(EngineUnavailable, match="does not come up: exit code 2"):
            await site.install()
        with pytest.raises(EngineUnavailable, match="engine of flow 'brew' is failed"):
            await site.ask(START_RUN, StartRun(flow="brew"))
        await site.ask(REMOVE_FLOW, RemoveFlow(flow="brew"))
        assert (await site.install()).state is FlowState.READY  # with a new journal


@pytest_twisted.ensureDeferred
async def test_the_flows_go_on_without_a_router(site: Site) -> None:
    async with running_agent(reactor, settings(site.router, site.data)):
        await site.until_online()
        await site.install()
        run = await site.start()
        await site.router.stop()
        await deferLater(reactor, 6)
        await site.router.start()
        async with running_again(site) as again:
            report = await again.until_ended(run)
            assert report.status is RunStatus.FINISHED
            numbers = again.ledger.numbers(run)
            assert numbers == times(numbers)


def running_again(site: Site) -> Any:
    """The others of the project, joined anew after the router came back."""
    return running_site(site.router, site.data.parent, ledger=site.ledger)


@pytest_twisted.ensureDeferred
async def test_other_tags_are_named_in_a_file(site: Site, tmp_path: Path) -> None:
    csv, tags = tmp_path / "readings.csv", tmp_path / "tags.toml"
    csv.write_text("time,a,b\n0,1,2\n0.2,3,4\n")
    tags.write_text('[tags.a]\nunit = "bar"\nnode = "n1"\n')
    config = settings(site.router, site.data, driver=f"csv:{csv}", tags=tags)
    telemetry: list[Any] = []
    await site.owner.hear(TELEMETRY, lambda e, _: telemetry.append(e), device=DEVICE)
    async with running_agent(reactor, config):
        await site.until_online()
        with pytest.raises(FlowInvalid, match="is no tag of this device"):
            await site.install()

        async def heard() -> bool:
            return bool(telemetry) and len(site.ledger.samples) >= 4

        await until(reactor, heard)
    (announced,) = site.backend.announced
    assert [(t.tag, t.unit, t.node) for t in announced.tags] == [
        ("a", "bar", "n1"),
        ("b", "", None),
    ]
    assert {v for tag, _, v, _ in site.ledger.samples if tag == "b"} == {2.0, 4.0}
