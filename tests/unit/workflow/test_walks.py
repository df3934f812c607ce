"""Every reachable state of small workflows, and random ones of random workflows."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.workflow.definition import (
    Workflow,
)
from heddle.workflow.engine import Step
from heddle.workflow.inputs import Input
from heddle.workflow.parse import parse_json
from heddle.workflow.run import ENDED, Run, Status
from heddle.workflow.soundness import prove
from tests.unit.workflow.drawing import (
    EXAMPLE,
    alert,
    approval,
    condition,
    drawn,
    end,
    flows,
    gateway,
    hot,
    loop,
    phase,
    start,
    switch,
    timer,
)
from tests.unit.workflow.edges import alphabet, checked
from tests.unit.workflow.strange import workflows

PARALLEL = drawn(
    start(),
    gateway("split", "OR"),
    phase("a", ("node", 1)),
    timer("at", "a", 10),
    approval("aa", "a"),
    phase("b"),
    condition("bc", "b", hot(sustainTimeInMS=5)),
    timer("bt", "b", 7, interrupting=False),
    alert(),
    gateway("join", "AND"),
    switch("warm", hot(30), "join", "end"),
    approval("rest"),
    end(),
    flows("start > split > a", "split > b", "at > join", "aa > warm > join"),
    flows("bc > join > rest > end", "bt > alert", "warm > end"),
)
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


@pytest.mark.parametrize("name", WALKED)
def test_the_invariants_hold_on_every_edge(name: str) -> None:
    ends = {
        outcome.run.status
        for _, _, outcome in edges(WALKED[name], limit=400)
        if outcome.run.status in ENDED
    }
    assert ends == ENDED


EVERY = {"due", "sampled", "done", "failed", "start", "approve", "trigger"} | {
    "pause",
    "resume",
    "stop",
}
MOVES = {
    ("ready", "start"): {"running", "finished"},
    ("running", "due"): {"running", "finished"},
    ("running", "sampled"): {"running", "finished"},
    ("running", "approve"): {"running", "finished"},
    ("running", "trigger"): {"running", "finished"},
    ("running", "pause"): {"paused"},
    ("running", "stop"): {"stopping", "terminated"},
    ("stopping", "due"): {"stopping", "terminated", "finished"},
    ("stopping", "sampled"): {"stopping", "terminated", "finished"},
    ("stopping", "approve"): {"stopping", "terminated", "finished"},
    ("stopping", "trigger"): {"stopping", "terminated", "finished"},
    ("stopping", "pause"): {"paused"},
    ("stopping", "stop"): {"stopping", "terminated"},
    ("paused", "resume"): {"running", "stopping", "finished", "terminated"},
    ("paused", "stop"): {"paused", "terminated"},
}
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
)


def test_every_transition_is_taken_and_no_other() -> None:
    taken: dict[tuple[str, str], set[str]] = {}
    for workflow in COVERED:
        for run, received, outcome in edges(workflow, limit=250):
            kind = received.__struct_config__.tag
            taken.setdefault((run.status.value, str(kind)), set()).add(
                outcome.run.status.value
            )
    assert set(taken) == {(s.value, kind) for s in Status for kind in EVERY}
    for (status, kind), ends in taken.items():
        assert ends == MOVES.get((status, kind), set()) | ({status} & ends)
        assert (status, kind) not in MOVES or ends >= MOVES[status, kind]


@settings(deadline=None)
@given(workflows(), st.data())
def test_the_invariants_hold_in_random_runs_of_random_workflows(
    workflow: Workflow, data: st.DataObject
) -> None:
    run, at_ms = Run(), 0
    for _ in range(data.draw(st.integers(1, 12))):
        at_ms += data.draw(st.sampled_from([0, 1, 5]))
        received = data.draw(st.sampled_from([*alphabet(workflow, run, at_ms)]))
        at_ms = received.at_ms
        run = checked(workflow, run, received).run


@settings(deadline=None)
@given(workflows())
def test_a_proof_ends_whatever_the_workflow(workflow: Workflow) -> None:
    verdict = prove(workflow)
    assert all(finding.message for finding in verdict.findings)
