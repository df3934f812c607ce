"""What a device lives through with its centre, and what the centre tells afterwards."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.stack import RunningStack, eventually, unhurried_flow
from tests.upgrade.api import Api
from tests.upgrade.previous import BREW, PRESS

OF_THE_MOMENT = {  # what goes on changing, and what tells of the present version
    *("online", "seen_at_ms", "last_seen_at_ms", "last_used_at_ms", "changed_at_ms"),
    *("agent_version", "engine_version"),
}


def save(
    stack: RunningStack, folder: Path, flow: str, phase_3_ms: int = 50_000
) -> None:
    """Save a flow whose phases 1 and 2 last until a command ends them."""
    file = unhurried_flow(folder / f"{flow}.json", 10**9)
    definition = json.loads(file.read_text())
    (timer,) = (x for x in definition["elements"] if x["id"] == "eventListener_5")
    timer["durationInMS"] = phase_3_ms
    file.write_text(json.dumps(definition))
    answer = stack.cli("flow", "save", str(file), "--flow", flow, "--revise")
    assert answer.code == 0, answer.err


def deploy(stack: RunningStack, flow: str, device: str, *more: str) -> str:
    """Publish the newest version and make a deployment of it; its id."""
    stack.ask("flow", "publish", flow)
    made = stack.ask(
        *("deploy", flow, "--device", device),
        *("--watch-time", "1s", "--timeout", "300s", *more),
    )
    return str(made["deployment"])


def completed(api: Api, deployment: str) -> None:
    """Wait until a deployment has ended, and well."""

    def ended() -> dict[str, Any] | None:
        found = api.get(f"/deployments/{deployment}")
        return found if found["ended_at"] else None

    found = eventually(ended, f"{deployment} has ended", 330, every_s=0.3)
    assert found["status"] == "completed", found


def runs_of(device: str, run: str = "") -> str:
    """The path of a device's runs, or of one."""
    return f"/devices/{device}/runs" + (f"/{run}" if run else "")


def stored(api: Api, device: str, run: str) -> list[dict[str, Any]]:
    """A run's events as fleetdata has them."""
    found = api.get(runs_of(device, run) + "/events")
    return list(found["events"])


def whole(api: Api, device: str, run: str) -> list[dict[str, Any]]:
    """All events that a run has told, without a gap, once they are stored."""
    count = api.get(runs_of(device, run))["events"]

    def look() -> list[dict[str, Any]] | None:
        found = stored(api, device, run)
        return found if len(found) >= count else None

    events = eventually(look, f"{count} events of {run} are stored", every_s=0.2)
    assert [event["number"] for event in events] == list(range(len(events)))
    return events


def live(stack: RunningStack, device: str, folder: Path) -> None:
    """A deployment, a run with all that is done to one, and samples."""
    api = Api(stack)
    flow = f"flow_{device}"
    save(stack, folder, flow)
    completed(api, deploy(stack, flow, device))
    run = api.post(runs_of(device), flow=flow)["run"]
    at = runs_of(device, run)
    assert api.post(f"{at}/pause")["status"] == "paused"
    assert api.post(f"{at}/resume")["status"] == "running"
    api.post(f"{at}/trigger", listener="eventListener_2")
    assert api.post(f"{at}/approve")["active_phases"] == ["phase_3"]
    eventually(lambda: api.get(at)["status"] == "finished", f"{run} finished", 120, 0.2)
    kinds = [event["type"] for event in whole(api, device, run)]
    assert kinds[-1] == "WORKFLOW_FINISHED"
    assert {"WORKFLOW_PAUSED", "WORKFLOW_RESUMED"} <= set(kinds)
    latest = api.get(f"/devices/{device}/telemetry")["values"]
    assert "temperature" in {one["tag"] for one in latest}
    assert api.get(f"/devices/{device}/gaps")["complete"]


def facts(stack: RunningStack, window: tuple[int, int]) -> dict[str, Any]:
    """What the centre tells of people, devices, flows and all.

    ``window`` is the stretch of time of which samples are told, in unix ms.
    """
    api = Api(stack)
    first, last = window
    return {
        "users": api.get("/users"),
        "keys": api.get("/keys"),
        "flows": api.get("/flows"),
        "releases": api.get(f"/flows/{BREW}/releases"),
        "devices": [api.get(f"/devices/{each}") for each in (PRESS, "virtual_1")],
        "deployments": api.get("/deployments"),
        "rules": api.get("/alarms/rules", device=PRESS),
        "samples": api.get(
            f"/devices/{PRESS}/history", tag="temperature", from_ms=first, to_ms=last
        ),
    }


def missing(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """Where ``new`` does not tell what ``old`` does; it may tell more."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in old.items():
            if key not in OF_THE_MOMENT:
                yield from missing(value, new.get(key), f"{place}.{key}")
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{place}: {len(old)} were told, now {len(new)}"
        for number, (one, other) in enumerate(zip(old, new, strict=False)):
            yield from missing(one, other, f"{place}[{number}]")
    elif old != new:
        yield f"{place}: {old!r} was told, now {new!r}"
