"""What a device costs its host: an idle agent, and a container with an engine.

Of the agent that `heddle up` starts, with one flow installed and nothing running, once
with its engine in a container; resident memory of all processes of each.
"""

import statistics
import tempfile
import time
from pathlib import Path

import docker
import psutil

from tests.bench.harness import bare_python_mib, figure
from tests.support.images import image
from tests.support.stack import RunningStack, eventually

ROUNDS = 3
IDLE_AFTER_S = 10.0
MB = 1e6


def main() -> None:
    """Print the figures."""
    image("engine")
    found = [_weighed() for _ in range(ROUNDS)]
    bare_mb = bare_python_mib() * 2**20 / MB
    against = "a Python process that has imported autobahn"
    for at, name in enumerate(("idle_agent_rss_mb", "engine_container_rss_mb")):
        value = statistics.median(each[at] for each in found)
        figure("agent", name, round(value, 1), "MB", round(value / bare_mb, 2), against)


def _weighed() -> tuple[float, float]:
    """The agent and the engine's container, in MB."""
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
        stack = RunningStack(Path(folder) / "data", "--runtime", "container")
        stack.start()
        try:
            container = eventually(lambda: _container(stack.data), "its container")
            time.sleep(IDLE_AFTER_S)
            agent = stack.child("-m edge_agent$").memory_info().rss
            return agent / MB, _rss_bytes(container) / MB
        finally:
            stack.stop()


def _container(data: Path) -> int | None:
    """The first process of the container whose folder is in this stack's."""
    client = docker.from_env()
    try:
        for container in client.containers.list(filters={"label": "heddle.flow"}):
            places = [mount["Source"] for mount in container.attrs["Mounts"]]
            if any(Path(place).is_relative_to(data) for place in places):
                return int(container.attrs["State"]["Pid"])
    finally:
        client.close()
    return None


def _rss_bytes(pid: int) -> int:
    first = psutil.Process(pid)
    every = (first, *first.children(recursive=True))
    return sum(process.memory_info().rss for process in every)
