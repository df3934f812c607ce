"""From an author's JSON to a ``Workflow``, or everything that is wrong with it.

Two shapes are accepted, seed 004's and the upstream library's, one model comes out.
Whatever the input, nothing but ``WorkflowInvalid`` is raised: size and depth are
limited, broken fields are noted and passed over.
"""

import enum
import re
from typing import assert_never

import msgspec

from heddle.workflow.conditions import UNKNOWABLE
from heddle.workflow.definition import (
    Command,
    Dispatcher,
    DispatcherKind,
    Element,
    Gateway,
    GatewayKind,
    Link,
    Listener,
    ListenerKind,
    Phase,
    Setpoint,
    Workflow,
    assemble,
)
from heddle.workflow.fields import Fields, is_text, is_value
from heddle.workflow.findings import (
    Finding,
    Findings,
    Mode,
    Rule,
    WorkflowInvalid,
    shown,
)
from heddle.workflow.parse_conditions import ConditionReader
from heddle.workflow.validate import validate

MAX_BYTES = 4 * 1024 * 1024
MAX_ELEMENTS = 10_000
MAX_NESTING = 200  # of brackets; conditions may take about 100
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)


class ElementType(enum.StrEnum):
    """The five kinds of JSON elements."""

    EVENT_LISTENER = "EVENT_LISTENER"
    EVENT_DISPATCHER = "EVENT_DISPATCHER"
    GATEWAY = "GATEWAY"
    PHASE = "PHASE"
    FLOW = "FLOW"


class CommandType(enum.StrEnum):
    """What a command does."""

    SET_TARGETS = "SET_TARGETS"


def parse(document: object) -> Workflow:
    """The workflow of a decoded JSON document, ready to be run.

    Refuses what both modes refuse; raises ``WorkflowInvalid``. What one mode refuses
    beyond that is told by ``check``.
    """
    workflow, found = read(document)
    if workflow is None or found.common:
        raise WorkflowInvalid(tuple(found.common))
    return workflow


def parse_json(text: bytes | str) -> Workflow:
    """The same from JSON text."""
    return parse(decode(text))


def decode(text: bytes | str) -> object:
    """JSON text to a document; raises ``WorkflowInvalid`` when it is not JSON."""
    if len(text) > MAX_BYTES:
        problem = f"the text is larger than {MAX_BYTES} bytes"
        raise WorkflowInvalid((Finding(Rule.TOO_LARGE, None, problem),))
    try:
        if isinstance(text, bytes):
            text = text.decode()
        if not _is_deep(text):
            return msgspec.json.decode(text)
        finding = Finding(Rule.TOO_LARGE, None, "the JSON is nested too deeply")
    except msgspec.MsgspecError as malformed:
        finding = Finding(Rule.SCHEMA, None, f"not JSON: {malformed}")
    except UnicodeError:
        finding = Finding(Rule.SCHEMA, None, "not JSON: not UTF-8")
    raise WorkflowInvalid((finding,))


def _is_deep(text: str) -> bool:
    """Whether brackets nest too deep for any decoder, whatever its recursion limit."""
    depth = 0
    for token in _TOKENS.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth > MAX_NESTING:
                    return True
            case "]" | "}":
                depth -= 1
            case _:
                pass  # a text
    return False


def findings(document: object, mode: Mode = Mode.STRICT) -> tuple[Finding, ...]:
    """Everything one mode finds wrong with a document's form and rules."""
    _, found = read(document)
    return found.of(mode)


def read(document: object) -> tuple[Workflow | None, Findings]:
    """As much of a workflow as can be read, and all findings.

    The rules are only looked at when every element could be told what it is: a missing
    phase would make others look unreachable.
    """
    found = Findings()
    if not isinstance(document, dict):
        found.add(Rule.SCHEMA, None, f"a workflow is an object, not {shown(document)}")
        return None, found
    fields = Fields(document, found, None, "workflow")
    workflow_id = fields.text("id")
    version = fields.text("version", default="1.0")
    elements = fields.items("elements")
    fields.close()
    if len(elements) > MAX_ELEMENTS:
        fields.note(Rule.TOO_LARGE, f"more than {MAX_ELEMENTS} elements")
        return None, found
    drawn = [_element(element, n, found) for n, element in enumerate(elements)]
    workflow = assemble(
        workflow_id or "",
        version or "",
        [x for x in drawn if x is not None and not isinstance(x, Link)],
        [x for x in drawn if isinstance(x, Link)],
    )
    if None not in drawn:
        validate(workflow, [x for x in drawn if x is not None], found)
    return workflow, found


