"""A whole stack, started by the real ``heddle up`` and driven as an operator would."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from tests.support.ports import free_port
from tests.support.waiting import WITHIN_S

ROOT = Path(__file__).parents[2]
UP_WITHIN_S = 110.0
EXAMPLE = ROOT / "examples/flows/bioreactor.json"
ENDED = ("finished", "terminated")

PROCESSES = {
    "agent": "edge_agent",
    "router": "crossbar",
    "database": "postgres -D",
    "backend": "services.backend",
    "fleetdata": "services.fleetdata",
}
"""The stack's processes, each by a word of its command line."""

T = TypeVar("T")


def unhurried_flow(file: Path, phase_1_s: int = 1_000_000) -> Path:
    """The example, but its phases 1 and 2 last until a command ends them.

    They last seconds on a device that lives fast; a command may take longer.
    """
    definition = json.loads(EXAMPLE.read_text())
    elements = {element["id"]: element for element in definition["elements"]}
    elements["eventListener_2"]["durationInMS"] = phase_1_s * 1000
    elements["eventListener_4"]["condition"]["right"] = 3_700  # never as warm
    file.write_text(json.dumps(definition))
    return file


class Answer:
    """What a command said and how it ended."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self) -> Any:
        """Its standard output as JSON."""
        return json.loads(self.out)


def heddle(
    *arguments: str,
    env: dict[str, str] | None = None,
    within_s: float = 100,
    stdin: str | None = None,
    root: Path = ROOT,
) -> Answer:
    """Run the ``heddle`` command, of the source tree in ``root``."""
    return Answer(
        subprocess.run(
            [sys.executable, "-m", "heddle.cli", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=within_s,
            input=stdin,
            cwd=root,
            env={**os.environ, **(env or {})},
        )
    )


def eventually(
    look: Callable[[], T | None],
    what: str,
    within_s: float = WITHIN_S,
    every_s: float = 0.1,
) -> T:
    """The first truthy answer of ``look``; fails naming ``what`` did not happen."""
    deadline = time.monotonic() + within_s
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within_s:g} s: {what}")
        time.sleep(every_s)  # other processes' doing: nothing to wait on


class RunningStack:
    """One ``heddle up`` in a folder of its own."""

    def __init__(self, data: Path, *options: str, port: int | None = None) -> None:
        self.data = data
        self.port = port or free_port()
        self.api_port = free_port()
        self.options = options
        self.module = "heddle.cli"
        self.root = ROOT  # the source tree it runs from
        self.env: dict[str, str] = {}  # added to our own
        self.process: subprocess.Popen[str] | None = None
        self.said = ""

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.api_port}/api/v1"

    @property
    def router(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def password(self) -> str:
        return (self.data / "secrets/admin_password").read_text().strip()

    def start(self) -> None:
        """Start it and wait until it says where its page is."""
        out = (self.data.parent / f"{self.data.name}.out").open("w+")
        argv = [
            *(self.module, "up", "--data", str(self.data), "--port", str(self.port)),
            *("--api-port", str(self.api_port)),
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *argv, *self.options],
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.root,
            env={**os.environ, **self.env},
        )
        try:
            deadline = time.monotonic() + UP_WITHIN_S
            while "Sign in" not in self.said:
                out.seek(0)
                self.said = out.read()
                if self.process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the stack did not come up:\n{self.said}{self.logs()}")
                time.sleep(0.05)
        finally:
            out.close()

    def logs(self) -> str:
        """The ends of all its children's logs."""
        return "".join(
            f"\n--- {log.name}\n{log.read_text()[-3000:]}"
            for log in sorted((self.data / "logs").glob("*.log"))
        )

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)

    def child(self, name: str) -> psutil.Process:
        """A child process by a word of its command line, e.g. ``services.backend``."""

        def look() -> psutil.Process | None:
            assert self.process is not None
            for one in psutil.Process(self.process.pid).children():
                try:
                    if re.search(name, " ".join(one.cmdline())):
                        return one
                except psutil.Error:
                    continue
            return None

        return eventually(look, f"a child {name}", every_s=0.02)

    def kill(self, name: str) -> None:
        """``kill -9`` a child and wait until another has taken its place."""
        victim = self.child(name)
        victim.kill()
        victim.wait(60)
        eventually(lambda: self.child(name).pid != victim.pid, f"{name} again")

    def cli(self, *arguments: str, within_s: float = 100) -> Answer:
        """Run a command against this stack."""
        where = ("--data", str(self.data))
        return heddle(*arguments, *where, within_s=within_s, root=self.root)

    def ask(self, *arguments: str) -> Any:
        """Run a command that must succeed; its JSON."""
        answer = self.cli(*arguments, "--json")
        assert answer.code == 0, answer.err + self.logs()
        return answer.json

    def status(self, run: str) -> dict[str, Any]:
        """One run's report."""
        found: dict[str, Any] = self.ask("run", "status", run)["runs"][0]
        return found

    def end_runs(self, device: str = "virtual_1", *, flow: str | None = None) -> None:
        """End all runs of a device that go on; one may end by itself meanwhile."""

        def going_on() -> list[str]:
            reports = self.ask("run", "status", "--device", device)["runs"]
            return [
                report["run"]
                for report in reports
                if report["status"] not in ENDED and flow in (None, report["flow"])
            ]

        for run in going_on():
            stopped = self.cli("run", "stop", run, "--hard", "--device", device)
            assert stopped.code == 0 or run not in going_on(), stopped.err

    def until(
        self,
        run: str,
        look: Callable[[dict[str, Any]], bool],
        what: str,
        within_s: float = 90.0,
    ) -> dict[str, Any]:
        """Wait until a run's report pleases ``look``."""

        def report() -> dict[str, Any] | None:
            found = self.status(run)
            return found if look(found) else None

        return eventually(report, f"{run}: {what}", within_s, every_s=0.2)

    def online(self) -> set[str]:
        """The devices that are online."""
        devices = self.ask("device", "list")["devices"]
        return {one["device"] for one in devices if one["online"]}

    def events(self, run: str) -> list[dict[str, Any]]:
        """A run's events as fleetdata stored them."""
        answer = self.cli("run", "events", run, "--json")
        assert answer.code == 0, answer.err
        return [json.loads(line) for line in answer.out.splitlines()]

    def all_events(self, run: str) -> list[dict[str, Any]]:
        """A run's events, once fleetdata has as many as the run has told."""
        told = self.status(run)["events"]

        def look() -> list[dict[str, Any]] | None:
            found = self.events(run)
            return found if len(found) >= told else None

        return eventually(look, f"all {told} events of {run} are stored")


