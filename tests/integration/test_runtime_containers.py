"""Engines in real containers: locked down, adopted, healed, replaced."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.config import Config, RuntimeChoice
from edge_agent.runtime.choose import choose_runtime
from edge_agent.runtime.containers import Containers, Place
from edge_agent.runtime.runtime import Condition, EngineFailed, RuntimeUnavailable
from edge_agent.shelf import Shelf, Wanted
from heddle.contract.flows import (
    INSTALL_FLOW,
    LIST_INSTALLED,
    REMOVE_FLOW,
    FlowState,
    InstallFlow,
    ListInstalled,
    RemoveFlow,
    Runtime,
)
from heddle.contract.runs import EngineUnavailable, RunStatus, StorageFull
from tests.support.device import (
    DEVICE,
    Site,
    example,
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
async def test_an_engine_that_cannot_live_is_held_and_says_why_and_until_when(
    site: Site,
) -> None:
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        name = (await site.install()).engine
        for file in (site.data / "flows" / "brew").glob("journal*"):
            file.write_bytes(b"not a journal, whoever wrote it" * 1000)
        docker("kill", name)

        async def failed() -> bool:
            (flow,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
            return flow.state is FlowState.FAILED and bool(
                re.search(r"journal.*; next attempt in \d+ s", flow.detail)
            )

        await until(reactor, failed, within_s=90)

        async def held() -> bool:
            return bool(inspected(name)["State"]["Status"] == "exited")

        await until(reactor, held)  # and Docker leaves it so
        for file in (site.data / "flows" / "brew").glob("journal*"):
            file.unlink()
        assert (await site.install(version=2)).state is FlowState.READY


@pytest_twisted.ensureDeferred
async def test_what_is_not_as_it_should_be_is_replaced_and_orphans_end(
    site: Site,
) -> None:
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        first = (await site.install()).engine
    async with running_agent(reactor, contained(site, time_scale=30.0)):
        await site.until_online()
        second = (await site.install()).engine
        assert inspected(second)["Args"][-2:] == ["--time-scale", "30"]
        assert inspected(second)["Config"]["Labels"]["heddle.release"].startswith("1-")
        third = (await site.install(version=2)).engine
        assert len({first, second, third}) == 3
        await until(reactor, partial(only, third))
    (site.data / "wanted" / "brew.json").unlink()
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        await until(reactor, partial(only, None))

        async def swept() -> bool:
            return not (site.data / "flows" / "brew").exists()

        await until(reactor, swept)


async def only(engine: str | None) -> bool:
    """Whether this device has this container and no other."""
    mine = f"label=heddle.device={DEVICE}"
    found = docker("ps", "-a", "--filter", mine, "--format", "{{.Names}}").split()
    return found == ([engine] if engine else [])


@pytest_twisted.ensureDeferred
async def test_a_flow_at_rest_has_a_container_that_does_not_run(site: Site) -> None:
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        name = (await site.install()).engine
        request = InstallFlow(
            flow="brew", version=1, definition=example(), running=False
        )
        assert (await site.ask(INSTALL_FLOW, request)).state is FlowState.STOPPED

        async def ended() -> bool:
            return bool(inspected(name)["State"]["Status"] == "exited")

        await until(reactor, ended)
        with pytest.raises(EngineUnavailable, match="installed to be at rest"):
            await site.start()
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        (flow,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
        assert flow.state is FlowState.STOPPED
        assert (await site.install()).state is FlowState.READY


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_read_is_told_and_its_container_left_alone(
    site: Site,
) -> None:
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        name = (await site.install()).engine
    file = site.data / "wanted" / "brew.json"
    file.write_bytes(file.read_bytes()[:100])
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        (flow,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
        assert (flow.state, flow.version) == (FlowState.FAILED, 0)
        assert flow.detail.startswith(f"{file} is unreadable: Input data was truncated")
        assert flow.detail.endswith("install the flow again, or remove it")
        assert inspected(name)["State"]["Running"]
        installed = await site.install()  # adopted, for it is what is wanted
        assert (installed.engine, installed.state) == (name, FlowState.READY)
        await site.ask(REMOVE_FLOW, RemoveFlow(flow="brew"))
        assert await only(None)


@pytest_twisted.ensureDeferred
async def test_the_containers_log_is_read_and_images_are_pruned(site: Site) -> None:
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        await site.install()
        containers = Containers(reactor, Place(DEVICE, site.data))
        try:
            (found,) = await containers.found()
            assert (found.condition, found.restarts) == (Condition.RUNNING, 0)
            assert 0 <= time.time() - found.since_s < 600
            lines = await containers.logs("brew", tail=100)
            assert 0 <= time.time() - lines[-1].at_s < 600
            assert await containers.logs("brew", tail=1) == lines[-1:]
            assert await containers.logs("brew", tail=9, since_s=time.time()) == ()
            assert await containers.images([IMAGE, "heddle/none:0"]) == {IMAGE}
            docker("tag", IMAGE, "heddle-test/engine:new")
            docker("build", "-q", "-t", "heddle-test/engine:old", *derived(site.data))
            await containers.prune(["heddle-test/engine:new"])
            left = docker("images", "-q", "heddle-test/engine:old")
            assert (left, bool(docker("images", "-q", IMAGE))) == ("", True)
        finally:
            await containers.close(keep=True)
            docker("rmi", "heddle-test/engine:new")


def derived(folder: Path) -> list[str]:
    """The words that build another image."""
    (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nLABEL x=y\n")
    return [str(folder), "-f", str(folder / "Dockerfile")]


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
    runtime = await choose_runtime(
        reactor, replace(config, runtime=RuntimeChoice.AUTO), DEVICE
    )
    assert runtime.kind is Runtime.PROCESS
    async with running_agent(reactor, config):
        await site.until_online()
        with pytest.raises(
            EngineUnavailable,
            match=r"Docker has no image 'heddle/none:0', and it cannot be fetched "
            r"\(.*\): build it \(`make images`\), load it .*; next attempt in",
        ):
            await site.install()


@pytest_twisted.ensureDeferred
async def test_a_full_disk_refuses_what_would_fill_it_and_not_a_removal(
    site: Site,
) -> None:
    async with running_agent(reactor, contained(site)):
        await site.until_online()
        await site.install()
    tight = contained(site, disk_warn_mb=10**9, disk_least_mb=10**9)
    async with running_agent(reactor, tight):
        await site.until_online()

        async def ready() -> bool:
            (flow,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
            return bool(flow.state is FlowState.READY)

        await until(reactor, ready)
        with pytest.raises(
            StorageFull, match=r"'brew' is refused: the disk of .* MB free, and 10000"
        ):
            await site.install(version=2)
        await site.ask(REMOVE_FLOW, RemoveFlow(flow="brew"))

        async def told() -> bool:
            return [a.alarm for a in site.ledger.alarms] == ["disk_low"]

        await until(reactor, told)
    assert "AGENT_DISK_LEAST_MB 1000000000" in str(site.ledger.alarms[0].comment)


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A socket that Docker's clients are sent to."""
    door = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{door}")
    return door


