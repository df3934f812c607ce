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
from edge_agent.runtime.runtime import Condition, Order
from edge_agent.shelf import Shelf, Wanted
from tests.support.device import example
from tests.support.waiting import until


def shelved(folder: Path) -> Order:
    """An order whose folder holds what an engine needs."""
    shelf, wanted = Shelf(folder / "flows"), Wanted("brew", 1, example())
    shelf.lay_out(wanted)
    return shelf.order(wanted)


async def begun(runtime: Processes, order: Order) -> int:
    """Start an engine; its process."""
    await runtime.create(order)
    await runtime.run(order)
    return int((await runtime.state("brew")).label.removeprefix("pid "))


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
async def test_one_engine_per_flow_until_it_is_ended(tmp_path: Path) -> None:
    order = shelved(tmp_path)
    mark = await Processes(reactor).mark(order)
    runtime = Processes(reactor, environ={**os.environ, "AGENT_CODE": "secret"})
    pid = await begun(runtime, order)
    assert await begun(runtime, order) == pid
    await opened(order.directory)
    (found,) = await runtime.found()
    assert (found.flow, found.mark, found.release) == ("brew", mark, order.release)
    assert (found.condition, found.label) == (Condition.RUNNING, f"pid {pid}")
    assert b"AGENT_CODE" not in environ(pid)
    await runtime.end("brew", mark)
    assert not alive(pid)
    assert not (await runtime.state("brew")).running
    (found,) = await runtime.found()
    assert found.condition is Condition.EXITED
    again = await begun(runtime, order)
    assert again != pid
    await runtime.remove("brew", mark)
    assert not alive(again)
    assert await runtime.found() == ()


@pytest_twisted.ensureDeferred
async def test_an_engine_that_ends_tells_why_and_is_started_anew(
    tmp_path: Path,
) -> None:
    runtime = Processes(reactor)
    order = Order("brew", tmp_path)
    await begun(runtime, order)  # no flow.json here

    async def ended() -> bool:
        return not (await runtime.state("brew")).running

    await until(reactor, ended)
    detail = (await runtime.state("brew")).detail
    assert detail.startswith("exit code 2 | heddle-engine: flow file")
    (line,) = await runtime.logs("brew", tail=10)
    assert line.text.startswith("heddle-engine: flow file")
    assert await runtime.logs("brew", tail=10, since_s=line.at_s) == ()
    Shelf(tmp_path.parent).lay_out(Wanted(tmp_path.name, 1, example()))
    assert await begun(runtime, order) > 0
    await runtime.close(keep=True)  # processes end with the agent all the same
    assert await runtime.found() == ()


@pytest_twisted.ensureDeferred
async def test_an_engine_that_heeds_nothing_is_killed(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("edge_agent.runtime.processes.STOP_WITHIN_S", 0.3)
    order = shelved(tmp_path)
    runtime = Processes(reactor)
    pid = await begun(runtime, order)
    await opened(order.directory)
    os.kill(pid, signal.SIGSTOP)
    await runtime.end("brew", await runtime.mark(order))
    assert not alive(pid)


def test_an_engine_dies_with_its_agent_however_that_died(tmp_path: Path) -> None:
    directory = shelved(tmp_path).directory
    script = (
        "import sys, pathlib\n"
        "from twisted.internet import reactor\n"
        "from twisted.internet.defer import Deferred\n"
        "from edge_agent.runtime.processes import Processes\n"
        "from edge_agent.runtime.runtime import Order\n"
        "async def main():\n"
        "    runtime = Processes(reactor)\n"
        "    order = Order('brew', pathlib.Path(sys.argv[1]))\n"
        "    await runtime.create(order)\n"
        "    await runtime.run(order)\n"
        "    print((await runtime.state('brew')).label, flush=True)\n"
        "reactor.callWhenRunning(lambda: Deferred.fromCoroutine(main()))\n"
        "reactor.run()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, directory], stdout=subprocess.PIPE, text=True
    ) as agent:
        assert agent.stdout is not None
        pid = int(agent.stdout.readline().removeprefix("pid "))
        deadline = time.monotonic() + 60
        while not (directory / "engine.sock").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        agent.kill()
    deadline = time.monotonic() + 60
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)
