"""Whole workflows to begin with: the examples, the soak's plays, and both shapes."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from tests.soak.plays import plays
from tests.unit.workflow.drawing import (
    condition,
    document,
    end,
    flows,
    gateway,
    hot,
    parallel,
    phase,
    start,
    timer,
    turns,
)

EXAMPLES = Path(__file__).parents[2] / "examples/flows"


@cache
def corpus() -> tuple[bytes, ...]:
    """JSON texts; each workflow in the shape it was written in, and in the other."""
    found = [msgspec.json.decode(f.read_bytes()) for f in sorted(EXAMPLES.glob("*"))]
    found += [play.definition for play in plays()]
    found += [parallel(), _grouped(), {"id": "w", "elements": []}]
    found += [upstream(one) for one in found]
    return tuple(msgspec.json.encode(one) for one in found)


def upstream(source: Any) -> Any:
    """The same in the upstream library's shape: wrapped sources, named conditions."""
    if isinstance(source, list):
        return [upstream(one) for one in source]
    if not isinstance(source, dict):
        return source
    if source.get("type") in ("SENSOR_DATA", "GATEWAY") and "data" in source:
        return {"dataSource": source}
    made = {key: upstream(value) for key, value in source.items()}
    if "operator" in made and "left" in made:
        made["id"] = "condition_0"
    if "sustainTimeInMS" in made:
        made["consecutiveTimeMS"] = made.pop("sustainTimeInMS")
    return made


def _grouped() -> Any:
    left = {"left": hot(), "operator": "OR", "right": hot(50, allowedDeviation=1)}
    joint = {"operator": "AND", "conditions": [left, turns("again", "<", 5), hot(1)]}
    return document(
        start(),
        phase("p"),
        condition("c", "p", {**joint, "options": {"sustainTimeInMS": 4}}),
        timer("limit", ms=20),
        gateway("again", "OR"),
        phase("q", ("node", True), ("other", "text")),
        timer("t", "q", 3),
        end(),
        flows("start > again > p", "c > q", "t > again", "limit > end"),
    )
