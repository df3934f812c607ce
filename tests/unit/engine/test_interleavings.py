"""Whatever people, plant and clock do in whatever order, and however often it restarts.

The same things are done in two worlds, one of which kills and restarts its engine in
between. Both must tell the same history, and the history must make sense by itself.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from edge_agent.engine.protocol import (
    Approve,
    PauseRun,
    ResumeRun,
    StartRun,
    Status,
    StopRun,
    Trigger,
)
from heddle.contract.runs import RunStatus, StopMode, WorkflowEvent
from tests.support.engine import (
    World,
    condition,
    dispatcher,
    gateway,
    listener,
    phase,
    timer,
    workflow,
)

RUN = "r1"
FAST = Path("/dev/shm")  # noqa: S108 -- the directory made in it is ours alone
ROUND = workflow(
    phase("one", heater=1),
    timer("one_t", "one", 700),
    listener("one_a", "APPROVAL", "one"),
    condition("one_c", "one", "x", ">", 5, sustainTimeInMS=300),
    timer("one_ping", "one", 200, interrupting=False),
    dispatcher("ping", "ALERT"),
    phase("two", valve=True),
    listener("two_a", "APPROVAL", "two"),
    condition("two_c", "two", "x", "<", 2, allowedDeviation=0.5),
    gateway(
        "again",
        "CONDITIONAL",
        condition={
            "left": {
                "type": "GATEWAY",
                "data": {"gatewayId": "again", "property": "activations"},
            },
            "operator": "<",
            "right": 3,
        },
        trueFlowId="f5",
        falseFlowId="f6",
    ),
    dispatcher("end"),
    links="start>one one_t>two one_a>two one_c>two two_a>again again>one "
    "again>end two_c>again one_ping>ping",
)

Act: TypeAlias = tuple[str, Any]
acts = some.lists(
    some.one_of(
        some.tuples(
            some.just("ask"),
            some.sampled_from(
                [
                    PauseRun(run=RUN),
                    ResumeRun(run=RUN),
                    Approve(run=RUN),
                    Approve(run=RUN, listener="two_a"),
                    Trigger(run=RUN, listener="one_t"),
                    Trigger(run=RUN, listener="one_c"),
                    StopRun(run=RUN, mode=StopMode.SOFT),
                ]
            ),
        ),
        some.tuples(some.just("read"), some.sampled_from([0.0, 1.0, 2.2, 6.0, None])),
        some.tuples(some.just("wait"), some.sampled_from([1, 50, 150, 299, 300, 700])),
    ),
    max_size=40,
)


def live(directory: Path, things: Iterable[Act], restarts: bool) -> World:
    here = World(directory, ROUND)
    here.read(x=3.0)
    here.command(StartRun(run=RUN))
    for what, which in things:
        match what:
            case "ask":
                here.ask(which)
            case "read":
                here.read(x=which if which is not None else (0.0, 2))
            case "wait":
                now_s = here.clock.rightNow - 1_800_000_000
                here.run_until(round(now_s + which / 1000, 3))
        here.settle()
        if restarts:
            here.restart()
            here.settle()
    return here


def assert_sensible(events: list[WorkflowEvent]) -> None:
    """Numbers without gaps, time forward, and nothing moves while paused."""
    assert [event.number for event in events] == list(range(len(events)))
    moments = [event.createdAt for event in events]
    assert moments == sorted(moments)
    paused = False
    for event in events:
        if event.type == "WORKFLOW_PAUSED":
            assert not paused
            paused = True
        elif event.type in {"WORKFLOW_RESUMED", "WORKFLOW_TERMINATED"}:
            paused = False
        elif event.type not in {"COMMAND_EXECUTED", "COMMAND_FAILED"}:
            assert not paused, event
    ends = [e for e in events if e.type in {"WORKFLOW_FINISHED", "WORKFLOW_TERMINATED"}]
    assert len(ends) <= 1
    assert not ends or events[-1] is ends[0]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(things=acts)
def test_restarts_change_nothing(things: list[Act]) -> None:
    with (
        TemporaryDirectory(dir=FAST if FAST.is_dir() else None) as one,
        TemporaryDirectory(dir=FAST if FAST.is_dir() else None) as other,
    ):
        whole = live(Path(one), things, restarts=False)
        torn = live(Path(other), things, restarts=True)
        try:
            assert torn.history(RUN) == whole.history(RUN)
            assert torn.command(Status(run=RUN)) == whole.command(Status(run=RUN))
            assert torn.agent.executed == whole.agent.executed
            assert_sensible(whole.agent.events[RUN])
        finally:
            whole.stop()
            torn.stop()


@pytest.mark.parametrize("held", [True, False])
def test_paused_means_that_nothing_advances(tmp_path: Path, held: bool) -> None:
    here = live(tmp_path, [("wait", 50)], restarts=False)
    if held:
        here.command(PauseRun(run=RUN))
    before = here.history(RUN)
    here.read(x=9.0)
    here.run_until(60)
    assert (here.history(RUN) == before) is held
    expected = RunStatus.PAUSED if held else RunStatus.RUNNING
    assert here.command(Status(run=RUN)).status is expected
    here.stop()
