"""The stages of a flow's life: which change is refused in which, and the way out."""

from itertools import product

import pytest

from heddle.contract.declare import FleetError, InvalidRequest
from heddle.contract.lifecycle import (
    FlowArchived,
    FlowChanged,
    FlowInUse,
    FlowPublished,
    FlowStage,
)
from services.backend.flows.doubts import NOT_PROVED, UNUSED_VARIABLE
from services.backend.flows.proofs import prove
from services.backend.flows.rules import (
    Standing,
    check_delete,
    check_not_archived,
    check_save,
)
from services.backend.flows.text import check_description, check_labels, equal, flaws
from services.backend.pages import PAGE_BYTES, fitting
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


@pytest.mark.parametrize(
    ("standing", "stage"),
    [
        (Standing("f", 0, 0), FlowStage.DRAFT),
        (Standing("f", 1, 1), FlowStage.DRAFT),
        (Standing("f", 2, 1, released=1), FlowStage.PUBLISHED),
        (Standing("f", 3, 2, released=1), FlowStage.DRAFT),
        (Standing("f", 3, 1, released=1, archived=True), FlowStage.ARCHIVED),
        (Standing("f", 2, 1, archived=True), FlowStage.ARCHIVED),
    ],
)
def test_the_stage_follows_from_versions_and_releases(
    standing: Standing, stage: FlowStage
) -> None:
    assert standing.stage is stage


def refused_save(standing: Standing, **asked: object) -> type[FleetError] | None:
    defaults = {"new_version": True, "revise": False, "if_revision": None}
    try:
        check_save(standing, **defaults | asked)  # type: ignore[arg-type]
    except FleetError as refused:
        return type(refused)
    return None


def test_every_save_is_judged_by_the_same_three_questions() -> None:
    for archived, published, news, revise, fits in product((False, True), repeat=5):
        standing = Standing("f", 7, 2, 2 if published else 1, archived)
        wanted: type[FleetError] | None = None
        if archived:
            wanted = FlowArchived
        elif not fits:
            wanted = FlowChanged
        elif published and news and not revise:
            wanted = FlowPublished
        asked = {"new_version": news, "revise": revise, "if_revision": 7 if fits else 6}
        assert refused_save(standing, **asked) is wanted, (standing, asked)


def test_refusals_tell_the_way_out() -> None:
    with pytest.raises(FlowPublished, match="`heddle flow edit f`"):
        check_save(
            Standing("f", 2, 1, 1), new_version=True, revise=False, if_revision=None
        )
    with pytest.raises(FlowChanged, match="at revision 2, not 1") as changed:
        check_save(Standing("f", 2, 1), new_version=True, revise=False, if_revision=1)
    assert changed.value.details == {"revision": 2}
    with pytest.raises(FlowArchived, match="cannot be deployed: restore it first"):
        check_not_archived(Standing("f", 2, 1, archived=True), "deployed")
    with pytest.raises(FlowInUse, match="archive it instead"):
        check_delete(Standing("f", 2, 2, released=1), None)
    with pytest.raises(FlowChanged):
        check_delete(Standing("f", 2, 1), 1)
    check_delete(Standing("f", 2, 1), 2)


def test_labels_are_kept_once_each() -> None:
    assert check_labels(["b", "a", "b"]) == ["b", "a"]
    for label in (" ", "", "x" * 101, "a\nb"):
        with pytest.raises(InvalidRequest, match=r"label"):
            check_labels([label])
    with pytest.raises(InvalidRequest, match="at most 50 labels"):
        check_labels([str(n) for n in range(51)])


def test_a_description_has_lines_but_nothing_that_does_not_print() -> None:
    assert check_description("one\n\ttwo") == "one\n\ttwo"
    for text in ("a\x00b", "x" * 4001, "\x1b[2J"):
        with pytest.raises(InvalidRequest, match="4000 printable characters"):
            check_description(text)


def test_workflows_are_equal_in_whatever_order_of_keys_but_not_of_elements() -> None:
    one = document(start(), end())
    assert equal(one, dict(reversed(one.items())))
    assert not equal(one, document(end(), start()))


def test_an_unfinished_workflow_is_told_all_that_is_to_be_done() -> None:
    rules = {one.rule for one in flaws(document(start()))}
    assert {"NO_PHASES", "NO_END_EVENT_DISPATCHER"} <= rules
    broken = {"id": "x", "variables": [{}], "elements": []}
    assert {one.rule for one in flaws(broken)} == {"SCHEMA"}
    assert flaws({"nodes": [], "connections": []})  # EdgeFlow 002's own form


SOUND = document(
    start(), phase("p"), approval("a", "p"), end(), flows("start > p", "a > end")
)


def test_what_is_unsound_keeps_a_workflow_from_being_published() -> None:
    assert prove(SOUND).errors == ()
    stuck = {**SOUND, "elements": SOUND["elements"][:-1]}
    assert {one.rule for one in prove(stuck).errors} >= {
        "UNREACHABLE_END_EVENT_DISPATCHER"
    }
    (dead,) = prove(
        document(
            start(),
            phase("p"),
            approval("a", "p"),
            phase("q"),
            approval("b", "p"),
            end(),
            flows("start > p", "a > q", "b > end"),
        )
    ).errors
    assert (dead.rule, dead.element) == ("DEAD_END", "q")


def test_what_is_in_doubt_is_told_apart_as_warnings() -> None:
    idle = {"name": "idle", "type": "number", "value": 1}
    proof = prove({**SOUND, "variables": [idle]})
    assert proof.errors == ()
    assert [(one.rule, one.element) for one in proof.warnings] == [
        (UNUSED_VARIABLE, "idle")
    ]
    proof = prove(
        document(
            start(),
            gateway("split", "OR"),
            gateway("join", "AND"),
            end(),
            flows("start > split", "join > end"),
            *(
                [
                    phase(b),
                    timer(f"{b}t", b),
                    approval(f"{b}a", b),
                    phase(f"{b}x"),
                    approval(f"{b}y", f"{b}x"),
                    gateway(f"{b}g", "OR"),
                    *flows(
                        f"split > {b}",
                        f"{b}t > {b}g > join",
                        f"{b}a > {b}x",
                        f"{b}y > {b}g",
                    ),
                ]
                for b in "abcdefghij"
            ),
        )
    )
    assert proof.errors == ()
    assert {one.rule for one in proof.warnings} == {NOT_PROVED}
    assert "states were walked" in proof.warnings[0].message


def test_a_list_ends_where_a_message_is_full() -> None:
    assert fitting(["x" * (PAGE_BYTES // 3)] * 9) == ("x" * (PAGE_BYTES // 3),) * 2
    assert fitting(["x" * (2 * PAGE_BYTES)]) == ("x" * (2 * PAGE_BYTES),)
    assert fitting([]) == ()
