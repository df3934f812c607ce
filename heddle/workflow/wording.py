"""Conditions and elements in words, for people."""

from typing import assert_never

from heddle.workflow.conditions import (
    Activations,
    Comparison,
    Group,
    Operand,
    Tag,
    Unknowable,
    Value,
)


def worded(condition: Operand) -> str:
    """A condition on one line, e.g. ``temperature >= 37 ±0.2 for 20 s``."""
    match condition:
        case Comparison():
            left, right = _inner(condition.left), _inner(condition.right)
            deviation = f" ±{condition.deviation:g}" if condition.deviation else ""
            words = f"{left} {condition.operator} {right}{deviation}"
            return words + _for(condition.sustain_ms)
        case Group():
            members = f" {condition.joint} ".join(_inner(m) for m in condition.members)
            return members + _for(condition.sustain_ms)
        case Unknowable():
            return "unknown"
        case _:
            return _source(condition)


def _source(operand: Value | Tag | Activations) -> str:
    match operand:
        case Tag(reporter):
            return reporter
        case Activations(gateway):
            return f"activations of {gateway}"
        case bool():
            return "true" if operand else "false"
        case str():
            return f"'{operand}'"
        case int() | float():
            return f"{operand:g}"
        case _:
            assert_never(operand)


def _inner(operand: Operand) -> str:
    words = worded(operand)
    return f"({words})" if isinstance(operand, Comparison | Group) else words


def _for(sustain_ms: int) -> str:
    return f" for {lasting(sustain_ms)}" if sustain_ms else ""


def lasting(duration_ms: int) -> str:
    """A duration, e.g. ``1 min 40 s``."""
    rest, words = duration_ms, []
    for unit, length_ms in (("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)):
        if rest >= length_ms:
            words.append(f"{rest // length_ms} {unit}")
            rest %= length_ms
    return " ".join(words) or "0 s"
