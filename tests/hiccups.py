"""Run tests on a machine that hiccups: ``python -m tests.hiccups [options] -- ARGS``.

``ARGS`` are pytest's. About every 15 seconds pytest and all processes it has started
(containers excepted) stand still for a second and a half, as on a busy virtual machine;
one time in three only one of them does. ``--busy`` keeps processors and the disk busy
besides. A test that fails here and nowhere else waits too little, or believes that
time stands still with it: there it is mended, not here.

The exit code is pytest's. The seed is printed; it gives the same rests and lengths
again, though not the same moments of each test.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psutil

BUSY = "while True: pass"
WRITING = """
import os, sys
with open(sys.argv[1], "wb", buffering=0) as file:
    while True:
        os.pwrite(file.fileno(), bytes(1 << 20), 0)
        os.fsync(file.fileno())
"""


class Family:
    """A process and all that came of it, also those whose parents have gone."""

    def __init__(self, root: psutil.Process) -> None:
        self.root = root
        self._known = {root.pid: root}

    def look(self) -> list[psutil.Process]:
        """Everybody awake, the root first."""
        self._known = {pid: one for pid, one in self._known.items() if one.is_running()}
        everybody = {one: one.info["ppid"] for one in psutil.process_iter(["ppid"])}
        while found := {
            one.pid: one
            for one, parent in everybody.items()
            if parent in self._known and one.pid not in self._known
        }:
            self._known |= found
        awake = [one for one in self._known.values() if is_awake(one)]
        return sorted(awake, key=lambda one: one != self.root)


def is_awake(process: psutil.Process) -> bool:
    """Whether it is neither dead nor stopped; whom a test stopped is the test's."""
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_STOPPED)
    except psutil.Error:
        return False


def stop(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Stop them; those it was done to."""
    stopped = []
    for one in processes:
        try:
            one.suspend()
        except psutil.Error:
            continue
        stopped.append(one)
    return stopped


def hiccup(family: Family, chance: random.Random, for_s: float) -> None:
    """All stand still for a while, or one of them."""
    everybody = family.look()
    if chance.random() < 1 / 3:
        still = stop([chance.choice(everybody)] if everybody else [])
    else:
        still = stop(everybody)
        still += stop(set(family.look()) - set(still))  # who was just being born
    try:
        time.sleep(for_s)
    finally:
        for one in reversed(still):  # pytest last: it sees the others awake
            try:
                one.resume()
            except psutil.Error:
                continue


@contextmanager
def busy_machine(loops: int) -> Iterator[None]:
    """So many processes that only compute, and one that only syncs a file."""
    with tempfile.NamedTemporaryFile(prefix="heddle-busy-", dir="/var/tmp") as file:
        argvs = [[sys.executable, "-c", BUSY] for _ in range(loops)]
        if loops:
            argvs.append([sys.executable, "-c", WRITING, file.name])
        children = [subprocess.Popen(argv) for argv in argvs]
        try:
            yield
        finally:
            for child in children:
                child.kill()
                child.wait()


def say(what: str) -> None:
    """On stderr, beside pytest's own words."""
    sys.stderr.write(f"hiccups: {what}\n")


def run(given: argparse.Namespace) -> int:
    """Pytest's exit code."""
    chance = random.Random(given.seed)  # noqa: S311 -- no secret
    told, look_at = 0, 0.0
    with busy_machine(given.busy):
        tests = subprocess.Popen([sys.executable, "-m", "pytest", *given.arguments])
        family = Family(psutil.Process(tests.pid))
        try:
            while True:
                next_at = time.monotonic() + given.every * chance.uniform(0.3, 1.7)
                while time.monotonic() < next_at:
                    if tests.poll() is not None:
                        say(f"{told} in all, seed {given.seed}")
                        return tests.returncode
                    time.sleep(0.05)
                    if time.monotonic() > look_at:
                        family.look()  # so that orphans stay known
                        look_at = time.monotonic() + 1
                hiccup(family, chance, given.length * chance.uniform(0.7, 1.3))
                told += 1
        finally:
            if tests.poll() is None:
                tests.terminate()
                tests.wait()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.hiccups", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3)))
    parser.add_argument("--every", type=float, default=15.0, help="seconds, on average")
    parser.add_argument("--length", type=float, default=1.5, help="seconds, on average")
    parser.add_argument("--busy", type=int, default=0, help="processes that compute")
    parser.add_argument("arguments", nargs="*", help="pytest's, after --")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nobody is left stopped
    say(f"seed {given.seed}")
    return run(given)


if __name__ == "__main__":
    sys.exit(main())
