"""After an outage: how fast the backlog drains, and what live values pay for it.

72 hours at 1,000 samples/s would be 259 million samples; here it is a 200th of that:
what 21.6 minutes leave behind, in chunks as the recorder makes them. The agent that
finds them goes on measuring 1,000 samples/s. Everything is a process of its own: agent,
router, fleetdata and PostgreSQL. Every value is the time of its reading, so whoever
hears it knows how old it is.
"""

import os
import random
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet import task
from twisted.internet.defer import Deferred

from edge_agent.budget import Budget
from edge_agent.outbox_store import OutboxStore
from heddle.contract.samples import TELEMETRY, SampleColumns, SampleTag, Telemetry
from heddle.local.folder import PROJECT
from heddle.wamp.joining import Joined, KeyCredentials
from heddle.wamp.keys import load_key
from tests.bench.harness import figure
from tests.support.stack import ROOT, RunningStack
from tests.support.ticking import TAGS

PER_S = 1_000
SCALE = 200
BACKLOG = 72 * 3600 * PER_S // SCALE
CHUNK = PER_S // 4  # AGENT_COMMIT_MS=250
DEVICE = "outage_1"
OUTBOX_MB = 512
CALM_S = 20.0


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as name:
        folder = Path(name)
        stack = RunningStack(folder / "stack")
        stack.start()
        try:
            code = stack.ask("device", "code", DEVICE)["code"]
            _fill(folder / DEVICE)
            with _agent(stack, folder / DEVICE, code) as waiting:
                task.react(lambda reactor: _measured(reactor, stack, waiting))
        except SystemExit as end:
            if end.code:
                raise
        finally:
            stack.stop()


def _fill(folder: Path) -> None:
    """An outbox as an outage leaves it."""
    folder.mkdir()
    store = OutboxStore(folder / "outbox.sqlite", Budget(OUTBOX_MB << 20))
    store._db.execute("pragma synchronous = off")
    tags = tuple(SampleTag(tag=f"clock_{n:02}") for n in range(TAGS))
    began_us = int(time.time() * 1e6) - BACKLOG * 1_000_000 // PER_S
    noise = random.Random(1)  # noqa: S311
    for first in range(0, BACKLOG, CHUNK):
        at = [began_us + (first + n) * 1_000_000 // PER_S for n in range(CHUNK)]
        store.append_samples(
            SampleColumns(
                tags=tags,
                tag=struct.pack(f"<{CHUNK}H", *(n % TAGS for n in range(CHUNK))),
                at=struct.pack(f"<{CHUNK}q", *at),
                value=struct.pack(f"<{CHUNK}d", *(noise.random() for _ in at)),
                quality=bytes(CHUNK),
            )
        )
    store.close()


class Waiting:
    """How many samples wait, as the agent tells it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.now: list[tuple[float, int]] = []
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("["):
                self.now.append(tuple(msgspec.json.decode(line)))


@contextmanager
def _agent(stack: RunningStack, folder: Path, code: str) -> Iterator[Waiting]:
    settings = {
        "AGENT_ROUTER_URL": stack.router,
        "AGENT_DATA": str(folder),
        "AGENT_CODE": code,
        "AGENT_KIND": "virtual",
        "AGENT_RUNTIME": "process",
        "AGENT_OUTBOX_MAX_MB": str(OUTBOX_MB),
        "TICKING_PER_S": str(PER_S),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.ticking"],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield Waiting(process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


async def _listen(reactor: Any, stack: RunningStack, waiting: Waiting) -> None:
    ages: list[tuple[float, float]] = []  # when heard, and how old it was
    key = KeyCredentials(load_key(stack.data / "keys/admin.key"))

    def heard(told: Telemetry, _ids: object) -> None:
        now = time.time()
        ages.extend((now, now - float(value or 0)) for value in told.values)

    realm = f"project_{PROJECT}"
    async with Joined(reactor, stack.router, realm, key) as session:
        await session.hear(TELEMETRY, heard, device=DEVICE)
        while not waiting.now or waiting.now[-1][1] > 2 * PER_S:
            await task.deferLater(reactor, 0.1)
        await task.deferLater(reactor, CALM_S)
    _tell(waiting, ages)


def _measured(reactor: Any, stack: RunningStack, waiting: Waiting) -> Deferred[None]:
    return Deferred.fromCoroutine(_listen(reactor, stack, waiting))


def _tell(waiting: Waiting, ages: list[tuple[float, float]]) -> None:
    most = max(items for _, items in waiting.now)
    began = next(at for at, items in waiting.now if items == most)
    ended = next(at for at, items in waiting.now if at > began and items <= 2 * PER_S)
    took_s = ended - began
    times = most / PER_S / took_s
    figure(
        "outage",
        "drain_times_real_time",
        round(times, 1),
        "x",
        round(times, 1),
        "the pace at which it was measured",
    )
    figure("outage", "drained_samples_per_s", round(most / took_s), "1/s")
    calm = _p99_ms(age for at, age in ages if at > ended + 2)
    busy = _p99_ms(age for at, age in ages if began <= at <= ended)
    figure(
        "outage",
        "live_p99_ms_during_drain",
        round(busy),
        "ms",
        round(busy / calm, 2),
        "live p99 afterwards",
    )


def _p99_ms(ages: Iterator[float]) -> float:
    return 1000 * statistics.quantiles(ages, n=100)[98]
