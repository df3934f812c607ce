"""What a turn leaves in the journal, in the order that recovery relies on."""

from collections.abc import Sequence

from edge_agent.engine.journal import Journal
from edge_agent.engine.records import encode_execute
from edge_agent.engine.runner import Move
from edge_agent.engine.turn import Turn


def write(journal: Journal, turn: Turn, moves: Sequence[Move]) -> None:
    """Write a turn's moves; the caller owns the transaction."""
    for move in turn.forgotten:
        journal.forget(move.runner.key)
    for move in moves:
        if move.created is not None:
            journal.add_run(move.created)
    journal.add_inputs(row for move in moves for row in move.inputs)
    for move in moves:
        _write_rest(journal, move, turn.now_ms)


def _write_rest(journal: Journal, move: Move, now_ms: int) -> None:
    runner = move.runner
    if move.settled:
        journal.settle(runner.key, move.settled)
    if move.unfinished:
        asked = {n: encode_execute(x) for n, x in move.unfinished.items()}
        journal.add_unfinished(runner.key, asked)
    if move.snapshot:
        journal.add_events(runner.key, runner.first, move.told())
        journal.snapshot(move.row(now_ms))
