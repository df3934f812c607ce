"""What a workflow's conditions compare its tags with: the values worth trying."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from heddle.workflow.conditions import (
    Activations,
    Comparison,
    Condition,
    Group,
    Operand,
    Tag,
    Unknowable,
    Value,
    parts,
)
from heddle.workflow.definition import Gateway, Listener, Workflow


@dataclass(slots=True)
class Interest:
    """What conditions want to know of one tag.

    ``levels`` are the values it is compared with and values around them; tags that are
    compared with each other share them. ``sustain_ms`` is the longest window.
    """

    levels: list[Value] = field(default_factory=list)
    sustain_ms: int = 0


def interests(workflow: Workflow) -> dict[str, Interest]:
    """Every tag that any condition looks at, in the author's order."""
    found: dict[str, Interest] = {}
    for element in workflow.elements.values():
        if isinstance(element, Listener | Gateway):
            _look(element.condition, found)
    for interest in found.values():
        if not interest.levels:
            _add(interest, 0, 0)
    return found


def _look(condition: Condition, found: dict[str, Interest]) -> None:
    inside = tuple(parts(condition))
    sustained = (p.sustain_ms for p in inside if isinstance(p, Comparison | Group))
    sustain_ms = max(sustained, default=0)
    for tag in inside:
        if isinstance(tag, Tag):
            interest = found.setdefault(tag.reporter, Interest())
            interest.sustain_ms = max(interest.sustain_ms, sustain_ms)
    for part in inside:
        if isinstance(part, Comparison):
            _compare(part.left, part.right, part.deviation, found)
            _compare(part.right, part.left, part.deviation, found)


def _compare(
    tag: Operand, other: Operand, deviation: float, found: dict[str, Interest]
) -> None:
    if not isinstance(tag, Tag):
        return
    interest = found[tag.reporter]
    match other:
        case Tag(reporter):
            _share(interest.levels, found[reporter].levels, found)
        case Activations():
            _add(interest, 1, deviation)
        case Comparison() | Group():
            _add(interest, True, deviation)
        case Unknowable():
            pass
        case _:
            _add(interest, other, deviation)


def _share(one: list[Value], other: list[Value], found: dict[str, Interest]) -> None:
    """From now on all tags of both lists have one list."""
    if one is other:
        return
    _extend(one, other)
    for interest in found.values():
        if interest.levels is other:
            interest.levels = one


def _add(interest: Interest, constant: Value, deviation: float) -> None:
    _extend(interest.levels, _around(constant, deviation))


def _extend(levels: list[Value], more: Iterator[Value] | list[Value]) -> None:
    """Without repetitions; true is not 1 here."""
    known = {(type(level), level) for level in levels}
    levels += [x for x in more if (type(x), x) not in known]


def _around(constant: Value, deviation: float) -> Iterator[Value]:
    match constant:
        case bool():
            yield from (False, True)
        case str():
            yield from ("", constant, f"{constant}~")
        case _:
            step = deviation + max(1, abs(constant) / 20)
            yield from (constant - step, constant, constant + step)
