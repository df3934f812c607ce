"""Power cuts and restarts of Docker under a device whose centre is away.

With a Docker Engine of the test's own, so that nobody else's containers suffer.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.config import RuntimeChoice
from heddle.contract.flows import LIST_INSTALLED, FlowState, ListInstalled
from heddle.contract.runs import RunStatus
from tests.support.device import (
    Ledger,
    program,
    running_agent,
    running_site,
    settings,
)
from tests.support.dockerd import PrivateDocker, private_docker
from tests.support.edge import Story, story, undisturbed, until_over
from tests.support.images import image
from tests.support.router import InProcRouter, router
from tests.support.waiting import until

__all__ = ["router"]

SCALE = 20.0


@pytest.fixture(scope="module")
def own_docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateDocker]:
    engine = image("engine")
    with private_docker(tmp_path_factory.mktemp("docker")) as docker:
        docker.load(engine)
        yield docker


@pytest.fixture
def docker(own_docker: PrivateDocker, monkeypatch: pytest.MonkeyPatch) -> PrivateDocker:
    monkeypatch.setenv("DOCKER_HOST", own_docker.host)
    return own_docker


@pytest_twisted.async_yield_fixture
async def as_ever(router: InProcRouter, tmp_path: Path) -> AsyncIterator[Story]:
    yield await undisturbed(router, tmp_path / "undisturbed")


async def until_up(docker: PrivateDocker, name: str) -> None:
    """Until a container runs."""

    async def up() -> bool:
        return name in docker.containers()

    await until(reactor, up)


@pytest.mark.timeout(600)
@pytest_twisted.ensureDeferred
async def test_after_a_power_cut_engines_run_before_the_agent_and_the_run_ends(
    docker: PrivateDocker, router: InProcRouter, tmp_path: Path, as_ever: Story
) -> None:
    ledger = Ledger()
    config: dict[str, Any] = {"runtime": "container", "time_scale": SCALE}
    async with (
        running_site(router, tmp_path, ledger) as site,
        program(reactor, router, site.data, **config) as agent,
    ):
        await site.until_online()
        name = (await site.install()).engine
        run = await site.start()
        first = docker.state(name)["Pid"]
        for end in (agent.stop, agent.kill):  # no way of its ending moves an engine
            await end()
            assert docker.state(name)["Pid"] == first
            agent.start()
            await site.until_online()
    await router.stop()
    docker.cut()
    docker.begin()
    await until_up(docker, name)  # there is no agent, nor a router
    assert docker.state(name)["Pid"] != first
    docker.kill(name)  # and Docker lets it lie: this one the agent must bring back
    async with program(reactor, router, site.data, **config):
        await until_over(reactor, site.data, run, as_ever)
        await router.start()
        async with running_site(router, tmp_path, ledger) as site:
            report = await site.until_ended(run)
    assert report.status is RunStatus.FINISHED
    assert story(ledger, run) == as_ever


@pytest.mark.timeout(600)
@pytest_twisted.ensureDeferred
async def test_docker_is_restarted_under_a_device_whose_router_is_gone(
    docker: PrivateDocker, router: InProcRouter, tmp_path: Path, as_ever: Story
) -> None:
    ledger = Ledger()
    async with AsyncExitStack() as device:
        async with running_site(router, tmp_path, ledger) as site:
            config = settings(
                router,
                site.data,
                runtime=RuntimeChoice.CONTAINER,
                time_scale=SCALE,
                keep_engines=False,
            )
            await device.enter_async_context(running_agent(reactor, config))
            await site.until_online()
            name = (await site.install()).engine
            run = await site.start()
            docker.end()

            async def told() -> bool:
                (flow,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
                return "Docker socket" in flow.detail

            await until(reactor, told)
        await router.stop()
        docker.begin()
        await until_up(docker, name)
        await until_over(reactor, site.data, run, as_ever)
        await router.start()
        async with running_site(router, tmp_path, ledger) as site:
            report = await site.until_ended(run)
            (flow,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
    assert report.status is RunStatus.FINISHED
    assert flow.state is FlowState.READY
    assert story(ledger, run) == as_ever
    assert name not in docker.containers()
