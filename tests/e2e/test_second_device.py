"""A second device of a project: enrolled by code, then commanded beside the first."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import ROOT, RunningStack, eventually


@pytest.fixture
def press(stack: RunningStack, tmp_path: Path) -> Iterator[str]:
    """The agent of an edge device in a process of its own."""
    made = stack.ask("device", "code", "press_9")
    settings = {
        "AGENT_ROUTER_URL": stack.router,
        "AGENT_DATA": str(tmp_path / "press_9"),
        "AGENT_CODE": made["code"],
        "AGENT_KIND": "edge",
        "AGENT_RUNTIME": "process",
    }
    with (tmp_path / "agent.log").open("w") as log:
        agent = subprocess.Popen(
            [sys.executable, "-m", "edge_agent"],
            env={**os.environ, **settings},
            stdout=log,
            stderr=log,
            cwd=ROOT,
        )
    yield made["device"]
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(60) == 0


def online(stack: RunningStack) -> set[str]:
    devices = stack.ask("device", "list")["devices"]
    return {one["device"] for one in devices if one["online"]}


def test_a_second_device_enrols_and_runs_a_flow_of_its_own(stack, press) -> None:
    eventually(lambda: press in online(stack), f"{press} is online")
    answer = stack.cli("run", "status")
    assert answer.code == 1
    assert "--device" in answer.err  # two devices: which one?
    installed = stack.ask("flow", "install", "bioreactor", "--device", press)
    assert (installed["runtime"], installed["state"]) == ("process", "ready")
    run = stack.ask("run", "start", "bioreactor", "--device", press)["run"]
    stopped = stack.ask("run", "stop", run, "--hard", "--device", press)
    assert stopped["status"] == "terminated"
    removed = stack.cli("flow", "remove", "bioreactor", "--device", press)
    assert removed.code == 0, removed.err
    assert stack.ask("flow", "list", "--device", press)["flows"] == []
