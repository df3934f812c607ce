"""The rules, each by its name and with the element's id, in each mode."""

import pytest

from heddle.workflow.findings import Mode
from heddle.workflow.parse import findings, parse
from tests.unit.workflow.drawing import (
    Json,
    approval,
    condition,
    document,
    end,
    flows,
    gateway,
    phase,
    start,
    switch,
    timer,
    turns,
)

BASE = [
    start(),
    phase("p"),
    approval("a", "p"),
    end(),
    *flows("start > p", "a > end"),
]
BOTH, COMPAT, STRICT = {"compat", "strict"}, {"compat"}, {"strict"}


def flow(element: str, source: str, target: str) -> Json:
    return {"id": element, "elementType": "FLOW", "srcId": source, "destId": target}


def without(*ids: str) -> list[Json]:
    return [element for element in BASE if element["id"] not in ids]


@pytest.mark.parametrize(
    ("elements", "rule", "element", "modes"),
    [
        (
            [*without("start", "start>p"), approval("b"), *flows("b > p")],
            "INCORRECT_AMOUNT_OF_START_EVENT_LISTENERS",
            None,
            BOTH,
        ),
        (
            [*BASE, start("s2"), *flows("s2 > p")],
            "INCORRECT_AMOUNT_OF_START_EVENT_LISTENERS",
            "s2",
            BOTH,
        ),
        ([start(), end(), *flows("start > end")], "NO_PHASES", None, BOTH),
        (without("end", "a>end"), "NO_END_EVENT_DISPATCHER", None, BOTH),
        ([*BASE, phase("q")], "UNREACHABLE_PHASE", "q", BOTH),
        ([*BASE, end("e2")], "UNREACHABLE_END_EVENT_DISPATCHER", "e2", BOTH),
        ([*BASE, phase("q"), *flows("p > q")], "FORBIDDEN_CONNECTION", "p>q", BOTH),
        ([*BASE, *flows("end > p")], "FORBIDDEN_CONNECTION", "end>p", BOTH),
        (
            [*BASE, gateway("g", "OR"), *flows("g > g")],
            "FORBIDDEN_CONNECTION",
            "g>g",
            BOTH,
        ),
        (
            [*BASE, approval("b"), timer("t"), *flows("b > t > p")],
            "FORBIDDEN_CONNECTION",
            "b>t",
            COMPAT,
        ),
        (
            [*BASE, flow("f", "start", "end")],
            "INCORRECT_AMOUNT_OF_OUTGOING_FLOWS",
            "start",
            BOTH,
        ),
        (
            [*BASE, gateway("g", "OR", trueFlowId="f")],
            "INCORRECT_ELEMENT_TYPE",
            "g",
            BOTH,
        ),
        ([*BASE, approval("b", "a")], "INCORRECT_ELEMENT_TYPE", "b", STRICT),
        (
            [*BASE, condition("c", "p", turns("p", "<", 3))],
            "INCORRECT_ELEMENT_TYPE",
            "c",
            STRICT,
        ),
        ([*BASE, approval("b", "nowhere")], "UNKNOWN_ELEMENT", "b", STRICT),
        (
            [*BASE, condition("c", "p", turns("gone", "<", 3))],
            "UNKNOWN_ELEMENT",
            "c",
            STRICT,
        ),
        (
            [*BASE, approval("b"), *flows("b > gone")],
            "UNKNOWN_ELEMENT",
            "b>gone",
            STRICT,
        ),
        ([*BASE, *flows("gone > p")], "UNKNOWN_ELEMENT", "gone>p", STRICT),
        ([*BASE, approval("a", "p")], "DUPLICATE_ID", "a", STRICT),
    ],
)
def test_a_broken_rule_is_named(
    elements: list[Json], rule: str, element: str | None, modes: set[str]
) -> None:
    broken = {
        mode.value
        for mode in Mode
        if [(x.rule.value, x.element) for x in findings(document(elements), mode)]
        == [(rule, element)]
    }
    assert broken == modes
    if modes != BOTH:
        assert (
            findings(document(elements), *(m for m in Mode if m.value not in modes))
            == ()
        )
        parse(document(elements))


def test_branches_must_exist_and_leave_their_gateway() -> None:
    compared = turns("g", "<", 2)
    nulls = gateway("g", "CONDITIONAL", condition=compared, trueFlowId=None)
    foreign = {**switch("g", compared, "p", "end"), "falseFlowId": "start>p"}
    for drawn in (nulls, foreign):
        whole = document(BASE, drawn, flows("g > p", "g > end"))
        assert findings(whole, Mode.COMPAT) == ()
        broken = findings(whole)
        assert {(x.rule.value, x.element) for x in broken} == {("MISSING_BRANCH", "g")}
        assert len(broken) == (2 if drawn is nulls else 1)


def test_an_and_gateway_nobody_feeds_passes_compat() -> None:
    assert findings(document(BASE, gateway("g", "AND")), Mode.COMPAT) == ()
