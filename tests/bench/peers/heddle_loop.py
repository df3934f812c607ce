"""LOOP(N) with ``heddle.workflow.engine.step`` under a shell of a few lines.

A line ``N TIMES`` is answered with the seconds that many runs of LOOP(N) took.
"""

import sys
import time
from collections import deque
from functools import cache

from heddle.workflow.definition import Workflow
from heddle.workflow.effects import Arm, Execute, Tell
from heddle.workflow.engine import step
from heddle.workflow.inputs import CommandDone, Due, Input, Start
from heddle.workflow.parse import parse
from heddle.workflow.run import Run, Status
from tests.support.engine import loop


def run_loop(workflow: Workflow) -> Run:
    """One run to its end; what is asked for is given at once."""
    run, queue = Run(), deque[Input]([Start(0)])
    while queue:
        outcome = step(workflow, run, queue.popleft())
        run = outcome.run
        for effect in outcome.effects:
            match effect:
                case Tell():
                    pass  # xstate and SpiffWorkflow keep no history here
                case Arm():
                    queue.append(Due(effect.due_at_ms, effect.listener))
                case Execute():
                    queue.append(CommandDone(0, effect.key))
    return run


@cache
def loop_of(rounds: int) -> Workflow:
    """The workflow, parsed."""
    return parse(loop(rounds))


def seconds(rounds: int, times: int) -> float:
    """How long so many runs take, the parsing not counted."""
    workflow = loop_of(rounds)
    begin = time.perf_counter()
    for _ in range(times):
        run = run_loop(workflow)
        if run.status is not Status.FINISHED or run.activations != {"g": rounds}:
            raise AssertionError(run)
    return time.perf_counter() - begin


if __name__ == "__main__":
    for line in sys.stdin:
        print(seconds(*map(int, line.split())), flush=True)
