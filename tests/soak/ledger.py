"""``python -m tests.soak ledger``: cut everything a thousand times, then count.

A real stack (``heddle up``) with two devices: its own with a plant and flows, and one
of typed tags behind a link that can be cut. Under load, at random moments: the link is
reset or frozen; agents, fleetdata, the router and the database are killed (-9). In the
end what the devices committed is compared with what the database holds, row by row.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from edge_agent.budget import Budget
from heddle.local.folder import DEVICE, Folder
from tests.soak.audit import Verdict, judge, prepare
from tests.soak.own_agent import (
    SAMPLES_PER_S,
    TYPED,
    OwnAgent,
    set_alarms,
    typed_agent,
)
from tests.soak.settling import drain, dsn, without_agent
from tests.support.stack import PROCESSES, ROOT, RunningStack, eventually

WEIGHTS = {
    "reset link": 30,
    "freeze link": 15,
    "typed agent": 20,
    "agent": 10,
    "fleetdata": 12,
    "database": 8,
    "router": 5,
    "outage": 1,
}
OUTBOX_MB = 64  # of the typed device; with 1, many outages are longer than it lasts
OUTAGE_S = 25.0
_START_RUN = ("run", "start", "bioreactor", "--device", DEVICE)
MEAN_PAUSE_S = 0.8
RUN_EVERY_S = 20.0


@dataclass
class Outcome:
    """How a soak went."""

    seed: int
    cuts: dict[str, int]
    took_s: float
    streams: list[Verdict]

    @property
    def flaws(self) -> list[str]:
        """All that is not as it should be."""
        found = []
        for one in self.streams:
            found += [f"{one.device} {one.stream}: {flaw}" for flaw in one.flaws]
            if one.checksum_produced != one.checksum_stored:
                found.append(f"{one.device} {one.stream}: checksums differ")
        return found


class Cuts:
    """Random misfortune."""

    def __init__(self, stack: RunningStack, typed: OwnAgent, seed: int) -> None:
        self._stack = stack
        self.typed = typed
        self._random = random.Random(seed)  # noqa: S311 -- to be repeated
        self.made: Counter[str] = Counter()

    def one(self) -> None:
        """Wait a moment, then cut something."""
        time.sleep(min(self._random.expovariate(1 / MEAN_PAUSE_S), 4.0))
        (what,) = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))
        match what:
            case "reset link":
                self.typed.wire.cut()
            case "freeze link":
                self.typed.wire.freeze(self._random.uniform(0.1, 2.0))
            case "outage":
                self.typed.wire.freeze(OUTAGE_S)
            case "typed agent":
                self.typed.kill()
            case name:
                if not self._kill(PROCESSES[name]):
                    return  # it is dead already: not a cut
        self.made[what] += 1

    def _kill(self, word: str) -> bool:
        assert self._stack.process is not None
        for child in psutil.Process(self._stack.process.pid).children():
            try:
                if word in " ".join(child.cmdline()):
                    child.kill()
                    return True
            except psutil.Error:
                continue
        return False


@contextmanager
def _stack(folder: Path) -> Iterator[RunningStack]:
    stack = RunningStack(folder / "stack", "--time-scale", "60", "--runtime", "process")
    stack.module = "tests.soak.up"
    prepare(Folder(stack.data).device(DEVICE), Budget(256 << 20))
    os.environ["AGENT_SCAN_MS"] = "20"
    try:
        stack.start()
        yield stack
    finally:
        del os.environ["AGENT_SCAN_MS"]
        stack.stop()


def soak(folder: Path, cuts: int, seed: int, outbox_mb: int = OUTBOX_MB) -> Outcome:
    """Cut ``cuts`` times; the folder keeps everything that is needed to look."""
    began = time.monotonic()
    with _stack(folder) as stack:
        random_cuts = Cuts(stack, typed_agent(stack, folder, outbox_mb), seed)
        with random_cuts.typed.running():
            _cut(stack, random_cuts, cuts, began)
        eventually(lambda: _serves(stack), "the stack serves again", 120, 1.0)
        devices = {
            DEVICE: Folder(stack.data).device(DEVICE),
            TYPED: random_cuts.typed.folder,
        }
        with without_agent(stack):
            for device in devices.values():
                drain(device, stack.router)
            verdicts = [
                verdict
                for name, device in devices.items()
                for verdict in judge(name, device, dsn(stack))
            ]
    return Outcome(seed, dict(random_cuts.made), time.monotonic() - began, verdicts)


def _cut(stack: RunningStack, random_cuts: Cuts, cuts: int, began: float) -> None:
    set_alarms(stack, stack.data.parent / "rules.toml", SAMPLES_PER_S)
    starting: subprocess.Popen[bytes] | None = None
    run_at = 0.0
    while (made := random_cuts.made.total()) < cuts:
        if time.monotonic() > run_at:
            _ended(starting)
            starting = _start_run(stack)
            run_at = time.monotonic() + RUN_EVERY_S
        random_cuts.one()
        _progress(made, cuts, began)
    _ended(starting)


def _start_run(stack: RunningStack) -> subprocess.Popen[bytes]:
    """A run's events are load too; whether it can be started now does not matter."""
    return subprocess.Popen(
        [sys.executable, "-m", "heddle.cli", *_START_RUN, "--data", str(stack.data)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )


def _ended(command: subprocess.Popen[bytes] | None) -> None:
    if command is not None:
        command.kill()  # if it still tries
        command.wait()


def _serves(stack: RunningStack) -> bool:
    return stack.cli("device", "list", "--json").code == 0


def _progress(made: int, cuts: int, began: float) -> None:
    if made and made % 50 == 0:
        took_s = time.monotonic() - began
        print(f"soak: {made} of {cuts} cuts, {took_s:.0f} s", file=sys.stderr)


def main(arguments: list[str]) -> int:
    """The exit code: 1 if anything differed; the folder is kept then."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak ledger")
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--outbox-mb", type=int, default=OUTBOX_MB)
    given = parser.parse_args(arguments)
    seed = random.randrange(2**32) if given.seed is None else given.seed  # noqa: S311
    folder = Path(tempfile.mkdtemp(prefix="heddle-soak-ledger-"))
    print(f"soak: ledger, {given.cuts} cuts, seed {seed}, {folder}", file=sys.stderr)
    outcome = soak(folder, given.cuts, seed, given.outbox_mb)
    told = {"soak": "ledger", **asdict(outcome), "flaws": outcome.flaws}
    print(json.dumps(told, ensure_ascii=False), flush=True)
    if outcome.flaws:
        return 1
    shutil.rmtree(folder)
    return 0
