"""The transitions of ``step``: what each kind of input makes of a run in each status.

They are collected by walking small workflows over all their states, and compared with
the table on the page about the engine: one that is never taken any more, and one that
is new, both make them differ.
"""

from pathlib import Path
from typing import TypeAlias, get_args

from heddle.workflow.definition import Workflow
from heddle.workflow.engine import Step
from heddle.workflow.inputs import Input, Request
from heddle.workflow.refusal import refusal
from heddle.workflow.run import Run, Status
from tests.unit.workflow.walking import COVERED, RUNAWAY, edges

Table: TypeAlias = dict[tuple[str, str], set[str]]
"""By kind of input and status before: what came of it."""

PAGE = Path(__file__).parents[3] / "docs/explanation/workflow-engine.md"
STATES = 250  # of each workflow
RUNAWAY_STATES = 8  # of the one whose steps take 10,000 signals each
KINDS = tuple(str(kind.__struct_config__.tag) for kind in get_args(Input))


def walked() -> Table:
    """Every transition that some walk took."""
    taken: Table = {(kind, status.value): set() for kind in KINDS for status in Status}
    for workflow in COVERED:
        states = RUNAWAY_STATES if workflow is RUNAWAY else STATES
        for run, received, outcome in edges(workflow, limit=states):
            kind = str(received.__struct_config__.tag)
            taken[kind, run.status.value].add(_came(workflow, run, received, outcome))
    return taken


def _came(workflow: Workflow, run: Run, received: Input, outcome: Step) -> str:
    """The status it led to, that it stayed and did something, or why it did nothing."""
    if outcome.run.status is not run.status:
        return outcome.run.status.value
    if outcome != Step(run):
        return "stays"
    if isinstance(received, Request):
        return type(refusal(workflow, run, received)).__name__
    return "-"


def markdown(table: Table) -> str:
    """The table as the page has it."""
    statuses = [status.value for status in Status]
    lines = [["input", *statuses], ["---"] * (len(statuses) + 1)]
    for kind in KINDS:
        cells = [", ".join(sorted(table[kind, status])) for status in statuses]
        lines.append([f"`{kind}`", *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def documented(page: str) -> str:
    """The page's table."""
    lines = iter(page.splitlines())
    found = []
    for line in lines:
        if line.startswith("| input | ready |"):
            found.append(line)
            break
    for line in lines:
        if not line.startswith("|"):
            break
        found.append(line)
    return "\n".join(found)
