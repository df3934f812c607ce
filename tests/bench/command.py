"""What ``run.status`` costs through router, agent and engine, against a bare call.

The bare call goes through the same router, with the same permissions, from the same
caller to a session in a process of its own that answers with a constant.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred

from heddle.contract.declare import project_realm
from heddle.contract.runs import (
    RUN_STATUS,
    START_RUN,
    ListenerReport,
    RunList,
    RunQuery,
    RunReport,
    RunStatus,
    StartRun,
)
from heddle.wamp.joining import Joined, KeyCredentials
from heddle.wamp.keys import load_key
from heddle.wamp.session import Caller, Session
from tests.bench.harness import figure
from tests.support.enrolling import enrolled
from tests.support.images import image
from tests.support.stack import RunningStack

ROUNDS, CALLS = 7, 150
BARE = "bare_1"
PROJECT = project_realm("default")


def main() -> None:
    """Print the figures, with engines in containers and as child processes."""
    image("engine")
    task.react(lambda reactor: Deferred.fromCoroutine(_all(reactor)))


async def _all(reactor: Any) -> None:
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
        for runtime in ("container", "process"):
            stack = RunningStack(Path(folder) / runtime, "--runtime", runtime)
            stack.start()
            try:
                _tell(await _measured(reactor, stack), runtime)
            finally:
                stack.stop()


async def _measured(reactor: Any, stack: RunningStack) -> list[tuple[float, float]]:
    callee = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.command", str(stack.data), stack.router],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert callee.stdout is not None
        if callee.stdout.readline() != "serving\n":
            raise RuntimeError("the bare callee did not come up")
        return await _rounds(reactor, stack)
    finally:
        callee.kill()
        callee.wait(10)


async def _rounds(reactor: Any, stack: RunningStack) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    owner = KeyCredentials(load_key(stack.data / "keys/admin.key"))
    async with Joined(reactor, stack.router, PROJECT, owner) as session:
        run = await session.call(
            START_RUN, StartRun(flow="bioreactor"), device="virtual_1"
        )
        query = RunQuery(run=run.run)
        await _p50_ms(session, "virtual_1", query)  # warm
        for _ in range(ROUNDS):
            bare = await _p50_ms(session, BARE, query)
            found.append((await _p50_ms(session, "virtual_1", query), bare))
    return found


async def _p50_ms(session: Session, device: str, query: RunQuery) -> float:
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        await session.call(RUN_STATUS, query, device=device)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def _tell(found: list[tuple[float, float]], runtime: str) -> None:
    status = statistics.median(status for status, _ in found)
    ratio = statistics.median(status / bare for status, bare in found)
    suffix = "" if runtime == "container" else f"_{runtime}"
    figure(
        "command",
        f"status_p50_vs_bare_call{suffix}",
        round(status, 3),
        "ms",
        round(ratio, 2),
        "a call between two sessions of the same router",
    )


_CONSTANT = RunList(
    runs=(
        RunReport(
            run="run_0192f3c4d5e6",
            flow="bioreactor",
            version=1,
            status=RunStatus.RUNNING,
            started_at_ms=1_790_000_000_000,
            active_phases=("phase_1",),
            listening=(
                ListenerReport(
                    listener="eventListener_2",
                    type="TIMER",
                    phase="phase_1",
                    due_at_ms=1_790_000_100_000,
                ),
            ),
            events=6,
        ),
    )
)


def _serve_bare(data: Path, router: str) -> None:
    """The callee: a device of its own that answers ``run.status`` with a constant."""

    async def serve(reactor: Any) -> None:
        owner = KeyCredentials(load_key(data / "keys/admin.key"))
        async with Joined(reactor, router, PROJECT, owner) as session:
            mine = KeyCredentials(await enrolled(reactor, router, session, BARE))

        async def answer(_query: RunQuery, _caller: Caller) -> RunList:
            return _CONSTANT

        async with Joined(reactor, router, PROJECT, mine) as session:
            await session.serve(RUN_STATUS, answer, device=BARE)
            print("serving", flush=True)
            await Deferred()

    task.react(lambda reactor: Deferred.fromCoroutine(serve(reactor)))


if __name__ == "__main__":
    _serve_bare(Path(sys.argv[1]), sys.argv[2])
