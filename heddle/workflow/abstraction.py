"""A workflow without sensors and clocks, for walking all that its runs can do.

What the outside decides becomes a choice. A condition listener that looks at a tag
listens like an approval: it may fire or not. A gateway's comparison with a tag becomes
an oracle, a made-up tag that may be true or false, and so does one of two counters.
Counted activations stay exact where they are compared with small numbers; between far
thresholds only the ends of a stretch are told apart.

Whatever a run can do, the abstract one can; the reverse holds but for the answers of
oracles, which the abstraction does not relate to each other or to counters.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

from heddle.workflow.conditions import (
    Activations,
    Comparison,
    Condition,
    Group,
    Operand,
    Operator,
    Tag,
    Unknowable,
    parts,
)
from heddle.workflow.definition import (
    Element,
    Gateway,
    Listener,
    ListenerKind,
    Workflow,
    assemble,
)
from heddle.workflow.wording import worded

EXACT = 100  # activations are counted one by one up to here


@dataclass(frozen=True, slots=True)
class Abstraction:
    """The workflow to walk, its oracles by gateway, and where counters matter."""

    workflow: Workflow
    oracles: Mapping[str, tuple[str, ...]]
    asked: Mapping[str, str]  # what an oracle stands for, in words
    thresholds: Mapping[str, tuple[int, ...]]  # ascending, from 0

    def counts(
        self, activations: Mapping[str, int]
    ) -> Iterator[tuple[dict[str, int], bool]]:
        """The ways to remember these activations, and whether turns were skipped."""
        gateways = [g for g in activations if g in self.thresholds]
        choices = [_kept(activations[g], self.thresholds[g]) for g in gateways]
        skipped = any(len(choice) > 1 for choice in choices)
        for chosen in product(*choices):
            yield dict(zip(gateways, chosen, strict=True)), skipped


def abstract(workflow: Workflow) -> Abstraction:
    """Replace what the outside decides by choices."""
    drawing = _Drawing()
    elements = [drawing.redraw(element) for element in workflow.elements.values()]
    return Abstraction(
        workflow=assemble("", "", elements, workflow.links.values()),
        oracles={
            x.id: tuple(p.reporter for p in parts(x.condition) if isinstance(p, Tag))
            for x in elements
            if isinstance(x, Gateway)
        },
        asked={oracle: worded(x) for x, oracle in drawing.oracles.items()},
        thresholds={g: tuple(sorted(at)) for g, at in drawing.thresholds.items()},
    )


def _kept(count: int, thresholds: tuple[int, ...]) -> tuple[int, ...]:
    """Counts that behave like this one; from the last threshold on all do."""
    if count >= thresholds[-1]:
        return (thresholds[-1],)
    if count <= EXACT:
        return (count,)
    above = bisect_right(thresholds, count)
    low = max(EXACT, thresholds[above - 1]) + 1
    high = thresholds[above] - 1
    return (low, high) if low < count < high else (count,)


@dataclass(slots=True)
class _Drawing:
    """Redraws elements and remembers what was replaced."""

    oracles: dict[Comparison, str] = field(default_factory=dict)
    thresholds: dict[str, set[int]] = field(default_factory=dict)

    def redraw(self, element: Element) -> Element:
        match element:
            case Listener(kind=ListenerKind.CONDITION):
                drawn = replace(element, condition=self._condition(element.condition))
                return (
                    replace(drawn, kind=ListenerKind.APPROVAL) if drawn.tags else drawn
                )
            case Gateway():
                return replace(element, condition=self._condition(element.condition))
            case _:
                return element

    def _condition(self, condition: Condition) -> Condition:
        match condition:
            case Comparison():
                return self._comparison(condition)
            case Group():
                members = tuple(self._condition(m) for m in condition.members)
                return replace(condition, members=members)
            case Unknowable():
                return condition

    def _comparison(self, comparison: Comparison) -> Condition:
        sides = comparison.left, comparison.right
        counters = [x for x in sides if isinstance(x, Activations)]
        if any(isinstance(x, Tag) for x in sides) or len(counters) == len(sides):
            return self._oracle(comparison)
        for counter in counters:
            self._mark(counter, comparison)
        return replace(
            comparison,
            left=self._operand(comparison.left),
            right=self._operand(comparison.right),
        )

    def _operand(self, operand: Operand) -> Operand:
        if isinstance(operand, Comparison | Group):
            return self._condition(operand)
        return operand

    def _oracle(self, comparison: Comparison) -> Condition:
        """Equal comparisons get the same answer within a step."""
        asked = replace(comparison, sustain_ms=0, key="")
        oracle = self.oracles.setdefault(asked, f"oracle {len(self.oracles)}")
        return replace(
            comparison, left=Tag(oracle), operator=Operator.EQUAL, right=True
        )

    def _mark(self, counter: Activations, comparison: Comparison) -> None:
        """Around its constant a comparison may change its truth."""
        at = self.thresholds.setdefault(counter.gateway, {0})
        for side in (comparison.left, comparison.right):
            if isinstance(side, int | float):
                ends = (side - comparison.deviation, side + comparison.deviation)
                at.update(max(0, math.floor(end) + n) for end in ends for n in (0, 1))
