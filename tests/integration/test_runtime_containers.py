"""Engines in real containers: locked down, adopted, healed, replaced."""

import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.config import RuntimeChoice
from edge_agent.runtime.choose import choose_runtime
from edge_agent.runtime.containers import Containers, Place
from edge_agent.runtime.runtime import RuntimeUnavailable
from heddle.contract.flows import (
    LIST_INSTALLED,
    FlowState,
    ListInstalled,
    Runtime,
)
from heddle.contract.runs import RunStatus
from tests.support.device import (
    DEVICE,
    Site,
    running_agent,
    running_site,
    settings,
)
from tests.support.neighbours import need
from tests.support.router import InProcRouter
from tests.support.waiting import until

IMAGE = os.environ.get("HEDDLE_ENGINE_IMAGE", "heddle/engine:dev")


def docker(*words: str) -> str:
    """One call of the Docker CLI."""
    told = subprocess.run(
        ["docker", *words], capture_output=True, text=True, check=True
    )
    return told.stdout.strip()


def inspected(name: str) -> dict[str, Any]:
    """Everything Docker knows of a container."""
    (found,) = json.loads(docker("inspect", name))
    return found


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    need("docker")
    if not docker("images", "-q", IMAGE):
        if "docker" in os.environ.get("REQUIRE", "").split(","):
            pytest.fail(f"there is no image {IMAGE}: run `make images`")
        pytest.skip(f"no image {IMAGE}: run `make images`")
    before = set(docker("ps", "-aq", "--filter", "label=heddle.device").split())
    yield
    after = set(docker("ps", "-aq", "--filter", "label=heddle.device").split())
    for left in after - before:
        docker("rm", "-f", left)


@pytest_twisted.async_yield_fixture
async def site(router: InProcRouter, tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(router, tmp_path) as found:
        yield found


def contained(site: Site, **changes: Any) -> Any:
    """Settings of an agent that runs engines in containers."""
    wanted: dict[str, Any] = {
        "runtime": RuntimeChoice.CONTAINER,
        "engine_image": IMAGE,
        **changes,
    }
    return settings(site.router, site.data, **wanted)


@pytest_twisted.ensureDeferred
async def test_the_example_runs_in_a_locked_down_container(site: Site) -> None:
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        installed = await site.install()
        assert (installed.runtime, installed.state) == (
            Runtime.CONTAINER,
            FlowState.READY,
        )
        run = await site.start()
        found = inspected(installed.engine)
        report = await site.until_ended(run)
    assert report.status is RunStatus.FINISHED
    assert site.ledger.numbers(run) == list(range(report.events))
    host, config = found["HostConfig"], found["Config"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert (host["Memory"], host["PidsLimit"], host["Init"]) == (128 << 20, 64, True)
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert [m["Destination"] for m in found["Mounts"]] == ["/run/heddle"]
    assert int(config["User"].partition(":")[0]) > 0
    assert config["Labels"]["heddle.device"] == DEVICE
    assert config["Labels"]["heddle.flow"] == "brew"
    assert config["Healthcheck"]["Test"][-2:] == ["health", "/run/heddle"]


@pytest_twisted.ensureDeferred
async def test_a_container_goes_on_without_its_agent_and_is_adopted(
    site: Site,
) -> None:
    config = contained(site)
    async with running_agent(reactor, config):
        await site.until_online()
        name = (await site.install()).engine
        run = await site.start()
    before = inspected(name)["State"]
    assert before["Running"]
    async with running_agent(reactor, config):
        await site.until_online()
        report = await site.until_ended(run)
        assert inspected(name)["State"]["StartedAt"] == before["StartedAt"]
    assert report.status is RunStatus.FINISHED
    assert site.ledger.numbers(run) == list(range(report.events))


@pytest.mark.parametrize("how", ["kill -9", "rm -f", "stop"])
@pytest_twisted.ensureDeferred
async def test_a_container_that_is_gone_comes_back(site: Site, how: str) -> None:
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        name = (await site.install()).engine
        run = await site.start()
        if how == "kill -9":
            os.kill(inspected(name)["State"]["Pid"], 9)
        else:
            docker(*how.split(), name)
        report = await site.until_ended(run)
        (flow,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
        assert (flow.state, flow.engine) == (FlowState.READY, name)
    assert report.status is RunStatus.FINISHED
    assert site.ledger.numbers(run) == list(range(report.events))


@pytest_twisted.ensureDeferred
async def test_an_engine_that_cannot_live_says_why(site: Site) -> None:
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        name = (await site.install()).engine
        docker("stop", name)
        (site.data / "flows" / "brew" / "flow.json").write_text("{")

        async def failed() -> bool:
            (flow,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
            return flow.state is FlowState.FAILED and "flow.json" in flow.detail

        await until(reactor, failed, within_s=60)


@pytest_twisted.ensureDeferred
async def test_what_is_not_as_it_should_be_is_replaced_and_orphans_end(
    site: Site,
) -> None:
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        name = (await site.install()).engine
    first = inspected(name)["Id"]
    async with running_agent(reactor, contained(site, time_scale=30.0)):
        await site.until_online()
        assert (await site.install()).state is FlowState.READY
        assert inspected(name)["Id"] != first
        assert inspected(name)["Args"][-2:] == ["--time-scale", "30"]
    (site.data / "flows" / "brew" / "flow.json").unlink()
    async with running_agent(reactor, contained(site, keep_engines=False)):
        await site.until_online()
        assert docker("ps", "-aq", "--filter", f"name={name}") == ""


@pytest_twisted.ensureDeferred
async def test_containers_end_with_the_agent_where_they_shall(site: Site) -> None:
    async with running_agent(reactor, contained(site, keep_engines=False)):
        await site.until_online()
        name = (await site.install()).engine
        assert inspected(name)["State"]["Running"]
    assert docker("ps", "-aq", "--filter", f"name={name}") == ""


@pytest_twisted.ensureDeferred
async def test_a_missing_image_is_told_and_processes_do_instead(site: Site) -> None:
    config = contained(site, engine_image="heddle/none:0")
    with pytest.raises(RuntimeUnavailable, match="no image 'heddle/none:0': build it"):
        await choose_runtime(reactor, config, DEVICE)
    runtime = await choose_runtime(
        reactor, replace(config, runtime=RuntimeChoice.AUTO), DEVICE
    )
    assert runtime.kind is Runtime.PROCESS


@pytest_twisted.ensureDeferred
async def test_no_docker_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    containers = Containers(reactor, Place("d", tmp_path, IMAGE))
    with pytest.raises(RuntimeUnavailable, match=r"docker\.sock: No such file"):
        await containers.open()
