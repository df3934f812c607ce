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

from collections.abc import Callable, Mapping
from itertools import islice

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from edge_agent.engine import protocol
from edge_agent.engine.flows import Flows
from edge_agent.engine.journal import Journal, JournalBroken, JournalFull, RunRow
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
from edge_agent.engine.writing import write
from heddle import __version__
from heddle.contract.runs import StorageFull

log = Logger()

ARRIVALS_A_TURN = 1_000
SNAPSHOT_AFTER = 256  # inputs of one run
TRY_AGAIN_S = 1.0
TIDY_AFTER_S = 1.0
TIDY_ON_S = 0.05
ACKS_A_TURN = 100
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
        self._arrivals: list[Arrival] = []
        self._next_turn: IDelayedCall | None = None
        self._is_next_near = False
        self._watching: dict[str, Runner] = {}
        self._acks: dict[str, int] = {}  # acknowledged, not yet in the journal
        self._tails = Tails()
        self._mark_kept = journal.mark() == time.mark
        self._tidying: IDelayedCall | None = None
        self._full = False
        self._closed = False
        self._began_ms = time.now_ms()

    # --- life ---

    def start(self) -> None:
        """Recover every run and take up its deadlines; overdue ones fire at once."""
        runs = 0
        for row in self._journal.runs():
            runs += 1
            self._recover(row)
        if self._flows.tags:
            self._timers.set(_READINGS, self._readings.stale_at_ms)
        if not self._mark_kept:
            self._arrive(Tidy())
        flow = self._flows.installed
        log.info(
            "flow {flow} version {version}: {runs} runs recovered, {armed} wait",
            flow=flow.id,
            version=flow.version,
            runs=runs,
            armed=len(self._timers),
        )

    def stop(self) -> None:
        """Heed what has arrived, snapshot what moved, and close the journal."""
        if self._closed:
            return
        while self._arrivals and not self._full and not self._closed:
            self._cancel(self._next_turn)
            self._turn()
        if not self._closed:
            self._snapshot_all()
        self._close()

    def _close(self) -> None:
        self._closed = True
        self._timers.stop()
        self._cancel(self._next_turn)
        self._cancel(self._tidying)
        self._next_turn = self._tidying = None
        self._outgoing.hang_up()
        self._readings.close()
        self._journal.close()

    def _cancel(self, call: IDelayedCall | None) -> None:
        if call is not None and call.active():
            call.cancel()

    def _recover(self, row: RunRow) -> None:
        runner = self._roster.load(row)
        if runner.inputs > runner.snapshotted:
            self._tails.count(runner.id, runner.inputs - runner.snapshotted)
        if not runner.is_quiet():
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
        self._arrive(Asked(request, answer))

    def executed(self, executed: protocol.Executed) -> None:
        """A command was carried out, or could not be."""
        self._arrive(executed)

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
            self._arrive(ReadingsChanged())

    def acked(self, acked: protocol.Acked) -> None:
        """Events are safe with the agent."""
        runner = self._roster.awake(acked.run)
        if runner is None or not runner.acked < acked.next_number <= runner.run.events:
            return  # asleep or gone: acknowledged before
        runner.acknowledge(acked.next_number)
        self._acks[runner.id] = acked.next_number
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

    def hurry(self) -> None:
        """Take a turn now, if one is due: no more will arrive before the next."""
        if self._next_turn is not None and self._is_next_near:
            self._next_turn.cancel()
            self._turn()

    def _come_due(self, keys: list[int]) -> None:
        for key in keys:
            self._arrive(ReadingsExpired() if key == _READINGS else CameDue(key))

    def _arrive(self, arrival: Arrival) -> None:
        if self._closed:
            return
        self._arrivals.append(arrival)
        self._turn_in(0)

    def _turn_in(self, seconds: float) -> None:
        """A turn is due then; one at once also does for one that was to wait."""
        if self._next_turn is not None:
            if self._is_next_near or seconds:
                return
            self._next_turn.cancel()
        self._is_next_near = not seconds
        self._next_turn = self._clock.callLater(seconds, self._turn)

    # --- a turn ---

    def _turn(self) -> None:
        try:
            self._take_turn()
        except Exception:  # noqa: BLE001 -- what is on the disk is right; begin there
            log.failure("the engine failed and ends")
            self._break()

    def _take_turn(self) -> None:
        self._next_turn = None
        self._look_at_the_clock()
        taken = self._arrivals[:ARRIVALS_A_TURN]
        del self._arrivals[:ARRIVALS_A_TURN]
        turn = self._new_turn()
        for arrival in taken:
            turn.take(arrival)
        self._choose_snapshots(turn)
        self._choose_sleepers(turn)
        if self._commit(turn):
            self._let_out(turn)
        elif not self._closed:
            self._bear_with(taken)
        if self._arrivals and not self._full:
            self._turn_in(0)
        self._outgoing.relieve()

    def _break(self) -> None:
        """End; nothing more is written or let out."""
        self._close()
        self._on_broken()

    def is_behind(self) -> bool:
        """Whether more has arrived than should wait."""
        return len(self._arrivals) > 2 * ARRIVALS_A_TURN

    def _new_turn(self) -> Turn:
        return Turn(
            self._roster,
            self._readings,
            self._flows.installed,
            lambda: list(self._watching.values()),
            exact_ms=self._time.exact_ms(),
            skew_ms=self._time.mark.skew_ms,
            began_ms=self._began_ms,
        )

    def _look_at_the_clock(self) -> None:
        if jump_ms := self._time.look():
            self._mark_kept = False
            log.warn(
                "the wall clock was set by {s:+.1f} s; deadlines stay", s=jump_ms / 1000
            )

    def _choose_snapshots(self, turn: Turn) -> None:
        for move in turn.moves.values():
            if move.inputs and not move.runner.broken:
                over = move.has_ended() or move.unsnapshotted() >= SNAPSHOT_AFTER
                move.snapshot = over
        for run_id in self._tails.excess():
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

    # --- the commit ---

    def _commit(self, turn: Turn) -> bool:
        moves = [m for m in turn.moves.values() if m.is_to_be_written()]
        acks = self._acks_to_keep(turn, moves)
        if not (moves or turn.forgotten or acks or not self._mark_kept):
            return True
        try:
            with self._journal.transaction():
                if not self._mark_kept:
                    self._journal.set_mark(self._time.mark)
                write(self._journal, turn, moves)
                self._write_acks(acks)
        except JournalFull:
            self._note_full(full=True)
            return False
        except JournalBroken:
            log.failure("the engine cannot write and ends")
            self._break()
            return False
        self._note_full(full=False)
        self._mark_kept = True
        for run_id in acks:
            del self._acks[run_id]
        return True

    def _note_full(self, *, full: bool) -> None:
        if full and not self._full:
            log.warn("the disk is full: no input is accepted until there is room")
        elif self._full and not full:
            log.info("there is room on the disk again")
        self._full = full

    def _acks_to_keep(self, turn: Turn, moves: list[Move]) -> dict[str, int]:
        """Those that cannot wait, and when tidying some of the others.

        A snapshot keeps no acknowledged event, so the journal must know which they
        are; and who goes to sleep remembers nothing himself.
        """
        wanted = [move.runner.id for move in moves if move.snapshot]
        wanted += [runner.id for runner in turn.parting]
        if turn.tidying:
            wanted += islice(self._acks, ACKS_A_TURN)
        return {run: self._acks[run] for run in wanted if run in self._acks}

    def _write_acks(self, acks: Mapping[str, int]) -> None:
        """Seldom: lost ones only mean that events are sent again."""
        for run_id, acked in acks.items():
            runner = self._roster.awake(run_id)
            if runner is not None:
                self._journal.acknowledge(runner.key, acked)

    # --- after the commit ---

    def _let_out(self, turn: Turn) -> None:
        for move in turn.forgotten:
            self._drop(move.runner)
        for move in turn.moves.values():
            if move.inputs or not move.created:  # else refused before it began
                self._let_out_of(move)
        for answer, reply in turn.answers:
            answer(reply)
        for runner in turn.parting:
            self._roster.drop(runner)
        if turn.tidying and self._acks:
            self._tidy_in(TIDY_ON_S)

    def _let_out_of(self, move: Move) -> None:
        move.adopt()
        runner = move.runner
        if move.created:
            self._roster.add(runner)
        self._tails.count(runner.id, runner.inputs - runner.snapshotted)
        self._look_after(runner)
        self._outgoing.execute(runner, move.executes)
        if move.events:
            self._outgoing.tell(runner)
        if move.snapshot:  # the journal has the events
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
        self._tails.count(runner.id, 0)
        self._outgoing.forget(runner)
        self._roster.drop(runner)

    def _tidy_in(self, seconds: float) -> None:
        if self._tidying is None or not self._tidying.active():
            self._tidying = self._clock.callLater(seconds, self._arrive, Tidy())

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
        self._arrivals[:0] = dict.fromkeys(kept)  # each but once, in order
        self._turn_in(TRY_AGAIN_S)
