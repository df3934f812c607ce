"""Conditions as authors write them, in either shape, to one model.

Upstream's groups are ``{operator, conditions: [...]}``, the seed's ``{operator, left,
right}``; upstream wraps a data source in ``dataSource``, the seed does not. What
upstream lets pass without meaning anything (no operator, an empty group, a data source
of a gateway that is not one) becomes unknowable, and a finding in strict mode.
"""

import enum
import math
from typing import assert_never

from heddle.workflow.conditions import (
    UNKNOWABLE,
    Activations,
    Comparison,
    Condition,
    Group,
    Joint,
    Operand,
    Operator,
    Tag,
    Unknowable,
)
from heddle.workflow.fields import Fields, is_number, is_text, is_value
from heddle.workflow.findings import Mode, Rule, shown

MAX_DEPTH = 32
_JOINTS = {joint.value: joint for joint in Joint}
_OPERATORS = {operator.value: operator for operator in Operator}


class SourceKind(enum.StrEnum):
    """Where a data source takes its value from."""

    SENSOR_DATA = "SENSOR_DATA"
    GATEWAY = "GATEWAY"


class ConditionReader:
    """Reads the condition of one element, and numbers its sustain windows."""

    def __init__(self, owner: Fields) -> None:
        self._owner = owner
        self._windows = 0

    def read(self, name: str) -> Condition:
        """The owner's condition; unknowable where there is none (null is refused)."""
        if not self._owner.has(name):
            _incomplete(self._owner, "there is no condition")
            return UNKNOWABLE
        return self._condition(self._owner.raw(name), name, 0)

    def _condition(self, value: object, where: str, depth: int) -> Condition:
        fields = self._owner.inner(value, where)
        if fields is None:
            return UNKNOWABLE
        if depth > MAX_DEPTH:
            problem = f"conditions must not nest deeper than {MAX_DEPTH}"
            fields.note(Rule.TOO_LARGE, problem)
            return UNKNOWABLE
        if value == {}:
            _incomplete(fields, "the condition is empty")
            return UNKNOWABLE
        return self._filled(fields, depth)

    def _filled(self, fields: Fields, depth: int) -> Condition:
        fields.text("id", default="-")
        operator = fields.optional_text("operator")
        deviation, sustain_ms = _options(fields)
        key = self._window() if sustain_ms else ""
        operands = self._operands(fields, depth)
        fields.close()
        if operator in _JOINTS and operands:
            return Group(
                joint=_JOINTS[operator],
                members=tuple(_as_condition(operand) for operand in operands),
                sustain_ms=sustain_ms,
                key=key,
            )
        if operator in _OPERATORS and not fields.has("conditions") and operands:
            left, right = operands
            return Comparison(
                left=left,
                operator=_OPERATORS[operator],
                right=right,
                deviation=deviation,
                sustain_ms=sustain_ms,
                key=key,
            )
        _incomplete(fields, f"operator {shown(operator)} cannot join what is given")
        return UNKNOWABLE

    def _operands(self, fields: Fields, depth: int) -> list[Operand]:
        """The members of a group, or left and right; empty if neither is whole."""
        grouped = fields.has("conditions")
        if grouped == fields.has("left") or grouped == fields.has("right"):
            problem = "either conditions, or left and right, must be given"
            fields.note(Rule.SCHEMA, problem)
            fields.ignore("conditions", "left", "right")
            return []
        if grouped:
            return [
                self._condition(member, f"{fields.where}.conditions[{n}]", depth + 1)
                for n, member in enumerate(fields.items("conditions"))
            ]
        return [self._operand(fields, side, depth + 1) for side in ("left", "right")]

    def _operand(self, fields: Fields, side: str, depth: int) -> Operand:
        value = fields.raw(side)
        where = f"{fields.where}.{side}"
        if value is None:
            _incomplete(fields, f"{side} is empty")
            return UNKNOWABLE
        if is_value(value):
            return value
        if not isinstance(value, dict):
            kinds = "a number, a string, true, false, a data source or a condition"
            fields.refuse(f"{side} must be {kinds}", value)
            return UNKNOWABLE
        return self._nested(value, where, depth)

    def _nested(self, value: dict[str, object], where: str, depth: int) -> Operand:
        if "dataSource" in value:
            wrapper = Fields(value, self._owner.found, self._owner.element, where)
            source = wrapper.inner(wrapper.raw("dataSource"), f"{where}.dataSource")
            wrapper.close()
            return _source(source) if source is not None else UNKNOWABLE
        if "type" in value:
            return _source(Fields(value, self._owner.found, self._owner.element, where))
        return self._condition(value, where, depth)

    def _window(self) -> str:
        self._windows += 1
        return f"{self._owner.element}#{self._windows}"


def _as_condition(operand: Operand) -> Condition:
    """A group may join plain booleans: ``true AND ...``."""
    if isinstance(operand, Comparison | Group | Unknowable):
        return operand
    return Comparison(left=operand, operator=Operator.EQUAL, right=True)


def _incomplete(fields: Fields, problem: str) -> None:
    fields.note(Rule.INCOMPLETE_CONDITION, problem, Mode.STRICT)


def _options(fields: Fields) -> tuple[float, int]:
    """The deviation and the sustain time; upstream lets any options pass."""
    raw = fields.raw("options")
    if raw is None and not fields.has("options"):
        return 0, 0
    options = fields.inner(raw, f"{fields.where}.options")
    if options is None:
        return 0, 0
    deviation = _amount(options, "allowedDeviation")
    sustain_ms = _amount(options, "sustainTimeInMS") or _amount(
        options, "consecutiveTimeMS"
    )
    for name in options.unread():
        _incomplete(options, f"unknown option {shown(name)}")
    return deviation, math.ceil(sustain_ms)


def _amount(options: Fields, name: str) -> float:
    value = options.raw(name)
    if value is None:
        return 0
    if is_number(value) and value >= 0:
        return value
    _incomplete(options, f"{name} must be a number >= 0, not {shown(value)}")
    return 0


def _source(source: Fields) -> Operand:
    kind = source.choice("type", SourceKind)
    data = source.raw("data")
    source.close()
    match kind:
        case SourceKind.SENSOR_DATA:
            return _tag(source, data)
        case SourceKind.GATEWAY:
            return _activations(source, data)
        case None:
            return UNKNOWABLE
        case _:
            assert_never(kind)


def _tag(source: Fields, data: object) -> Operand:
    fields = source.inner(data, f"{source.where}.data")
    if fields is None:
        return UNKNOWABLE
    reporter = fields.text("reporterFctId")
    fields.close()
    return UNKNOWABLE if reporter is None else Tag(reporter)


def _activations(source: Fields, data: object) -> Operand:
    """Upstream never looks at a gateway's data; strict mode does."""
    if isinstance(data, dict):
        gateway, what = data.get("gatewayId"), data.get("property", "activations")
        if is_text(gateway) and what == "activations":
            return Activations(gateway)
    _incomplete(source, "data must be {gatewayId, property: 'activations'}")
    return UNKNOWABLE
