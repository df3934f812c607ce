"""What can be wrong with a workflow, by name.

The first eight names are the upstream library's; ``SCHEMA`` stands for its schema
errors. The others are ours and exist in strict mode only, but for ``TOO_LARGE``.
"""

import enum
from dataclasses import dataclass, field
from typing import Any

MAX_FINDINGS = 1_000
MAX_SHOWN = 60


class Mode(enum.StrEnum):
    """Whose verdict is asked for."""

    COMPAT = "compat"  # the upstream library's, with its leniency
    STRICT = "strict"  # ours: whatever a run could trip over


class Rule(enum.StrEnum):
    """The rule a finding is about."""

    FORBIDDEN_CONNECTION = "FORBIDDEN_CONNECTION"
    INCORRECT_AMOUNT_OF_OUTGOING_FLOWS = "INCORRECT_AMOUNT_OF_OUTGOING_FLOWS"
    INCORRECT_AMOUNT_OF_START_EVENT_LISTENERS = (
        "INCORRECT_AMOUNT_OF_START_EVENT_LISTENERS"
    )
    INCORRECT_ELEMENT_TYPE = "INCORRECT_ELEMENT_TYPE"
    NO_END_EVENT_DISPATCHER = "NO_END_EVENT_DISPATCHER"
    NO_PHASES = "NO_PHASES"
    UNREACHABLE_END_EVENT_DISPATCHER = "UNREACHABLE_END_EVENT_DISPATCHER"
    UNREACHABLE_PHASE = "UNREACHABLE_PHASE"
    SCHEMA = "SCHEMA"
    TOO_LARGE = "TOO_LARGE"
    DUPLICATE_ID = "DUPLICATE_ID"
    UNKNOWN_ELEMENT = "UNKNOWN_ELEMENT"
    INCOMPLETE_CONDITION = "INCOMPLETE_CONDITION"
    INCOMPLETE_COMMAND = "INCOMPLETE_COMMAND"
    MISSING_BRANCH = "MISSING_BRANCH"
    DEAD_END = "DEAD_END"
    STARVING_GATEWAY = "STARVING_GATEWAY"
    END_NEVER_REACHED = "END_NEVER_REACHED"
    TIMELESS_LOOP = "TIMELESS_LOOP"
    INVALID_VARIABLE = "INVALID_VARIABLE"
    UNKNOWN_VARIABLE = "UNKNOWN_VARIABLE"


@dataclass(frozen=True, slots=True)
class Finding:
    """One flaw; ``counterexample`` is a shortest list of inputs that leads to it.

    ``state`` is the one of the walk that they lead to.
    """

    rule: Rule
    element: str | None
    message: str
    counterexample: tuple[dict[str, Any], ...] = ()
    state: int | None = field(default=None, compare=False)


class WorkflowInvalid(Exception):
    """The workflow cannot be run; ``findings`` has every reason."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        first = findings[0].message
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(f"the workflow is invalid: {first}{more}")
        self.findings = findings


@dataclass(slots=True)
class Findings:
    """Collects findings; beyond ``MAX_FINDINGS`` it only remembers that there are."""

    common: list[Finding] = field(default_factory=list)
    strict: list[Finding] = field(default_factory=list)
    compat: list[Finding] = field(default_factory=list)

    def add(
        self, rule: Rule, element: str | None, message: str, mode: Mode | None = None
    ) -> None:
        """Note a flaw; without ``mode`` both modes and the engine refuse it."""
        kept = self.common
        if mode is not None:
            kept = self.strict if mode is Mode.STRICT else self.compat
        if len(kept) < MAX_FINDINGS:
            kept.append(Finding(rule, element, message))

    def of(self, mode: Mode) -> tuple[Finding, ...]:
        """What this mode finds."""
        return (*self.common, *(self.strict if mode is Mode.STRICT else self.compat))


def shown(value: object) -> str:
    """An author's value for a message: never long, always printable."""
    text = ascii(value) if not isinstance(value, dict | list) else _kind(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _kind(value: dict[Any, Any] | list[Any]) -> str:
    return "an object" if isinstance(value, dict) else "a list"
