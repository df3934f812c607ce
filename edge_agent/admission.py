"""Whether a workflow can run on this device: its form, and that its nodes have tags.

A node that no tag answers to is found here, at install, and not in the middle of a run.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from edge_agent.tags import TagTable
from heddle.contract.flows import Finding, FlowInvalid
from heddle.workflow.definition import Workflow
from heddle.workflow.findings import WorkflowInvalid
from heddle.workflow.parse import parse

SHOWN = 20


def admit(
    definition: Mapping[str, Any],
    tags: TagTable,
    read: Callable[[Mapping[str, Any]], Workflow] = parse,
) -> Workflow:
    """The workflow; ``FlowInvalid`` tells everything that is wrong."""
    try:
        workflow = read(definition)
    except WorkflowInvalid as invalid:
        raise refusal(
            [
                Finding(rule=str(each.rule), element=each.element, message=each.message)
                for each in invalid.findings
            ]
        ) from None
    if found := [*_unread(workflow, tags), *_unwritten(workflow, tags)]:
        raise refusal(found)
    return workflow


def refusal(found: list[Finding]) -> FlowInvalid:
    """The error for these findings."""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return FlowInvalid(
        f"the workflow cannot be installed: {found[0].message}{more}",
        findings=msgspec.to_builtins(found[:SHOWN]),
    )


def _unread(workflow: Workflow, tags: TagTable) -> list[Finding]:
    return [
        Finding(
            rule="UNKNOWN_NODE",
            element=node,
            message=f"reporterFctId {node} is no tag of this device; "
            "name it in the agent's tag file",
        )
        for node in sorted(workflow.tags)
        if tags.of_node(node) is None
    ]


def _unwritten(workflow: Workflow, tags: TagTable) -> list[Finding]:
    found = []
    for phase in workflow.phases.values():
        for node in (s.node for c in phase.commands for s in c.setpoints):
            tag = tags.of_node(node)
            if tag is not None and tag.writable:
                continue
            what = (
                "is no tag of this device; name it in the agent's tag file"
                if tag is None
                else f"is tag {tag.tag!r}, which cannot be written"
            )
            found.append(
                Finding(
                    rule="UNKNOWN_NODE" if tag is None else "NODE_NOT_WRITABLE",
                    element=phase.id,
                    message=f"inputNodeId {node} of phase {phase.id} {what}",
                )
            )
    return found
