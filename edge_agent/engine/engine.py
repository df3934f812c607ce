"""All runs of one flow: what arrives is queued, journalled, and only then has effects.

Arrivals wait for the next turn of the reactor. A turn lets the runs take them in
memory, commits all inputs of all runs at once (one sync of the disk), and then lets
answers, events and commands out. While a commit keeps the reactor busy, the next turn's
arrivals gather: the slower the disk, the more share a sync. (A thread for the commit
was measured: 0.6 of the inputs per second, and nothing else to do meanwhile.)

When the disk is full, requests are refused with ``StorageFull`` and everything else is
tried again until there is room. When a write fails otherwise, ``on_broken`` is called
and nothing is let out: the next engine reads what the disk really holds.
"""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from edge_agent.engine import protocol
from edge_agent.engine.acks import Acks
from edge_agent.engine.arrivals import Arrivals
from edge_agent.engine.flows import Flows
from edge_agent.engine.heeded import Heeded
from edge_agent.engine.journal import Journal, JournalBroken, RunRow, Tail
from edge_agent.engine.outgoing import Agent, Outgoing
from edge_agent.engine.protocol import Request, Welcome
from edge_agent.engine.readings import STALE_AFTER_MS, Readings
from edge_agent.engine.roster import Roster
from edge_agent.engine.runner import Move, Runner
from edge_agent.engine.steady import SteadyTime
from edge_agent.engine.tails import Tails
from edge_agent.engine.timers import Timers
from edge_agent.engine.turn import (
    Answer,
    Arrival,
    Asked,
    CameDue,
    ReadingsChanged,
    ReadingsExpired,
    Tidy,
    Turn,
    refused_with,
)
from edge_agent.engine.writing import Writing
from heddle import __version__
from heddle.contract.runs import StorageFull

log = Logger()

SNAPSHOT_AFTER = 256  # inputs of one run
TRY_AGAIN_S = 1.0
TIDY_AFTER_S = 1.0
TIDY_ON_S = 0.05
_READINGS = 0  # the timers' key of the readings; runs' keys begin with 1


