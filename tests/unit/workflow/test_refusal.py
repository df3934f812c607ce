"""Requests by people: heeded, or refused with a reason."""

import pytest

from heddle.workflow.engine import step
from heddle.workflow.inputs import (
    Approve,
    Pause,
    Request,
    Resume,
    Start,
    Stop,
    StopMode,
    Trigger,
)
from heddle.workflow.refusal import (
    Ambiguous,
    NotActive,
    Paused,
    Refusal,
    WrongState,
    refusal,
)
from heddle.workflow.run import Run, Status
from tests.unit.workflow.drawing import after, approval, one_phase, timer

FLOW = one_phase(timer("t", "p"), approval("a", "p"), approval("b", "p"))
READY = Run()
RUNNING = after(FLOW).run
PAUSED = after(FLOW, Pause(1)).run
STOPPING = after(FLOW, Stop(1)).run
FINISHED = after(FLOW, Approve(1, "a")).run
HARD = Stop(5, StopMode.HARD)


@pytest.mark.parametrize(
    ("run", "request_", "expected"),
    [
        (READY, Start(5), None),
        (RUNNING, Start(5), WrongState(Status.RUNNING)),
        (READY, Pause(5), WrongState(Status.READY)),
        (RUNNING, Pause(5), None),
        (STOPPING, Pause(5), None),
        (PAUSED, Pause(5), WrongState(Status.PAUSED)),
        (FINISHED, Pause(5), WrongState(Status.FINISHED)),
        (PAUSED, Resume(5), None),
        (RUNNING, Resume(5), WrongState(Status.RUNNING)),
        (READY, Stop(5), WrongState(Status.READY)),
        (RUNNING, Stop(5), None),
        (PAUSED, Stop(5), None),
        (STOPPING, Stop(5), WrongState(Status.STOPPING)),
        (STOPPING, HARD, None),
        (FINISHED, HARD, WrongState(Status.FINISHED)),
        (RUNNING, Approve(5, "a"), None),
        (RUNNING, Approve(5), Ambiguous(("a", "b"))),
        (RUNNING, Approve(5, "t"), NotActive("t", ("a", "b"))),
        (RUNNING, Approve(5, "x"), NotActive("x", ("a", "b"))),
        (PAUSED, Approve(5, "a"), Paused()),
        (READY, Approve(5, "a"), WrongState(Status.READY)),
        (RUNNING, Trigger(5, "t"), None),
        (RUNNING, Trigger(5, "start"), NotActive("start", ("t", "a", "b"))),
        (PAUSED, Trigger(5, "t"), Paused()),
        (FINISHED, Trigger(5, "t"), WrongState(Status.FINISHED)),
    ],
)
def test_what_is_refused_changes_nothing_and_what_is_not_does(
    run: Run, request_: Request, expected: Refusal | None
) -> None:
    assert refusal(FLOW, run, request_) == expected
    assert (step(FLOW, run, request_).run is run) == (expected is not None)


def test_the_only_approval_need_not_be_named() -> None:
    flow = one_phase(approval("a", "p"), timer("t", "p"))
    assert refusal(flow, after(flow).run, Approve(5)) is None


def test_an_approval_nobody_awaits_names_no_candidates() -> None:
    flow = one_phase(timer("t", "p"))
    assert refusal(flow, after(flow).run, Approve(5)) == NotActive(None, ())
