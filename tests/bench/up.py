"""From ``heddle up`` to the first stored sample, and what an idle stack weighs.

Measured against Crossbar alone, started in the same run: the stack cannot be up before
its router is.
"""

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.bench.harness import bare_python_mib, figure
from tests.support.ports import free_port
from tests.support.stack import RunningStack

ROUNDS = 3
IDLE_AFTER_S = 5.0
BARE_NODE = {
    "version": 2,
    "workers": [
        {
            "type": "router",
            "realms": [{"name": "bare", "roles": []}],
            "transports": [
                {
                    "type": "rawsocket",
                    "endpoint": {"type": "tcp", "port": 0, "interface": "127.0.0.1"},
                    "serializers": ["msgpack"],
                }
            ],
        }
    ],
}


def main() -> None:
    """Print the figures."""
    bare = statistics.median(_bare_crossbar_s() for _ in range(ROUNDS))
    fresh: list[float] = []
    again: list[float] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
            fresh.append(_first_sample_s(Path(folder) / "data"))
            again.append(_first_sample_s(Path(folder) / "data"))
    against = "Crossbar alone until it listens"
    for name, found in (("first_sample_s", fresh), ("first_sample_again_s", again)):
        value = statistics.median(found)
        figure("up", name, round(value, 2), "s", round(value / bare, 2), against)
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
        _memory(Path(folder) / "data")


def _bare_crossbar_s() -> float:
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
        port = free_port()
        node = json.loads(json.dumps(BARE_NODE))
        node["workers"][0]["transports"][0]["endpoint"]["port"] = port
        (Path(folder) / "config.json").write_text(json.dumps(node))
        began = time.monotonic()
        crossbar = Path(sys.executable).parent / "crossbar"
        process = subprocess.Popen(
            [crossbar, "start", "--cbdir", folder, "--loglevel", "none"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        return time.monotonic() - began
                time.sleep(0.02)
        finally:
            process.send_signal(2)
            process.wait(20)


def _first_sample_s(data: Path) -> float:
    stack = RunningStack(data)
    began = time.monotonic()
    stack.start()
    line = next(one for one in stack.said.splitlines() if " fleetdata " in one)
    elapsed = time.monotonic() - began
    stack.stop()
    told = float(line.split()[0])  # from the program's own first line
    return min(told + _interpreter_start_s(), elapsed)


def _interpreter_start_s() -> float:
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "heddle.cli", "--version"],
        check=True,
        capture_output=True,
    )
    return time.monotonic() - began


def _memory(data: Path) -> None:
    stack = RunningStack(data)
    stack.start()
    time.sleep(IDLE_AFTER_S)
    bare = bare_python_mib()
    assert stack.process is not None
    top = psutil.Process(stack.process.pid)
    try:
        for name, process in _named(top):
            mib = process.memory_info().rss / 2**20
            figure(
                "up",
                f"idle_rss_mib_{name}",
                round(mib, 1),
                "MiB",
                round(mib / bare, 2),
                "a Python process that has imported autobahn",
            )
    finally:
        stack.stop()


_WORDS = {
    "postgres": "database",
    "crossbar": "router",
    "services.backend": "backend",
    "services.fleetdata": "fleetdata",
    "edge_agent.engine": "engine",
    "edge_agent": "agent",
}


def _named(top: psutil.Process) -> list[tuple[str, psutil.Process]]:
    """The stack's processes with a name each; postgres's workers are left out."""
    found = [("up", top)]
    for process in top.children(recursive=True):
        line = " ".join(process.cmdline())
        if line.startswith("postgres:"):
            continue
        name = next((name for word, name in _WORDS.items() if word in line), "other")
        if name == "router" and any(taken == "router" for taken, _ in found):
            name = "router_worker"
        found.append((name, process))
    return found
