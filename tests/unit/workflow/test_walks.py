"""Every reachable state of small workflows, and random ones of random workflows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.workflow.definition import Workflow
from heddle.workflow.run import ENDED, Run
from heddle.workflow.soundness import prove
from tests.unit.workflow.edges import alphabet, checked
from tests.unit.workflow.strange import workflows
from tests.unit.workflow.transitions import PAGE, documented, markdown, walked
from tests.unit.workflow.walking import WALKED, edges


@pytest.mark.parametrize("name", WALKED)
def test_the_invariants_hold_on_every_edge(name: str) -> None:
    ends = {
        outcome.run.status
        for _, _, outcome in edges(WALKED[name], limit=400)
        if outcome.run.status in ENDED
    }
    assert ends == ENDED


def test_every_transition_is_taken_and_no_other() -> None:
    """The page has all there are: ``python -m tests.transitions`` prints the table."""
    assert markdown(walked()) == documented(PAGE.read_text())


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
