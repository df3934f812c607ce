"""Engines as child processes: started, ended, and never outliving their agent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest_twisted
from twisted.internet import reactor

from edge_agent.runtime.processes import Processes
from edge_agent.shelf import Shelf, Wanted
from tests.support.device import example
from tests.support.waiting import until


def shelved(folder: Path) -> Path:
    shelf = Shelf(folder / "flows")
    shelf.put(Wanted("brew", 1, example()))
    return shelf.directory("brew")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def environ(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def opened(directory: Path) -> None:
    async def look() -> bool:
        return (directory / "engine.sock").exists()

    await until(reactor, look)


@pytest_twisted.ensureDeferred
async def test_one_engine_per_flow_until_it_is_stopped(tmp_path: Path) -> None:
    directory = shelved(tmp_path)
    runtime = Processes(reactor, environ={**os.environ, "AGENT_CODE": "secret"})
    state = await runtime.start("brew", directory)
    pid = int(state.label.removeprefix("pid "))
    assert await runtime.start("brew", directory) == state
    await opened(directory)
    assert await runtime.found() == {"brew"}
    assert b"AGENT_CODE" not in environ(pid)
    await runtime.stop("brew")
    assert not alive(pid)
    assert not (await runtime.state("brew")).running


@pytest_twisted.ensureDeferred
async def test_an_engine_that_ends_tells_why_and_is_started_anew(
    tmp_path: Path,
) -> None:
    runtime = Processes(reactor)
    await runtime.start("brew", tmp_path)  # no flow.json here

    async def ended() -> bool:
        return not (await runtime.state("brew")).running

    await until(reactor, ended)
    detail = (await runtime.state("brew")).detail
    assert detail.startswith("exit code 2 | heddle-engine: flow file")
    assert (await runtime.start("brew", shelved(tmp_path))).running
    await runtime.close(keep=True)  # processes end with the agent all the same
    assert await runtime.found() == frozenset()


@pytest_twisted.ensureDeferred
async def test_an_engine_that_heeds_nothing_is_killed(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("edge_agent.runtime.processes.STOP_WITHIN_S", 0.3)
    directory = shelved(tmp_path)
    runtime = Processes(reactor)
    pid = int((await runtime.start("brew", directory)).label.removeprefix("pid "))
    await opened(directory)
    os.kill(pid, signal.SIGSTOP)
    await runtime.stop("brew")
    assert not alive(pid)


def test_an_engine_dies_with_its_agent_however_that_died(tmp_path: Path) -> None:
    directory = shelved(tmp_path)
    script = (
        "import sys, pathlib\n"
        "from twisted.internet import reactor\n"
        "from twisted.internet.defer import Deferred\n"
        "from edge_agent.runtime.processes import Processes\n"
        "async def main():\n"
        "    start = Processes(reactor).start('brew', pathlib.Path(sys.argv[1]))\n"
        "    print((await start).label, flush=True)\n"
        "reactor.callWhenRunning(lambda: Deferred.fromCoroutine(main()))\n"
        "reactor.run()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, directory], stdout=subprocess.PIPE, text=True
    ) as agent:
        assert agent.stdout is not None
        pid = int(agent.stdout.readline().removeprefix("pid "))
        deadline = time.monotonic() + 10
        while not (directory / "engine.sock").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        agent.kill()
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)
