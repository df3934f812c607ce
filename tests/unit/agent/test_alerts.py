"""What a run's ALERT dispatchers raise."""

import msgspec

from edge_agent.alerts import alarm_id, alert_dispatchers, alerts
from heddle.contract.alarms import AlarmTransition
from heddle.contract.declare import ID
from heddle.contract.runs import RunEvents, WorkflowEvent
from tests.support.stack import ROOT

GUARDED = msgspec.json.decode(
    (ROOT / "examples/flows/guarded_cultivation.json").read_bytes()
)


def dispatched(*dispatchers: str, flow: str = "brew", first: int = 7) -> RunEvents:
    """A run's events: the dispatches, and others in between."""
    events = []
    for n, name in enumerate(dispatchers):
        for kind in ("FLOW_SIGNALED", "DISPATCHED_EVENT"):
            number = first + len(events)
            data = {"eventDispatcherId": name}
            events.append(
                WorkflowEvent(id=f"e{number}", type=kind, createdAt=5_000 + n,
                              number=number, data=data)
            )  # fmt: skip
    return RunEvents(run="run_1", flow=flow, version=3, events=tuple(events))


def test_only_dispatchers_of_kind_alert_count() -> None:
    assert alert_dispatchers(GUARDED) == {"oxygen_alert", "bounds_alert"}
    assert alert_dispatchers({}) == frozenset()
    found = alerts(dispatched("done", "oxygen_alert"), frozenset({"oxygen_alert"}))
    assert found == (
        (
            10,
            AlarmTransition(
                alarm="alert_brew_oxygen_alert",
                tag="",
                at_us=5_001_000,
                cause="raised",
                before="normal",
                after="unacknowledged",
                severity=700,
                comment="flow brew version 3, run run_1: dispatcher oxygen_alert, "
                "event 10",
            ),
        ),
    )


def test_each_dispatch_is_an_alert_of_its_own() -> None:
    found = alerts(dispatched("a", "a", first=0), frozenset({"a"}))
    assert [each.number for each in found] == [1, 3]
    assert len({each.transition.alarm for each in found}) == 1


def test_an_alarm_has_a_legal_name_of_its_own() -> None:
    names = ["a", "Ä-1", "ä-1", "a 1", "x" * 64, "x" * 65, "b505cf08-cc3f-4814-8d76"]
    ids = [alarm_id("flow_" + "f" * 20, name) for name in names]
    assert all(ID.fullmatch(each) for each in ids)
    assert len(set(ids)) == len(ids)
    assert ids[0] == f"alert_flow_{'f' * 20}_a"
    assert alarm_id("brew", "Ä-1") == alarm_id("brew", "Ä-1")


def test_a_name_that_no_line_can_show_is_shown_as_far_as_it_can() -> None:
    (alert,) = alerts(dispatched("a\n" + "b" * 999), frozenset({"a\n" + "b" * 999}))
    comment = alert.transition.comment
    assert comment is not None
    assert comment.isprintable()
    assert len(comment) < 400
