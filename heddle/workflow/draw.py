"""A workflow as a Mermaid flowchart, and a run lit up in it."""

from heddle.workflow.definition import (
    Dispatcher,
    Element,
    Gateway,
    GatewayKind,
    Link,
    Listener,
    ListenerKind,
    Phase,
    Workflow,
)
from heddle.workflow.run import Run
from heddle.workflow.wording import lasting, worded

_ESCAPES = str.maketrans(
    {'"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "\n": " ", "\r": " "}
)


def draw(workflow: Workflow, run: Run | None = None) -> str:
    """Mermaid text. Thick borders: the phases and listeners active in ``run``."""
    names = {element: f"n{n}" for n, element in enumerate(workflow.elements)}
    lines = ["flowchart TD"]
    lines += [_node(names[e.id], e) for e in workflow.elements.values()]
    lines += [
        f"  {names[phase]} -.- {names[listener.id]}"
        for phase, bound in workflow.bound.items()
        for listener in bound
    ]
    lines += [
        f"  {names[link.source]} {_arrow(workflow, link)} {names[link.target]}"
        for link in workflow.links.values()
        if link.source in names and link.target in names
    ]
    if run is not None and (run.active or run.listening):
        lit = ",".join(names[x] for x in (*run.active, *run.listening))
        lines += ["  classDef active stroke-width:4px", f"  class {lit} active"]
    return "\n".join(lines) + "\n"


def _node(name: str, element: Element) -> str:
    label = "<br/>".join(line.translate(_ESCAPES) for line in _label(element))
    return f"  {name}" + _shape(element).replace("{}", label)


def _shape(element: Element) -> str:
    match element:
        case Phase():
            return '["{}"]'
        case Listener():
            return '(["{}"])'
        case Gateway():
            return '{"{}"}'
        case Dispatcher():
            return '(("{}"))'


def _label(element: Element) -> list[str]:
    match element:
        case Phase():
            setpoints = [s for c in element.commands for s in c.setpoints]
            return [element.id, *(f"{s.node} = {s.value}" for s in setpoints)]
        case Listener(kind=ListenerKind.TIMER):
            return [element.id, f"after {lasting(element.duration_ms)}"]
        case Listener(kind=ListenerKind.CONDITION):
            return [element.id, worded(element.condition)]
        case Gateway(kind=GatewayKind.CONDITIONAL):
            return [element.id, worded(element.condition)]
        case Listener() | Gateway() | Dispatcher():
            return [element.id, element.kind.value]


def _arrow(workflow: Workflow, link: Link) -> str:
    source = workflow.elements[link.source]
    if isinstance(source, Gateway):
        if source.if_true == link.id:
            return "-->|yes|"
        if source.if_false == link.id:
            return "-->|no|"
    return "-->"
