"""Acknowledgements of events that the journal does not have yet.

Losing one only means that events are sent again, so they are written seldom: a second
after they came, some at a time, and with whatever the journal must not write without.
"""

from collections.abc import Iterable
from itertools import islice

from edge_agent.engine.journal import Journal
from edge_agent.engine.protocol import Acked
from edge_agent.engine.roster import Roster

ACKS_A_TURN = 100


class Acks:
    """By run, the number below which the agent has every event."""

    def __init__(self, journal: Journal, roster: Roster) -> None:
        self._journal = journal
        self._roster = roster
        self._waiting: dict[str, int] = {}

    def __len__(self) -> int:
        """How many runs have one."""
        return len(self._waiting)

    def take(self, acked: Acked) -> bool:
        """Events are safe with the agent; whether that is news."""
        runner = self._roster.awake(acked.run)
        if runner is None or not runner.acked < acked.next_number <= runner.run.events:
            return False  # asleep or gone: acknowledged before
        runner.acknowledge(acked.next_number)
        self._waiting[acked.run] = acked.next_number
        return True

    def to_keep(self, wanted: Iterable[str], *, tidying: bool) -> dict[str, int]:
        """Those of the ``wanted`` runs, and when tidying some of the others."""
        if not self._waiting:
            return {}
        chosen = {run: self._waiting[run] for run in wanted if run in self._waiting}
        if tidying:
            chosen.update(islice(self._waiting.items(), ACKS_A_TURN))
        return chosen

    def write(self, chosen: dict[str, int]) -> None:
        """Keep these in the journal; the caller owns the transaction."""
        for run_id, next_number in chosen.items():
            runner = self._roster.awake(run_id)
            if runner is not None:
                self._journal.acknowledge(runner.key, next_number)

    def forget(self, runs: Iterable[str]) -> None:
        """The journal has these runs' by now, or need not have them any more."""
        for run_id in runs:
            self._waiting.pop(run_id, None)
