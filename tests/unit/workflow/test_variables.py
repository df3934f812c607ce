"""Variables: declared with types and defaults, bound where values stand."""

from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from heddle.workflow import soundness
from heddle.workflow.conditions import Comparison
from heddle.workflow.findings import Mode, WorkflowInvalid
from heddle.workflow.parse import decode, parse
from heddle.workflow.schema import workflow_schema
from heddle.workflow.variables import (
    Variable,
    VariableType,
    bind,
    declared,
    undeclared,
    unused,
)
from tests.unit.workflow.drawing import (
    EXAMPLE,
    SENSOR,
    Json,
    condition,
    document,
    end,
    flows,
    phase,
    start,
    timer,
)
from tests.unit.workflow.test_parse import json_values, mangle

NUMBER = {"name": "threshold", "type": "number", "value": "30"}  # as in EdgeFlow 002
WAIT = {"name": "wait_ms", "type": "integer", "value": 5000}
STIR = {"name": "stir", "type": "boolean", "value": "True"}
WORDS = {"name": "mode", "type": "text", "value": "gentle"}
ALL = [NUMBER, WAIT, STIR, WORDS]


def drawn(threshold: Any, wait: Any, stir: Any, mode: Any) -> Json:
    """A workflow with a value at every place at which a variable may stand."""
    when = {
        "left": SENSOR,
        "operator": ">=",
        "right": threshold,
        "options": {"sustainTimeInMS": wait, "allowedDeviation": threshold},
    }
    grouped = {"operator": "AND", "conditions": [when, {**when, "options": {}}]}
    return document(
        start(),
        phase("p", ("stirrer", stir), ("mode", mode)),
        condition("hot", "p", grouped),
        timer("late", "p", ms=wait),
        end(),
        flows("start > p", "hot > end", "late > end"),
    )


PLACES = drawn("${threshold}", "${wait_ms}", "${stir}", "${mode}")


def with_variables(*variables: Any, **more: Any) -> Json:
    return {**PLACES, **more, "variables": list(variables)}


def found_in(definition: Any, values: dict[str, Any] | None = None) -> list[Any]:
    with pytest.raises(WorkflowInvalid) as refused:
        bind(definition, values or {})
    return [(one.rule, one.element, one.message) for one in refused.value.findings]


def test_values_as_people_write_them_become_what_their_type_says() -> None:
    assert declared(with_variables(*ALL)) == (
        Variable("threshold", VariableType.NUMBER, 30),
        Variable("wait_ms", VariableType.INTEGER, 5000),
        Variable("stir", VariableType.BOOLEAN, True),
        Variable("mode", VariableType.TEXT, "gentle"),
    )


def test_what_is_bound_is_what_its_author_could_have_written() -> None:
    before = with_variables(*ALL)
    kept = deepcopy(before)
    assert bind(before, {}) == drawn(30, 5000, True, "gentle")
    assert before == kept
    given_ = {"threshold": 37.5, "wait_ms": "10", "stir": "false", "mode": "wild"}
    assert bind(before, given_) == drawn(37.5, 10, False, "wild")
    found = parse(bind(before, given_)).listeners
    assert found["late"].duration_ms == 10
    assert (
        found["hot"].condition
        == parse(drawn(37.5, 10, False, "wild")).listeners["hot"].condition
    )


def test_a_definition_that_declares_none_is_given_back_as_it_is() -> None:
    example = decode(EXAMPLE.read_bytes())
    assert bind(example, {}) is example
    assert bind(PLACES, {}) is PLACES  # recorded as plain texts, they stay that
    assert [one.rule for one in undeclared(PLACES)] == ["UNKNOWN_VARIABLE"] * 7
    assert undeclared(with_variables(*ALL)) == ()
    assert bind({**example, "variables": []}, {}) == example


@given(json_values)
def test_anything_else_is_bound_as_it_is(value: Any) -> None:
    if not (isinstance(value, dict) and "variables" in value):
        assert bind(value, {}) is value


@given(st.data())
def test_nothing_but_findings_comes_of_mangled_variables(data: st.DataObject) -> None:
    mangled = mangle(with_variables(*ALL), data)
    for mode in Mode:
        soundness.check(mangled, mode)
    with suppress(WorkflowInvalid):
        bound = bind(mangled, {})
        assert not isinstance(bound, dict) or "variables" not in bound


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("number", "warm", "a number, not 'warm'"),
        ("number", True, "a number, not True"),
        ("number", "nan", "a number, not 'nan'"),
        ("number", "1_000", "a number, not '1_000'"),
        ("number", "9" * 17, "a number, not '99999999999999999'"),
        ("number", "1e999", "a number, not '1e999'"),
        ("number", None, "a number, not None"),
        ("integer", 1.5, "a whole number, not 1.5"),
        ("integer", "1.5", "a whole number, not '1.5'"),
        ("boolean", 1, "true or false, not 1"),
        ("boolean", "yes", "true or false, not 'yes'"),
        ("text", 30, "a text that is not empty, not 30"),
        ("text", "", "a text that is not empty, not ''"),
        ("text", "\ud800", r"a text that is not empty, not '\ud800'"),
    ],
)
def test_a_value_of_another_type_is_told(kind: str, value: Any, wanted: str) -> None:
    default = {"number": 1, "integer": 1, "boolean": True, "text": "x"}[kind]
    sentence = f"variable v must be {wanted}"
    for variable, values in (
        ({"name": "v", "type": kind, "value": value}, {}),
        ({"name": "v", "type": kind, "value": default}, {"v": value}),
    ):
        definition = {"id": "x", "variables": [variable], "elements": []}
        assert found_in(definition, values) == [("INVALID_VARIABLE", "v", sentence)]


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert bind(with_variables(*ALL), {"wait_ms": "20.0"}) == drawn(
        30,
        20,
        True,
        "gentle",
    )


