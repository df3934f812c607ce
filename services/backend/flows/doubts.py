"""What the author of a workflow should know that does not keep it from running."""

from typing import Any

from heddle.contract.flows import Finding
from heddle.workflow.soundness import Verdict
from heddle.workflow.variables import unused
from services.backend.flows.text import MOST_FINDINGS

NOT_PROVED = "NOT_PROVED"
UNUSED_VARIABLE = "UNUSED_VARIABLE"


def doubts(definition: dict[str, Any], verdict: Verdict) -> tuple[Finding, ...]:
    """What was not proved of a workflow that was walked, and what stands idle in it."""
    unproved = [
        Finding(rule=NOT_PROVED, element=None, message=doubt)
        for doubt in verdict.unproved
    ]
    idle = [
        Finding(
            rule=UNUSED_VARIABLE,
            element=name,
            message=f"variable {name} stands nowhere in the workflow",
        )
        for name in unused(definition)
    ]
    return tuple([*unproved, *idle][:MOST_FINDINGS])
