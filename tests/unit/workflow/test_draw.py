"""Mermaid text of a workflow."""

from heddle.workflow.conditions import UNKNOWABLE, Comparison, Operator, Tag
from heddle.workflow.draw import draw
from heddle.workflow.parse import parse
from heddle.workflow.wording import lasting, worded
from tests.unit.workflow.drawing import (
    after,
    alert,
    approval,
    condition,
    document,
    drawn,
    end,
    flows,
    hot,
    loop,
    phase,
    start,
)


def test_a_loop_is_drawn() -> None:
    assert (
        draw(loop(3, ms=1_500))
        == """\
flowchart TD
  n0(["start<br/>START"])
  n1["p<br/>node = 1"]
  n2(["t<br/>after 1 s 500 ms"])
  n3{"again<br/>activations of again #lt; 2"}
  n4(("end<br/>END"))
  n1 -.- n2
  n0 --> n1
  n2 --> n3
  n3 -->|yes| n1
  n3 -->|no| n4
"""
    )


def test_a_run_is_lit() -> None:
    flow = loop(3, ms=5)
    assert draw(flow, after(flow).run).endswith(
        "  classDef active stroke-width:4px\n  class n1,n2 active\n"
    )


def test_what_an_author_writes_cannot_leave_its_label() -> None:
    flow = drawn(
        start('x"] --> y["<b>'),
        phase("p"),
        approval("a", "p"),
        end(),
        alert(),
        condition("c", "p"),
        flows("a > end", "c > alert"),
        [{"id": "f", "elementType": "FLOW", "srcId": 'x"] --> y["<b>', "destId": "p"}],
    )
    assert '(["x#quot;] --#gt; y[#quot;#lt;b#gt;<br/>START"])' in draw(flow)


def test_a_link_to_nowhere_is_not_drawn() -> None:
    broken = document(
        start(),
        phase("p"),
        approval("a", "p"),
        end(),
        approval("b"),
        flows("start > p", "a > end", "b > gone"),
    )
    assert draw(parse(broken)).count("-->") == 2


def test_conditions_in_words() -> None:
    comparison = Comparison(
        left=Tag("T"), operator=Operator.LESS, right="a", deviation=0.5, sustain_ms=20
    )
    assert worded(comparison) == "T < 'a' ±0.5 for 20 ms"
    assert worded(UNKNOWABLE) == "unknown"
    both = drawn(
        start(),
        phase("p"),
        end(),
        flows("start > p", "c > end"),
        condition("c", "p", {"operator": "AND", "conditions": [hot(), hot(True)]}),
    )
    assert worded(both.listeners["c"].condition) == "(T >= 37) AND (T >= true)"


def test_durations_in_words() -> None:
    assert lasting(0) == "0 s"
    assert lasting(100_000) == "1 min 40 s"
    assert lasting(3_600_001) == "1 h 1 ms"
