"""A virtual device on a host with Docker: provisioned, looked into, taken out."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.support.images import image
from tests.support.stack import RunningStack, eventually

DEVICE = "press_v"
CONTAINER = f"heddle-device-{DEVICE}"


def docker(*words: str) -> str:
    done = subprocess.run(
        ["docker", *words], check=False, capture_output=True, text=True
    )
    return done.stdout + done.stderr


@pytest.fixture
def virtual(stack: RunningStack) -> Iterator[str]:
    image("engine")
    image("agent")
    stack.ask("device", "add", DEVICE, "--virtual", "--time-scale", "20")
    yield DEVICE
    docker("rm", "-f", CONTAINER)
    docker("volume", "rm", "-f", CONTAINER)


def test_a_virtual_device_comes_runs_and_goes(stack, virtual) -> None:
    def is_online() -> bool:
        found = stack.ask("device", "list")["devices"]
        return any(one["device"] == virtual and one["online"] for one in found)

    eventually(is_online, f"{virtual} is online", within_s=120)
    installed = stack.ask("flow", "install", "bioreactor", "--device", virtual)
    assert (installed["runtime"], installed["state"]) == ("container", "ready")

    told = stack.cli("device", "info", virtual)
    assert told.code == 0, told.err
    assert "version 1, ready" in told.out
    assert "waiting" in told.out
    lines = stack.ask("device", "logs", virtual, "--tail", "2000")["lines"]
    said = [line["text"] for line in lines]
    assert any(f"agent of {virtual}" in text for text in said), said
    logged = stack.cli("device", "logs", virtual, "--level", "error")
    assert (logged.code, logged.out) == (0, "")
    assert "AGENT_CODE" not in docker("top", CONTAINER, "-eo", "args")

    refused = stack.cli("device", "add", virtual, "--virtual")
    assert refused.code == 1
    assert "has a device press_v already" in refused.err
    stack.ask("device", "decommission", virtual, "--yes")
    found = stack.ask("device", "list")["devices"]
    assert virtual not in {one["device"] for one in found}
    eventually(
        lambda: "not enrolled" in docker("logs", CONTAINER),
        "the device knows that it is nobody",
        within_s=60,
    )
    assert docker("ps", "-aq", "--filter", f"label=heddle.device={virtual}") == ""
