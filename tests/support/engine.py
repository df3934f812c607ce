"""An engine in virtual time, an agent that keeps it honest, and ways to crash it.

The ``World`` owns time and the agent; engines come and go in it. Every incarnation has
a clock of its own, so that a crashed engine's calls die with it, and all clocks show
the same moment. ``World.crash_at`` makes the n-th point of danger fatal: before a
commit, after it, and before each frame that leaves.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.task import Clock

from edge_agent.engine.engine import Engine
from edge_agent.engine.flows import FlowFile, FlowUnusable
from edge_agent.engine.handover import take_up
from edge_agent.engine.journal import Journal, open_journal
from edge_agent.engine.protocol import (
    Acked,
    Answered,
    Command,
    Events,
    Execute,
    Executed,
    Readings,
    Refusal,
    Reply,
    Request,
    Status,
    ToAgent,
    Welcome,
    decode_to_agent,
    encode,
)
from edge_agent.engine.readings import Readings as Known
from edge_agent.engine.readings import VouchNote
from edge_agent.engine.steady import Clocks, SteadyTime
from heddle.contract.runs import RunReport, WorkflowEvent

BEGIN_S = 1_800_000_000.0  # where virtual time begins: 2027
COMMAND_TAKES_S = 0.007


class Crash(BaseException):
    """The process dies here."""


class CrashingJournal(Journal):
    """A journal on whose transactions the process may die."""

    def __init__(self, connection: sqlite3.Connection, danger: Callable[[], None]):
        super().__init__(connection)
        self._danger = danger

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._danger()
        with super().transaction():
            yield
        self._danger()

    def kill(self) -> None:
        """What is left of a process killed: nothing of what was not committed."""
        self._db.close()


@dataclass(eq=False)
class VirtualAgent:
    """Acknowledges, executes once, and checks that repeats repeat the same."""

    world: "World"
    events: dict[str, list[WorkflowEvent]] = field(default_factory=dict)
    executed: dict[tuple[str, int], Execute] = field(default_factory=dict)
    answered: set[tuple[str, int]] = field(default_factory=set)
    fail: dict[tuple[str, int], str] = field(default_factory=dict)
    faulty: dict[str, str] = field(default_factory=dict)  # by phase
    welcome: Welcome | None = None
    acknowledges: bool = True
    full: bool = False
    closed: bool = False

    def send(self, frame: bytes) -> None:
        self.world.danger()
        if not self.closed:
            self._heed(decode_to_agent(frame))

    def flush(self) -> None:
        """Virtual agents hear a frame as it is sent."""

    def is_full(self) -> bool:
        return self.full

    def relieve(self) -> None:
        """Virtual agents do not ask too fast."""

    def close(self) -> None:
        self.closed = True

    def _heed(self, message: ToAgent) -> None:
        match message:
            case Welcome():
                self.welcome = message
            case Events():
                self._keep(message)
            case Execute():
                self._execute(message)
            case Reply() | Refusal():
                raise AssertionError("answers go to whoever asked")

    def _keep(self, told: Events) -> None:
        kept = self.events.setdefault(told.run, [])
        for event in told.events:
            first = kept[0].number if kept else event.number
            if event.number - first == len(kept):
                kept.append(event)
            else:
                assert kept[event.number - first] == event
        if self.acknowledges:
            self.world.later(0, lambda: self.acknowledge(told.run))

    def acknowledge(self, run: str) -> None:
        self.world.engine.acked(
            Acked(run=run, next_number=self.events[run][-1].number + 1)
        )

    def _execute(self, asked: Execute) -> None:
        key = (asked.run, asked.number)
        if key in self.executed:
            assert self.executed[key] == asked
        self.executed[key] = asked
        delay_s = 0 if key in self.answered else COMMAND_TAKES_S
        self.world.later(delay_s, lambda: self._answer(key))

    def _answer(self, key: tuple[str, int]) -> None:
        self.answered.add(key)
        run, number = key
        error = self.fail.get(key, self.faulty.get(self.executed[key].phase))
        self.world.engine.executed(Executed(run=run, number=number, error=error))


class World:
    """A device with one engine, whose processes may die at any moment."""

    def __init__(
        self,
        directory: Path,
        definition: Any,
        *,
        flow: str = "flow",
        begin_s: float = 0,
        wall_offset_s: float = 0,
    ) -> None:
        self.directory = directory
        self.file = FlowFile(flow, 1, definition)
        self.clock = Clock()
        self.clock.rightNow = BEGIN_S + begin_s
        self.wall_offset_s = wall_offset_s
        self.boot = "boot-1"
        self.agent = VirtualAgent(self)
        self.readings: dict[str, tuple[Any, int]] = {}
        self.vouching = True
        self.dangers = 0
        self.crash_at: int | None = None
        self.crashes = 0
        self.broken = False
        self._unanswered: list[tuple[int, Command, list[Reply | Refusal]]] = []
        self._asked = 0
        self.start()
        self._vouch()

    # --- lives ---

    def start(self, *, connect: bool = True) -> None:
        """A new engine process over the same directory."""
        self._engine_clock = Clock()
        self._engine_clock.rightNow = self.clock.rightNow
        plain = open_journal(self.directory / "journal.sqlite")
        self.journal = CrashingJournal(plain._db, self.danger)
        clocks = Clocks(
            boot=self.boot,
            elapsed=lambda: self._engine_clock.rightNow - BEGIN_S + 1000,
            wall=lambda: self._engine_clock.rightNow + self.wall_offset_s,
        )
        try:
            flows = take_up(self.journal, self.file)
        except FlowUnusable:
            self.journal.kill()
            raise
        kept = self.journal.mark()
        self.time = SteadyTime(clocks, kept, self.journal.last_at_ms())
        note = VouchNote(self.directory / "vouched")
        self.engine = Engine(
            clock=self._engine_clock,
            time=self.time,
            journal=self.journal,
            flows=flows,
            readings=Known(flows.tags, note),
            on_broken=self._break,
        )
        self.engine.start()
        if connect:
            self.connect()

    def connect(self) -> None:
        self.agent.closed = False
        self.engine.connect(self.agent)
        self._send_readings(dict(self.readings))

    def _break(self) -> None:
        self.broken = True

    def kill(self) -> None:
        """``kill -9``: memory is gone, the disk stays."""
        self.journal.kill()
        self.engine._readings.close()
        self._engine_clock = Clock()
        self._engine_clock.rightNow = self.clock.rightNow

    def stop(self) -> None:
        """``SIGTERM``."""
        self.engine.stop()

    def finish(self) -> None:
        """``SIGTERM``, which may itself be interrupted, at the end of a test."""
        self._surviving(self.engine.stop)

    def restart(self) -> None:
        self.kill()
        self.start()

    def danger(self) -> None:
        self.dangers += 1
        if self.dangers == self.crash_at:
            raise Crash

    def _surviving(self, act: Callable[[], None]) -> None:
        """Do it; should the process die of it, start another and ask again."""
        try:
            act()
        except Crash:
            self.crashes += 1
            self.kill()
            self._surviving(self._start_again)

    def _start_again(self) -> None:
        try:
            self.start()
        except Crash:
            self.journal.kill()
            raise
        for number, command, answers in list(self._unanswered):
            self._ask(number, command, answers)

    # --- time ---

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do it when that time has passed, outside of the engine's own turn."""
        self.clock.callLater(seconds, self._surviving, act)

    def at(self, seconds: float, act: Callable[[], None]) -> None:
        self.later(BEGIN_S + seconds - self.clock.rightNow, act)

    def run_until(self, seconds: float) -> None:
        """Let time pass until then, event by event."""
        end_s = BEGIN_S + seconds
        while (next_s := self._next_s()) is not None and next_s <= end_s:
            self._pass_to(next_s)
        self._pass_to(end_s)

    def settle(self) -> None:
        """Let everything happen that needs no time."""
        self.run_until(self.clock.rightNow - BEGIN_S)

    def _next_s(self) -> float | None:
        calls = [*self.clock.getDelayedCalls(), *self._engine_clock.getDelayedCalls()]
        return min((c.getTime() for c in calls), default=None)

    def _pass_to(self, at_s: float) -> None:
        for clock in (self._engine_clock, self.clock):
            clock.rightNow = max(at_s, clock.rightNow)
        self._surviving(lambda: self._engine_clock.advance(0))
        self.clock.advance(0)
        self._engine_clock.rightNow = self.clock.rightNow

    # --- what the agent and people do ---

    def ask(self, command: Command) -> list[Reply | Refusal]:
        """Ask until answered; the answer is in the list returned."""
        self._asked += 1
        answers: list[Reply | Refusal] = []
        number = self._asked
        self._unanswered.append((number, command, answers))
        self._ask(number, command, answers)
        return answers

    def _ask(
        self, number: int, command: Command, answers: list[Reply | Refusal]
    ) -> None:
        def answer(given: Answered | Refusal) -> None:
            self.danger()
            heard = decode_to_agent(encode(given))
            assert isinstance(heard, Reply | Refusal)
            answers.append(heard)
            self._unanswered = [u for u in self._unanswered if u[0] != number]

        self.engine.ask(Request(id=number, command=command), answer)

    def command(self, command: Command) -> RunReport:
        """Ask, wait, and return the report; a refusal is a failed test."""
        answers = self.ask(command)
        self.settle()
        assert isinstance(answers[0], Reply), answers
        return answers[0].runs[0]

    def report(self, run: str) -> RunReport:
        """How the run stands."""
        return self.command(Status(run=run))

    def refused(self, command: Command) -> Refusal:
        answers = self.ask(command)
        self.settle()
        assert isinstance(answers[0], Refusal), answers
        return answers[0]

    def read(self, **values: Any) -> None:
        """The plant has new values: a plain one is good, a pair has a quality."""
        new = {k: v if isinstance(v, tuple) else (v, 0) for k, v in values.items()}
        self.readings |= new
        self._send_readings(new)

    def _send_readings(self, values: dict[str, tuple[Any, int]]) -> None:
        at_ms = int((self.clock.rightNow + self.wall_offset_s) * 1000)
        self.engine.read(Readings(at_ms=at_ms, values=values))

    def _vouch(self) -> None:
        if self.vouching:
            self._surviving(lambda: self._send_readings({}))
        self.clock.callLater(1.0, self._vouch)

    def history(self, run: str) -> bytes:
        """All events of a run the agent has, as bytes."""
        return msgspec.msgpack.encode(self.agent.events.get(run, []))

    def types(self, run: str) -> list[str]:
        return [event.type for event in self.agent.events.get(run, [])]


