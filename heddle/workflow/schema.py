"""The JSON Schema of a workflow definition, both shapes, for editors and other tools.

It says what ``parse`` takes for well-formed; the rules between elements are beyond it.
"""

from typing import Any

from heddle.workflow.definition import DispatcherKind, GatewayKind, ListenerKind
from heddle.workflow.fields import MAX_SAFE_INTEGER
from heddle.workflow.parse import MAX_ELEMENTS
from heddle.workflow.variables import MAX_VARIABLES, VariableType

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_NUMBER: Schema = {
    "type": "number",
    "minimum": -MAX_SAFE_INTEGER,
    "maximum": MAX_SAFE_INTEGER,
}
_VALUE: Schema = {"anyOf": [_NUMBER, _TEXT, {"type": "boolean"}]}
_PLACEHOLDER: Schema = {"type": "string", "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"}
_MILLISECONDS: Schema = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": MAX_SAFE_INTEGER},
        _PLACEHOLDER,
    ]
}
_OPTIONAL_TEXT: Schema = {"anyOf": [_TEXT, {"type": "null"}]}


def workflow_schema() -> Schema:
    """JSON Schema, draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Workflow (OSPIN 004)",
        **_object(
            {
                "id": _TEXT,
                "version": _TEXT,
                "elements": {
                    "type": "array",
                    "maxItems": MAX_ELEMENTS,
                    "items": {"oneOf": _elements()},
                },
                "variables": {
                    "type": "array",
                    "maxItems": MAX_VARIABLES,
                    "items": {"oneOf": [_variable(kind) for kind in VariableType]},
                },
            },
            required=["id"],
        ),
        "$defs": {"condition": _condition(), "operand": _operand()},
    }


def _variable(kind: VariableType) -> Schema:
    """A variable's default; a text may stand for it, as people write it."""
    value: dict[VariableType, Schema] = {
        VariableType.NUMBER: {"anyOf": [_NUMBER, _TEXT]},
        VariableType.INTEGER: {"anyOf": [{**_NUMBER, "type": "integer"}, _TEXT]},
        VariableType.BOOLEAN: {"anyOf": [{"type": "boolean"}, _TEXT]},
        VariableType.TEXT: _TEXT,
    }
    return _object(
        {
            "name": {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"},
            "type": {"const": str(kind)},
            "value": value[kind],
            "description": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        required=["name", "type", "value"],
    )


def _object(properties: Schema, required: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _elements() -> list[Schema]:
    condition = {"condition": _ref("condition")}
    branches = {"trueFlowId": _OPTIONAL_TEXT, "falseFlowId": _OPTIONAL_TEXT}
    bound = {"phaseId": _OPTIONAL_TEXT, "interrupting": {"type": "boolean"}}
    listeners: dict[ListenerKind, Schema] = {
        ListenerKind.TIMER: {"durationInMS": _MILLISECONDS},
        ListenerKind.CONDITION: condition,
    }
    gateways = {GatewayKind.CONDITIONAL: {**condition, **branches}}
    return [
        *(
            _element("EVENT_LISTENER", kind, {**bound, **listeners.get(kind, {})})
            for kind in ListenerKind
        ),
        *(_element("EVENT_DISPATCHER", kind, {}) for kind in DispatcherKind),
        *(_element("GATEWAY", kind, gateways.get(kind, {})) for kind in GatewayKind),
        _element("PHASE", None, {"commands": {"type": "array", "items": _command()}}),
        _element("FLOW", None, {"srcId": _TEXT, "destId": _TEXT}, "srcId", "destId"),
    ]


def _element(
    element_type: str, kind: str | None, properties: Schema, *required: str
) -> Schema:
    typed = {} if kind is None else {"type": {"const": str(kind)}}
    return _object(
        {"id": _TEXT, "elementType": {"const": element_type}, **typed, **properties},
        required=["id", "elementType", *typed, *required],
    )


def _command() -> Schema:
    setpoint = _object({"inputNodeId": _TEXT, "target": _VALUE}, ["inputNodeId"])
    targets = {"targets": {"type": "array", "items": setpoint}}
    return _object(
        {"id": _TEXT, "type": {"const": "SET_TARGETS"}, "data": _object(targets, [])},
        required=["id", "type"],
    )


def _condition() -> Schema:
    fields = {
        "id": _TEXT,
        "operator": _OPTIONAL_TEXT,
        "options": {"type": "object"},
        "left": _ref("operand"),
        "right": _ref("operand"),
        "conditions": {"type": "array", "items": _ref("condition")},
    }
    sides = {"required": ["left", "right"], "not": {"required": ["conditions"]}}
    group = {
        "required": ["conditions"],
        "properties": {"left": False, "right": False},
    }
    empty = {"maxProperties": 0}
    return {**_object(fields, []), "anyOf": [sides, group, empty]}


def _operand() -> Schema:
    reporter = _object({"reporterFctId": _TEXT}, ["reporterFctId"])
    sensor = {"type": {"const": "SENSOR_DATA"}, "data": reporter}
    sources = [
        _object(sensor, ["type", "data"]),
        _object({"type": {"const": "GATEWAY"}, "data": True}, ["type"]),
    ]
    wrapped = [_object({"dataSource": source}, ["dataSource"]) for source in sources]
    return {"anyOf": [_VALUE, {"type": "null"}, _ref("condition"), *sources, *wrapped]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