@contextmanager
def running_stack(
    data: Path, *options: str, root: Path = ROOT, **env: str
) -> Iterator[RunningStack]:
    """A stack that runs for a while and ends cleanly."""
    stack = RunningStack(data, *options)
    stack.root, stack.env = root, env
    try:
        stack.start()
        yield stack
        assert stack.stop() == 0
    finally:
        if stack.process is not None and stack.process.poll() is None:
            stack.process.kill()
            stack.process.wait(60)


def agent_process(
    log: Path, environ: Mapping[str, str], root: Path = ROOT
) -> "subprocess.Popen[bytes]":
    """An agent by the settings in ``environ`` beside our own; what it says goes to the
    end of ``log``.
    """
    with log.open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "edge_agent"],
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=root,
        )


@contextmanager
def second_device(
    stack: RunningStack, device: str, folder: Path, **settings: str
) -> Iterator[str]:
    """An edge device of the stack, its agent in a process of its own, while online.

    It leaves nothing to later tests: it is taken out of the project again.
    """
    given = {
        "router_url": stack.router,
        "data": str(folder / device),
        "code": stack.ask("device", "code", device)["code"],
        "kind": "edge",
        **settings,
    }
    own = {f"AGENT_{name.upper()}": value for name, value in given.items()}
    agent = agent_process(folder / f"{device}.log", own)
    try:
        eventually(lambda: device in stack.online(), f"{device} is online")
        yield device
        stack.ask("device", "decommission", device, "--yes", "--force")
    finally:
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(60) == 0