@contextmanager
def world(directory: Path, definition: Any) -> Iterator[World]:
    """A world whose last engine is stopped in the end."""
    made = World(directory, definition)
    try:
        yield made
    finally:
        made.stop()


# --- workflows, as small as can be ---


def listener(name: str, kind: str, phase: str | None = None, **more: Any) -> Any:
    return {
        "id": name,
        "elementType": "EVENT_LISTENER",
        "type": kind,
        "phaseId": phase,
        **more,
    }


def timer(name: str, phase: str | None, duration_ms: int, **more: Any) -> Any:
    return listener(name, "TIMER", phase, durationInMS=duration_ms, **more)


def condition(name: str, phase: str, tag: str, operator: str, right: Any, **o: Any):
    left = {"type": "SENSOR_DATA", "data": {"reporterFctId": tag}}
    body = {"left": left, "operator": operator, "right": right, "options": o}
    return listener(name, "CONDITION", phase, condition=body)


def phase(name: str, **setpoints: Any) -> Any:
    targets = [{"inputNodeId": node, "target": v} for node, v in setpoints.items()]
    command = {"id": f"{name}_c", "type": "SET_TARGETS", "data": {"targets": targets}}
    commands = [command] if targets else []
    return {"id": name, "elementType": "PHASE", "commands": commands}


