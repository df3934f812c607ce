"""Deployments with real containers: blue-green, and engines that go wrong."""

import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.config import RuntimeChoice
from heddle.contract.device_deployments import DeviceStage
from heddle.contract.flows import LIST_INSTALLED, FlowState, ListInstalled
from heddle.contract.runs import RunStatus
from tests.support.bad_images import CRASHES, EATS_LATER, HANGS, bad_image
from tests.support.device import DEVICE, Site, running_agent, settings
from tests.support.images import image
from tests.support.releases import Centre, release, signing_site
from tests.support.router import InProcRouter
from tests.support.waiting import until

ACTIVE, READY = DeviceStage.ACTIVE, DeviceStage.READY
FAILED, REVERTED = DeviceStage.FAILED, DeviceStage.REVERTED
ANSWERS_WITHIN_S = 15.0  # patience with an engine that hangs


def docker(*words: str) -> str:
    """One call of the Docker CLI."""
    told = subprocess.run(
        ["docker", *words], capture_output=True, text=True, check=True
    )
    return told.stdout.strip()


def containers(*more: str) -> dict[str, str]:
    """This device's containers by name, and how they stand."""
    mine = f"label=heddle.device={DEVICE}"
    told = docker(
        *("ps", "-a", "--filter", mine, *more, "--format", "{{.Names}} {{.State}}")
    )
    return dict(line.split() for line in told.splitlines())


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    image("engine")
    before = containers().keys()
    yield
    for left in containers().keys() - before:
        docker("rm", "-f", left)


@pytest_twisted.async_yield_fixture
async def scene(
    router: InProcRouter, tmp_path: Path
) -> AsyncIterator[tuple[Site, Centre]]:
    async with signing_site(router, tmp_path) as found:
        yield found


def contained(site: Site, **changes: Any) -> Any:
    """Settings of an agent that runs engines in containers."""
    wanted: dict[str, Any] = {
        "runtime": RuntimeChoice.CONTAINER,
        "engine_image": image("engine"),
        "keep_engines": False,
        **changes,
    }
    return settings(site.router, site.data, **wanted)


async def flow(site: Site) -> Any:
    """How the one flow stands."""
    (found,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
    return found


def memory_of(engine: str) -> int:
    """What a container may use."""
    return int(docker("inspect", engine, "--format", "{{.HostConfig.Memory}}"))


@pytest_twisted.ensureDeferred
async def test_blue_green_hands_over_without_a_missing_sample_or_event(
    scene: tuple[Site, Centre],
) -> None:
    site, centre = scene
    async with running_agent(reactor, contained(site, time_scale=10.0)):
        await site.until_online()
        await centre.deploy("dep_1", release(1), start_run=True)
        told = await centre.until("dep_1", ACTIVE)
        await centre.settle("dep_1")
        former = (await flow(site)).engine
        await centre.deploy("dep_2", release(2, memory_mb=96), beside=True)
        await centre.until("dep_2", READY)
        assert len(containers()) == 2
        assert (await flow(site)).engine == former
        await centre.switch("dep_2")
        await centre.until("dep_2", ACTIVE)
        found = await flow(site)
        assert (found.version, found.state) == (2, FlowState.READY)
        assert memory_of(found.engine) == 96 << 20

        async def only_two() -> bool:
            return containers() == {former: "exited", found.engine: "running"}

        await until(reactor, only_two)  # the trial is gone, the former one kept
        await centre.revert("dep_2")
        await centre.until("dep_2", REVERTED)
        assert (await flow(site)).engine == former
        report = await site.until_ended(told.run)
    assert (report.status, report.version) == (RunStatus.FINISHED, 1)
    assert site.ledger.numbers(told.run) == list(range(report.events))
    assert site.ledger.losses == []


BAD = {
    "crashes": (CRASHES, "the rotor fell off"),
    "hangs": (HANGS, "did not answer in 15 s|did not open its socket"),
    "eats": (EATS_LATER, "out of memory"),
}


@pytest.mark.timeout(600)
@pytest_twisted.ensureDeferred
async def test_a_bad_engine_fails_with_a_reason_and_the_former_serves(
    scene: tuple[Site, Centre],
) -> None:
    site, centre = scene
    config = contained(site, release_within_s=ANSWERS_WITHIN_S)
    async with running_agent(reactor, config):
        await site.until_online()
        await centre.deploy("dep_1", release(1))
        await centre.until("dep_1", ACTIVE)
        former = (await flow(site)).engine
        for version, (name, (program, why)) in enumerate(BAD.items(), 2):
            with bad_image(name, program, image("engine")) as bad:
                signed = release(version, image=bad, memory_mb=64)
                await centre.deploy(f"dep_{version}", signed)
                told = await centre.until(f"dep_{version}", FAILED)
            assert told.detail.startswith(f"version {version} does not serve: ")
            assert re.search(why, told.detail), told.detail
            found = await flow(site)
            assert (found.engine, found.state) == (former, FlowState.READY)


@pytest_twisted.ensureDeferred
async def test_an_image_that_cannot_be_had_never_disturbs_the_former(
    scene: tuple[Site, Centre],
) -> None:
    site, centre = scene
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        await centre.deploy("dep_1", release(1))
        await centre.until("dep_1", ACTIVE)
        former = (await flow(site)).engine
        missing = f"127.0.0.1:9/none-{os.getpid()}:1"
        await centre.deploy("dep_2", release(2, image=missing))
        told = await centre.until("dep_2", FAILED)
        assert "its image cannot be had: Docker has no image" in told.detail
        found = await flow(site)
        assert (found.engine, found.state) == (former, FlowState.READY)
        assert containers() == {former: "running"}
