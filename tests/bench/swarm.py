"""A thousand agents in one process: how fast they join, what they weigh, and what they
cost the router while they are held with telemetry.

The swarm is `heddle swarm` itself against a stack of `heddle up`, each agent with a
session of its own; a first time with codes and enrolment, a second time without. The
goal is a whole: all were online at every look of the ten minutes, and every sample
kept at the end was stored. ``$SWARM_DEVICES``, ``$SWARM_HOLD_S`` and ``$SWARM_SCAN_S``
make it smaller.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from heddle.local.postgres import embedded_bin
from services.fleetdata.store.links import Link
from tests.bench.harness import figure
from tests.bench.history import link_to
from tests.support.programs import swarm_words
from tests.support.stack import ROOT, RunningStack

DEVICES = int(os.environ.get("SWARM_DEVICES", "1000"))
HOLD_S = float(os.environ.get("SWARM_HOLD_S", "600"))
SCAN_S = float(os.environ.get("SWARM_SCAN_S", "10"))
IDLE_S = 5.0
PARTS = {
    "router": "crossbar",
    "fleetdata": "services.fleetdata",
    "backend": "services.backend",
    "database": "postgres",
}


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
        stack = RunningStack(Path(folder) / "data", "--runtime", "process")
        stack.start()
        link = link_to(stack, embedded_bin())
        try:
            _first_time(stack, link)
            _again(stack)
        finally:
            link.close()
            stack.stop()


@dataclass(frozen=True, slots=True)
class Load:
    """What a program has used so far, and holds."""

    cpu_s: float
    rss_bytes: int


class Watch:
    """The loads of the stack's programs, each with its children."""

    def __init__(self, stack: RunningStack) -> None:
        assert stack.process is not None
        self._top = psutil.Process(stack.process.pid)

    def look(self) -> dict[str, Load]:
        """All of them now."""
        found = {name: Load(0.0, 0) for name in PARTS}
        for process in self._top.children(recursive=True):
            try:
                line, load = " ".join(process.cmdline()), _load(process)
            except psutil.Error:
                continue
            name = next((name for name, word in PARTS.items() if word in line), None)
            if name is not None:
                former = found[name]
                found[name] = Load(
                    former.cpu_s + load.cpu_s, former.rss_bytes + load.rss_bytes
                )
        return found


def _load(process: psutil.Process) -> Load:
    times = process.cpu_times()
    return Load(times.user + times.system, process.memory_info().rss)


class Playing:
    """One `heddle swarm`, as it tells of itself."""

    def __init__(self, stack: RunningStack, hold_s: float) -> None:
        scan, hold = f"{SCAN_S:g}s", f"{hold_s:g}s"
        self._process = subprocess.Popen(
            [sys.executable, *swarm_words(stack, DEVICES, scan=scan, hold=hold)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def load(self) -> Load:
        """What the swarm has used."""
        return _load(psutil.Process(self._process.pid))

    def told(self) -> Iterator[dict[str, Any]]:
        """What it tells, until it ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield json.loads(line)
        if self._process.wait(300) != 0:
            raise RuntimeError(f"the swarm ended with {self._process.returncode}")

    def kill(self) -> None:
        """Whatever happens."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)


@dataclass(frozen=True, slots=True)
class Moment:
    """Where everything stood at one end of the hold."""

    at_s: float
    parts: dict[str, Load]
    swarm: Load
    samples: int


def _moment(watch: Watch, playing: Playing, link: Link) -> Moment:
    return Moment(time.monotonic(), watch.look(), playing.load(), link.perform(_stored))


def _first_time(stack: RunningStack, link: Link) -> None:
    watch = Watch(stack)
    time.sleep(IDLE_S)
    before = watch.look()
    playing = Playing(stack, HOLD_S)
    least, moments = DEVICES, []
    try:
        for told in playing.told():
            least = min(least, told["online"]) if moments else least
            if told["what"] == "online":
                _tell_joined("join_rate", told)
            if told["what"] in ("online", "held"):
                moments.append(_moment(watch, playing, link))
    finally:
        playing.kill()
    figure("swarm", "least_online_while_held", least, "devices")
    figure("swarm", "load_average", round(os.getloadavg()[2], 1), "15 min")
    _tell_held(*moments, before)
    each = moments[-1].swarm.rss_bytes / DEVICES
    figure(
        "swarm",
        "memory_per_agent_mib",
        round(each / 2**20, 3),
        "MiB",
        round(each / _load(stack.child("-m edge_agent$")).rss_bytes, 4),
        "an agent in a process of its own",
    )


def _tell_held(began: Moment, ended: Moment, before: dict[str, Load]) -> None:
    held_s = ended.at_s - began.at_s
    rate = (ended.samples - began.samples) / held_s
    figure("swarm", "held_s", round(held_s), "s")
    figure("swarm", "samples_stored_per_s", round(rate), "1/s")
    share = (ended.swarm.cpu_s - began.swarm.cpu_s) / held_s
    figure("swarm", "swarm_cpu_share", round(share, 3), "of a core")
    for name in PARTS:
        load, former = ended.parts[name], began.parts[name]
        share = (load.cpu_s - former.cpu_s) / held_s
        figure("swarm", f"{name}_cpu_share", round(share, 3), "of a core")
        if name == "database":
            continue  # what its processes share would count for each
        figure(
            "swarm",
            f"{name}_rss_mib",
            round(load.rss_bytes / 2**20),
            "MiB",
            round(load.rss_bytes / before[name].rss_bytes, 2),
            "itself with one device",
        )


def _again(stack: RunningStack) -> None:
    """The same fleet once more, enrolled already."""
    playing = Playing(stack, 1)
    try:
        for told in playing.told():
            if told["what"] == "online":
                _tell_joined("join_rate_again", told)
    finally:
        playing.kill()


def _tell_joined(name: str, told: dict[str, Any]) -> None:
    rate = told["joined"] / told["elapsed_s"]
    figure("swarm", f"{name}_per_s", round(rate, 1), "1/s")
    figure("swarm", f"{name}_refused", told["refused"], "devices")


def _stored(link: Link) -> int:
    """How many samples fleetdata has."""
    row = link.connection.execute("select count(*) from sample").fetchone()
    assert row is not None
    return int(row[0])
