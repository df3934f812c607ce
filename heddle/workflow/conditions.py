"""Conditions over tags and gateway activations, and what they are worth.

Worth is three-valued: true, false, or unknown (``None``) when a tag has no trusted
value or two operands cannot be compared. Unknown is not true: no listener fires and no
branch is taken because of it.

A condition may have to hold for a while (``sustain_ms``). The time at which such a
window will have lasted long enough is its deadline; open windows are remembered by
``key`` outside of the condition, so that judging stays pure.
"""

import enum
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeGuard, assert_never

Value: TypeAlias = float | int | str | bool
Truth: TypeAlias = bool | None
NumberTest: TypeAlias = Callable[[float, float, float], bool]

_NUMBERS = (int, float)


class Operator(enum.StrEnum):
    """How two operands are compared."""

    EQUAL = "=="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


_NUMBER_TESTS: Mapping[Operator, NumberTest] = {
    Operator.LESS: lambda left, right, slack: left < right + slack,
    Operator.LESS_OR_EQUAL: lambda left, right, slack: left <= right + slack,
    Operator.GREATER: lambda left, right, slack: left > right - slack,
    Operator.GREATER_OR_EQUAL: lambda left, right, slack: left >= right - slack,
    Operator.EQUAL: lambda left, right, slack: right - slack <= left <= right + slack,
}


class Joint(enum.StrEnum):
    """How the members of a group are joined."""

    AND = "AND"
    OR = "OR"


@dataclass(frozen=True, slots=True)
class Tag:
    """The value of a tag, by the id the author calls it (``reporterFctId``)."""

    reporter: str


@dataclass(frozen=True, slots=True)
class Activations:
    """How often a gateway was activated before now."""

    gateway: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two operands and an operator; ``deviation`` is in the operands' unit."""

    left: "Operand"
    operator: Operator
    right: "Operand"
    deviation: float = 0
    sustain_ms: int = 0
    key: str = ""
    of_numbers: NumberTest = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:  # noqa: D105
        object.__setattr__(self, "of_numbers", _NUMBER_TESTS[self.operator])


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Conditions joined by AND or OR."""

    joint: Joint
    members: tuple["Condition", ...]
    sustain_ms: int = 0
    key: str = ""


@dataclass(frozen=True, slots=True)
class Unknowable:
    """A condition or operand the author left empty: always unknown."""


UNKNOWABLE = Unknowable()

Condition: TypeAlias = Comparison | Group | Unknowable
Operand: TypeAlias = Value | Tag | Activations | Condition


@dataclass(slots=True)
class Facts:
    """What conditions are judged on.

    ``windows`` are the deadlines of open sustain windows; ``kept`` collects those that
    are open after judging. Without ``at_ms`` sustain times are ignored.
    """

    readings: Mapping[str, Value]
    activations: Mapping[str, int]
    at_ms: int | None = None
    windows: Mapping[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)


def judge(condition: Condition, facts: Facts) -> Truth:
    """What ``condition`` is worth now; notes its open windows in ``facts.kept``."""
    match condition:
        case Comparison():
            left = _worth(condition.left, facts)
            truth = _compare(condition, left, _worth(condition.right, facts))
        case Group():
            truth = _join(condition, facts)
        case Unknowable():
            return None
        case _:
            assert_never(condition)
    if condition.sustain_ms and truth and facts.at_ms is not None:
        return _sustained(condition, facts, facts.at_ms)
    return truth


def _sustained(condition: Comparison | Group, facts: Facts, at_ms: int) -> bool:
    due_at_ms = facts.windows.get(condition.key, at_ms + condition.sustain_ms)
    facts.kept[condition.key] = due_at_ms
    return at_ms >= due_at_ms


def _join(group: Group, facts: Facts) -> Truth:
    """Kleene's AND and OR; every member is judged, for the sake of its window."""
    truths = [judge(member, facts) for member in group.members]
    deciding = group.joint is Joint.OR
    if deciding in truths:
        return deciding
    return None if None in truths or not truths else not deciding


def _worth(operand: Operand, facts: Facts) -> Value | None:
    match operand:
        case Activations():
            return facts.activations.get(operand.gateway, 0)
        case Tag():
            return facts.readings.get(operand.reporter)
        case bool() | int() | float() | str():
            return operand
        case Comparison() | Group() | Unknowable():
            return judge(operand, facts)
        case _:
            assert_never(operand)


def _compare(condition: Comparison, left: Value | None, right: Value | None) -> Truth:
    if left is None or right is None:
        return None
    if _is_number(left) and _is_number(right):
        return condition.of_numbers(left, right, condition.deviation)
    operator = condition.operator
    if operator is Operator.EQUAL:
        return type(left) is type(right) and left == right
    if isinstance(left, str) and isinstance(right, str):
        return _compare_texts(left, operator, right)
    return None


def _is_number(value: Value) -> TypeGuard[float]:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _compare_texts(left: str, operator: Operator, right: str) -> Truth:
    """By code point, as strings compare everywhere else."""
    match operator:
        case Operator.LESS:
            return left < right
        case Operator.LESS_OR_EQUAL:
            return left <= right
        case Operator.GREATER:
            return left > right
        case _:
            return left >= right


def is_trusted(value: Value | None) -> TypeGuard[Value]:
    """Whether a reading of good quality can be compared at all (NaN cannot)."""
    return isinstance(value, bool | int | str) or (
        isinstance(value, float) and math.isfinite(value)
    )


def parts(condition: Condition) -> Iterator[Condition | Operand]:
    """The condition and everything in it, outermost first."""
    pending: list[Condition | Operand] = [condition]
    while pending:
        part = pending.pop()
        yield part
        if isinstance(part, Comparison):
            pending += (part.right, part.left)
        elif isinstance(part, Group):
            pending += reversed(part.members)
