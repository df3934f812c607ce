"""Which runs have inputs since their last snapshot: a recovery would take these again.

The inputs of all runs are one log in the journal. It is wanted from the oldest input
that no snapshot holds; so the run that waited longest for one decides its length.
"""

from collections.abc import Collection, Iterator

RECOVERABLE_INPUTS = 10_000  # the log's length, about 0.5 s


class Tails:
    """Knows where in the log each run's begins, and which runs to snapshot."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}  # keys of inputs; the oldest first

    def __contains__(self, run_id: str) -> bool:
        """Whether the run has inputs since its snapshot."""
        return run_id in self._first

    def __iter__(self) -> Iterator[str]:
        """The runs that have; they may come and go meanwhile."""
        return iter(list(self._first))

    def add(self, run_id: str, first: int) -> None:
        """The run has taken inputs, none older than ``first``, which is new."""
        self._first.setdefault(run_id, first)

    def drop(self, run_id: str) -> None:
        """The run's snapshot holds all it has taken."""
        self._first.pop(run_id, None)

    def oldest(self, but: Collection[str] = ()) -> int | None:
        """Where the log must begin for all runs but these."""
        return next((key for run, key in self._first.items() if run not in but), None)

    def excess(self, next_input: int) -> Iterator[str]:
        """The runs whose snapshots make the log short enough."""
        for run_id, first in self._first.items():
            if first >= next_input - RECOVERABLE_INPUTS:
                return
            yield run_id
