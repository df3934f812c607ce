"""What conditions are worth."""

import pytest

from heddle.workflow.conditions import (
    Activations,
    Comparison,
    Condition,
    Facts,
    Group,
    Joint,
    Operand,
    Operator,
    Tag,
    Truth,
    Unknowable,
    is_trusted,
    judge,
)

READINGS = {"T": 37.0, "mode": "auto", "open": True}


def worth(condition: Condition) -> Truth:
    return judge(condition, Facts(READINGS, {"g": 2}))


def compare(left: Operand, operator: str, right: Operand, d: float = 0) -> Truth:
    return worth(
        Comparison(left=left, operator=Operator(operator), right=right, deviation=d)
    )


@pytest.mark.parametrize(
    ("operator", "right", "deviation", "truth"),
    [
        ("==", 37, 0, True),
        ("==", 37.2, 0.2, True),
        ("==", 37.3, 0.2, False),
        (">=", 37, 0, True),
        (">=", 37.2, 0.2, True),
        (">=", 37.3, 0.2, False),
        (">", 37, 0, False),
        (">", 37.2, 0.25, True),
        ("<", 37, 0, False),
        ("<", 36.8, 0.25, True),
        ("<=", 36.8, 0.2, True),
        ("<=", 36.7, 0.2, False),
    ],
)
def test_a_deviation_widens_a_comparison_towards_true(
    operator: str, right: float, deviation: float, truth: bool
) -> None:
    assert compare(Tag("T"), operator, right, deviation) is truth


def test_texts_compare_by_code_point_and_booleans_only_for_equality() -> None:
    assert compare(Tag("mode"), "==", "auto") is True
    assert compare(Tag("mode"), "<", "b") is True
    assert compare(Tag("mode"), "<=", "auto") is True
    assert compare(Tag("mode"), ">", "auto") is False
    assert compare(Tag("mode"), ">=", "b") is False
    assert compare(Tag("open"), "==", True) is True
    assert compare(Tag("open"), ">", False) is None


def test_values_of_different_kinds_are_unequal_and_have_no_order() -> None:
    assert compare(Tag("T"), "==", "37") is False
    assert compare(1, "==", True) is False
    assert compare(Tag("T"), "<", "37") is None


def test_an_unknown_tag_makes_a_comparison_unknown() -> None:
    assert compare(Tag("gone"), ">=", 0) is None
    assert compare(Unknowable(), "==", Unknowable()) is None


def test_activations_count_from_nothing() -> None:
    assert compare(Activations("g"), "==", 2) is True
    assert compare(Activations("other"), "==", 0) is True


YES: Condition = Comparison(left=1, operator=Operator.EQUAL, right=1)
NO: Condition = Comparison(left=1, operator=Operator.EQUAL, right=2)
UNKNOWN: Condition = Unknowable()


@pytest.mark.parametrize(
    ("joint", "members", "truth"),
    [
        ("AND", (YES, YES), True),
        ("AND", (YES, NO), False),
        ("AND", (UNKNOWN, NO), False),
        ("AND", (YES, UNKNOWN), None),
        ("OR", (NO, YES), True),
        ("OR", (UNKNOWN, YES), True),
        ("OR", (NO, NO), False),
        ("OR", (NO, UNKNOWN), None),
        ("OR", (), None),
        ("AND", (), None),
    ],
)
def test_groups_join_three_values(
    joint: str, members: tuple[Condition, ...], truth: Truth
) -> None:
    assert worth(Group(joint=Joint(joint), members=members)) is truth


def test_a_condition_may_be_an_operand() -> None:
    assert compare(YES, "==", True) is True
    assert compare(NO, "==", False) is True
    assert compare(UNKNOWN, "==", False) is None


def test_a_window_opens_holds_and_is_gone_when_broken() -> None:
    held = Comparison(
        left=Tag("T"), operator=Operator.GREATER, right=30, sustain_ms=10, key="w"
    )
    opened = Facts({"T": 31.0}, {}, at_ms=100)
    assert judge(held, opened) is False
    assert opened.kept == {"w": 110}

    waiting = Facts({"T": 31.0}, {}, at_ms=109, windows={"w": 110})
    assert judge(held, waiting) is False
    elapsed = Facts({"T": 31.0}, {}, at_ms=110, windows={"w": 110})
    assert judge(held, elapsed) is True

    broken = Facts({"T": 29.0}, {}, at_ms=111, windows={"w": 110})
    assert judge(held, broken) is False
    assert broken.kept == {}


def test_every_window_of_a_group_is_looked_at() -> None:
    members = tuple(
        Comparison(left=1, operator=Operator.EQUAL, right=1, sustain_ms=ms, key=str(ms))
        for ms in (5, 7)
    )
    facts = Facts({}, {}, at_ms=0)
    assert judge(Group(joint=Joint.AND, members=members), facts) is False
    assert facts.kept == {"5": 5, "7": 7}


def test_numbers_that_cannot_be_compared_are_not_trusted() -> None:
    assert not is_trusted(float("nan"))
    assert not is_trusted(float("inf"))
    assert not is_trusted(None)
    assert is_trusted(0)
    assert is_trusted(False)
    assert is_trusted("")
