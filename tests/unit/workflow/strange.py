"""Hypothesis strategies: any workflow ``step`` may ever be given, sensible or not."""

from hypothesis import strategies as st

from heddle.workflow.conditions import (
    UNKNOWABLE,
    Activations,
    Comparison,
    Condition,
    Group,
    Joint,
    Operator,
    Tag,
)
from heddle.workflow.definition import (
    Command,
    Dispatcher,
    DispatcherKind,
    Element,
    Gateway,
    GatewayKind,
    Link,
    Listener,
    ListenerKind,
    Phase,
    Workflow,
    assemble,
)

ids = st.sampled_from(["s", "a", "b", "c", "p", "q", "g", "h", "k", "end", "alert"])
operands = st.one_of(
    st.sampled_from([0, 1, 2, 30, True, "x", UNKNOWABLE, Tag("T"), Tag("U")]),
    st.builds(Activations, st.sampled_from("ghk")),
)
comparisons = st.builds(
    Comparison,
    left=operands,
    operator=st.sampled_from(Operator),
    right=operands,
    sustain_ms=st.sampled_from([0, 0, 5]),
    key=st.uuids().map(str),
)
conditions: st.SearchStrategy[Condition] = st.one_of(
    comparisons,
    st.builds(
        Group,
        joint=st.sampled_from(Joint),
        members=st.lists(comparisons, max_size=3).map(tuple),
        sustain_ms=st.sampled_from([0, 3]),
        key=st.uuids().map(str),
    ),
)


def any_listener(name: str) -> st.SearchStrategy[Listener]:
    return st.builds(
        Listener,
        id=st.just(name),
        kind=st.sampled_from(ListenerKind),
        phase=st.sampled_from([None, "p", "p", "q", "gone"]),
        interrupting=st.booleans(),
        duration_ms=st.sampled_from([0, 4, 9]),
        condition=conditions,
    )


def any_gateway(name: str) -> st.SearchStrategy[Gateway]:
    return st.builds(
        Gateway,
        id=st.just(name),
        kind=st.sampled_from(GatewayKind),
        condition=conditions,
        if_true=st.sampled_from([None, "0", "1", "2"]),
        if_false=st.sampled_from([None, "3", "4", "5"]),
    )


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    """Any workflow ``step`` may ever be given, sensible or not."""
    elements: list[Element] = [
        Listener(id="s", kind=ListenerKind.START),
        Phase(id="p", commands=(Command("c1"), Command("c1"))),
        Phase(id="q"),
        Dispatcher(id="end", kind=DispatcherKind.END),
        Dispatcher(id="alert", kind=DispatcherKind.ALERT),
    ]
    elements += [draw(any_listener(name)) for name in "abc"]
    elements += [draw(any_gateway(name)) for name in "ghk"]
    ends = draw(st.lists(st.tuples(st.sampled_from("sabcghk"), ids), max_size=14))
    links = [Link(id="f", source="s", target="p")]
    links += [Link(id=str(n), source=a, target=b) for n, (a, b) in enumerate(ends)]
    return assemble("w", "1", elements, links)
