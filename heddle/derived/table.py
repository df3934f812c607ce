"""Derived tags as a whole: in the order of their dependence, computed as inputs move.

A derived value is as good as the worst of its inputs and as new as the newest of them.
Where there is no value (a division by zero, an input without one) it is bad. Before
every input was read once there is nothing to tell.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TypeGuard

from heddle.derived.check import Checked, Input, check
from heddle.derived.expression import BadExpression, parse, tags_of
from heddle.derived.units import Units

MAX_DERIVED = 1000
_BAD = 2


@dataclass(frozen=True, slots=True)
class Definition:
    """A tag to be derived: its result is told in ``unit``."""

    tag: str
    expression: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A tag's value: unix microseconds, and quality 0 good, 1 uncertain, 2 bad."""

    at_us: int
    value: float | bool | None
    quality: int


class BadDerivation(Exception):
    """A derived tag cannot be had; the sentence names it, the place and the flaw."""


@dataclass(frozen=True, slots=True)
class Derived:
    """One derived tag, ready to be computed."""

    tag: str
    unit: str
    boolean: bool
    checked: Checked


class Derivation:
    """All derived tags of a device."""

    def __init__(self, derived: Sequence[Derived]) -> None:
        self.derived = tuple(derived)
        self._moved_by: dict[str, list[int]] = {}
        for index, each in enumerate(self.derived):
            for tag in each.checked.inputs:
                self._moved_by.setdefault(tag, []).append(index)

    def compute(
        self, moved: Iterable[str], now: Callable[[str], Value | None]
    ) -> dict[str, Value]:
        """The derived tags that move with ``moved``; ``now`` tells any other tag."""
        due = {index for tag in moved for index in self._moved_by.get(tag, ())}
        made: dict[str, Value] = {}
        while due:
            index = min(due)  # those it depends on come before it
            due.remove(index)
            each = self.derived[index]
            inputs = [made.get(tag) or now(tag) for tag in each.checked.inputs]
            known = [value for value in inputs if value is not None]
            if len(known) == len(inputs):
                made[each.tag] = _value(each.checked, known)
                due.update(self._moved_by.get(each.tag, ()))
        return made


def derive(
    definitions: Sequence[Definition],
    known: Mapping[str, Input],
    units: Units | None = None,
) -> Derivation:
    """Check everything; ``known`` are the tags there are already.

    Raises ``BadDerivation``.
    """
    if len(definitions) > MAX_DERIVED:
        raise BadDerivation(
            f"there are {len(definitions)} derived tags: have at most {MAX_DERIVED}"
        )
    units, every = units or Units(), dict(known)
    derived = []
    for each in _in_order(definitions):
        try:
            checked = check(each.expression, each.unit, every, units)
        except BadExpression as flaw:
            raise _flaw(each.tag, flaw) from None
        every[each.tag] = Input("" if checked.boolean else each.unit, checked.boolean)
        derived.append(Derived(each.tag, each.unit, checked.boolean, checked))
    return Derivation(derived)


def _in_order(definitions: Sequence[Definition]) -> list[Definition]:
    """Each after those it depends on. Raises ``BadDerivation``."""
    by_tag = {each.tag: each for each in definitions}
    needs = {}
    for each in definitions:
        try:
            needs[each.tag] = tags_of(parse(each.expression)) & by_tag.keys()
        except BadExpression as flaw:
            raise _flaw(each.tag, flaw) from None
    try:
        return [by_tag[tag] for tag in TopologicalSorter(needs).static_order()]
    except CycleError as cycle:
        way = " needs ".join(reversed(cycle.args[1]))
        raise BadDerivation(f"tags are derived from each other: {way}") from None


def _flaw(tag: str, flaw: BadExpression) -> BadDerivation:
    return BadDerivation(f"tag {tag!r}, column {flaw.column}: {flaw}")


def _value(checked: Checked, inputs: Sequence[Value]) -> Value:
    at_us = max(each.at_us for each in inputs)
    quality = max(each.quality for each in inputs)
    numbers = [each.value for each in inputs if _is_number(each.value)]
    value = None
    if len(numbers) == len(inputs):
        value = checked.compute(numbers)
    return Value(at_us, value, _BAD if value is None else quality)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