async def refused(folder: Path) -> str:
    """What is told when no Docker Engine can be had."""
    containers = Containers(reactor, Place("d", folder))
    try:
        with pytest.raises(RuntimeUnavailable) as told:
            await containers.open()
        with pytest.raises(EngineFailed) as again:
            await containers.found()
    finally:
        await containers.close(keep=True)
    assert str(told.value) == str(again.value)
    return str(told.value)


@pytest_twisted.ensureDeferred
async def test_no_docker_is_told(tmp_path: Path, door: Path) -> None:
    assert await refused(tmp_path) == (
        f"there is no Docker socket {door}: start Docker, or mount its socket into the "
        "agent's container, or set AGENT_RUNTIME=process"
    )
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(door))
    assert (await refused(tmp_path)).startswith(
        f"nobody answers at the Docker socket {door}: start Docker"
    )


@pytest_twisted.ensureDeferred
async def test_a_device_that_had_containers_waits_for_docker(
    tmp_path: Path, door: Path
) -> None:
    config = Config(router_url="rs://127.0.0.1:1", data=tmp_path)
    first = await choose_runtime(reactor, config, DEVICE)
    assert first.kind is Runtime.PROCESS
    shelf = Shelf(tmp_path / "flows")
    shelf.put(Wanted("brew", 1, example(), runtime=Runtime.CONTAINER))
    later = await choose_runtime(reactor, config, DEVICE)
    assert later.kind is Runtime.CONTAINER
    with pytest.raises(EngineFailed, match=f"there is no Docker socket {door}"):
        await later.found()
    await later.close(keep=True)


def test_a_socket_of_another_group_is_told(tmp_path: Path, door: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    tmp_path.chmod(0o711)
    for each in tmp_path.parents:
        if each.is_relative_to(tempfile.gettempdir()) and each != Path(
            tempfile.gettempdir()
        ):
            each.chmod(each.stat().st_mode | 0o011)
    script = (
        "import os, sys\n"
        "from edge_agent.runtime.docking import _knock\n"
        "from edge_agent.runtime.runtime import RuntimeUnavailable\n"
        "os.setgroups([10001]); os.setgid(10001); os.setuid(10001)\n"
        "try: _knock()\n"
        "except RuntimeUnavailable as why: print(why)\n"
    )
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(door))
        listening.listen()
        door.chmod(0o660)
        os.chown(door, 0, 998)
        told = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
    assert told.stdout.strip() == (
        f"the agent (user 10001, groups 10001) may not use the Docker socket {door}; "
        "it is of group 998, mode 660: give the agent that group (`usermod -aG`, "
        "`docker run --group-add`), or set AGENT_RUNTIME=process"
    )
