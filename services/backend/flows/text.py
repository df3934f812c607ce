"""Workflows as they come in: JSON, checked, compared; and what is told about flows."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from heddle.contract.declare import InvalidRequest
from heddle.contract.flows import Finding, FlowInvalid
from heddle.workflow import findings as workflow_findings
from heddle.workflow.findings import Mode, WorkflowInvalid
from heddle.workflow.parse import findings, parse
from heddle.workflow.variables import bind
from services.backend.text import check_name

MOST_FINDINGS = 100  # in one reply
MOST_LABELS, LONGEST_LABEL = 50, 100
LONGEST_DESCRIPTION = 4_000


def check_workflow(definition: dict[str, Any]) -> None:
    """Raises ``FlowInvalid`` with what would keep it from running."""
    try:
        parse(bind(definition, {}))
    except WorkflowInvalid as flaw:
        raise invalid(str(flaw), told(flaw.findings)) from None


def flaws(definition: dict[str, Any]) -> tuple[Finding, ...]:
    """All that is still to be done on an unfinished workflow."""
    try:
        return told(findings(bind(definition, {}), Mode.STRICT))
    except WorkflowInvalid as flaw:
        return told(flaw.findings)


def told(found: Sequence[workflow_findings.Finding]) -> tuple[Finding, ...]:
    """Findings as they travel."""
    return tuple(
        Finding(rule=one.rule.value, element=one.element, message=one.message)
        for one in found[:MOST_FINDINGS]
    )


def invalid(sentence: str, found: Sequence[Finding]) -> FlowInvalid:
    """The refusal of a workflow, with its findings."""
    return FlowInvalid(sentence, findings=[asdict(one) for one in found])


def definition_text(definition: dict[str, Any]) -> str:
    """The author's JSON with its order of keys, for MessagePack and CBOR carry more."""
    try:
        text = json.dumps(definition, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as flaw:
        raise InvalidRequest(f"definition is not JSON: {flaw}") from None
    return text


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two workflows say the same, in whatever order of keys."""
    return _canonical(one) == _canonical(other)


def _canonical(definition: dict[str, Any]) -> str:
    return json.dumps(definition, sort_keys=True)


def check_labels(labels: Sequence[str]) -> list[str]:
    """The labels, each once; raises ``InvalidRequest``."""
    kept = list(dict.fromkeys(labels))
    if len(kept) > MOST_LABELS:
        raise InvalidRequest(f"a flow has at most {MOST_LABELS} labels")
    for label in kept:
        check_name("a label", label)
        if not label.strip() or len(label) > LONGEST_LABEL:
            raise InvalidRequest(f"a label has 1 to {LONGEST_LABEL} characters")
    return kept


def check_description(text: str) -> str:
    """The description, of any number of lines; raises ``InvalidRequest``."""
    printable = all(c.isprintable() or c in "\n\t" for c in text)
    if len(text) > LONGEST_DESCRIPTION or not printable:
        raise InvalidRequest(
            f"description must be at most {LONGEST_DESCRIPTION} printable characters"
        )
    return text
