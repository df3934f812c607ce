"""OSPIN's event-sourcing functions over the events of a simulated run."""

from heddle.workflow.definition import Link
from heddle.workflow.effects import EventType, Tell
from heddle.workflow.inputs import Approve, Pause, Resume, Stop, StopMode
from heddle.workflow.parse import parse_json
from heddle.workflow.queries import (
    activated_elements,
    activated_until,
    active_setpoint,
    duration_ms,
    ending_event,
    executed_phases,
    phase_duration_ms,
    started_event,
)
from heddle.workflow.rehearse import rehearse
from tests.unit.workflow.drawing import EXAMPLE

FLOW = parse_json(EXAMPLE.read_bytes())
NODE = "8006ba5a-30cf-4d15-b4cb-34fda02e87e3"
DONE = list(rehearse(FLOW, [Approve(120_000)]))
HALF = [event for event in DONE if event.at_ms <= 175_000]


def test_the_started_and_the_ending_event() -> None:
    started, ending = started_event(DONE), ending_event(DONE)
    assert started is not None
    assert started.data["eventListenerId"] == "eventListener_1"
    assert ending is not None
    assert ending.type is EventType.WORKFLOW_FINISHED
    assert (started_event([]), ending_event(HALF)) == (None, None)


def test_a_terminated_run_has_an_ending_event() -> None:
    events = list(rehearse(FLOW, [Stop(5, StopMode.HARD)]))
    ending = ending_event(events)
    assert ending is not None
    assert ending.type is EventType.WORKFLOW_TERMINATED


def test_the_duration_ends_with_the_run_or_now() -> None:
    assert duration_ms([], now_ms=9) == 0
    assert duration_ms(HALF, now_ms=200_000) == 200_000
    assert duration_ms(DONE, now_ms=10**9) == 470_000


def test_the_active_setpoint_at_a_moment() -> None:
    moments = [(0, 20), (99_999, 20), (100_000, 40), (120_000, 20), (470_000, 24)]
    for at_ms, value in moments:
        assert active_setpoint(FLOW, DONE, NODE, at_ms) == value
    assert active_setpoint(FLOW, DONE, NODE) == 24
    assert active_setpoint(FLOW, DONE, "no such input") is None
    assert active_setpoint(FLOW, [], NODE) is None


def test_the_executed_phases_with_repeats() -> None:
    assert [phase.id[-1] for phase in executed_phases(FLOW, DONE)] == [*"123565656"]


def test_phase_durations() -> None:
    def lasted(phase: str, occurrence: int = 0, events: list[Tell] = DONE) -> int:
        return phase_duration_ms(
            FLOW, events, phase, now_ms=180_000, occurrence=occurrence
        )

    assert lasted("phase_1") == 100_000
    assert lasted("phase_2") == 20_000
    assert [lasted("phase_6", n) for n in range(4)] == [50_000, 50_000, 50_000, 0]
    assert lasted("phase_4") == 0
    assert lasted("phase_5", events=HALF) == 10_000


def test_a_phase_lasts_until_the_run_ends_and_through_a_pause() -> None:
    stopped = list(rehearse(FLOW, [Stop(70, StopMode.HARD)]))
    assert phase_duration_ms(FLOW, stopped, "phase_1", now_ms=10**9) == 70
    paused = list(rehearse(FLOW, [Pause(10), Resume(510)]))
    assert phase_duration_ms(FLOW, paused, "phase_1", now_ms=10**9) == 100_500


def test_elements_active_until_an_element() -> None:
    until = [element.id for element in activated_until(FLOW, DONE, "phase_2")]
    assert until == [
        *("eventListener_1", "flow_1", "phase_1", "eventListener_2"),
        *("flow_2", "phase_2"),
    ]
    twice = activated_until(FLOW, DONE, "flow_10", occurrence=1)
    assert twice[-1] == Link(id="flow_10", source="gateway_2", target="phase_5")
    assert activated_until(FLOW, DONE, "flow_10", occurrence=2) == ()
    assert activated_elements(FLOW, DONE)[: len(twice)] == twice
