"""An engine that hangs is replaced, be it a child process or in a container."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import docker
import psutil
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from edge_agent.config import RuntimeChoice
from heddle.contract.flows import (
    LIST_INSTALLED,
    FlowState,
    InstalledFlow,
    ListInstalled,
)
from heddle.contract.runs import RunStatus
from tests.support.device import Site, running_agent, running_site, settings
from tests.support.images import image
from tests.support.router import InProcRouter, router
from tests.support.waiting import until

__all__ = ["router"]

SILENT_S = 4.0


@pytest_twisted.async_yield_fixture
async def site(router: InProcRouter, tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(router, tmp_path) as found:
        yield found


def process_of(installed: InstalledFlow) -> int:
    """The engine's own process, seen from the host."""
    if installed.engine.startswith("pid "):
        return int(installed.engine.removeprefix("pid "))
    client = docker.from_env()
    try:
        container = client.containers.get(installed.engine)
        (engine,) = psutil.Process(container.attrs["State"]["Pid"]).children()
    finally:
        client.close()
    return engine.pid


async def until_replaced(site: Site, hung: int) -> None:
    """Until another process is the flow's engine, and it answers."""

    async def look() -> bool:
        (now,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
        ready: bool = now.state is FlowState.READY
        return ready and not psutil.pid_exists(hung)

    await until(reactor, look, within_s=90)


@pytest.mark.parametrize("where", [RuntimeChoice.PROCESS, RuntimeChoice.CONTAINER])
@pytest_twisted.ensureDeferred
async def test_an_engine_that_hangs_is_replaced_and_the_run_goes_on(
    where: RuntimeChoice, site: Site
) -> None:
    if where is RuntimeChoice.CONTAINER:
        image("engine")
    config = settings(
        site.router,
        site.data,
        runtime=where,
        engine_silent_s=SILENT_S,
        keep_engines=False,
    )
    async with running_agent(reactor, config):
        await site.until_online()
        await site.install()
        run = await site.start()
        await deferLater(reactor, 1)
        (installed,) = (await site.ask(LIST_INSTALLED, ListInstalled())).flows
        hung = process_of(installed)
        os.kill(hung, signal.SIGSTOP)
        await until_replaced(site, hung)
        report = await site.until_ended(run)
    assert report.status is RunStatus.FINISHED
    numbers = site.ledger.numbers(run)
    assert numbers == list(range(report.events))
