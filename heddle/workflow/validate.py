"""The rules a workflow must keep, beyond the form of its JSON.

Upstream's rules hold in both modes; a listener that leads to a listener breaks one in
compat mode only, for the seed's prose allows it. Strict mode adds references that lead
nowhere. What needs a walk over the reachable states is in ``soundness``.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from heddle.workflow.conditions import Activations, parts
from heddle.workflow.definition import (
    Dispatcher,
    DispatcherKind,
    Element,
    Gateway,
    GatewayKind,
    Link,
    Listener,
    ListenerKind,
    Phase,
    Workflow,
)
from heddle.workflow.findings import Findings, Mode, Rule, shown


def validate(
    workflow: Workflow, drawn: Sequence[Element | Link], found: Findings
) -> None:
    """Note every rule that is broken; ``drawn`` still has elements of equal id."""
    _counts(workflow, drawn, found)
    _reachable(workflow, found)
    for link in workflow.links.values():
        _connection(workflow, link, found)
    _outgoing(workflow, drawn, found)
    _ids(drawn, found)
    for element in workflow.elements.values():
        _references(workflow, element, found)


def _counts(
    workflow: Workflow, drawn: Sequence[Element | Link], found: Findings
) -> None:
    listeners = [x for x in drawn if isinstance(x, Listener)]
    starts = [x.id for x in listeners if x.kind is ListenerKind.START]
    if len(starts) != 1:
        problem = f"there must be one START event listener, not {len(starts)}"
        found.add(
            Rule.INCORRECT_AMOUNT_OF_START_EVENT_LISTENERS,
            starts[1] if starts else None,
            problem,
        )
    if not workflow.phases:
        found.add(Rule.NO_PHASES, None, "there must be at least one phase")
    if not _ends(workflow):
        problem = "there must be at least one END event dispatcher"
        found.add(Rule.NO_END_EVENT_DISPATCHER, None, problem)


def _ends(workflow: Workflow) -> list[str]:
    return [
        x.id
        for x in workflow.elements.values()
        if isinstance(x, Dispatcher) and x.kind is DispatcherKind.END
    ]


def _reachable(workflow: Workflow, found: Findings) -> None:
    """From any global listener, along links and from phases to their listeners."""
    reached: set[str] = set()
    pending = [x.id for x in workflow.listeners.values() if x.phase is None]
    while pending:
        here = pending.pop()
        if here in reached or here not in workflow.elements:
            continue
        reached.add(here)
        pending += [link.target for link in workflow.outgoing[here]]
        pending += [listener.id for listener in workflow.bound[here]]
    _report(Rule.UNREACHABLE_PHASE, workflow.phases, reached, found)
    _report(Rule.UNREACHABLE_END_EVENT_DISPATCHER, _ends(workflow), reached, found)


def _report(
    rule: Rule, wanted: Iterable[str], reached: set[str], found: Findings
) -> None:
    for element in wanted:
        if element not in reached:
            found.add(rule, element, f"{element} cannot be reached from any listener")


def _connection(workflow: Workflow, link: Link, found: Findings) -> None:
    ends = [workflow.elements.get(x) for x in (link.source, link.target)]
    source, target = ends
    if link.source == link.target:
        problem = f"{link.id}: an element cannot connect to itself"
        found.add(Rule.FORBIDDEN_CONNECTION, link.id, problem)
    if source is None or target is None:
        missing = link.source if source is None else link.target
        problem = f"{link.id}: there is no element {shown(missing)}"
        found.add(Rule.UNKNOWN_ELEMENT, link.id, problem, Mode.STRICT)
    elif isinstance(source, Phase | Dispatcher):
        problem = f"{link.id}: a {_name(source)} cannot connect to anything"
        found.add(Rule.FORBIDDEN_CONNECTION, link.id, problem)
    elif isinstance(source, Listener) and isinstance(target, Listener):
        problem = f"{link.id}: a listener cannot connect to a listener"
        found.add(Rule.FORBIDDEN_CONNECTION, link.id, problem, Mode.COMPAT)


def _name(element: Element) -> str:
    return type(element).__name__.lower()


def _outgoing(
    workflow: Workflow, drawn: Sequence[Element | Link], found: Findings
) -> None:
    leaving = Counter(x.source for x in drawn if isinstance(x, Link))
    for listener in workflow.listeners:
        if (times := leaving[listener]) > 1:
            problem = f"{listener}: a listener has one outgoing flow, not {times}"
            found.add(Rule.INCORRECT_AMOUNT_OF_OUTGOING_FLOWS, listener, problem)


def _ids(drawn: Sequence[Element | Link], found: Findings) -> None:
    for element, times in Counter(x.id for x in drawn).items():
        if times > 1:
            problem = f"{times} elements have the id {shown(element)}"
            found.add(Rule.DUPLICATE_ID, element, problem, Mode.STRICT)


def _references(workflow: Workflow, element: Element, found: Findings) -> None:
    if isinstance(element, Listener) and element.phase is not None:
        _refers(workflow, element, element.phase, Phase, found)
    if isinstance(element, Listener | Gateway):
        for part in parts(element.condition):
            if isinstance(part, Activations):
                _refers(workflow, element, part.gateway, Gateway, found)
    if isinstance(element, Gateway) and element.kind is GatewayKind.CONDITIONAL:
        _branches(workflow, element, found)


def _refers(
    workflow: Workflow,
    element: Element,
    named: str,
    kind: type[Element],
    found: Findings,
) -> None:
    target = workflow.elements.get(named)
    if target is None:
        problem = f"{element.id}: there is no {kind.__name__.lower()} {shown(named)}"
        found.add(Rule.UNKNOWN_ELEMENT, element.id, problem, Mode.STRICT)
    elif not isinstance(target, kind):
        problem = f"{element.id}: {named} is a {_name(target)}, not a {kind.__name__}"
        found.add(Rule.INCORRECT_ELEMENT_TYPE, element.id, problem.lower(), Mode.STRICT)


def _branches(workflow: Workflow, gateway: Gateway, found: Findings) -> None:
    leaving = {link.id for link in workflow.outgoing[gateway.id]}
    for name, link in (
        ("trueFlowId", gateway.if_true),
        ("falseFlowId", gateway.if_false),
    ):
        if link not in leaving:
            problem = f"{gateway.id}: {name} {shown(link)} is not a flow leaving it"
            found.add(Rule.MISSING_BRANCH, gateway.id, problem, Mode.STRICT)