@pytest.mark.parametrize(
    ("variables", "finding"),
    [
        ([NUMBER, *ALL], ("DUPLICATE_ID", "threshold", "two variables have the name")),
        ([*ALL, {**WAIT, "name": "a b"}], ("INVALID_VARIABLE", "a b", "letters")),
        ([*ALL, {"name": "x", "type": "number"}], ("INVALID_VARIABLE", "x", "default")),
        ([*ALL, {**WAIT, "name": "x", "type": "date"}], ("SCHEMA", None, "type must")),
        ([*ALL, {**WAIT, "name": "x", "extra": 1}], ("SCHEMA", None, "unknown field")),
        ([*ALL, "x"], ("SCHEMA", None, "variables[4] must be an object")),
        ([{**WAIT, "name": f"x{n}"} for n in range(1001)], ("TOO_LARGE", None, "more")),
    ],
)
def test_a_broken_declaration_is_told(
    variables: list[Any], finding: tuple[str, str | None, str]
) -> None:
    rule, element, message = finding
    first = found_in(with_variables(*variables))[0]
    assert first[:2] == (rule, element)
    assert message in first[2]


def test_a_place_without_its_variable_is_told_by_the_element() -> None:
    assert found_in(with_variables(NUMBER, STIR, WORDS)) == [
        ("UNKNOWN_VARIABLE", "hot", "hot: there is no variable 'wait_ms'"),
        ("UNKNOWN_VARIABLE", "late", "late: there is no variable 'wait_ms'"),
    ]
    assert found_in(with_variables(*ALL), {"speed": 3}) == [
        (
            "UNKNOWN_VARIABLE",
            "speed",
            "there is no variable 'speed': there is threshold, wait_ms, stir, mode",
        )
    ]


def test_a_variable_stands_alone_and_only_for_values() -> None:
    elements = [*PLACES["elements"], phase("${mode}", ("pump", "at ${threshold} %"))]
    assert found_in(with_variables(*ALL, elements=elements)) == [
        ("INVALID_VARIABLE", "${mode}", "${mode}: a variable cannot stand for id"),
        (
            "INVALID_VARIABLE",
            "${mode}",
            "${mode}: target must be ${threshold} alone, or a plain text",
        ),
    ]


def test_unused_variables_are_named() -> None:
    assert unused(with_variables(*ALL)) == ()
    idle = {"name": "idle", "type": "number", "value": 1}
    assert unused(with_variables(*ALL, idle)) == ("idle",)
    assert unused(PLACES) == ()


def test_strict_mode_checks_with_the_defaults_and_upstream_knows_no_variables() -> None:
    definition = with_variables(*ALL)
    assert soundness.check(definition).findings == ()
    (unknown,) = {
        x.message
        for x in soundness.check(definition, Mode.COMPAT).findings
        if "variables" in x.message
    }
    assert unknown == "workflow: unknown field 'variables'"
    negative = [NUMBER, {**WAIT, "value": -1}, STIR, WORDS]
    found = soundness.check(with_variables(*negative)).findings
    assert ("SCHEMA", "late") in [(one.rule, one.element) for one in found]
    undefined = soundness.check(PLACES).findings
    assert ("UNKNOWN_VARIABLE", "late") in [(x.rule, x.element) for x in undefined]


def test_the_published_schema_knows_variables() -> None:
    validator = Draft202012Validator(workflow_schema())
    assert validator.is_valid(with_variables(*ALL))
    assert not validator.is_valid(with_variables({**NUMBER, "type": "date"}))
    assert not validator.is_valid(with_variables({**WORDS, "value": 3}))


def test_a_bound_condition_compares_with_the_value() -> None:
    workflow = parse(bind(with_variables(*ALL), {"threshold": 12}))
    parts = workflow.listeners["hot"].condition
    first = parts.members[0]  # type: ignore[union-attr]
    assert isinstance(first, Comparison)
    assert (first.right, first.deviation, first.sustain_ms) == (12, 12, 5000)
