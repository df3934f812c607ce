"""A run in virtual time: the shell a workflow would have, without clock or device.

Inputs come from a script, deadlines fall due exactly, commands are answered after
``command_ms``. The same workflow, script and start give the same events, always.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from heddle.workflow.definition import Workflow
from heddle.workflow.effects import Arm, Disarm, Effect, Execute, Tell
from heddle.workflow.engine import Step, step
from heddle.workflow.inputs import CommandDone, Due, Input, Start
from heddle.workflow.run import ENDED, Run


@dataclass(slots=True)
class Simulation:
    """One run and what it waits for. ``run`` and ``now_ms`` can be read at any time."""

    workflow: Workflow
    run: Run = field(default_factory=Run)
    now_ms: int = 0
    command_ms: int = 0
    _deadlines: dict[str, int] = field(default_factory=dict)
    _agenda: list[tuple[int, int, Input]] = field(default_factory=list)
    _planned: int = 0

    def plan(self, *inputs: Input) -> None:
        """Let these happen at their time, or now if that has passed."""
        for one in inputs:
            at_ms = max(one.at_ms, self.now_ms)
            timely = one if at_ms == one.at_ms else replace(one, at_ms=at_ms)
            heapq.heappush(self._agenda, (at_ms, self._planned, timely))
            self._planned += 1

    def advance(self) -> Step | None:
        """Let the next planned thing happen; ``None`` when nothing is left."""
        while self._agenda:
            at_ms, _, planned = heapq.heappop(self._agenda)
            if isinstance(planned, Due) and self._is_stale(planned):
                continue
            self.now_ms = at_ms
            outcome = step(self.workflow, self.run, planned)
            self.run = outcome.run
            for effect in outcome.effects:
                self._perform(effect)
            return outcome
        return None

    def _is_stale(self, due: Due) -> bool:
        deadline = self._deadlines.get(due.listener)
        return deadline is None or deadline > due.at_ms

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Arm(listener, due_at_ms):
                self._deadlines[listener] = due_at_ms
                self.plan(Due(due_at_ms, listener))
            case Disarm(listener):
                self._deadlines.pop(listener, None)
            case Execute(key):
                self.plan(CommandDone(self.now_ms + self.command_ms, key))
            case Tell():
                pass


def simulate(
    workflow: Workflow,
    script: Iterable[Input] = (),
    *,
    start_at_ms: int = 0,
    max_steps: int = 100_000,
) -> Iterator[Tell]:
    """The events of a run that is started and then left to the script.

    They end with the run, with ``max_steps``, or when nothing is left to happen.
    """
    simulation = Simulation(workflow, now_ms=start_at_ms)
    simulation.plan(Start(start_at_ms), *script)
    for _ in range(max_steps):
        outcome = simulation.advance()
        if outcome is None:
            return
        yield from (effect for effect in outcome.effects if isinstance(effect, Tell))
        if simulation.run.status in ENDED:
            return
