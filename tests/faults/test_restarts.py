"""Each process of the stack is killed once while a run goes on; nothing is lost."""

import json
import time

import pytest

from tests.support.images import image
from tests.support.neighbours import need
from tests.support.stack import PROCESSES, RunningStack, eventually, running_stack

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module", params=["process", "container"])
def stack(request, tmp_path_factory):
    need("crossbar")
    if request.param == "container":
        image("engine")
    data = tmp_path_factory.mktemp(f"faults-{request.param}") / "data"
    with running_stack(data, "--time-scale", "60", "--runtime", request.param) as found:
        yield found


def patiently(stack: RunningStack, *words: str):
    """Ask until the stack answers again."""

    def look():
        answer = stack.cli(*words, "--json")
        return answer.json if answer.code == 0 else None

    return eventually(look, " ".join(words), within_s=90, every_s=0.3)


def sampled_ms(stack: RunningStack) -> int:
    """The time of the newest stored or told sample."""
    answer = stack.cli("telemetry", "tail", "--count", "1", "--json")
    return json.loads(answer.out)["at_ms"]


@pytest.mark.parametrize("name", PROCESSES)
def test_a_run_goes_on_over_the_death_of(name, stack) -> None:
    run = patiently(stack, "run", "start", "bioreactor")["run"]
    time.sleep(1.0)  # into phase 1
    stack.kill(PROCESSES[name])

    def finished():
        report = patiently(stack, "run", "status", run)["runs"][0]
        return report if report["status"] == "finished" else None

    report = eventually(finished, f"{run} finished", within_s=120)

    def stored():
        answer = stack.cli("run", "events", run, "--json")
        events = [json.loads(line) for line in answer.out.splitlines()]
        return events if len(events) == report["events"] else None

    events = eventually(stored, "all events are stored", within_s=90)
    assert [event["number"] for event in events] == list(range(report["events"]))
    phases = [e["data"]["phaseId"] for e in events if e["type"] == "PHASE_STARTED"]
    assert phases[3:] == ["phase_5", "phase_6"] * 3

    def online():
        devices = patiently(stack, "device", "list")["devices"]
        return [(d["device"], d["online"]) for d in devices] == [("virtual_1", True)]

    eventually(online, "the device is online", within_s=90)

    def up_to_date():
        return sampled_ms(stack) > time.time() * 1000 - 10_000

    eventually(up_to_date, "samples of the last seconds are there", within_s=90)
