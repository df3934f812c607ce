"""What a turn leaves in the journal, in the order that recovery relies on.

All of it or nothing, with one sync of the disk. When the disk is full nothing has
changed, and the engine goes on without until there is room.
"""

from twisted.logger import Logger

from edge_agent.engine.acks import Acks
from edge_agent.engine.heeded import write as write_heeded
from edge_agent.engine.journal import Journal, JournalFull
from edge_agent.engine.records import encode_execute
from edge_agent.engine.runner import Move
from edge_agent.engine.steady import SteadyTime
from edge_agent.engine.tails import Tails
from edge_agent.engine.turn import Turn

log = Logger()


class Writing:
    """Commits turns, and knows whether there is room on the disk."""

    def __init__(
        self, journal: Journal, time: SteadyTime, acks: Acks, tails: Tails
    ) -> None:
        self._journal = journal
        self._time = time
        self._acks = acks
        self._tails = tails
        self._mark = journal.mark()  # as it was kept last
        if self._mark == time.mark:
            self._mark = time.mark  # the same object, which is quickly seen
        self.is_full = False

    def has_mark(self) -> bool:
        """Whether the journal knows where steady time stands."""
        return self._mark is self._time.mark

    def commit(self, turn: Turn) -> bool:
        """Put a turn on the disk; false if that is full.

        Raises ``JournalBroken``.
        """
        moves = [move for move in turn.moves.values() if move.is_to_be_written()]
        acks = self._acks_to_keep(turn, moves)
        mark = None if self.has_mark() else self._time.mark
        others = turn.forgotten or turn.carried or turn.heeded
        if not (moves or others or acks or mark):
            return True
        first = self._journal.next_input
        try:
            with self._journal.transaction():
                if mark is not None:
                    self._journal.set_mark(mark)
                self._write(turn, moves)
                self._cut(turn, moves, first)
                self._acks.write(acks)
                if turn.heeded:
                    write_heeded(self._journal, turn.heeded)
        except JournalFull:
            self._note_full(full=True)
            return False
        self._note_full(full=False)
        self._mark = mark or self._mark
        self._acks.forget(acks)
        self._note_tails(turn, moves, first)
        return True

    def _acks_to_keep(self, turn: Turn, moves: list[Move]) -> dict[str, int]:
        """Those that cannot wait, and when tidying some of the others.

        A snapshot keeps no acknowledged event, so the journal must know which they
        are; and who goes to sleep remembers nothing himself.
        """
        if not self._acks:
            return {}
        wanted = [move.runner.id for move in moves if move.snapshot]
        wanted += [runner.id for runner in turn.parting]
        return self._acks.to_keep(wanted, tidying=turn.tidying)

    def _write(self, turn: Turn, moves: list[Move]) -> None:
        journal = self._journal
        for move in turn.forgotten:
            journal.forget(move.runner.key)
        for runner in turn.carried:
            journal.carry(runner.key)
        for move in moves:
            if move.created is not None:
                journal.add_run(move.created)
        journal.add_inputs([row for move in moves for row in move.inputs])
        for move in moves:
            if move.settled or move.unfinished or move.snapshot:
                self._write_rest(move, turn.now_ms)

    def _write_rest(self, move: Move, now_ms: int) -> None:
        journal, runner = self._journal, move.runner
        if move.settled:
            journal.settle(runner.key, move.settled)
        if move.unfinished:
            asked = {n: encode_execute(x) for n, x in move.unfinished.items()}
            journal.add_unfinished(runner.key, asked)
        if move.snapshot:
            journal.add_events(runner.key, runner.first, move.told())
            journal.snapshot(move.row(now_ms))

    def _cut(self, turn: Turn, moves: list[Move], first: int) -> None:
        """Cut the log where no run wants it any more, once this turn is kept."""
        leaving = {move.runner.id for move in moves if move.snapshot}
        leaving.update(runner.id for runner in turn.carried)
        if not leaving:
            return
        oldest = self._tails.oldest(but=leaving)
        if oldest is None:
            stays = turn.carried or any(m.inputs and not m.snapshot for m in moves)
            oldest = first if stays else self._journal.next_input
        self._journal.cut(oldest)

    def _note_tails(self, turn: Turn, moves: list[Move], first: int) -> None:
        for runner in turn.carried:
            self._tails.drop(runner.id)
            self._tails.add(runner.id, first)
        for move in moves:
            if move.snapshot:
                self._tails.drop(move.runner.id)
            elif move.inputs:
                self._tails.add(move.runner.id, first)

    def _note_full(self, *, full: bool) -> None:
        if full and not self.is_full:
            log.warn("the disk is full: no input is accepted until there is room")
        elif self.is_full and not full:
            log.info("there is room on the disk again")
        self.is_full = full