def _element(source: object, position: int, found: Findings) -> Element | Link | None:
    where = f"elements[{position}]"
    if not isinstance(source, dict):
        problem = f"{where} must be an object, not {shown(source)}"
        found.add(Rule.SCHEMA, None, problem)
        return None
    named = source.get("id")
    element = named if is_text(named) else None
    fields = Fields(source, found, element, element or where)
    fields.text("id")
    kind = fields.choice("elementType", ElementType)
    if kind is None or element is None:
        return None
    drawn = _draw(kind, element, fields)
    fields.close()
    return drawn


def _draw(kind: ElementType, element: str, fields: Fields) -> Element | Link | None:
    match kind:
        case ElementType.EVENT_LISTENER:
            return _listener(element, fields)
        case ElementType.EVENT_DISPATCHER:
            return _dispatcher(element, fields)
        case ElementType.GATEWAY:
            return _gateway(element, fields)
        case ElementType.PHASE:
            commands = enumerate(fields.items("commands"))
            return Phase(
                id=element, commands=tuple(_command(fields, n, c) for n, c in commands)
            )
        case ElementType.FLOW:
            source, target = fields.text("srcId"), fields.text("destId")
            return Link(id=element, source=source or "", target=target or "")
        case _:
            assert_never(kind)


def _listener(element: str, fields: Fields) -> Listener | None:
    kind = fields.choice("type", ListenerKind)
    phase = fields.optional_text("phaseId")
    interrupting = fields.flag("interrupting", default=True)
    if kind is None:
        fields.ignore("durationInMS", "condition")
        return None
    timer, conditional = ListenerKind.TIMER, ListenerKind.CONDITION
    return Listener(
        id=element,
        kind=kind,
        phase=phase,
        interrupting=interrupting,
        duration_ms=fields.milliseconds("durationInMS") if kind is timer else 0,
        condition=ConditionReader(fields).read("condition")
        if kind is conditional
        else UNKNOWABLE,
    )


def _dispatcher(element: str, fields: Fields) -> Dispatcher | None:
    kind = fields.choice("type", DispatcherKind)
    return None if kind is None else Dispatcher(id=element, kind=kind)


def _gateway(element: str, fields: Fields) -> Gateway | None:
    kind = fields.choice("type", GatewayKind)
    branches = [name for name in ("trueFlowId", "falseFlowId") if fields.has(name)]
    if kind is GatewayKind.CONDITIONAL:
        return Gateway(
            id=element,
            kind=kind,
            condition=ConditionReader(fields).read("condition"),
            if_true=fields.optional_text("trueFlowId"),
            if_false=fields.optional_text("falseFlowId"),
        )
    if kind is None:
        fields.ignore("condition", *branches)
        return None
    for name in branches:
        problem = f"a gateway of type {kind} has no {name}"
        fields.note(Rule.INCORRECT_ELEMENT_TYPE, problem)
    fields.ignore(*branches)
    return Gateway(id=element, kind=kind)


def _command(phase: Fields, position: int, source: object) -> Command:
    fields = phase.inner(source, f"{phase.where}.commands[{position}]")
    if fields is None:
        return Command("")
    command_id = fields.text("id") or ""
    fields.choice("type", CommandType)
    body = fields.raw("data")
    fields.close()
    if not fields.has("data"):
        return Command(command_id)
    data = fields.inner(body, f"{fields.where}.data")
    if data is None:
        return Command(command_id)
    targets = [_setpoint(data, n, t) for n, t in enumerate(data.items("targets"))]
    data.close()
    return Command(command_id, tuple(t for t in targets if t is not None))


def _setpoint(command: Fields, position: int, source: object) -> Setpoint | None:
    fields = command.inner(source, f"{command.where}.targets[{position}]")
    if fields is None:
        return None
    node = fields.text("inputNodeId")
    value = fields.raw("target")
    fields.close()
    if is_value(value) and node is not None:
        return Setpoint(node, value)
    if fields.has("target"):
        fields.refuse("target must be a number, a string, true or false", value)
    else:
        fields.note(Rule.INCOMPLETE_COMMAND, "there is no target", Mode.STRICT)
    return None