class Engine:
    """Drives the runs; ``start`` once, then it lives on the clock and on arrivals."""

    def __init__(
        self,
        *,
        clock: IReactorTime,
        time: SteadyTime,
        journal: Journal,
        flows: Flows,
        readings: Readings,
        on_broken: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._time = time
        self._journal = journal
        self._flows = flows
        self._readings = readings
        self._on_broken = on_broken
        self._roster = Roster(journal, flows)
        self._outgoing = Outgoing(journal)
        self._timers = Timers(clock, time.exact_ms, self._come_due)
        self._arrivals = Arrivals(clock, self._turn)
        self._acks = Acks(journal, self._roster)
        self._watching: dict[str, Runner] = {}
        self._tails = Tails()
        self._heeded = Heeded(journal)
        self._writing = Writing(journal, time, self._acks, self._tails)
        self._tidying: IDelayedCall | None = None
        self._closed = False
        self._began_ms = time.now_ms()

    # --- life ---

    def start(self) -> None:
        """Recover every run and take up its deadlines.

        What came due meanwhile is taken here and now, in the order of its moments, and
        before anything can arrive that would make it look as if it had not.
        """
        runs = 0
        tails = self._journal.tails()
        for row in self._journal.runs():
            runs += 1
            self._recover(row, tails.get(row.key))
        for runner in sorted(
            (r for r in self._roster if r.key in tails),
            key=lambda r: tails[r.key].first,
        ):
            self._tails.add(runner.id, tails[runner.key].first)
        if self._flows.tags:
            self._timers.set(_READINGS, self._readings.stale_at_ms)
        if not self._writing.has_mark():
            self._arrivals.add(Tidy())
        flow = self._flows.installed
        log.info(
            "flow {flow} version {version}: {runs} runs recovered, {armed} wait",
            flow=flow.id,
            version=flow.version,
            runs=runs,
            armed=len(self._timers),
        )
        self._timers.come_now()
        self._take_all()
        if self._roster.is_crowded() and self._tidying is None and not self._closed:
            self._tidy_in(TIDY_ON_S)

    def stop(self) -> None:
        """Heed what has arrived, snapshot what moved, and close the journal."""
        if self._closed:
            return
        self._take_all()
        if not self._closed:
            self._snapshot_all()
        self._close()

    def _take_all(self) -> None:
        while self._arrivals and not self._writing.is_full and not self._closed:
            self._arrivals.turn_now()

    def _close(self) -> None:
        self._closed = True
        self._timers.stop()
        self._arrivals.close()
        if self._tidying is not None:
            self._tidying.cancel()
        self._outgoing.hang_up()
        self._readings.close()
        self._journal.close()

    def _recover(self, row: RunRow, tail: Tail | None) -> None:
        """One whose inputs are wanted again may not sleep before its next snapshot."""
        runner = self._roster.load(row, tail.inputs if tail else ())
        if tail or not runner.is_quiet():
            self._roster.add(runner)
        self._look_after(runner)

    def _snapshot_all(self) -> None:
        turn = self._new_turn()
        for run_id in self._tails:
            self._draft_snapshot(turn, run_id)
        self._commit(turn)

    # --- what arrives ---

    def ask(self, request: Request, answer: Answer) -> None:
        """Heed a request; ``answer`` is called when its effects are on the disk."""
        self._arrivals.add(Asked(request, answer))

    def executed(self, executed: protocol.Executed) -> None:
        """A command was carried out, or could not be."""
        self._arrivals.add(executed)

    def read(self, readings: protocol.Readings) -> None:
        """Tags have new values; the others are vouched for."""
        if not self._flows.tags:
            return
        self._look_at_the_clock()
        now_ms = self._time.now_ms()
        if self._time.wall_ms(now_ms) - readings.at_ms > STALE_AFTER_MS:
            return  # held up on the way for so long, they vouch for nothing
        changed = self._readings.take(readings.values, now_ms)
        self._timers.set(_READINGS, self._readings.stale_at_ms)
        if changed:
            self._arrivals.add(ReadingsChanged())

    def acked(self, acked: protocol.Acked) -> None:
        """Events are safe with the agent."""
        if self._acks.take(acked) and self._tidying is None:
            self._tidy_in(TIDY_AFTER_S)

    def connect(self, agent: Agent) -> None:
        """An agent has come; it takes the place of an earlier one."""
        flow = self._flows.installed
        welcome = Welcome(
            flow=flow.id,
            version=flow.version,
            engine_version=__version__,
            nodes=self._flows.tags,
            inputs=self._flows.inputs,
            stale_after_ms=STALE_AFTER_MS,
        )
        self._outgoing.connect(agent, welcome, self._roster)

    def disconnect(self, agent: Agent) -> None:
        """The agent has gone."""
        self._outgoing.disconnect(agent)

    def drained(self, agent: Agent) -> None:
        """The agent takes more again."""
        if self._outgoing.is_connected_to(agent):
            self._outgoing.go_on()
            self._outgoing.flush()

    def gather(self) -> None:
        """Several things may arrive now, until ``hurry``."""
        self._arrivals.gather()

    def hurry(self) -> None:
        """Take a turn now, if one is due: no more will arrive before the next."""
        self._arrivals.hurry()

    def is_behind(self) -> bool:
        """Whether more has arrived than should wait."""
        return self._arrivals.is_many()

    def _come_due(self, keys: list[int]) -> None:
        for key in keys:
            self._arrivals.add(ReadingsExpired() if key == _READINGS else CameDue(key))

    # --- a turn ---

    def _turn(self) -> None:
        try:
            self._take_turn()
        except Exception:  # noqa: BLE001 -- what is on the disk is right; begin there
            log.failure("the engine failed and ends")
            self._break()

    def _take_turn(self) -> None:
        self._look_at_the_clock()
        taken = self._arrivals.take()
        turn = self._new_turn()
        for arrival in taken:
            turn.take(arrival)
        self._choose_snapshots(turn)
        self._choose_sleepers(turn)
        if self._commit(turn):
            self._let_out(turn)
        elif not self._closed:
            self._bear_with(taken)
        if self._arrivals and not self._writing.is_full:
            self._arrivals.turn_in(0)
        self._outgoing.flush()
        self._outgoing.relieve()

    def _break(self) -> None:
        """End; nothing more is written or let out."""
        self._close()
        self._on_broken()

    def _new_turn(self) -> Turn:
        return Turn(
            self._roster,
            self._readings,
            self._flows.installed,
            lambda: list(self._watching.values()),
            self._heeded,
            exact_ms=self._time.exact_ms(),
            skew_ms=self._time.mark.skew_ms,
            began_ms=self._began_ms,
        )

    def _look_at_the_clock(self) -> None:
        if jump_ms := self._time.look():
            log.warn(
                "the wall clock was set by {s:+.1f} s; deadlines stay", s=jump_ms / 1000
            )

    def _choose_snapshots(self, turn: Turn) -> None:
        for move in turn.moves.values():
            if move.inputs and not move.runner.broken:
                over = move.has_ended() or move.unsnapshotted() >= SNAPSHOT_AFTER
                move.snapshot = over
        for run_id in self._tails.excess(self._journal.next_input):
            runner = self._roster.by_id(run_id)
            if runner is not None and runner.broken:
                turn.carried.append(runner)
            else:
                self._draft_snapshot(turn, run_id)

    def _choose_sleepers(self, turn: Turn) -> None:
        turn.parting = [r for r in self._roster.sleepy() if r.id not in turn.moves]
        for runner in turn.parting:
            if runner.id in self._tails:
                self._draft_snapshot(turn, runner.id)

    def _draft_snapshot(self, turn: Turn, run_id: str) -> None:
        runner = self._roster.by_id(run_id)
        if runner is not None and not runner.broken:  # its inputs are still wanted
            turn.move(runner).snapshot = True

    def _commit(self, turn: Turn) -> bool:
        try:
            return self._writing.commit(turn)
        except JournalBroken:
            log.failure("the engine cannot write and ends")
            self._break()
            return False

    # --- after the commit ---

    def _let_out(self, turn: Turn) -> None:
        self._heeded.adopt(turn.heeded)
        for move in turn.forgotten:
            self._drop(move.runner)
        for move in turn.moves.values():
            if move.inputs or not move.created:  # else refused before it began
                self._let_out_of(move)
        self._outgoing.go_on()
        for answer, reply in turn.answers:
            answer(reply)
        for runner in turn.parting:
            self._roster.drop(runner)
        if turn.tidying and (self._acks or turn.parting) and self._tidying is None:
            self._tidy_in(TIDY_ON_S)

    def _let_out_of(self, move: Move) -> None:
        move.adopt()
        runner = move.runner
        if move.created:
            self._roster.add(runner)
        self._look_after(runner)
        if move.executes:
            self._outgoing.execute(runner, move.executes)
        if move.events:
            self._outgoing.tell(runner)
        if move.snapshot:  # the journal has the events: send them while memory has too
            self._outgoing.go_on()
            runner.first += len(runner.events)
            runner.events.clear()

    def _look_after(self, runner: Runner) -> None:
        """Set the run's next deadline, and watch readings if it looks at some."""
        due_at_ms = None if runner.broken else runner.due_at_ms()
        if due_at_ms is None:
            self._timers.clear(runner.key)
        else:
            self._timers.set(runner.key, due_at_ms)
        if runner.is_watching() and not runner.broken:
            self._watching[runner.id] = runner
        else:
            self._watching.pop(runner.id, None)

    def _drop(self, runner: Runner) -> None:
        self._timers.clear(runner.key)
        self._watching.pop(runner.id, None)
        self._tails.drop(runner.id)
        self._acks.forget((runner.id,))
        self._outgoing.forget(runner)
        self._roster.drop(runner)

    def _tidy_in(self, seconds: float) -> None:
        self._tidying = self._clock.callLater(seconds, self._tidy)

    def _tidy(self) -> None:
        self._tidying = None
        self._arrivals.add(Tidy())

    # --- the disk is full ---

    def _bear_with(self, taken: list[Arrival]) -> None:
        """Refuse requests, answer those that ask only, keep the rest for later."""
        turn = self._new_turn()
        kept: list[Arrival] = []
        for arrival in taken:
            if not isinstance(arrival, Asked):
                kept.append(arrival)
            elif isinstance(arrival.request.command, protocol.Status):
                turn.take(arrival)
            else:
                full = StorageFull(
                    "the device's disk is full, so the request is not heeded: make "
                    "room, then ask again"
                )
                arrival.answer(refused_with(arrival.request.id, full))
        for answer, reply in turn.answers:
            answer(reply)
        self._arrivals.give_back(dict.fromkeys(kept))  # each but once, in order
        self._arrivals.turn_in(TRY_AGAIN_S)
