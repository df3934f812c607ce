"""Every state of small fleets' deployments: what always holds, and the diagram."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from heddle.rollout.inputs import (
    Approve,
    Cancel,
    Input,
    Pause,
    Resume,
    RollBack,
    Start,
    Tick,
)
from heddle.rollout.spec import Strategy
from heddle.rollout.state import TERMINAL, Deployment, Status, TargetStatus
from heddle.rollout.summary import is_terminal
from tests.unit.rollout.guarantees import Broken, check, decode
from tests.unit.rollout.walking import Edge, small, walk

PAGE = Path(__file__).parents[3] / "docs/explanation/rollouts.md"
VARIANTS: dict[str, dict[str, object]] = {
    "plain": {},
    "no rollback": {"auto_rollback": False},
    "catch up": {"catch_up": True},
    "no check": {"health_check": False},
    "joining": {"dynamic": True, "needs_approval": True, "retries": 1},
}


WAITING = {Status.PENDING, Status.PAUSED}  # for people
BY_ITSELF = {
    Status.RUNNING: "its time has come",
    Status.ROLLING_BACK: "too many failed",
    Status.COMPLETED: "every target ended",
    Status.FAILED: "too many failed and no auto_rollback",
    Status.ROLLED_BACK: "all were heard of or timed out",
    Status.CANCELLED: "all were heard of or timed out",
}


@cache
def of_one(strategy: Strategy, variant: str) -> tuple[Edge, ...]:
    return tuple(
        walk(small(strategy, **VARIANTS[variant]), 1, every=variant != "joining")
    )


@cache
def of_two(strategy: Strategy) -> tuple[Edge, ...]:
    settings: dict[str, object] = {"catch_up": True}
    if strategy is Strategy.BLUE_GREEN:  # has states enough
        settings = {"health_check": False, "timeout_ms": 8, "switch_delay_ms": 2}
    spec = small(strategy, max_in_flight=1, failure_percent=50.0, **settings)
    return tuple(walk(spec, 2, every=False))


def checked(edges: Iterator[Edge] | tuple[Edge, ...]) -> list[Edge]:
    known = []
    for edge in edges:
        try:
            check(edge.before, edge.given, edge.taken)
        except Broken as broken:
            pytest.fail(f"{broken}\n{edge.before}\n{edge.given}\n{edge.taken}")
        if edge.source != edge.target:
            known.append(edge)
    return known


def assert_it_ends_by_itself(edges: list[Edge]) -> None:
    """From every state of a deployment that runs, time alone leads to an end."""
    ticks = {x.source: x.target for x in edges if isinstance(x.given, Tick)}
    ends = set[bytes]()
    for source in ticks:
        met, at = set[bytes](), source
        while at in ticks and at not in ends:
            assert at not in met, decode(at)
            met.add(at)
            at = ticks[at]
        if at not in ends:
            state = decode(at)
            assert is_terminal(state) or state.status in WAITING, state
        ends |= met


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("strategy", Strategy)
def test_one_device(strategy: Strategy, variant: str) -> None:
    edges = checked(of_one(strategy, variant))
    assert len(edges) > 200
    assert_it_ends_by_itself(edges)


@pytest.mark.parametrize("strategy", Strategy)
def test_two_devices(strategy: Strategy) -> None:
    assert_it_ends_by_itself(checked(of_two(strategy)))


@pytest.mark.parametrize("strategy", Strategy)
def test_three_devices(strategy: Strategy) -> None:
    spec = small(strategy, health_check=False, failure_percent=34.0)
    if strategy is Strategy.BLUE_GREEN:
        spec = replace(spec, timeout_ms=8, switch_delay_ms=2)
    edges = checked(walk(spec, 3, every=False, people=False))
    assert_it_ends_by_itself(edges)


# --- the diagram ---


def why(given: Input, before: Deployment, after: Deployment) -> str:
    """What an arrow is named by: the command, or what led to it by itself."""
    if isinstance(given, Start | Approve | Pause | Resume | Cancel | RollBack):
        return type(given).__name__
    way = before.status, after.status
    if way == (Status.ROLLING_BACK, Status.FAILED):
        return "one cannot go back"
    return BY_ITSELF[after.status]


def every_edge() -> Iterator[Edge]:
    for strategy in Strategy:
        for variant in VARIANTS:
            yield from of_one(strategy, variant)
    yield from of_two(Strategy.ALL_AT_ONCE)


@cache
def ways() -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for edge in every_edge():
        before, after = edge.before, edge.taken.state
        if before.status is not after.status:
            way = (str(before.status), str(after.status))
            found.setdefault(way, set()).add(why(edge.given, before, after))
    return found


def diagram() -> str:
    """All ways from status to status, as Mermaid draws them."""
    lines = ["stateDiagram-v2", "    [*] --> pending"]
    order = [str(x) for x in Status]
    for before, after in sorted(ways(), key=lambda x: [order.index(y) for y in x]):
        named = ", ".join(sorted(ways()[before, after]))
        lines.append(f"    {before} --> {after}: {named}")
    lines += [f"    {x} --> [*]" for x in order if Status(x) in TERMINAL]
    return "\n".join(lines)


def of_targets() -> str:
    """All ways from status to status of a target."""
    found = set[tuple[TargetStatus, TargetStatus]]()
    for edge in every_edge():
        for device, was in edge.before.targets.items():
            now = edge.taken.state.targets[device]
            if was.status is not now.status:
                found.add((was.status, now.status))
    order = list(TargetStatus)
    ways = sorted(found, key=lambda x: [order.index(y) for y in x])
    lines = ["stateDiagram-v2", "    [*] --> pending"]
    return "\n".join([*lines, *(f"    {x} --> {y}" for x, y in ways)])


def test_every_status_is_reached() -> None:
    assert {y for _, y in ways()} == {str(x) for x in Status} - {"pending"}


def test_the_manual_shows_the_diagrams() -> None:
    page = PAGE.read_text()
    assert f"```mermaid\n{diagram()}\n```" in page, diagram()
    assert f"```mermaid\n{of_targets()}\n```" in page, of_targets()
