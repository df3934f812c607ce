"""One turn of the engine: what arrived since the last one becomes drafts of runs.

Everything here happens in memory and may still be dropped. Inputs of a run are taken
one after the other; before each one the run is given the readings that were not worth
an input of their own. What a person may not do now is refused by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, assert_never
from uuid import uuid4

import msgspec
from twisted.logger import Logger

from edge_agent.engine import protocol
from edge_agent.engine.flows import Flow
from edge_agent.engine.heeded import Heeded, name_of
from edge_agent.engine.journal import RunRow
from edge_agent.engine.protocol import Answered, Refusal, Report, Request
from edge_agent.engine.readings import Readings
from edge_agent.engine.records import encode_run
from edge_agent.engine.refusals import error_of, shown
from edge_agent.engine.reports import report
from edge_agent.engine.roster import Roster
from edge_agent.engine.runner import Move, Runner
from edge_agent.engine.steady import SLACK_MS
from heddle.contract.declare import (
    FleetError,
    InternalError,
    InvalidRequest,
    check_id,
)
from heddle.contract.runs import RunExists, RunNotFound, WrongRunState
from heddle.workflow import inputs
from heddle.workflow.engine import matters
from heddle.workflow.refusal import refusal
from heddle.workflow.run import ENDED, MOVING, Run

log = Logger()

MAX_REPORTS = 1_000  # more runs than fit into a frame are not reported at once
MAX_TEXT = 4_000  # characters of a comment, a name or a device's error
_DUES_A_TURN = 64  # deadlines of one run taken in one turn

Answer: TypeAlias = Callable[[Answered | Refusal], None]


class Asked(msgspec.Struct, frozen=True):
    """A request, and whom to answer."""

    request: Request
    answer: Answer


@dataclass(frozen=True, slots=True)
class CameDue:
    """The earliest deadline of a run has come."""

    key: int


@dataclass(frozen=True, slots=True)
class ReadingsChanged:
    """Some reading may move a run."""


@dataclass(frozen=True, slots=True)
class ReadingsExpired:
    """The agent fell silent."""


@dataclass(frozen=True, slots=True)
class Tidy:
    """Nothing has happened, but acknowledgements or the clock's mark want writing."""


Arrival: TypeAlias = (
    Asked | protocol.Executed | CameDue | ReadingsChanged | ReadingsExpired | Tidy
)


