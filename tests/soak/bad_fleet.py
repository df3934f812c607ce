"""What a rollout soak plays with: a bad fleet, and backends that die."""

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import psutil

from edge_agent.swarm.parts import Manner, Manners, Part, parts
from tests.support.programs import swarm
from tests.support.stack import ROOT, RunningStack

FLOW = "rolled_out"
NAME = "swarm"
PROCESSES = 4  # with a thousand in one, all miss their pings while they take a release


class Swarm:
    """The fleet, and what lies on its devices' disks."""

    def __init__(self, stack: RunningStack, options: argparse.Namespace) -> None:
        self._stack = stack
        self._options = options
        manners = Manners(flapping=options.flapping / 100, mute=options.mute / 100)
        whole, rest = divmod(options.devices, PROCESSES)
        self._shares = {
            PROCESSES * options.seed + number: whole + (number < rest)
            for number in range(PROCESSES)
        }
        self._folders: dict[str, Path] = {}
        self.parts: dict[str, Part] = {}
        for seed, devices in self._shares.items():
            folder = stack.data / "swarm" / f"{NAME}_{seed}"
            for one in parts(NAME, seed, devices, manners):
                self.parts[one.device] = one
                self._folders[one.device] = folder / one.device

    def with_manner(self, manner: Manner) -> frozenset[str]:
        """The devices of this manner."""
        return frozenset(d for d, one in self.parts.items() if one.manner is manner)

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Until the end of the context; begins when all have joined."""
        with ExitStack() as all_of_them:
            for seed, devices in self._shares.items():
                if devices:
                    all_of_them.enter_context(self._process(seed, devices))
            yield

    def _process(self, seed: int, devices: int) -> AbstractContextManager[object]:
        return swarm(
            self._stack,
            devices,
            politely=True,
            seed=seed,
            name=NAME,
            scan="30s",
            mute=f"{self._options.mute}%",
            flapping=f"{self._options.flapping}%",
        )

    def installed(self, device: str) -> int | None:
        """The version that is wanted on a device, by its own disk."""
        file = self._folders[device] / "wanted" / f"{FLOW}.json"
        try:
            version: int = json.loads(file.read_bytes())["version"]
        except FileNotFoundError:
            return None
        return version


class Backends:
    """The stack's own backend and more beside it, killed at random."""

    def __init__(self, stack: RunningStack, more: int, chance: random.Random) -> None:
        self._stack = stack
        self._chance = chance
        own = stack.child("services.backend")
        self._env = {
            name: value
            for name, value in own.environ().items()
            if name.startswith("BACKEND_")
            and name not in ("BACKEND_METRICS", "BACKEND_VIRTUAL_DEVICE_CODE_FILE")
        }
        self._more: list[subprocess.Popen[bytes]] = [
            self._started(number) for number in range(more)
        ]
        self.kills = 0

    def _started(self, number: int) -> subprocess.Popen[bytes]:
        with (self._stack.data / "logs" / f"backend_{number}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "services.backend"],
                env={**os.environ, **self._env},
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )

    def kill_one(self) -> None:
        """``kill -9`` one of them; another takes its place."""
        place = self._chance.randrange(len(self._more) + 1)
        if place == len(self._more):
            try:
                self._stack.child("services.backend").kill()
            except psutil.NoSuchProcess:
                return  # it has just gone, and comes again
        else:
            self._more[place].kill()
            self._more[place].wait()
            self._more[place] = self._started(place)
        self.kills += 1

    def end(self) -> None:
        """End those that are ours."""
        for process in self._more:
            process.kill()
            process.wait()
