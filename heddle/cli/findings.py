"""Verdicts on workflows: lines for people, JSON for programs."""

from collections.abc import Mapping
from typing import Any

from heddle.workflow.findings import Finding
from heddle.workflow.soundness import Verdict

_ARROW = " → "
_FIRED = {"due": "timer", "approve": "approve", "trigger": "trigger"}


def verdict_json(verdict: Verdict, *, tell_unproved: bool) -> dict[str, Any]:
    """A verdict as plain values, in a fixed order."""
    told: dict[str, Any] = {
        "valid": verdict.valid,
        "findings": [
            {
                "rule": str(finding.rule),
                "element": finding.element,
                "message": finding.message,
                "counterexample": list(finding.counterexample),
            }
            for finding in verdict.findings
        ],
    }
    if verdict.unproved or tell_unproved:
        told["unproved"] = list(verdict.unproved)
    return told


def finding_line(finding: Finding) -> str:
    """A finding on one line, with the way that leads there."""
    where = "" if finding.element is None else f" at {finding.element}"
    problem = finding.message
    if finding.element is not None:
        problem = problem.removeprefix(f"{finding.element}: ")
    line = f"{finding.rule}{where}: {problem}"
    if finding.counterexample:
        line += f": {_ARROW.join(_input(one) for one in finding.counterexample)}"
    return printable(line)


def _input(one: Mapping[str, Any]) -> str:
    """One input of a counterexample, in an operator's words."""
    kind, listener = one["input"], one.get("listener")
    if kind == "sampled" and listener is None:
        answers = [f"{asked} holds" for asked in one.get("holds", ())]
        answers += [f"{asked} does not hold" for asked in one.get("fails", ())]
        return f"samples ({', '.join(answers)})"
    if kind == "sampled":
        return f"condition {listener} holds"
    return kind if listener is None else f"{_FIRED.get(kind, kind)} {listener}"


def printable(text: str) -> str:
    """An author's text without what would move a terminal's cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
