"""The keeper of a flow's engine, in virtual time."""

from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from edge_agent.engine.protocol import Status
from edge_agent.flow import Flow
from edge_agent.runtime.runtime import EngineFailed, EngineState
from edge_agent.shelf import Wanted
from edge_agent.tags import TagTable
from heddle.contract.flows import FlowState, Runtime
from heddle.contract.runs import EngineUnavailable, RunReport, RunStatus


class NoRoom:
    """A place where no engine can be started."""

    kind, docker = Runtime.CONTAINER, None

    def __init__(self, clock):
        self._clock = clock
        self.starts, self.stops = [], 0

    async def start(self, flow, directory):
        self.starts.append(self._clock.seconds())
        raise EngineFailed("Docker: the disk is full")

    async def state(self, flow):
        return EngineState(running=False)

    async def stop(self, flow):
        self.stops += 1

    async def found(self):
        return frozenset()

    async def close(self, *, keep):
        pass


def kept(clock: Clock) -> tuple[Flow, NoRoom]:
    place = NoRoom(clock)
    flow = Flow(
        clock,
        Wanted("brew", 3, {}),
        Path("/nowhere"),
        now_s=clock.seconds,
        runtime=place,
        tags=TagTable(()),
        duties=None,
    )
    flow.start()
    return flow, place


def failed_with(deferred: Deferred) -> Exception:
    found = []
    deferred.addErrback(lambda failure: found.append(failure.value))
    return found[0]


def test_an_engine_that_cannot_start_is_tried_ever_slower() -> None:
    clock = Clock()
    _, place = kept(clock)
    for _ in range(6000):
        clock.advance(0.1)
    gaps = [
        round(b - a, 1) for a, b in zip(place.starts, place.starts[1:], strict=False)
    ]
    assert gaps[:6] == pytest.approx([0, 0.5, 2, 5, 15, 30], abs=0.11)
    assert gaps[6:] == pytest.approx([30] * len(gaps[6:]), abs=0.11)
    assert len(place.starts) < 30


def test_three_failures_make_a_failed_flow_with_the_reason() -> None:
    clock = Clock()
    flow, _ = kept(clock)
    settled = flow.settled()
    assert flow.report.state is FlowState.STARTING
    assert not settled.called
    clock.advance(0.1)
    clock.advance(0.6)
    assert flow.report.state is FlowState.FAILED
    assert flow.report.detail == "Docker: the disk is full"
    assert settled.called
    assert flow.settled().called


def test_an_engine_that_does_not_answer_is_told() -> None:
    flow, _ = kept(Clock())
    error = failed_with(flow.ask(Status()))
    assert isinstance(error, EngineUnavailable)
    assert "'brew' is starting" in str(error)


def test_a_flow_that_is_stopped_is_tried_no_more() -> None:
    clock = Clock()
    flow, place = kept(clock)
    done = Deferred.fromCoroutine(flow.stop())
    tried = len(place.starts)
    clock.advance(100)
    assert done.called
    assert (len(place.starts), place.stops) == (tried, 1)
    assert clock.getDelayedCalls() == []


def test_it_remembers_which_runs_are_active() -> None:
    flow, _ = kept(Clock())

    def report(run: str, status: RunStatus) -> RunReport:
        return RunReport(run=run, flow="brew", version=3, status=status)

    flow.note([report("a", RunStatus.PAUSED), report("b", RunStatus.FINISHED)])
    assert (flow.runs, flow.active) == ({"a", "b"}, {"a"})
    flow.note([report("a", RunStatus.TERMINATED)])
    assert flow.active == set()
