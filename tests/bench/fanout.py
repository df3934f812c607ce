"""One word to a thousand devices: what it takes from the caller to the last answer.

The devices are the agents of two swarms, each with a session of its own and an active
run in an engine of its own, against a stack of `heddle up`; all in one machine. The
bare calls pause and resume the same runs, a thousand at once, from the caller itself to
each agent. ``$FANOUT_DEVICES`` makes it smaller.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, gatherResults

from heddle.contract.declare import Procedure, project_realm
from heddle.contract.devices import LIST_DEVICES, ListDevices
from heddle.contract.fleet import (
    COMMAND_FLEET,
    FleetCommand,
    FleetVerb,
    Targets,
)
from heddle.contract.flows import INSTALL_FLOW, InstallFlow
from heddle.contract.runs import PAUSE_RUN, RESUME_RUN, RunRef, RunReport
from heddle.wamp.joining import Joined, KeyCredentials
from heddle.wamp.keys import load_key
from heddle.wamp.session import Session
from tests.bench.harness import figure
from tests.support.stack import ROOT, RunningStack, unhurried_flow

DEVICES = int(os.environ.get("FANOUT_DEVICES", "1000"))
ROUNDS = 30  # of a pause and a resume
FLOW = "bench"
INSTALLING = 16  # at the same time
STARTING = 50  # runs, each with a journal to be made


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
        stack = RunningStack(Path(folder) / "data", "--runtime", "process")
        stack.start()
        try:
            with swarms(stack, DEVICES):
                by_itself(lambda reactor: _commands(reactor, stack))
        finally:
            stack.stop()


def by_itself(work: Callable[[Any], Awaitable[None]]) -> None:
    """Do ``work(reactor)``; a flaw ends the bench."""
    try:
        task.react(lambda reactor: Deferred.fromCoroutine(work(reactor)))  # type: ignore[arg-type]
    except SystemExit as ended:
        if ended.code:
            raise


@contextmanager
def swarms(stack: RunningStack, devices: int) -> Iterator[None]:
    """So many devices online, in two processes, until the ``with`` ends."""
    with ExitStack() as both:
        for seed, share in ((1, devices - devices // 2), (2, devices // 2)):
            both.enter_context(_swarm(stack, share, seed))
        yield


@contextmanager
def _swarm(stack: RunningStack, devices: int, seed: int) -> Iterator[None]:
    options = {
        "--devices": str(devices),
        "--seed": str(seed),
        "--scan": "60s",
        "--data": str(stack.data),
    }
    argv = [word for pair in options.items() for word in pair]
    with subprocess.Popen(
        [sys.executable, "-m", "heddle.cli", "swarm", *argv, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            assert process.stdout is not None
            told = (json.loads(line)["what"] for line in process.stdout)
            if "online" not in told:
                raise RuntimeError(f"the swarm ended with {process.wait(60)}")
            # What it goes on to tell must be read, or it would wait for us.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield
        finally:
            process.kill()


async def _commands(reactor: Any, stack: RunningStack) -> None:
    owner = KeyCredentials(load_key(stack.data / "keys/admin.key"))
    realm = project_realm("default")
    async with Joined(reactor, stack.router, realm, owner) as session:
        devices = await swarm_devices(session)
        await install(session, devices, stack.data.parent)
        for first in range(0, len(devices), STARTING):
            some = devices[first : first + STARTING]
            await _command(session, some, FleetVerb.START)
        whole, bare = [], []
        for _ in range(ROUNDS):
            whole.append(await _command(session, devices, FleetVerb.PAUSE))
            bare.append(await bare_calls(session, devices, RESUME_RUN))
            bare.append(await bare_calls(session, devices, PAUSE_RUN))
            whole.append(await _command(session, devices, FleetVerb.RESUME))
    figure(
        "fanout",
        f"fleet_command_{DEVICES}_p99_ms",
        round(percentile(whole, 99) * 1000),
        "ms",
        round(percentile(whole, 50) / percentile(bare, 50), 2),
        "as many bare calls at once to the same agents; medians",
    )
    for name, found in (("fleet_command", whole), ("bare_calls", bare)):
        figure(
            "fanout",
            f"{name}_{DEVICES}_p50_ms",
            round(percentile(found, 50) * 1000),
            "ms",
        )
    figure("fanout", "load_average", round(os.getloadavg()[0], 1), "1 min")


async def swarm_devices(session: Session) -> tuple[str, ...]:
    """The swarm's own, once all are online."""
    while True:
        found = await session.call(
            LIST_DEVICES, ListDevices(search="swarm", online=True)
        )
        if len(found.devices) == DEVICES:
            return tuple(one.device for one in found.devices)


async def install(session: Session, devices: tuple[str, ...], folder: Path) -> None:
    """Install a flow on all of them that waits until a command ends it."""
    definition = json.loads(unhurried_flow(folder / f"{FLOW}.json").read_text())
    request = InstallFlow(flow=FLOW, version=1, definition=definition)
    left = list(devices)

    async def some() -> None:
        while left:
            await session.call(INSTALL_FLOW, request, timeout_s=120, device=left.pop())

    await gatherResults([Deferred.fromCoroutine(some()) for _ in range(INSTALLING)])


async def _command(
    session: Session, devices: tuple[str, ...], verb: FleetVerb
) -> float:
    """How long it took, s; all must have done it."""
    request = FleetCommand(
        verb=verb, flow=FLOW, targets=Targets(devices=devices), within_ms=60_000
    )
    began = time.perf_counter()
    results = await session.call(COMMAND_FLEET, request, timeout_s=90)
    took_s = time.perf_counter() - began
    if results.counts["done"] != len(devices):
        raise RuntimeError(f"{verb}: {results.counts}")
    return took_s


async def bare_calls(
    session: Session,
    devices: tuple[str, ...],
    procedure: Procedure[RunRef, RunReport],
) -> float:
    """How long a call to each of them takes, all at once, s."""
    began = time.perf_counter()
    calls = [
        Deferred.fromCoroutine(
            session.call(procedure, RunRef(flow=FLOW), timeout_s=90, device=device)
        )
        for device in devices
    ]
    await gatherResults(calls)
    return time.perf_counter() - began


def percentile(found: list[float], percent: float) -> float:
    """Of so many, the nearest one."""
    return sorted(found)[min(len(found) - 1, int(len(found) * percent / 100))]
