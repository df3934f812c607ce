"""The workflows of the soak, and what people do in them: the same in every playing.

A play's order of events does not depend on when things happen, so that what a run told
over many deaths can be compared with what it tells uninterrupted. Where branches run
beside each other, the order within each of them is fixed (``lanes``).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.engine.protocol import Approve, Command, StartRun, StopRun, Trigger
from heddle.contract.runs import RunReport, RunStatus, WorkflowEvent
from tests.support.engine import (
    World,
    condition,
    dispatcher,
    gateway,
    listener,
    phase,
    timer,
    workflow,
    world,
)

EXAMPLE = Path(__file__).parents[2] / "examples/flows/bioreactor.json"
TEMPERATURE = "b505cf08-cc3f-4814-8d76-3dd23ad1ea35"
ELEMENT = "eventListenerId", "phaseId", "flowId", "gatewayId", "eventDispatcherId"
PAUSES = ("WORKFLOW_PAUSED", "WORKFLOW_RESUMED")
ANSWERS = ("COMMAND_EXECUTED", "COMMAND_FAILED")
ENDS = ("WORKFLOW_FINISHED", "WORKFLOW_TERMINATED")
LONGEST_S = 2_000

Told = Sequence[WorkflowEvent]


@dataclass(frozen=True, kw_only=True)
class Play:
    """A workflow, the plant around it and what a person does by hand."""

    name: str
    definition: Any
    time_scale: float = 1.0
    warm: Mapping[str, float] = field(default_factory=dict)  # readings that hold
    cold: Mapping[str, float] = field(default_factory=dict)  # and that do not
    approved: tuple[str, ...] = ()  # listeners a person approves when asked
    forced: tuple[str, ...] = ()  # listeners a person fires by hand
    stopped: str | None = None  # the listener at which the run is told to stop softly
    faulty: Mapping[str, str] = field(
        default_factory=dict
    )  # phases whose commands fail
    lanes: Mapping[str, str] = field(default_factory=dict)  # element -> its branch
    ends_answered: bool = True  # every command is answered before the run can end

    def next(self, told: Told, report: RunReport | None) -> Command | None:
        """What a person does now, given everything the run told, if anything."""
        if report is None:
            return None
        run = report.run
        for awaited in (*self.approved, *self.forced):
            heard = count(told, "EVENT_RECEIVED", awaited)
            if count(told, "EVENT_LISTENER_ACTIVATED", awaited) == heard:
                continue
            if not _all_answered(told):
                return None
            if awaited == self.stopped and report.status is RunStatus.RUNNING:
                return StopRun(run=run)
            if awaited in self.forced:
                return Trigger(run=run, listener=awaited, by=f"soak {heard}")
            return Approve(run=run, listener=awaited, comment=f"{heard}")
        return None


def _all_answered(told: Told) -> bool:
    """No phase with a command waits for its answer: each has one at most here."""
    types = Counter(event.type for event in told)
    silent = sum(
        1
        for event in told
        if event.type == "PHASE_STARTED" and event.data["phaseId"].startswith("idle")
    )
    answered = sum(types[kind] for kind in ANSWERS)
    return types["PHASE_STARTED"] - silent == answered


def element(event: WorkflowEvent) -> str:
    """What an event is about; nothing for those about the whole run."""
    return next((event.data[key] for key in ELEMENT if key in event.data), "")


def count(told: Told, kind: str, about: str) -> int:
    """How many such events were told."""
    return sum(1 for e in told if e.type == kind and element(e) == about)


# --- the plays ------------------------------------------------------------------------


def _counted(name: str, rounds: int) -> dict[str, Any]:
    """True until the gateway has been passed that often."""
    counted = {"gatewayId": name, "property": "activations"}
    left = {"type": "GATEWAY", "data": counted}
    return {"left": left, "operator": "<", "right": rounds - 1}


def turning(rounds: int) -> Play:
    """A loop: a phase whose command is answered, then approved, and a short rest."""
    again = _counted("g", rounds)
    definition = workflow(
        phase("work", heater=40, pump="on"),
        listener("approved", "APPROVAL", "work"),
        phase("idle"),
        timer("rested", "idle", 15),
        gateway("g", "CONDITIONAL", condition=again, trueFlowId="f3", falseFlowId="f4"),
        dispatcher("end"),
        links="start>work approved>idle rested>g g>work g>end",
    )
    return Play(name="turning", definition=definition, approved=("approved",))


def example() -> Play:
    """The seed's example, a thousand times faster; it is warm only now and then."""
    return Play(
        name="example",
        definition=msgspec.json.decode(EXAMPLE.read_bytes()),
        time_scale=1000,
        warm={TEMPERATURE: 38.0},
        cold={TEMPERATURE: 20.5},
        ends_answered=False,
    )


