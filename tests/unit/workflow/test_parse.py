"""Two shapes, one model, every flaw at once, and no crash on anything."""

import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.workflow.conditions import (
    UNKNOWABLE,
    Activations,
    Comparison,
    Group,
    Joint,
    Operator,
    Tag,
)
from heddle.workflow.definition import Command, Gateway
from heddle.workflow.findings import MAX_FINDINGS, Finding, Mode, Rule, WorkflowInvalid
from heddle.workflow.parse import (
    MAX_BYTES,
    MAX_ELEMENTS,
    decode,
    findings,
    parse,
    parse_json,
)
from tests.unit.workflow.drawing import (
    SENSOR,
    Json,
    approval,
    condition,
    document,
    end,
    flows,
    gateway,
    hot,
    listener,
    one_phase,
    phase,
    start,
    switch,
    timer,
    turns,
)

WRAPPED = {"dataSource": SENSOR}


def around(*elements: Json) -> Json:
    """A flawless document, with more elements."""
    return document(
        start(),
        phase("p"),
        approval("a", "p"),
        end(),
        flows("start > p", "a > end"),
        list(elements),
    )


def rules(found: tuple[Finding, ...]) -> list[tuple[str, str | None]]:
    return [(finding.rule.value, finding.element) for finding in found]


def of_condition(when: Json) -> Any:
    return one_phase(condition("c", "p", when)).listeners["c"].condition


def test_both_shapes_of_a_comparison_are_one() -> None:
    seed = {"left": SENSOR, "operator": ">=", "right": 37}
    upstream = {"left": WRAPPED, "operator": ">=", "right": 37, "id": "condition_0"}
    expected = Comparison(left=Tag("T"), operator=Operator.GREATER_OR_EQUAL, right=37)
    assert of_condition(seed) == of_condition(upstream) == expected


def test_both_shapes_of_a_group_are_one() -> None:
    cold = {"left": SENSOR, "operator": "<", "right": 20}
    seed = {"left": hot(), "operator": "OR", "right": cold}
    upstream = {"operator": "OR", "conditions": [hot(), cold]}
    group = of_condition(seed)
    assert group == of_condition(upstream)
    assert isinstance(group, Group)
    assert (group.joint, len(group.members)) == (Joint.OR, 2)


@pytest.mark.parametrize("name", ["sustainTimeInMS", "consecutiveTimeMS"])
def test_the_sustain_option_has_an_old_name(name: str) -> None:
    held = of_condition(hot(37, **{name: 1500.5, "allowedDeviation": 0.2}))
    assert (held.sustain_ms, held.deviation, held.key) == (1501, 0.2, "c#1")


def test_windows_are_numbered_within_their_listener() -> None:
    members = [hot(sustainTimeInMS=1), hot(), hot(sustainTimeInMS=2)]
    when = {"operator": "AND", "conditions": members, "options": {"sustainTimeInMS": 3}}
    flow = one_phase(condition("c", "p", when))
    assert flow.listeners["c"].windows == ("c#1", "c#2", "c#3")


def test_what_is_absent_gets_upstreams_default() -> None:
    bare: Json = {"id": "x", "elementType": "EVENT_LISTENER", "type": "TIMER"}
    flow = parse(around(bare))
    drawn = flow.listeners["x"]
    assert (drawn.phase, drawn.interrupting, drawn.duration_ms) == (None, True, 0)
    assert parse({**around(), "id": "x"}).version == "1"
    assert parse({k: v for k, v in around().items() if k != "version"}).version == "1.0"


def test_commands_are_read_and_may_be_empty() -> None:
    commands = [
        {"id": "c", "type": "SET_TARGETS"},
        {"id": "d", "type": "SET_TARGETS", "data": {}},
    ]
    flow = parse(
        around(
            {"id": "q", "elementType": "PHASE", "commands": commands},
            approval("z"),
            *flows("z > q"),
        )
    )
    assert flow.phases["q"].commands == (Command("c"), Command("d"))


