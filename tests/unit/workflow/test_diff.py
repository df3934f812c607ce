"""What changed between two definitions: by id, with the fields as dotted paths."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from heddle.workflow.diff import Change, What, diff
from tests.unit.workflow.drawing import (
    approval,
    document,
    end,
    flows,
    gateway,
    phase,
    start,
    timer,
)
from tests.unit.workflow.test_parse import WHOLE, json_values, mangle

BEFORE = document(
    start(),
    phase("heat", ("heater", 37), ("stirrer", 100)),
    timer("late", "heat", ms=10),
    end(),
    flows("start > heat", "late > end"),
)


def changed(*elements: Any, **more: Any) -> Any:
    return {**BEFORE, "elements": list(elements), **more}


def test_equal_definitions_differ_in_nothing_whatever_the_order_of_keys() -> None:
    turned = json.loads(json.dumps(BEFORE, sort_keys=True))
    assert diff(BEFORE, turned) == ()
    assert diff(BEFORE, dict(reversed(turned.items()))) == ()


def test_each_part_is_told_by_its_id_and_its_kind() -> None:
    begin, heat, late, finish, to_heat, to_end = BEFORE["elements"]
    hotter = phase("heat", ("heater", 38), ("stirrer", 100))
    after = changed(
        begin, hotter, approval("ok", "heat"), gateway("any", "OR"), finish, to_heat
    )
    assert diff(BEFORE, after) == (
        Change(
            What.CHANGED,
            "phase",
            "heat",
            ("commands.0.data.targets.0.target",),
            heat,
            hotter,
        ),
        Change(What.ADDED, "listener", "ok", after=approval("ok", "heat")),
        Change(What.ADDED, "gateway", "any", after=gateway("any", "OR")),
        Change(What.REMOVED, "listener", "late", before=late),
        Change(What.REMOVED, "link", to_end["id"], before=to_end),
    )


def test_variables_are_told_by_their_names() -> None:
    threshold = {"name": "threshold", "type": "number", "value": "30"}
    higher = {**threshold, "value": "35"}
    wait = {"name": "wait", "type": "integer", "value": 3}
    before = {**BEFORE, "variables": [threshold]}
    assert diff(BEFORE, before) == (
        Change(What.ADDED, "variable", "threshold", after=threshold),
    )
    assert diff(before, {**BEFORE, "variables": [wait, higher]}) == (
        Change(What.ADDED, "variable", "wait", after=wait),
        Change(What.CHANGED, "variable", "threshold", ("value",), threshold, higher),
    )


def test_what_is_said_of_the_whole_is_told_as_a_field() -> None:
    newer = {**BEFORE, "version": "2", "nodes": []}
    del newer["id"]
    assert diff(BEFORE, newer) == (
        Change(What.CHANGED, "field", "version", ("version",), BEFORE["version"], "2"),
        Change(What.ADDED, "field", "nodes", after=[]),
        Change(What.REMOVED, "field", "id", before=BEFORE["id"]),
    )


def test_another_order_is_a_change_for_listeners_listen_in_it() -> None:
    begin, heat, late, *rest = BEFORE["elements"]
    (only,) = diff(BEFORE, changed(begin, late, heat, *rest))
    assert (only.kind, only.id, only.fields) == ("field", "elements", ("order",))
    assert only.after[:3] == ["start", "late", "heat"]


def test_true_is_not_one_and_a_longer_list_is_told_by_its_places() -> None:
    before = changed(phase("p", ("pump", True)))
    after = changed(phase("p", ("pump", 1), ("valve", 2)))
    (only,) = diff(before, after)
    assert only.fields == (
        "commands.0.data.targets.0.target",
        "commands.0.data.targets.1",
    )


def test_parts_without_ids_or_with_equal_ones_are_told_by_their_places() -> None:
    before = changed({"elementType": "PHASE"}, start(), start())
    assert diff(before, changed({"elementType": "PHASE"}, start(), end("start"))) == (
        Change(
            What.CHANGED,
            "dispatcher",
            "elements[2]",
            ("elementType", "type"),
            start(),
            end("start"),
        ),
    )


@given(st.data())
def test_a_change_is_found_wherever_it_is(data: st.DataObject) -> None:
    mangled = mangle(WHOLE, data)
    if not isinstance(mangled, dict):
        return
    same = json.dumps(mangled, sort_keys=True) == json.dumps(WHOLE, sort_keys=True)
    assert (diff(WHOLE, mangled) == ()) == same
    assert (diff(mangled, WHOLE) == ()) == same
    assert diff(mangled, mangled) == ()


@given(st.dictionaries(st.sampled_from(["elements", "variables", "x"]), json_values))
def test_anything_can_be_compared(document: Any) -> None:
    assert diff(document, document) == ()
    assert bool(diff({}, document)) == bool(document) or document.keys() <= {
        "elements",
        "variables",
    }
