"""An agent is killed at every step it takes; the next one goes on."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.config import RuntimeChoice
from edge_agent.shelf import Shelf, Wanted
from heddle.contract.flows import INSTALL_FLOW, InstallFlow
from heddle.contract.runs import RunStatus
from tests.support.device import (
    DEVICE,
    Site,
    example,
    running_agent,
    running_site,
    settings,
)
from tests.support.edge import story, undisturbed
from tests.support.images import image
from tests.support.ports import free_port
from tests.support.router import InProcRouter, router
from tests.support.waiting import until

__all__ = ["router"]

SCALE = 20.0
MEMORY_MB = 160
STEPS = 8
"""wash: stopped, removed; brew: made, the former ended, started, the former removed;
rinse: made, started. What comes after one step is what comes before the next."""


@pytest_twisted.async_yield_fixture
async def site(router: InProcRouter, tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(router, tmp_path) as found:
        yield found
    for name in containers(tmp_path, "-a"):
        docker("rm", "-f", name)


def docker(*words: str) -> str:
    """One call of the Docker CLI."""
    told = subprocess.run(
        ["docker", *words], capture_output=True, text=True, check=True
    )
    return told.stdout


def containers(folder: Path, *more: str) -> dict[str, str]:
    """The flows of the containers that use folders in there, by name."""
    ours = docker(
        *("ps", "--no-trunc", *more, "--filter", f"label=heddle.device={DEVICE}"),
        *("--format", '{{.Names}} {{.Label "heddle.flow"}} {{.Mounts}}'),
    )
    lines = [line.split() for line in ours.splitlines()]
    return {name: flow for name, flow, at in lines if at.startswith(str(folder))}


def dying(site: Site, when: str) -> "subprocess.Popen[bytes]":
    """An agent that dies at its first step, and knows no router."""
    config = {
        "ROUTER_URL": f"rs://127.0.0.1:{free_port()}",
        "DATA": site.data,
        "KIND": "virtual",
        "RUNTIME": "container",
        "TIME_SCALE": SCALE,
        "ENGINE_MEMORY_MB": MEMORY_MB,
        "SCAN_MS": 50,
    }
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AGENT_")}
    with (site.data / "dying.log").open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.dying", when],
            env={**clean, **{f"AGENT_{k}": str(v) for k, v in config.items()}},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )


async def deaths(site: Site, former: set[str]) -> int:
    """Agents begin and die until everything is as wanted; how many it took."""
    for lives, when in enumerate(itertools.cycle(("within", "after"))):
        up, there = containers(site.data), containers(site.data, "-a")
        wanted = sorted(up.values()) == ["brew", "rinse"] and not former & up.keys()
        if wanted and up == there:
            return lives
        agent = dying(site, when)

        async def over(agent: "subprocess.Popen[bytes]" = agent) -> bool:
            return agent.poll() is not None

        try:
            await until(reactor, over, every_s=0.1)
        finally:
            agent.kill()
            code = agent.wait()
        assert code == -signal.SIGKILL, (site.data / "dying.log").read_text()
    raise AssertionError("cannot be")


@pytest.mark.timeout(600)
@pytest_twisted.ensureDeferred
async def test_the_wanted_state_is_reached_and_the_run_ends_as_if_nothing_had_been(
    site: Site, tmp_path: Path
) -> None:
    image("engine")
    former = {"runtime": RuntimeChoice.CONTAINER, "time_scale": SCALE}
    async with running_agent(reactor, settings(site.router, site.data, **former)):
        await site.until_online()
        await site.install()
        wash = InstallFlow(flow="wash", version=1, definition=example())
        await site.ask(INSTALL_FLOW, wash)
        run = await site.start()
    shelf = Shelf(site.data / "flows")
    shelf.forget("wash")
    shelf.put(Wanted("rinse", 1, example()))
    lives = await deaths(site, set(containers(site.data)))
    assert lives >= STEPS
    now = settings(
        site.router, site.data, **former, engine_memory_mb=MEMORY_MB, keep_engines=False
    )
    async with running_agent(reactor, now):
        await site.until_online()
        report = await site.until_ended(run)
    assert report.status is RunStatus.FINISHED
    assert not (site.data / "flows" / "wash").exists()
    told = story(site.ledger, run)
    assert told == await undisturbed(site.router, tmp_path / "undisturbed")