@pytest.mark.parametrize(
    "broken",
    [
        {"id": "x", "elementType": "PHASE", "colour": "red"},
        {"id": "x", "elementType": "THING"},
        {"id": "x"},
        {"id": "", "elementType": "PHASE"},
        {"id": 7, "elementType": "PHASE"},
        {"elementType": "PHASE"},
        {"id": "x", "elementType": "PHASE", "commands": {}},
        {"id": "x", "elementType": "PHASE", "commands": [{"id": "c"}]},
        {"id": "x", "elementType": "PHASE", "commands": ["set"]},
        {"id": "x", "elementType": "FLOW", "srcId": "a"},
        listener("x", "WHISTLE"),
        timer("x", ms=-1),
        timer("x", ms=1.5),  # type: ignore[arg-type]
        timer("x", ms=2**53),
        timer("x", ms="9"),  # type: ignore[arg-type]
        timer("x", interrupting="yes"),
        timer("x", phaseId=3),
        timer("x", phaseId=""),
        condition("x", when=[]),  # type: ignore[arg-type]
        condition("x", when={"left": 1, "operator": "=="}),
        condition("x", when={"left": 1, "right": 1, "conditions": []}),
        condition("x", when={"left": 1, "right": 1, "operator": 3}),
        condition("x", when={"left": [1], "right": 1, "operator": "=="}),
        condition("x", when={"left": 2**60, "right": 1, "operator": "=="}),
        condition("x", when={"left": "", "right": 1, "operator": "=="}),
        condition("x", when={"left": {"type": "MOON"}, "right": 1, "operator": "=="}),
        condition("x", when={"left": {"type": "SENSOR_DATA"}, "right": 1}),
        condition("x", when={"left": {**WRAPPED, "x": 1}, "right": 1}),
        condition("x", when={**hot(), "options": 5}),
        condition("x", when={**hot(), "extra": 5}),
        gateway("x", "XOR"),
        gateway("x", "OR", condition=None),
        gateway("x", "CONDITIONAL", condition=None),
        condition("x", when=None),
        gateway("x", "CONDITIONAL", trueFlowId=5),
        "element",
        None,
    ],
)
def test_a_broken_form_is_a_schema_finding_in_both_modes(broken: Any) -> None:
    with pytest.raises(WorkflowInvalid) as refused:
        parse(around(broken))
    named = broken.get("id") if isinstance(broken, dict) else None
    expected = named if isinstance(named, str) and named else None
    assert (Rule.SCHEMA, expected) in {
        (finding.rule, finding.element) for finding in refused.value.findings
    }
    for mode in Mode:
        assert Rule.SCHEMA in {found.rule for found in findings(around(broken), mode)}


@pytest.mark.parametrize(
    "lenient",
    [
        listener("x", "CONDITION"),
        condition("x", when={}),
        condition("x", when={"left": 1, "operator": "~", "right": 2}),
        condition("x", when={"left": 1, "operator": None, "right": 2}),
        condition("x", when={"left": None, "operator": "==", "right": 2}),
        condition("x", when={"operator": "AND", "conditions": []}),
        condition(
            "x", when={"left": {"type": "GATEWAY"}, "operator": "==", "right": 2}
        ),
        condition("x", when=hot(sustainTimeInMS="long")),
        condition("x", when=hot(allowedDeviation=-1)),
        condition("x", when=hot(sustainTime=5)),
    ],
)
def test_what_upstream_lets_pass_is_incomplete_in_strict_mode(lenient: Json) -> None:
    assert findings(around(lenient), Mode.COMPAT) == ()
    strict = findings(around(lenient), Mode.STRICT)
    assert rules(strict) == [("INCOMPLETE_CONDITION", "x")]
    parse(around(lenient))


def test_an_empty_condition_is_unknowable() -> None:
    flow = parse(around(gateway("g", "CONDITIONAL")))
    assert flow.elements["g"] == Gateway(
        id="g",
        kind=flow.elements["g"].kind,
        condition=UNKNOWABLE,  # type: ignore[union-attr]
    )


