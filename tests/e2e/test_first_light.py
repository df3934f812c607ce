"""The seed's workflow on a whole stack, driven by the command line."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import EXAMPLE, RunningStack, eventually, unhurried_flow


def start(stack: RunningStack, flow: str = "bioreactor") -> str:
    """A new run; one that a failed test left behind is ended first."""
    stack.end_runs()
    report = stack.ask("run", "start", flow)
    assert report["active_phases"] == ["phase_1"]
    return report["run"]


@pytest.fixture
def unhurried(tmp_path: Path) -> Path:
    return unhurried_flow(tmp_path / "unhurried.json")


def start_unhurried(stack: RunningStack, file: Path) -> str:
    installed = stack.ask("flow", "install", str(file))
    assert installed["state"] == "ready"
    return start(stack, file.stem)


def reach_phase_2(stack: RunningStack, run: str) -> None:
    triggered = stack.ask("run", "trigger", "eventListener_2", run)
    assert triggered["active_phases"] == ["phase_2"]


def test_the_seeds_workflow_runs_to_its_end_with_three_rounds(either_stack) -> None:
    run = start(either_stack)
    either_stack.until(run, lambda r: r["status"] == "finished", "finished")
    events = either_stack.all_events(run)
    assert [event["number"] for event in events] == list(range(len(events)))
    assert events[-1]["type"] == "WORKFLOW_FINISHED"
    phases = [e["data"]["phaseId"] for e in events if e["type"] == "PHASE_STARTED"]
    assert phases[:2] == ["phase_1", "phase_2"]
    assert phases[2] == "phase_4"  # the condition came true; nobody approved
    assert phases[3:] == ["phase_5", "phase_6"] * 3
    assert Counter(e["type"] for e in events)["GATEWAY_ACTIVATED"] == 4


def test_the_temperature_follows_the_setpoints(stack, unhurried) -> None:
    run = start_unhurried(stack, unhurried)
    reach_phase_2(stack, run)

    def warm() -> bool:
        answer = stack.cli(
            "telemetry", "tail", "--tag", "temperature", "--count", "1", "--json"
        )
        return json.loads(answer.out)["value"] > 30

    eventually(warm, "the heater of phase 2 warms the plant above 30 degrees")
    stack.end_runs()


def test_a_paused_run_does_not_advance_and_goes_on_after_resume(
    either_stack, unhurried
) -> None:
    def left_ms(report: dict[str, Any]) -> int:
        (timer,) = report["listening"]
        return timer["remaining_ms"]

    run = start_unhurried(either_stack, unhurried)
    paused = either_stack.ask("run", "pause", run)
    assert paused["status"] == "paused"
    time.sleep(2)
    after = either_stack.status(run)
    assert (after["events"], left_ms(after)) == (paused["events"], left_ms(paused))
    assert either_stack.ask("run", "resume", run)["status"] == "running"
    again = either_stack.ask("run", "pause", run)
    assert left_ms(again) < left_ms(paused)
    either_stack.end_runs()


def test_an_approval_takes_the_other_branch(either_stack, unhurried) -> None:
    run = start_unhurried(either_stack, unhurried)
    reach_phase_2(either_stack, run)
    approved = either_stack.ask("run", "approve", run, "--comment", "looks fine")
    assert approved["active_phases"] == ["phase_3"]
    either_stack.end_runs()


def test_a_hard_stop_terminates_at_once(either_stack) -> None:
    run = start(either_stack)
    stopped = either_stack.ask("run", "stop", run, "--hard")
    assert (stopped["status"], stopped["active_phases"]) == ("terminated", [])
    assert either_stack.all_events(run)[-1]["type"] == "WORKFLOW_TERMINATED"


def test_a_trigger_forces_an_active_listener(stack, unhurried) -> None:
    run = start_unhurried(stack, unhurried)
    reach_phase_2(stack, run)
    forced = [e["data"] for e in stack.all_events(run) if e["data"].get("forced")]
    assert [data["eventListenerId"] for data in forced] == ["eventListener_2"]
    stack.end_runs()


def test_commands_out_of_season_give_one_sentence(stack) -> None:
    run = start(stack)
    stack.end_runs()
    for command in (["pause"], ["resume"], ["stop"], ["approve"]):
        answer = stack.cli("run", *command, run)
        assert answer.code == 1
        assert run in answer.err
        assert "terminated" in answer.err
        assert len(answer.err.splitlines()) == 1


def test_unknown_things_are_named(stack) -> None:
    for words, named in (
        (["run", "start", "no_such_flow"], "no_such_flow"),
        (["run", "status", "no_such_run"], "no_such_run"),
        (["run", "status", "--device", "no_such_device"], "no_such_device"),
        (["flow", "install", "no_such_flow"], "no_such_flow"),
        (["flow", "install", "no_such_file.json"], "no_such_file.json"),
        (["device", "show", "no_such_device"], "no_such_device"),
        (["run", "status", "--device", "not an id"], "not an id"),
    ):
        answer = stack.cli(*words)
        assert answer.code == 1, words
        assert named in answer.err, words
        assert "Traceback" not in answer.err


def test_a_second_active_run_of_a_flow_is_refused(stack) -> None:
    run = start(stack)
    answer = stack.cli("run", "start", "bioreactor")
    assert answer.code == 1
    assert run in answer.err
    stack.end_runs()


def test_a_malformed_workflow_is_refused_with_all_its_findings(stack, tmp_path) -> None:
    broken = json.loads(EXAMPLE.read_text())
    broken["elements"] = [
        e for e in broken["elements"] if e["id"] not in ("eventDispatcher_1", "flow_11")
    ]
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(broken))
    answer = stack.cli("flow", "install", str(file))
    assert answer.code == 1
    assert "NO_END_EVENT_DISPATCHER" in answer.err
    file.write_text('{"elements": [')
    answer = stack.cli("flow", "install", str(file))
    assert (answer.code, "line 1" in answer.err) == (1, True)


def test_telemetry_is_tailed_line_by_line(stack) -> None:
    answer = stack.cli("telemetry", "tail", "--count", "7", "--json")
    samples = [json.loads(line) for line in answer.out.splitlines()]
    assert len(samples) == 7
    assert {"device", "tag", "at_ms", "value", "unit", "quality"} <= samples[0].keys()
    assert (
        "°C"
        in stack.cli("telemetry", "tail", "--tag", "temperature", "--count", "1").out
    )


def test_nothing_is_missing_of_a_device_that_lost_nothing(stack) -> None:
    found = stack.ask("telemetry", "gaps")
    assert (found["device"], found["complete"]) == ("virtual_1", True)
    assert {epoch["state"] for epoch in found["epochs"]} == {"open"}
    shown = stack.cli("telemetry", "gaps", "--from", "2026-01-01")
    assert "complete: nothing of virtual_1 is missing" in shown.out


def test_devices_are_listed_for_people_and_programs(stack) -> None:
    (device,) = stack.ask("device", "list")["devices"]
    assert (device["device"], device["kind"]) == ("virtual_1", "virtual")
    assert device["online"] is True
    assert "virtual_1" in stack.cli("device", "list").out
    shown = stack.cli("device", "show", "virtual_1")
    assert "temperature" in shown.out
