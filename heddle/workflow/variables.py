"""Variables of a workflow: declared with a type and a default, bound before it runs.

``definition["variables"]`` declares them (EdgeFlow 002); the whole string ``"${name}"``
names one where a value, an operand, a target or a duration stands. ``bind`` gives a
definition without either, which is what ``parse`` takes; one that declares none is
given back as it is. What is wrong is told by ``WorkflowInvalid``, all of it at once.
"""

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from heddle.workflow.conditions import Value
from heddle.workflow.fields import Fields, is_number, is_text
from heddle.workflow.findings import Finding, Findings, Rule, WorkflowInvalid, shown

Json: TypeAlias = Any

MAX_VARIABLES = 1_000
MAX_DEPTH = 100  # of what is looked through; ``parse`` takes less
PLACES = frozenset(
    {
        "left",
        "right",
        "target",
        "durationInMS",
        "allowedDeviation",
        "sustainTimeInMS",
        "consecutiveTimeMS",
    }
)
"""The fields in which a variable may stand."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")
_NUMBER = re.compile(r"-?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,4})?")


class VariableType(enum.StrEnum):
    """What a variable's value is."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared variable; ``value`` is its default, of its type."""

    name: str
    type: VariableType
    value: Value
    description: str = ""


class WrongType(ValueError):
    """A value does not fit its variable; the sentence says both."""


def declared(definition: Json) -> tuple[Variable, ...]:
    """The variables of a definition. Raises ``WorkflowInvalid``."""
    found = Findings()
    variables = _declared(definition, found)
    _refuse(found)
    return tuple(variables.values())


def bind(definition: Json, values: Mapping[str, object]) -> Json:
    """The definition with ``values``, else the defaults, in their places.

    Raises ``WorkflowInvalid``, too, for a value of no variable or of a wrong type.
    """
    if not (isinstance(definition, dict) and "variables" in definition) and not values:
        return definition
    found = Findings()
    variables = _declared(definition, found)
    bound: dict[str, Value] = {one.name: one.value for one in variables.values()}
    for name, value in values.items():
        try:
            bound[name] = value_of(variables, name, value)
        except WrongType as flaw:
            known = name in variables
            rule = Rule.INVALID_VARIABLE if known else Rule.UNKNOWN_VARIABLE
            found.add(rule, name, str(flaw))
    if not isinstance(definition, dict):
        _refuse(found)
        return definition
    filled = {
        name: _Places(bound, found).filled(value) if name == "elements" else value
        for name, value in definition.items()
        if name != "variables"
    }
    _refuse(found)
    return filled


def undeclared(definition: Json) -> tuple[Finding, ...]:
    """What looks like a variable in a definition that declares none at all.

    To a run it is a plain text; so this is for those who publish.
    """
    if not isinstance(definition, dict) or "variables" in definition:
        return ()
    found = Findings()
    _Places({}, found, only_places=True).filled(definition.get("elements"))
    return tuple(found.common)


def unused(definition: Json) -> tuple[str, ...]:
    """The variables of a definition that can be bound which stand nowhere in it."""
    values = {one.name: one.value for one in declared(definition)}
    if not values:
        return ()
    places = _Places(values, Findings())
    places.filled(definition.get("elements"))
    return tuple(name for name in values if name not in places.used)


def value_of(variables: Mapping[str, Variable], name: str, value: object) -> Value:
    """``value`` as the type of the variable ``name``. Raises ``WrongType``."""
    variable = variables.get(name)
    if variable is None:
        known = ", ".join(variables) or "none"
        raise WrongType(f"there is no variable {shown(name)}: there is {known}")
    return _typed(name, variable.type, value)


def _typed(name: str, kind: VariableType, value: object) -> Value:
    """A value of the type; texts are read as people write them: ``"30"``."""
    read, wanted = _READERS[kind]
    typed = read(value)
    if typed is None:
        raise WrongType(f"variable {name} must be {wanted}, not {shown(value)}")
    return typed


def _number(value: object) -> float | None:
    if isinstance(value, str):
        text = value.strip()
        written = _NUMBER.fullmatch(text)
        if written is None:
            return None
        value = float(text) if written[1] or written[2] else int(text)
    return value if is_number(value) else None