def test_a_setpoint_without_target_is_incomplete_in_strict_mode() -> None:
    command = {
        "id": "c",
        "type": "SET_TARGETS",
        "data": {"targets": [{"inputNodeId": "n"}]},
    }
    drawn = around(
        {"id": "q", "elementType": "PHASE", "commands": [command]},
        approval("z"),
        *flows("z > q"),
    )
    assert findings(drawn, Mode.COMPAT) == ()
    assert rules(findings(drawn)) == [("INCOMPLETE_COMMAND", "q")]


def test_all_flaws_are_found_at_once() -> None:
    found = findings(
        document(
            timer("t1", ms=-1),
            phase("lost"),
            {"id": "p", "elementType": "PHASE", "commands": 5},
        ),
        Mode.COMPAT,
    )
    assert rules(found) == [
        ("SCHEMA", "t1"),
        ("SCHEMA", "p"),
        ("INCORRECT_AMOUNT_OF_START_EVENT_LISTENERS", None),
        ("NO_END_EVENT_DISPATCHER", None),
        ("UNREACHABLE_PHASE", "lost"),
        ("UNREACHABLE_PHASE", "p"),
    ]


def test_gateway_activations_are_read_in_both_shapes() -> None:
    counted = turns("g", "<", 3)
    wrapped = {**counted, "left": {"dataSource": counted["left"]}}
    for when in (counted, wrapped):
        assert of_condition(when).left == Activations("g")


@pytest.mark.parametrize(
    "text", [b"", b"{", b"nope", b"\xff\xfe", b"[" * 100_000, "\ud800", b"[NaN]"]
)
def test_what_is_not_json_is_refused(text: bytes | str) -> None:
    with pytest.raises(WorkflowInvalid, match=r"JSON"):
        parse_json(text)


def test_sizes_and_depths_are_limited() -> None:
    with pytest.raises(WorkflowInvalid, match="larger than"):
        decode(b" " * (MAX_BYTES + 1))
    many = {"id": "x", "elements": [phase("p")] * (MAX_ELEMENTS + 1)}
    assert rules(findings(many)) == [("TOO_LARGE", None)]
    deep: Json = hot()
    for _ in range(5_000):
        deep = {"left": deep, "operator": "==", "right": True}
    assert rules(findings(around(condition("x", when=deep)), Mode.COMPAT)) == [
        ("TOO_LARGE", "x")
    ]
    flood = {"id": "x", "elements": [None] * (MAX_FINDINGS + 1)}
    assert len(findings(flood)) == MAX_FINDINGS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
WHOLE = document(
    start(),
    phase("p", ("node", 1)),
    condition("c", "p", {"operator": "AND", "conditions": [hot(), hot()]}),
    timer("t", "p"),
    switch("g", turns("g", "<", 2), "p", "end"),
    end(),
    flows("start > p", "c > g > p", "g > end", "t > end"),
)


@settings(deadline=None)
@given(st.data())
def test_nothing_but_findings_comes_of_a_mangled_workflow(data: st.DataObject) -> None:
    mangled = mangle(WHOLE, data)
    for mode in Mode:
        assert all(isinstance(x, Finding) for x in findings(mangled, mode))
    with suppress(WorkflowInvalid):
        parse(mangled)


def mangle(value: Any, data: st.DataObject) -> Any:
    """One place anywhere in the document is replaced."""
    if (
        not isinstance(value, dict | list)
        or not value
        or data.draw(st.integers(0, 3)) == 0
    ):
        return data.draw(json_values)
    if isinstance(value, list):
        at = data.draw(st.integers(0, len(value) - 1))
        return [*value[:at], mangle(value[at], data), *value[at + 1 :]]
    key = data.draw(st.sampled_from(sorted(value)))
    return {**value, key: mangle(value[key], data)}


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(WorkflowInvalid, match="not UTF-8"):
        decode(b'["\xff"]')


def test_nesting_is_limited_whatever_pythons_recursion_limit() -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)  # as a library of Crossbar's does
    try:
        for opening in (b"[", b'{"a":', b'["\\"[",'):
            with pytest.raises(WorkflowInvalid, match="too deeply"):
                decode(opening * 500_000)
    finally:
        sys.setrecursionlimit(before)


def test_brackets_in_texts_do_not_nest() -> None:
    assert decode('["' + "[" * 1000 + '", "\\"{"]') == ["[" * 1000, '"{']
