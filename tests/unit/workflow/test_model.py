"""Hypothesis plays people, time and the plant; a plain model says what has to come.

The model knows one workflow and nothing of ``step``: it keeps what remains of each
deadline and lets it pass while the run moves. Phase ``p`` is left by a timer or an
approval, ``q`` by a sustained condition; another timer of ``q`` alerts on the way.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from heddle.workflow.effects import Arm, Disarm, EventType, Execute, Tell
from heddle.workflow.inputs import (
    Approve,
    CommandDone,
    Due,
    Input,
    Pause,
    Reading,
    Resume,
    Sampled,
    Start,
    Stop,
    StopMode,
    Trigger,
)
from heddle.workflow.run import MOVING, Run, Status
from tests.unit.workflow.drawing import (
    alert,
    approval,
    condition,
    drawn,
    end,
    flows,
    gateway,
    hot,
    phase,
    start,
    timer,
)
from tests.unit.workflow.edges import checked

TIMER_MS, ALERT_MS, WINDOW_MS = 100, 30, 50
FLOW = drawn(
    start(),
    gateway("again", "OR"),
    phase("p", ("node", 1)),
    timer("t", "p", TIMER_MS),
    approval("a", "p"),
    phase("q"),
    condition("c", "q", hot(sustainTimeInMS=WINDOW_MS)),
    timer("u", "q", ALERT_MS, interrupting=False),
    alert(),
    approval("done", "q"),
    end(),
    flows("start > again > p", "t > q", "a > q", "c > again", "u > alert"),
    flows("done > end"),
)
LISTENERS = ("t", "a", "c", "u", "done")


class Model:
    """What the workflow means, told in another way."""

    def __init__(self) -> None:
        self.status = Status.RUNNING
        self.is_hot = False
        self.fired: list[tuple[str, bool]] = []
        self.enter("p")

    def enter(self, name: str) -> None:
        self.phase: str | None = name
        self.remaining: dict[str, int | None] = (
            {"t": TIMER_MS, "a": None}
            if name == "p"
            else {"c": None, "u": ALERT_MS, "done": None}
        )
        self.look()

    def look(self) -> None:
        """The window opens when it is hot, and is closed when it is not."""
        if "c" not in self.remaining or self.status is Status.PAUSED:
            return
        if not self.is_hot:
            self.remaining["c"] = None
        elif self.remaining["c"] is None:
            self.remaining["c"] = WINDOW_MS

    def fire(self, listener: str, *, forced: bool = False) -> None:
        self.fired.append((listener, forced))
        if listener == "u":
            del self.remaining["u"]
        elif listener == "done":
            self.end(Status.FINISHED)
        elif self.status is Status.STOPPING:
            self.end(Status.TERMINATED)
        else:
            self.enter("p" if listener == "c" else "q")

    def end(self, status: Status) -> None:
        self.status, self.phase, self.remaining = status, None, {}

    def next(self) -> tuple[int, str] | None:
        """How long until which deadline."""
        armed = [(ms, x) for x, ms in self.remaining.items() if ms is not None]
        return min(armed) if armed and self.status in MOVING else None

    def let_pass(self, ms: int) -> None:
        if self.status in MOVING:
            for listener, rest_ms in self.remaining.items():
                if rest_ms is not None:
                    self.remaining[listener] = rest_ms - ms


class Interleavings(RuleBasedStateMachine):
    """One run and its model side by side; deadlines come when they are due."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_000
        self.run = Run()
        self.armed: dict[str, int] = {}
        self.told: list[Tell] = []
        self.give(Start(self.now_ms))
        self.model = Model()

    def give(self, received: Input) -> None:
        """The shell: what a step asks for is done at once."""
        outcome = checked(FLOW, self.run, received)
        self.run = outcome.run
        for effect in outcome.effects:
            match effect:
                case Tell():
                    self.told.append(effect)
                case Arm():
                    self.armed[effect.listener] = effect.due_at_ms
                case Disarm():
                    self.armed.pop(effect.listener, None)
                case Execute():
                    pass
        for key in tuple(self.run.pending):
            self.give(CommandDone(self.now_ms, key))

    @rule(ms=st.integers(0, 120))
    def time_passes(self, ms: int) -> None:
        while (due := self.model.next()) is not None and due[0] <= ms:
            wait_ms, listener = due
            ms -= wait_ms
            self.now_ms += wait_ms
            self.model.let_pass(wait_ms)
            assert self.armed.pop(listener) == self.now_ms
            self.give(Due(self.now_ms, listener))
            self.model.fire(listener)
        self.now_ms += ms
        self.model.let_pass(ms)

    @rule(degrees=st.sampled_from([20.0, 36.9, 37.0, 40.0]))
    def the_plant_changes(self, degrees: float) -> None:
        self.give(Sampled(self.now_ms, {"T": Reading(degrees)}))
        self.model.is_hot = degrees >= 37
        self.model.look()

    @rule()
    def somebody_pauses(self) -> None:
        self.give(Pause(self.now_ms))
        if self.model.status in MOVING:
            self.was = self.model.status
            self.model.status = Status.PAUSED

    @rule()
    def somebody_resumes(self) -> None:
        self.give(Resume(self.now_ms))
        if self.model.status is Status.PAUSED:
            self.model.status = self.was
            self.model.look()

    @rule(listener=st.sampled_from([None, *LISTENERS]))
    def somebody_approves(self, listener: str | None) -> None:
        self.give(Approve(self.now_ms, listener))
        awaited = [x for x in ("a", "done") if x in self.model.remaining]
        chosen = listener or (awaited[0] if awaited else "")
        if self.model.status in MOVING and chosen in awaited:
            self.model.fire(chosen)

    @rule(listener=st.sampled_from(LISTENERS))
    def somebody_forces(self, listener: str) -> None:
        self.give(Trigger(self.now_ms, listener))
        if self.model.status in MOVING and listener in self.model.remaining:
            self.model.fire(listener, forced=True)

    @rule()
    def somebody_stops(self) -> None:
        self.give(Stop(self.now_ms))
        if self.model.status is Status.RUNNING:
            self.model.status = Status.STOPPING
        elif self.model.status is Status.PAUSED:
            self.was = Status.STOPPING

    @precondition(lambda self: len(self.told) > 60)
    @rule()
    def somebody_stops_hard(self) -> None:
        self.give(Stop(self.now_ms, StopMode.HARD))
        if self.model.status in (*MOVING, Status.PAUSED):
            self.model.end(Status.TERMINATED)

    @rule(listener=st.sampled_from(LISTENERS))
    def a_deadline_is_told_in_vain(self, listener: str) -> None:
        """Too early, of one who waits for none, or in a pause: nothing changes."""
        due_at_ms = self.run.listening.get(listener)
        moves = self.run.status in MOVING
        if not moves or due_at_ms is None or due_at_ms > self.now_ms:
            before = self.run
            self.give(Due(self.now_ms, listener))
            assert self.run is before

    @invariant()
    def both_agree(self) -> None:
        assert self.run.status is self.model.status
        assert list(self.run.active) == ([self.model.phase] if self.model.phase else [])
        shift_ms = 0 if self.run.status is Status.PAUSED else self.now_ms
        remaining = {
            listener: None if due is None else due - shift_ms
            for listener, due in self.run.listening.items()
        }
        assert remaining == self.model.remaining
        heard: list[dict[str, Any]] = [
            event.data for event in self.told if event.type is EventType.EVENT_RECEIVED
        ]
        fired = [(data["eventListenerId"], data["forced"]) for data in heard]
        assert fired[1:] == self.model.fired  # after START


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(
    deadline=None, max_examples=100, stateful_step_count=50
)