class Turn:
    """Takes arrivals at one moment; ``moves`` and ``answers`` are its outcome."""

    def __init__(
        self,
        roster: Roster,
        readings: Readings,
        flow: Flow,
        watching: Callable[[], list[Runner]],
        heeded: Heeded,
        *,
        exact_ms: float,
        skew_ms: int,
        began_ms: int,
    ) -> None:
        self._roster = roster
        self._readings = readings
        self._flow = flow
        self._watching = watching
        self._known_answers = heeded
        self._exact_ms = exact_ms
        self.now_ms = int(exact_ms + SLACK_MS)
        self._skew_ms = skew_ms
        self._began_ms = began_ms
        self.moves: dict[str, Move] = {}
        self.heeded: dict[str, Report] = {}  # requests with a key, and their answers
        self.forgotten: list[Move] = []
        self.answers: list[tuple[Answer, Answered | Refusal]] = []
        self.tidying = False
        self.carried: list[Runner] = []  # held for a defect, with inputs still wanted
        self.parting: list[Runner] = []  # quiet runs that go to sleep with this turn

    def take(self, arrival: Arrival) -> None:
        """Let one arrival move what it moves."""
        match arrival:
            case Asked(request, answer):
                self.answers.append((answer, self._heed(request)))
            case protocol.Executed():
                self._take_answer(arrival)
            case CameDue(key):
                self._take_dues(key)
            case ReadingsChanged():
                self._look_at_readings()
            case ReadingsExpired():
                if self.now_ms >= self._readings.stale_at_ms:
                    self._readings.expire()
                    self._look_at_readings()
            case Tidy():
                self.tidying = True
            case _:
                assert_never(arrival)

    def move(self, runner: Runner) -> Move:
        """The draft of a run."""
        if (move := self.moves.get(runner.id)) is None:
            move = self.moves[runner.id] = Move(runner)
        return move

    # --- what came from the agent, the clock and the plant ---

    def _take_answer(self, executed: protocol.Executed) -> None:
        runner = self._find(executed.run)
        if runner is None:
            return  # forgotten meanwhile
        if self.move(runner).settle(executed.number):
            return
        if executed.error is None:
            self._feed(runner, inputs.CommandDone(self.now_ms, executed.number))
        else:
            error = executed.error[:MAX_TEXT]
            self._feed(
                runner, inputs.CommandFailed(self.now_ms, executed.number, error)
            )

    def _take_dues(self, key: int) -> None:
        runner = self._roster.by_key(key)
        if runner is None:
            return
        move = self.move(runner)
        for _ in range(_DUES_A_TURN):
            if (due := self._due(move)) is None or not self._feed(runner, due):
                break

    def _due(self, move: Move) -> inputs.Due | None:
        armed = [(d, x) for x, d in move.run.listening.items() if d is not None]
        if move.run.status not in MOVING or not armed:
            return None
        due_at_ms, listener = min(armed, key=lambda pair: pair[0])
        if due_at_ms > self.now_ms:
            return None
        missed = due_at_ms < self._began_ms
        late_by_ms = self.now_ms - due_at_ms if missed else 0
        return inputs.Due(self.now_ms, listener, late_by_ms)

    def _look_at_readings(self) -> None:
        for runner in self._watching():
            move = self.move(runner)
            sampled = self._news(move)
            if sampled is not None and matters(runner.flow.workflow, move.run, sampled):
                move.take(sampled, self._skew_ms)

    def _news(self, move: Move) -> inputs.Sampled | None:
        tags = move.runner.flow.workflow.tags
        if not tags or move.run.status in ENDED:
            return None
        values = self._readings.news(tags, move.run.readings)
        return inputs.Sampled(self.now_ms, values) if values else None

    def _feed(self, runner: Runner, received: inputs.Input) -> bool:
        move = self.move(runner)
        self._refresh(move)
        return move.take(received, self._skew_ms)

    def _refresh(self, move: Move) -> None:
        if not move.runner.flow.workflow.tags:
            return
        if (sampled := self._news(move)) is not None:
            move.take(sampled, self._skew_ms)

    # --- what somebody asked for ---

    def _heed(self, request: Request) -> Answered | Refusal:
        try:
            return Answered(request.id, self._obey_once(request.command))
        except FleetError as refused:
            return refused_with(request.id, refused)
        except Exception:  # noqa: BLE001 -- the boundary: one answer, and a trace of it
            defect = InternalError(f"the engine failed (reference {_reference()})")
            log.failure("{sentence}", sentence=str(defect))
            return refused_with(request.id, defect)

    def _obey_once(self, command: protocol.Command) -> tuple[Report, ...]:
        name = name_of(command)
        if name is None:
            return self._obey(command)
        _check_length("key", name)
        known = self.heeded.get(name) or self._known_answers.answer(name)
        if known is None:
            (known,) = self._obey(command)
            self.heeded[name] = known
        return (known,)

    def _obey(self, command: protocol.Command) -> tuple[Report, ...]:
        match command:
            case protocol.StartRun(run=run):
                return (self._start(run),)
            case protocol.Status(run=asked):
                return self._all() if asked is None else self._one(asked)
            case protocol.Forget(run=run):
                self._forget(run)
                return ()
            case _:
                return (self._request(command.run, self._input(command)),)

    def _start(self, run_id: str) -> Report:
        check_id("run", run_id)
        if self._find(run_id) is not None:
            raise RunExists(
                f"run {run_id} of flow {self._flow.id} exists already: "
                "start one of another id",
                run=run_id,
            )
        key = self._roster.take_key()
        state = encode_run(Run())
        row = RunRow(key, run_id, self._flow.key, 0, 0, self.now_ms, 0, state)
        self.moves[run_id] = Move(Runner(row, self._flow), created=row)
        return self._request(run_id, inputs.Start(self.now_ms))

    def _request(self, run_id: str, request: inputs.Request) -> Report:
        move = self.moves.get(run_id) or self.move(self._known(run_id))
        runner = move.runner
        self._refresh(move)
        refused = refusal(runner.flow.workflow, move.run, request)
        if refused is not None:
            raise error_of(run_id, request, refused)
        if isinstance(request, inputs.Pause):
            request = inputs.Pause(move.pause_at(self._exact_ms))
        elif isinstance(request, inputs.Resume):
            request = inputs.Resume(move.resume_at(self._exact_ms))
        move.take(request, self._skew_ms)
        return self._report(runner)

    def _input(self, command: protocol.Command) -> inputs.Request:
        now_ms = self.now_ms
        match command:
            case protocol.PauseRun():
                return inputs.Pause(now_ms)
            case protocol.ResumeRun():
                return inputs.Resume(now_ms)
            case protocol.StopRun(mode=mode):
                return inputs.Stop(now_ms, inputs.StopMode(mode))
            case protocol.Approve(listener=listener, by=by, comment=comment):
                _check_length("comment", comment)
                _check_length("name", by)
                return inputs.Approve(now_ms, listener, by, comment)
            case protocol.Trigger(listener=listener, by=by):
                _check_length("name", by)
                return inputs.Trigger(now_ms, listener, by)
            case _:
                raise AssertionError(f"{command!r} is no input")

    def _forget(self, run_id: str) -> None:
        runner = self._known(run_id)
        move = self.move(runner)
        unacked = move.run.events - runner.acked
        unanswered = len(runner.unfinished)
        if not move.has_ended():
            raise WrongRunState(
                f"run {run_id} is {move.run.status}: stop it before it is forgotten",
                run=run_id,
                status=move.run.status.value,
            )
        if unacked:
            raise WrongRunState(
                f"run {run_id} has {unacked} events the agent has not acknowledged: "
                "forget it when they are delivered",
                run=run_id,
                status=move.run.status.value,
            )
        if unanswered:
            raise WrongRunState(
                f"run {run_id} has {unanswered} commands the device has not answered: "
                "forget it when they are carried out",
                run=run_id,
                status=move.run.status.value,
            )
        move.forgotten = True
        self.forgotten.append(self.moves.pop(run_id))

    def _one(self, run_id: str) -> tuple[Report, ...]:
        return (self._report(self._known(run_id)),)

    def _all(self) -> tuple[Report, ...]:
        gone = {move.runner.key for move in self.forgotten}
        created = [m.runner for m in self.moves.values() if m.created]
        kept = [r for r in self._roster.newest(MAX_REPORTS) if r.key not in gone]
        runners = [*reversed(created), *kept][:MAX_REPORTS]
        return tuple(self._report(runner) for runner in runners if not runner.broken)

    def _report(self, runner: Runner) -> Report:
        if runner.broken:
            raise InternalError(
                f"run {runner.id} is held because of a defect that the engine's log "
                "tells of: a corrected engine will take it up again"
            )
        move = self.moves.get(runner.id)
        run = runner.run if move is None else move.run
        return report(runner.id, runner.flow, run, self._skew_ms)

    def _known(self, run_id: str) -> Runner:
        runner = self._find(run_id)
        if runner is None:
            raise RunNotFound(
                f"there is no run {shown(run_id)} of flow {self._flow.id} on this "
                "device: the status of all runs lists those there are",
                run=shown(run_id),
            )
        return runner

    def _find(self, run_id: str) -> Runner | None:
        if (move := self.moves.get(run_id)) is not None:
            return move.runner
        if self.forgotten and any(m.runner.id == run_id for m in self.forgotten):
            return None
        return self._roster.by_id(run_id)


def refused_with(request_id: int, error: FleetError) -> Refusal:
    """A declared error as the answer to a request."""
    return Refusal(
        id=request_id,
        uri=error.uri,
        sentence=str(error),
        details=dict(error.details),
    )


def _reference() -> str:
    return uuid4().hex[:8]


def _check_length(name: str, text: str) -> None:
    if len(text) > MAX_TEXT:
        raise InvalidRequest(
            f"the {name} has {len(text)} characters, the most is {MAX_TEXT}: shorten it"
        )
