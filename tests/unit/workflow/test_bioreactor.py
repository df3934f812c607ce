"""Seed 004's example, verbatim, from START to WORKFLOW_FINISHED."""

from heddle.workflow.definition import Workflow
from heddle.workflow.effects import EventType, Tell
from heddle.workflow.findings import Mode
from heddle.workflow.inputs import Approve, Reading, Sampled
from heddle.workflow.parse import decode, findings, parse_json
from heddle.workflow.rehearse import rehearse
from tests.unit.workflow.drawing import EXAMPLE

TEMPERATURE = "b505cf08-cc3f-4814-8d76-3dd23ad1ea35"


def bioreactor() -> Workflow:
    return parse_json(EXAMPLE.read_bytes())


def phases(events: list[Tell]) -> list[str]:
    return [e.data["phaseId"] for e in events if e.type is EventType.PHASE_STARTED]


def test_the_example_is_flawless_in_both_modes() -> None:
    document = decode(EXAMPLE.read_bytes())
    assert findings(document, Mode.COMPAT) == findings(document, Mode.STRICT) == ()


def test_an_approval_leads_through_phase_3_and_the_loop_turns_three_times() -> None:
    events = list(rehearse(bioreactor(), [Approve(120_000)]))

    assert phases(events) == [
        *("phase_1", "phase_2", "phase_3"),
        *("phase_5", "phase_6") * 3,
    ]
    assert events[-1].type is EventType.WORKFLOW_FINISHED
    assert events[-1].at_ms == 120_000 + 50_000 + 3 * 100_000
    assert [event.number for event in events] == list(range(len(events)))


def test_a_temperature_that_holds_leads_through_phase_4() -> None:
    warm = Sampled(110_000, {TEMPERATURE: Reading(36.9)})
    events = list(rehearse(bioreactor(), [warm]))

    assert phases(events)[:4] == ["phase_1", "phase_2", "phase_4", "phase_5"]
    assert events[-1].type is EventType.WORKFLOW_FINISHED
    assert events[-1].at_ms == 110_000 + 20_000 + 30_000 + 3 * 100_000


def test_the_first_events_are_in_upstreams_order() -> None:
    events = list(rehearse(bioreactor()))
    assert [(e.number, e.type.value, e.data) for e in events[:5]] == [
        (0, "EVENT_LISTENER_ACTIVATED", {"eventListenerId": "eventListener_1"}),
        (1, "EVENT_RECEIVED", {"eventListenerId": "eventListener_1", "forced": False}),
        (2, "FLOW_SIGNALED", {"flowId": "flow_1"}),
        (3, "PHASE_STARTED", {"phaseId": "phase_1"}),
        (4, "EVENT_LISTENER_ACTIVATED", {"eventListenerId": "eventListener_2"}),
    ]
