"""The keeper of a flow's engine, in virtual time."""

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from edge_agent.engine.protocol import Status
from edge_agent.flow import Flow
from edge_agent.reconcile.setbacks import Setbacks
from edge_agent.runtime.runtime import EngineFailed
from edge_agent.shelf import Wanted
from edge_agent.tags import TagTable
from heddle.contract.flows import FlowState, Runtime
from heddle.contract.runs import EngineUnavailable, RunReport, RunStatus


class NoRoom:
    """Engines that cannot be started, tried again when that is due."""

    kind = Runtime.CONTAINER
    is_away = False

    def __init__(self, clock):
        self._clock = clock
        self._setbacks = Setbacks(clock.seconds, lambda: 0.5)
        self.asked = 0

    def up(self, flow):
        self.asked += 1
        answer = Deferred(lambda _: timer.cancel())
        setback = self.setback(flow)
        due_s = 0.0 if setback is None else setback.due_s - self._clock.seconds()
        timer = self._clock.callLater(max(due_s, 0.0), self._fail, flow, answer)
        return answer

    def _fail(self, flow, answer):
        self._setbacks.add(flow, "Docker: no such device")
        answer.errback(EngineFailed("Docker: no such device"))

    def setback(self, flow):
        return self._setbacks.of(flow)

    def told(self, flow):
        setback = self.setback(flow)
        return "" if setback is None else self._setbacks.told(setback)


def kept(clock: Clock, running: bool = True) -> tuple[Flow, NoRoom]:
    engines = NoRoom(clock)
    flow = Flow(
        clock,
        Wanted("brew", 3, {}, running),
        Path("/nowhere"),
        now_s=clock.seconds,
        engines=engines,
        tags=TagTable(()),
        duties=None,
    )
    flow.start()
    return flow, engines


def failed_with(deferred: Deferred) -> Exception:
    found = []
    deferred.addErrback(lambda failure: found.append(failure.value))
    return found[0]


def test_three_failures_make_a_failed_flow_with_the_reason_and_the_next_time() -> None:
    clock = Clock()
    flow, _ = kept(clock)
    settled = flow.settled()
    clock.advance(0)  # the first attempt,
    clock.advance(0)  # one more at once
    assert flow.report.state is FlowState.STARTING
    assert flow.report.detail == "Docker: no such device; next attempt in 5 s"
    assert not settled.called
    clock.advance(5)
    assert flow.report.state is FlowState.FAILED
    assert flow.report.detail == "Docker: no such device; next attempt in 20 s"
    assert settled.called
    assert flow.settled().called
    clock.advance(8)
    assert flow.report.detail == "Docker: no such device; next attempt in 12 s"


def test_a_flow_at_rest_is_settled_and_asks_for_no_engine() -> None:
    flow, engines = kept(Clock(), running=False)
    assert flow.settled().called
    assert flow.report.state is FlowState.STOPPED
    assert "'brew' is stopped: it is installed to be at rest" in str(
        failed_with(flow.ask(Status()))
    )
    assert engines.asked == 0


def test_an_engine_that_does_not_answer_is_told() -> None:
    flow, _ = kept(Clock())
    error = failed_with(flow.ask(Status()))
    assert isinstance(error, EngineUnavailable)
    assert "'brew' is starting" in str(error)


def test_a_flow_that_is_parted_from_asks_no_more() -> None:
    clock = Clock()
    flow, engines = kept(clock)
    done = Deferred.fromCoroutine(flow.part())
    clock.advance(100)
    assert done.called
    assert engines.asked == 1
    assert clock.getDelayedCalls() == []


def test_it_remembers_which_runs_are_active() -> None:
    flow, _ = kept(Clock())

    def report(run: str, status: RunStatus) -> RunReport:
        return RunReport(run=run, flow="brew", version=3, status=status)

    flow.note([report("a", RunStatus.PAUSED), report("b", RunStatus.FINISHED)])
    assert (flow.runs, flow.active) == ({"a", "b"}, {"a"})
    flow.note([report("a", RunStatus.TERMINATED)])
    assert flow.active == set()


def test_who_hears_that_it_moved_may_part_from_it_at_once() -> None:
    clock = Clock()
    flow, engines = kept(clock)
    flow.on_move = lambda: Deferred.fromCoroutine(flow.let_go())
    clock.advance(100)
    assert (flow.falls, engines.asked) == (1, 1)
    assert flow.report.restarts == 1
    assert flow.report.last_fall == flow.last_fall != ""
    assert clock.getDelayedCalls() == []
