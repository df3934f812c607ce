"""Small workflows between them of every kind, and walks over all their states."""

from collections.abc import Iterator

import msgspec

from heddle.workflow.definition import Workflow
from heddle.workflow.engine import Step
from heddle.workflow.inputs import Input
from heddle.workflow.parse import parse, parse_json
from heddle.workflow.run import Run, Status
from tests.unit.workflow.drawing import (
    EXAMPLE,
    approval,
    condition,
    drawn,
    end,
    flows,
    gateway,
    hot,
    loop,
    parallel,
    phase,
    start,
    timer,
)
from tests.unit.workflow.edges import alphabet, checked

PARALLEL = parse(parallel())
GROUPED = drawn(
    start(),
    phase("p"),
    condition(
        "c",
        "p",
        {
            "operator": "OR",
            "conditions": [hot(30, sustainTimeInMS=9), hot(50)],
            "options": {"sustainTimeInMS": 4},
        },
    ),
    timer("limit", ms=20),
    gateway("again", "OR"),
    phase("q", ("node", 1)),
    timer("t", "q", 3),
    end(),
    flows("start > again > p", "c > q", "t > again", "limit > end"),
)


def rested(run: Run, at_ms: int) -> bytes:
    """What tells two states apart: the run without its history, in relative time."""
    shift = at_ms if run.status is not Status.PAUSED else 0
    relative = msgspec.structs.replace(
        run,
        events=0,
        commands=0,
        started_at_ms=None,
        ended_at_ms=None,
        active=dict.fromkeys(run.active, 0),
        pending=dict(enumerate(run.pending.values())),
        listening={k: v and v - shift for k, v in run.listening.items()},
        windows={k: max(0, v - shift) for k, v in run.windows.items()},
    )
    return msgspec.msgpack.encode(relative)


def edges(workflow: Workflow, limit: int) -> Iterator[tuple[Run, Input, Step]]:
    """Every edge of every state, breadth first, for at most ``limit`` states."""
    known, pending = {rested(Run(), 0)}, [(Run(), 0)]
    for run, at_ms in pending:
        if len(run.pending) > 1:
            continue
        for received in alphabet(workflow, run, at_ms):
            outcome = checked(workflow, run, received)
            yield run, received, outcome
            key = rested(outcome.run, received.at_ms)
            if key not in known and len(known) < limit:
                known.add(key)
                pending.append((outcome.run, received.at_ms))


WALKED = {
    "bioreactor": parse_json(EXAMPLE.read_bytes()),
    "loop": loop(3, ms=5),
    "parallel": PARALLEL,
    "grouped": GROUPED,
}
RUNAWAY = drawn(  # whatever fires sets off signals without end
    start(),
    phase("p"),
    approval("a", "p"),
    timer("t", "p", 5),
    condition("c", "p"),
    gateway("g", "OR"),
    gateway("h", "OR"),
    end(),
    approval("b", "p"),
    flows("start > p", "a > g > h > g", "t > g", "c > g", "b > end"),
)
COVERED = (
    *WALKED.values(),
    drawn(  # a run that finishes as it starts, and one resumed into its end
        start(),
        gateway("g", "OR"),
        phase("p"),
        approval("a", "p"),
        end(),
        flows("start > g > p", "g > end", "a > end"),
    ),
    drawn(
        start(),
        phase("p"),
        condition("c", "p"),
        timer("t", "p", interrupting=False),
        condition("d", "p", hot(30)),
        end(),
        flows("start > p", "c > end", "t > end"),
    ),
    drawn(  # two approvals at once
        start(),
        phase("p"),
        approval("a", "p", interrupting=False),
        approval("b", "p"),
        end(),
        flows("start > p", "b > end"),
    ),
    RUNAWAY,
    drawn(  # signals without end from the start
        start(),
        gateway("g", "OR"),
        gateway("h", "OR"),
        phase("p"),
        approval("a", "p"),
        end(),
        flows("start > g > h > g", "h > p", "a > end"),
    ),
)
