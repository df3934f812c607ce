"""A workflow as its author drew it: elements joined by links. Never changes.

Everything a step needs to know about an element's surroundings is looked up here once,
so that the cost of a step does not grow with the workflow. Build a ``Workflow`` with
``parse``, which reports every flaw at once; ``assemble`` trusts its arguments.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from heddle.workflow.conditions import (
    UNKNOWABLE,
    Activations,
    Comparison,
    Condition,
    Group,
    Tag,
    Value,
    parts,
)

T = TypeVar("T")


class ListenerKind(enum.StrEnum):
    """What a listener waits for."""

    START = "START"
    TIMER = "TIMER"
    APPROVAL = "APPROVAL"
    CONDITION = "CONDITION"


class GatewayKind(enum.StrEnum):
    """How a gateway turns incoming signals into outgoing ones."""

    AND = "AND"
    OR = "OR"
    CONDITIONAL = "CONDITIONAL"


class DispatcherKind(enum.StrEnum):
    """What a dispatcher does: end the run, or raise an alert while it goes on."""

    END = "END"
    ALERT = "ALERT"


@dataclass(frozen=True, slots=True)
class Setpoint:
    """A value for one input of the device (``inputNodeId``, ``target``)."""

    node: str
    value: Value


@dataclass(frozen=True, slots=True)
class Command:
    """SET_TARGETS: setpoints given to the device together."""

    id: str
    setpoints: tuple[Setpoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Commands to carry out, then a wait for one of its listeners."""

    id: str
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Waits for one event, then signals its outgoing link.

    ``phase`` is ``None`` for a global listener. ``tags``, ``gateways`` and ``windows``
    are what its condition looks at and the keys of its sustain windows.
    """

    id: str
    kind: ListenerKind
    phase: str | None = None
    interrupting: bool = True
    duration_ms: int = 0
    condition: Condition = UNKNOWABLE
    tags: frozenset[str] = field(init=False)
    gateways: frozenset[str] = field(init=False)
    windows: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:  # noqa: D105
        inside = tuple(parts(self.condition))
        of = object.__setattr__
        of(self, "tags", frozenset(p.reporter for p in inside if isinstance(p, Tag)))
        of(
            self,
            "gateways",
            frozenset(p.gateway for p in inside if isinstance(p, Activations)),
        )
        of(
            self,
            "windows",
            tuple(
                p.key
                for p in inside
                if isinstance(p, Comparison | Group) and p.sustain_ms
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Merges, splits or switches signals; the last three are a CONDITIONAL's."""

    id: str
    kind: GatewayKind
    condition: Condition = UNKNOWABLE
    if_true: str | None = None
    if_false: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Dispatches an event to the outside and ends its branch."""

    id: str
    kind: DispatcherKind


Element: TypeAlias = Phase | Listener | Gateway | Dispatcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An edge (JSON: ``FLOW``); carries at most one signal."""

    id: str
    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Workflow:
    """Elements and links by id, in the author's order, and where each leads."""

    id: str
    version: str
    elements: Mapping[str, Element]
    links: Mapping[str, Link]
    phases: Mapping[str, Phase]
    listeners: Mapping[str, Listener]
    outgoing: Mapping[str, tuple[Link, ...]]
    incoming: Mapping[str, tuple[Link, ...]]
    bound: Mapping[str, tuple[Listener, ...]]  # phase id -> its listeners
    initial: tuple[Listener, ...]  # those that listen from the beginning
    watchers: Mapping[str, tuple[str, ...]]  # gateway id -> listeners that look at it
    tags: frozenset[str]  # every tag any condition looks at

    def command(self, phase_id: str, position: int) -> Command:
        """A phase's command by its position; ids need not be unique."""
        return self.phases[phase_id].commands[position]


def assemble(
    workflow_id: str,
    version: str,
    elements: Iterable[Element],
    links: Iterable[Link],
) -> Workflow:
    """Look up every element's surroundings. Of two equal ids the first one counts."""
    by_id: dict[str, Element] = {}
    edges: dict[str, Link] = {}
    for element in elements:
        by_id.setdefault(element.id, element)
    for link in links:
        edges.setdefault(link.id, link)
    listeners = [e for e in by_id.values() if isinstance(e, Listener)]
    phases = [e for e in by_id.values() if isinstance(e, Phase)]
    incoming = _gather(by_id, ((link.target, link) for link in edges.values()))
    return Workflow(
        id=workflow_id,
        version=version,
        elements=by_id,
        links=edges,
        phases={x.id: x for x in phases},
        listeners={x.id: x for x in listeners},
        outgoing=_gather(by_id, ((link.source, link) for link in edges.values())),
        incoming=incoming,
        bound=_gather(by_id, ((x.phase, x) for x in listeners)),
        initial=tuple(x for x in listeners if _is_initial(x, incoming[x.id])),
        watchers=_gather(by_id, ((g, x.id) for x in listeners for g in x.gateways)),
        tags=frozenset().union(*(_tags(e) for e in by_id.values())),
    )


def _gather(
    keys: Iterable[str], pairs: Iterable[tuple[str | None, T]]
) -> dict[str, tuple[T, ...]]:
    gathered: dict[str, list[T]] = {key: [] for key in keys}
    for key, member in pairs:
        if key in gathered:
            gathered[key].append(member)
    return {key: tuple(members) for key, members in gathered.items()}


def _is_initial(listener: Listener, incoming: tuple[Link, ...]) -> bool:
    """START, and global listeners that no signal can wake."""
    if listener.kind is ListenerKind.START:
        return True
    return listener.phase is None and not incoming


def _tags(element: Element) -> frozenset[str]:
    match element:
        case Listener():
            return element.tags
        case Gateway():
            inside = parts(element.condition)
            return frozenset(p.reporter for p in inside if isinstance(p, Tag))
        case _:
            return frozenset()
