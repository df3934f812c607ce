"""A second device of a project: enrolled by code, then commanded beside the first."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import RunningStack, second_device


@pytest.fixture
def press(stack: RunningStack, tmp_path: Path) -> Iterator[str]:
    """The agent of an edge device in a process of its own."""
    with second_device(stack, "press_9", tmp_path, runtime="process") as device:
        yield device


def test_a_second_device_enrols_and_runs_a_flow_of_its_own(stack, press) -> None:
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
