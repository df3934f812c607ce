"""How many inputs a recovery would take again: each run's since its last snapshot."""

from collections.abc import Iterator

RECOVERABLE_INPUTS = 10_000  # of all runs together, about 0.5 s


class Tails:
    """Counts them, and says which runs to snapshot when they are too many."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}  # the longest unsnapshotted first
        self._sum = 0

    def __contains__(self, run_id: str) -> bool:
        """Whether the run has inputs since its snapshot."""
        return run_id in self._counts

    def __iter__(self) -> Iterator[str]:
        """The runs that have; they may be counted anew meanwhile."""
        return iter(list(self._counts))

    def count(self, run_id: str, inputs: int) -> None:
        """Note how many there are of a run now; 0 forgets it."""
        self._sum += inputs - self._counts.get(run_id, 0)
        if inputs:
            self._counts[run_id] = inputs
        else:
            self._counts.pop(run_id, None)

    def excess(self) -> Iterator[str]:
        """The runs whose snapshots bring the sum down to what may be recovered."""
        excess = self._sum - RECOVERABLE_INPUTS
        for run_id, inputs in list(self._counts.items()) if excess > 0 else ():
            if excess <= 0:
                return
            yield run_id
            excess -= inputs