def gateway(name: str, kind: str, **more: Any) -> Any:
    return {"id": name, "elementType": "GATEWAY", "type": kind, **more}


def dispatcher(name: str, kind: str = "END") -> Any:
    return {"id": name, "elementType": "EVENT_DISPATCHER", "type": kind}


def workflow(*elements: Any, links: str) -> Any:
    """Elements and links, the latter told as ``"start>p1 p1_t>end"``."""
    flows = [
        {"id": f"f{n}", "elementType": "FLOW", "srcId": one, "destId": other}
        for n, (one, other) in enumerate(x.split(">") for x in links.split())
    ]
    start = listener("start", "START")
    return {"id": "w", "version": "1", "elements": [start, *elements, *flows]}


def one_phase(*listeners: Any) -> Any:
    """START, a phase ``p`` with these listeners, each leading to the END."""
    links = " ".join(f"{x['id']}>end" for x in listeners)
    return workflow(phase("p"), *listeners, dispatcher("end"), links=f"start>p {links}")


def loop(rounds: int, duration_ms: int = 0) -> Any:
    """LOOP(N): a phase that is left by a timer and entered N times."""
    count = {"type": "GATEWAY", "data": {"gatewayId": "g", "property": "activations"}}
    again = {"left": count, "operator": "<", "right": rounds - 1}
    return workflow(
        phase("p", heater=1),
        timer("t", "p", duration_ms),
        gateway("g", "CONDITIONAL", condition=again, trueFlowId="f2", falseFlowId="f3"),
        dispatcher("end"),
        links="start>p t>g g>p g>end",
    )
