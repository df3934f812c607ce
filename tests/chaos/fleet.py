"""The small fleet: a real stack with its virtual device, and four agents of our own.

One replays tags of every type, three run flows all the time. Each of the four has a
link that can be cut, a wall clock that can be set, and its outbox keeps an audit.
"""

import json
import os
import re
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from edge_agent.budget import Budget
from heddle.local.folder import DEVICE, Folder
from tests.chaos.disks import (
    DATABASE_MB,
    DEVICE_MB,
    GUARD_MB,
    SmallDisk,
    put_database_on,
    small_disk,
)
from tests.chaos.plan import DEVICES, SERVICES, SMALL_DISK, TYPED, VIRTUAL, WORKING
from tests.soak.audit import prepare
from tests.soak.own_agent import OwnAgent, set_alarms, typed_agent
from tests.support.stack import PROCESSES, RunningStack

TIME_SCALE = 60
SAMPLES_PER_S = 300
OUTBOX_MB = 256
_CLOCKS = Path(__file__).with_name("clock")
_WORDS = {**PROCESSES, "gateway": "services.gateway"}
_ENGINE = "edge_agent.engine"


class Clock:
    """The wall clock of a device, which can be set (``clock/sitecustomize.py``)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0.0)
        path = os.environ.get("PYTHONPATH")
        self.environ = {
            "CHAOS_CLOCK": str(file),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(_CLOCKS), path))),
        }

    def set(self, wrong_by_s: float) -> None:
        """Let it be wrong by so much; 0 for right."""
        content = struct.pack("d", wrong_by_s)
        if not self._file.exists():
            self._file.write_bytes(content)
        with self._file.open("r+b") as file:
            os.pwrite(file.fileno(), content, 0)


class Fleet:
    """All that runs, by name; each device's folder."""

    def __init__(self, folder: Path, stack: RunningStack) -> None:
        self.folder = folder
        self.stack = stack
        self.agents: dict[str, OwnAgent] = {}
        self.clocks: dict[str, Clock] = {}
        self.disks: dict[str, SmallDisk] = {}

    def device(self, name: str) -> Path:
        """A device's data."""
        if name == VIRTUAL:
            return Folder(self.stack.data).device(DEVICE)
        return self.agents[name].folder

    def process(self, name: str) -> psutil.Process | None:
        """A device's agent, or a service, while it lives."""
        if name in self.agents:
            process = self.agents[name].process
            return None if process is None else _alive(process.pid)
        return self._children().get(name)

    def engines(self, device: str) -> list[psutil.Process]:
        """The engines of a device, by their flows."""
        agent = self.process(device)
        found = []
        for child in [] if agent is None else _children(agent):
            words = _words(child)
            if _ENGINE in words:
                found.append((words, child))
        return [child for _, child in sorted(found, key=lambda one: one[0])]

    def everybody(self) -> dict[str, psutil.Process]:
        """All processes whose memory is watched, by what they are."""
        found = dict(self._children())
        for device in self.agents:
            if (agent := self.process(device)) is not None:
                found[device] = agent
        for device in DEVICES:
            for engine in self.engines(device):
                flow = re.search(r"/flows/(\w+)", " ".join(_words(engine)))
                found[f"engine of {device}, {flow[1] if flow else '?'}"] = engine
        return {**found, "supervisor": psutil.Process(self._supervisor)}

    def ports(self) -> dict[str, int]:
        """Where the router listens: for devices and people, and for services."""
        node = json.loads((self.stack.data / "router/config.json").read_text())
        web, rawsocket = node["workers"][0]["transports"]
        return {
            "devices and people": web["endpoint"]["port"],
            "services": rawsocket["endpoint"]["port"],
        }

    def logs(self) -> list[Path]:
        """Every log there is."""
        inside = (self.stack.data / "logs").glob("*.log")
        return sorted([*inside, *self.folder.glob("logs/*.log")])

    @property
    def _supervisor(self) -> int:
        assert self.stack.process is not None
        return self.stack.process.pid

    def _children(self) -> dict[str, psutil.Process]:
        found = {}
        for child in _children(psutil.Process(self._supervisor)):
            line = " ".join(_words(child))
            for name in (*SERVICES, "agent"):
                if _WORDS[name] in line:
                    found[VIRTUAL if name == "agent" else name] = child
                    break
        return found


def _alive(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.Error:
        return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.Error:
        return []


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def running_fleet(folder: Path) -> Iterator[Fleet]:
    """A fleet for a while: all agents are enrolled and run."""
    with ExitStack() as held:
        held.enter_context(_environment(GUARD_MB))
        disks = {
            name: held.enter_context(small_disk(folder / f"disk_of_{name}", megabytes))
            for name, megabytes in (("database", DATABASE_MB), (SMALL_DISK, DEVICE_MB))
        }
        fleet = Fleet(folder, _stack(folder, disks["database"]))
        fleet.disks = {name: disk for name, disk in disks.items() if disk is not None}
        held.enter_context(_up(fleet.stack))
        (folder / "logs").mkdir()
        _make_agents(fleet)
        for agent in fleet.agents.values():
            held.callback(agent.end)
            agent.start()
        for agent in fleet.agents.values():
            held.enter_context(agent.running())
        set_alarms(fleet.stack, folder / "rules.toml", SAMPLES_PER_S)
        yield fleet


def _stack(folder: Path, disk: SmallDisk | None) -> RunningStack:
    stack = RunningStack(
        folder / "stack", "--time-scale", str(TIME_SCALE), "--runtime", "process"
    )
    stack.module = "tests.soak.up"
    prepare(Folder(stack.data).device(DEVICE), Budget(OUTBOX_MB << 20))
    if disk is not None:
        put_database_on(disk, stack.data)
    return stack


@contextmanager
def _up(stack: RunningStack) -> Iterator[None]:
    try:
        stack.start()
        yield
    finally:
        if stack.process is not None:
            stack.stop()


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """What the stack's services inherit."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _make_agents(fleet: Fleet) -> None:
    folder, stack = fleet.folder, fleet.stack
    for device in (TYPED, *WORKING):
        clock = fleet.clocks[device] = Clock(folder / f"{device}.clock")
        if device == TYPED:
            fleet.agents[device] = typed_agent(
                stack,
                folder,
                OUTBOX_MB,
                samples_per_s=SAMPLES_PER_S,
                logs=folder / "logs",
                environ=clock.environ,
            )
            continue
        on_disk = device in fleet.disks
        settings = {
            "AGENT_DRIVER": "plant",
            "AGENT_SEED": device.removeprefix("works_"),
            "AGENT_TIME_SCALE": str(TIME_SCALE),
            "AGENT_DISK_WARN_MB": "8",
            "AGENT_DISK_LEAST_MB": "4",
        }
        fleet.agents[device] = OwnAgent(
            stack,
            fleet.disks[device].where if on_disk else folder,
            device,
            settings,
            outbox_mb=OUTBOX_MB,
            logs=folder / "logs",
            environ=clock.environ,
        )


def tell(what: str) -> None:
    """A line for who watches."""
    at = time.strftime("%H:%M:%S", time.gmtime())
    sys.stderr.write(f"chaos: {at} {what}\n")
    sys.stderr.flush()
