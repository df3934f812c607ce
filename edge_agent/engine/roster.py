"""Which runs are in memory. The others sleep in the journal until something wakes them.

Thousands of runs may wait for a timer or an approval; asleep, such a run costs a
deadline in the heap. A run may sleep when it is quiet: nothing of it is under way with
the agent and no condition looks at readings. The least recently used go first.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from edge_agent.engine.flows import Flows
from edge_agent.engine.journal import InputRow, Journal, RunRow
from edge_agent.engine.records import decode_execute
from edge_agent.engine.runner import Runner, recover

MAX_AWAKE = 256
_LOOKED_AT = 64  # how many of the least recently used are looked at in one turn


class Roster:
    """The runs of an engine, by id and by the journal's key."""

    def __init__(self, journal: Journal, flows: Flows) -> None:
        self._journal = journal
        self._flows = flows
        self._awake: dict[str, Runner] = {}  # the least recently used first
        self._by_key: dict[int, Runner] = {}
        self._next_key = journal.last_key() + 1

    def __iter__(self) -> Iterator[Runner]:
        """The runs awake."""
        return iter(tuple(self._awake.values()))

    def take_key(self) -> int:
        """A key for a new run."""
        self._next_key += 1
        return self._next_key - 1

    def by_id(self, run_id: str) -> Runner | None:
        """The run of this id, woken if it slept."""
        if (runner := self._awake.pop(run_id, None)) is not None:
            self._awake[run_id] = runner
            return runner
        row = self._journal.run(run_id)
        return None if row is None else self._wake(row)

    def by_key(self, key: int) -> Runner | None:
        """The run of this key, woken if it slept."""
        if (runner := self._by_key.get(key)) is not None:
            return self.by_id(runner.id)
        row = self._journal.run_by_key(key)
        return None if row is None else self._wake(row)

    def awake(self, run_id: str) -> Runner | None:
        """The run of this id if it does not sleep."""
        return self._awake.get(run_id)

    def newest(self, at_most: int) -> Iterator[Runner]:
        """Runs, the newest first; those asleep are shown without waking them."""
        for row in list(self._journal.runs(at_most)):
            yield self._by_key.get(row.key) or self.load(row)

    def load(self, row: RunRow, inputs: Iterable[InputRow] = ()) -> Runner:
        """A run out of the journal, not on the roster; who sleeps has no inputs."""
        unfinished = map(decode_execute, self._journal.unfinished(row.key))
        runner = Runner(row, self._flows.by_key[row.flow], unfinished)
        return recover(runner, inputs)

    def add(self, runner: Runner) -> None:
        """Put a run on the roster as the most recently used."""
        self._awake[runner.id] = runner
        self._by_key[runner.key] = runner

    def drop(self, runner: Runner) -> None:
        """Forget a run in memory: it sleeps or is deleted."""
        self._awake.pop(runner.id, None)
        self._by_key.pop(runner.key, None)

    def is_crowded(self) -> bool:
        """Whether more are awake than should be."""
        return len(self._awake) > MAX_AWAKE

    def sleepy(self) -> list[Runner]:
        """Quiet runs that should go to sleep: as many as there are too many."""
        excess = len(self._awake) - MAX_AWAKE
        if excess <= 0:
            return []
        oldest = list(islice(self._awake.values(), min(excess, _LOOKED_AT)))
        for runner in oldest:  # those that may not sleep now are asked again last
            self._awake[runner.id] = self._awake.pop(runner.id)
        return [runner for runner in oldest if runner.is_quiet()]

    def _wake(self, row: RunRow) -> Runner:
        runner = self.load(row)
        self.add(runner)
        return runner