def branching(rounds: int) -> Play:
    """OR, AND and a loop; an ALERT, a sustained condition, a command that fails."""
    again = _counted("g", rounds)
    definition = workflow(
        gateway("fork", "OR"),
        phase("one", heater=1),
        timer("one_t", "one", 60),
        timer("one_ping", "one", 20, interrupting=False),
        dispatcher("ping", "ALERT"),
        phase("two", valve=True, pump="fast"),
        condition("two_c", "two", "level", ">", 3, sustainTimeInMS=25),
        gateway("join", "AND"),
        gateway("g", "CONDITIONAL", condition=again, trueFlowId="f7", falseFlowId="f8"),
        phase("last", heater=0),
        listener("last_a", "APPROVAL", "last"),
        dispatcher("end"),
        links="start>fork fork>one fork>two one_t>join one_ping>ping two_c>join "
        "join>g g>fork g>last last_a>end",
    )
    one = ("one", "one_t", "one_ping", "ping", "f1", "f3", "f4")
    two = ("two", "two_c", "f2", "f5")
    return Play(
        name="branching",
        definition=definition,
        warm={"level": 5.0},
        cold={"level": 0.0},
        approved=("last_a",),
        faulty={"two": "valve stuck"},
        lanes={**dict.fromkeys(one, "one"), **dict.fromkeys(two, "two")},
    )


def _is(tag: str, operator: str, right: float, **options: Any) -> dict[str, Any]:
    left = {"type": "SENSOR_DATA", "data": {"reporterFctId": tag}}
    return {"left": left, "operator": operator, "right": right, "options": options}


def sustained() -> Play:
    """Windows within windows, a timer fired by hand, a soft stop in the last phase."""
    warm_long = {
        "operator": "AND",
        "conditions": [
            _is("temp", "==", 37, sustainTimeInMS=15, allowedDeviation=0.5),
            {
                "operator": "OR",
                "conditions": [_is("ph", "<", 7), _is("ph", ">", 9, sustainTimeInMS=5)],
                "options": {"sustainTimeInMS": 10},
            },
        ],
        "options": {"sustainTimeInMS": 10},
    }
    definition = workflow(
        phase("warm", heater=1),
        listener("warmed", "CONDITION", "warm", condition=warm_long),
        phase("held", heater=2),
        timer("held_t", "held", 3_600_000),
        phase("idle_rest"),
        timer("rested", "idle_rest", 25),
        phase("last", heater=0),
        listener("last_a", "APPROVAL", "last"),
        dispatcher("end"),
        links="start>warm warmed>held held_t>idle_rest rested>last last_a>end",
    )
    return Play(
        name="sustained",
        definition=definition,
        warm={"temp": 37.4, "ph": 6.5},
        cold={"temp": 36.4, "ph": 8.0},
        approved=("last_a",),
        forced=("held_t",),
        stopped="last_a",
    )


def plays() -> tuple[Play, ...]:
    """All of them."""
    return turning(8), example(), branching(3), sustained()


# --- how they go uninterrupted --------------------------------------------------------


@dataclass(frozen=True)
class Whole:
    """What one uninterrupted run told and asked for."""

    events: tuple[WorkflowEvent, ...]
    executed: Counter[tuple[str, str]]  # (phase, command as JSON)


def uninterrupted(directory: Path, play: Play) -> Whole:
    """Play it in virtual time, in an engine that never dies."""
    directory.mkdir()
    with world(directory, play.definition) as here:
        here.agent.faulty = dict(play.faulty)
        here.read(**play.warm)
        here.command(StartRun(run="r"))
        for second in range(1, LONGEST_S):
            here.run_until(second)
            if here.types("r")[-1] in ENDS:
                return _whole(here)
            _play_on(here, play)
    raise AssertionError(f"play {play.name} does not end: {here.types('r')[-5:]}")


def _play_on(here: World, play: Play) -> None:
    told = here.agent.events["r"]
    if (wanted := play.next(told, here.report("r"))) is not None:
        here.command(wanted)


def _whole(here: World) -> Whole:
    asked = here.agent.executed.values()
    return Whole(
        tuple(here.agent.events["r"]),
        Counter((one.phase, as_text(one.command)) for one in asked),
    )


def as_text(command: Mapping[str, Any]) -> str:
    """A command's JSON, to be compared."""
    return msgspec.json.encode(command, order="sorted").decode()
