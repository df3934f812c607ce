"""How flows stand: what is old is never shown as new."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from edge_agent.flows import Flows
from edge_agent.local.answers import CurrentPhase, FlowStatus
from edge_agent.local.standing import ANSWER_WITHIN_S, Standing
from heddle.contract.flows import FlowState, InstalledFlow, InstalledFlows, Runtime
from heddle.contract.runs import EngineUnavailable, RunReport, RunStatus

DEFINITION = {"elements": [{"id": "p1", "name": "Heat up"}, {"id": "p2"}]}


def report(flow: str, state: FlowState, detail: str = "") -> InstalledFlow:
    return InstalledFlow(
        flow=flow, version=3, runtime=Runtime.PROCESS, state=state, detail=detail
    )


def run(name: str, status: RunStatus, *phases: str) -> RunReport:
    return RunReport(
        run=name,
        flow="brew",
        version=3,
        status=status,
        active_phases=phases,
        active_since_ms=tuple(range(100, 100 + len(phases))),
    )


class Engine:
    """One flow whose engine says what a test has it say."""

    def __init__(self, state: FlowState = FlowState.READY) -> None:
        self.report = report("brew", state)
        self.wanted = SimpleNamespace(flow="brew", definition=DEFINITION)
        self.says: Deferred[Any] = Deferred()

    def ask(self, _: object) -> Deferred[Any]:
        return self.says

    def note(self, _: object) -> None:
        """The flow's own business."""


class Device:
    """Its flows, and a clock."""

    def __init__(self, engine: Engine, *unread: InstalledFlow) -> None:
        self.engine = engine
        self.unread = unread
        self.clock = Clock()
        self.standing = Standing(
            self.clock,
            cast("Flows", self),
            lambda _: '"etag"',
            lambda _: None,
            self.clock.seconds,
        )

    def __iter__(self) -> Iterator[Any]:
        return iter([self.engine])

    def list(self) -> InstalledFlows:
        return InstalledFlows(flows=(self.engine.report, *self.unread))

    def told(self) -> tuple[FlowStatus, ...]:
        found: list[Any] = []
        asked = Deferred.fromCoroutine(self.standing.all())
        asked.addCallback(found.append)
        if not found:
            self.clock.advance(ANSWER_WITHIN_S)
        return tuple(found[0].flows)


def test_the_active_run_and_its_phases_are_shown_by_name() -> None:
    engine = Engine()
    ended = run("r2", RunStatus.TERMINATED)
    active = run("r1", RunStatus.RUNNING, "p1", "p2")
    engine.says = succeed((ended, active))
    (status,) = Device(engine).told()
    assert (status.is_current, status.run) == (True, active)
    assert status.current == (
        CurrentPhase(phase="p1", name="Heat up", since_ms=100),
        CurrentPhase(phase="p2", name="p2", since_ms=101),
    )


def test_an_ended_run_has_no_phases() -> None:
    engine = Engine()
    engine.says = succeed((run("r1", RunStatus.FINISHED, "p1"),))
    (status,) = Device(engine).told()
    assert status.run is not None
    assert status.current == ()


def test_an_engine_without_a_word_is_shown_as_it_was_and_when() -> None:
    engine = Engine()
    device = Device(engine)
    device.clock.advance(1)
    engine.says = succeed((run("r1", RunStatus.RUNNING, "p1"),))
    (fresh,) = device.told()
    assert (fresh.is_current, fresh.asked_at_ms) == (True, 1000)
    device.clock.advance(10)
    engine.says = Deferred()
    (silent,) = device.told()
    assert (silent.is_current, silent.asked_at_ms, silent.run) == (
        False,
        1000,
        fresh.run,
    )
    assert silent.detail == "its engine gave no answer in 3 s"
    engine.says = fail(EngineUnavailable("it is being restarted"))
    (gone,) = device.told()
    assert (gone.is_current, gone.detail) == (False, "it is being restarted")


def test_a_flow_at_rest_is_asked_nothing_and_what_is_unreadable_is_shown() -> None:
    engine = Engine(FlowState.STOPPED)
    stew = report("stew", FlowState.FAILED, "stew.json is unreadable")
    rest, unread = Device(engine, stew).told()
    assert (rest.state, rest.is_current) == (FlowState.STOPPED, True)
    assert (unread.flow, unread.is_current, unread.etag, unread.detail) == (
        "stew",
        False,
        "",
        "stew.json is unreadable",
    )
