"""A release that goes wrong in a real container gets no further than its canary."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heddle.local.folder import DEVICE
from tests.support.bad_images import CRASHES, EATS_LATER, HANGS, bad_image
from tests.support.images import image
from tests.support.stack import EXAMPLE, RunningStack, eventually, second_device

FLOW = "canary_flow"
FIRST = "canary_1"  # comes before the stack's own device, so it is the canary
NEVER = 'temperature > quantity(10000, "°C")'
BAD = {
    "crashes": (CRASHES, "the rotor fell off"),
    "hangs": (HANGS, "did not answer in|did not open its socket"),
    "eats": (EATS_LATER, "out of memory"),
}


@pytest.fixture
def canary(container_stack: RunningStack, tmp_path: Path) -> Iterator[RunningStack]:
    """The stack with a second device, its agent in a process of its own."""
    settings = {
        "runtime": "container",
        "engine_image": image("engine"),
        "keep_engines": "false",
        "release_within_s": "20",
    }
    with second_device(container_stack, FIRST, tmp_path, **settings):
        yield container_stack


def published(stack: RunningStack, folder: Path, number: int, *more: str) -> None:
    """Publish another version of the flow."""
    definition = json.loads(EXAMPLE.read_text())
    definition["elements"][1]["durationInMS"] = 100_000 + number
    file = folder / f"{FLOW}.json"
    file.write_text(json.dumps(definition))
    saved = stack.cli("flow", "save", str(file), "--flow", FLOW, "--revise")
    assert saved.code == 0, saved.err
    stack.ask("flow", "publish", FLOW, *more)


def deployed(stack: RunningStack, strategy: str, *more: str) -> dict[str, Any]:
    """Deploy the newest release to both devices; how that ended."""
    made = stack.ask(
        *("deploy", FLOW, "--device", FIRST, "--device", DEVICE, *more),
        *("--strategy", strategy, "--watch-time", "8s", "--timeout", "120s"),
    )

    def ended() -> dict[str, Any] | None:
        detail = stack.ask("deployment", "show", made["deployment"])
        return detail if detail["report"]["ended_at_ms"] else None

    return eventually(ended, "the deployment has ended", 300, every_s=1)


def version(stack: RunningStack, device: str) -> tuple[int, str]:
    """The version that serves on a device."""
    flows = stack.ask("flow", "list", "--device", device)["flows"]
    (found,) = (one for one in flows if one["flow"] == FLOW)
    return found["version"], found["state"]


@pytest.mark.timeout(900)
def test_a_bad_release_is_taken_back_from_its_canary(
    canary: RunningStack, tmp_path: Path
) -> None:
    stack = canary
    published(stack, tmp_path, 1)
    first = deployed(stack, "all-at-once")["report"]
    assert (first["status"], first["counts"]["success"]) == ("completed", 2), first

    def goes_back(why: str, *more: str) -> None:
        detail = deployed(stack, "canary", "--canary", "50", *more)
        report = detail["report"]
        assert report["status"] == "rolled_back", detail
        assert re.search(why, report["detail"]), report["detail"]
        assert "\n" not in report["detail"]
        standing = {one["device"]: one["status"] for one in detail["targets"]}
        assert standing[DEVICE] == "skipped", detail
        for device in (FIRST, DEVICE):
            eventually(
                lambda device=device: version(stack, device) == (1, "ready"),
                f"{device} serves its former release",
            )

    for number, (name, (program, why)) in enumerate(BAD.items(), 2):
        with bad_image(f"canary-{name}", program, image("engine")) as bad:
            published(stack, tmp_path, number, "--image", bad, "--memory-mb", "64")
            goes_back(why)
    published(stack, tmp_path, 9)
    goes_back("its check", "--check", NEVER)