def _integer(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == int(number) else None


def _boolean(value: object) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _words(value: object) -> str | None:
    return value if is_text(value) else None


_READERS: dict[VariableType, tuple[Callable[[object], Value | None], str]] = {
    VariableType.NUMBER: (_number, "a number"),
    VariableType.INTEGER: (_integer, "a whole number"),
    VariableType.BOOLEAN: (_boolean, "true or false"),
    VariableType.TEXT: (_words, "a text that is not empty"),
}


def _declared(definition: Json, found: Findings) -> dict[str, Variable]:
    if not isinstance(definition, dict) or "variables" not in definition:
        return {}
    listed = definition["variables"]
    if not isinstance(listed, list):
        found.add(Rule.SCHEMA, None, f"variables must be a list, not {shown(listed)}")
        return {}
    if len(listed) > MAX_VARIABLES:
        found.add(Rule.TOO_LARGE, None, f"more than {MAX_VARIABLES} variables")
        return {}
    variables: dict[str, Variable] = {}
    for position, source in enumerate(listed):
        one = _variable(source, f"variables[{position}]", found)
        if one is None:
            continue
        if one.name in variables:
            problem = f"two variables have the name {one.name}"
            found.add(Rule.DUPLICATE_ID, one.name, problem)
        variables.setdefault(one.name, one)
    return variables


def _variable(source: object, where: str, found: Findings) -> Variable | None:
    if not isinstance(source, dict):
        problem = f"{where} must be an object, not {shown(source)}"
        found.add(Rule.SCHEMA, None, problem)
        return None
    fields = Fields(source, found, None, where)
    name, kind = fields.text("name"), fields.choice("type", VariableType)
    described = fields.raw("description")
    fields.raw("value")
    fields.close()
    if described is not None and not isinstance(described, str):
        fields.refuse("description must be a text", described)
    if name is None or kind is None:
        return None
    if not _NAME.fullmatch(name):
        problem = f"{where}: a name has letters, digits and _, not {shown(name)}"
        found.add(Rule.INVALID_VARIABLE, name, problem)
        return None
    try:
        typed = _default(name, kind, fields)
    except WrongType as flaw:
        found.add(Rule.INVALID_VARIABLE, name, str(flaw))
        typed = 0  # of some value, so that its places are not told as well
    return Variable(name, kind, typed, described if isinstance(described, str) else "")


def _default(name: str, kind: VariableType, fields: Fields) -> Value:
    if not fields.has("value"):
        raise WrongType(f"variable {name} has no value: give it its default")
    return _typed(name, kind, fields.raw("value"))


@dataclass(slots=True)
class _Places:
    """Goes through elements and puts values where variables stand."""

    values: Mapping[str, Value]
    found: Findings
    only_places: bool = False  # elsewhere it may be any text
    used: set[str] = field(default_factory=set)

    def filled(self, elements: Json) -> Json:
        if not isinstance(elements, list):
            return elements
        return [self._element(n, element) for n, element in enumerate(elements)]

    def _element(self, position: int, element: Json) -> Json:
        named = element.get("id") if isinstance(element, dict) else None
        shown_as = named if is_text(named) else None
        return self._inside(element, shown_as or f"elements[{position}]", shown_as, 0)

    def _inside(self, value: Json, where: str, element: str | None, depth: int) -> Json:
        if depth > MAX_DEPTH:
            return value  # refused by ``parse``
        if isinstance(value, list):
            return [self._inside(each, where, element, depth + 1) for each in value]
        if not isinstance(value, dict):
            return value
        return {
            name: self._text(inner, name, where, element)
            if isinstance(inner, str)
            else self._inside(inner, where, element, depth + 1)
            for name, inner in value.items()
        }

    def _text(self, text: str, place: str, where: str, element: str | None) -> Value:
        whole = _PLACEHOLDER.fullmatch(text)
        if whole is None:
            self._in_part(text, place, where, element)
            return text
        name = whole[1]
        if place not in PLACES:
            if not self.only_places:
                problem = f"{where}: a variable cannot stand for {place}"
                self.found.add(Rule.INVALID_VARIABLE, element, problem)
            return text
        if name in self.values:
            self.used.add(name)
            return self.values[name]
        problem = f"{where}: there is no variable {shown(name)}"
        self.found.add(Rule.UNKNOWN_VARIABLE, element, problem)
        return text

    def _in_part(self, text: str, place: str, where: str, element: str | None) -> None:
        """A variable that stands beside other text: its author expects too much."""
        for name in _PLACEHOLDER.findall(text):
            if name in self.values and place in PLACES:
                problem = f"{where}: {place} must be ${{{name}}} alone, or a plain text"
                self.found.add(Rule.INVALID_VARIABLE, element, problem)
                return


def _refuse(found: Findings) -> None:
    if found.common:
        raise WorkflowInvalid(tuple(found.common))
