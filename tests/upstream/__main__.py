"""``python -m tests.upstream CHECKOUT``: is ``compat`` upstream's own verdict?

CHECKOUT is a working tree of github.com/ospin-web-dev/process-core with its ``npm
install`` done. Random workflows go through both; a difference is printed with its
workflow, and the exit code is 1. What we decided to read otherwise is filled in before
upstream sees it (docs/reference/workflow-language.md): an absent ``phaseId`` is null,
and an absent id of a condition is made up. Where upstream trips over itself (a flow
from or to nothing, two flows of one id, no elements at all) its verdict does not count.
"""

import argparse
import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from heddle.workflow.findings import Mode
from heddle.workflow.parse import findings
from tests.upstream.drawing import Json, drawn

SCRIPT = Path(__file__).with_name("verdicts.js")
RULES = {
    "SCHEMA": "SCHEMA",
    "IncorrectAmountOfStartEventListenersError": (
        "INCORRECT_AMOUNT_OF_START_EVENT_LISTENERS"
    ),
    "NoPhasesError": "NO_PHASES",
    "NoEndEventDispatcherError": "NO_END_EVENT_DISPATCHER",
    "UnreachablePhaseError": "UNREACHABLE_PHASE",
    "UnreachableEndEventDispatcherError": "UNREACHABLE_END_EVENT_DISPATCHER",
    "ForbiddenConnectionError": "FORBIDDEN_CONNECTION",
    "IncorrectAmountOfOutgoingFlowsError": "INCORRECT_AMOUNT_OF_OUTGOING_FLOWS",
}
FORM = frozenset({"SCHEMA", "INCORRECT_ELEMENT_TYPE", "TOO_LARGE"})
"""What upstream finds by its schema."""
TRIPPED = "TypeError"


def normalised(node: Any) -> Any:
    """The same document with what we take for given where it is absent."""
    if isinstance(node, list):
        return [normalised(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {key: normalised(value) for key, value in node.items()}
    if made.get("elementType") == "EVENT_LISTENER":
        made.setdefault("phaseId", None)
    if "operator" in made and ("left" in made or "conditions" in made):
        made.setdefault("id", "made_up")
    return made


def upstream(checkout: Path, workflows: list[Json]) -> Iterator[frozenset[str]]:
    """The rules each workflow breaks."""
    lines = "".join(json.dumps(normalised(one)) + "\n" for one in workflows)
    told = subprocess.run(
        ["node", str(SCRIPT), str(checkout.resolve())],
        input=lines,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    for line in told.splitlines():
        yield frozenset(json.loads(line))


def ours(workflow: Json) -> frozenset[str]:
    """The rules it breaks by our reading."""
    found = findings(copy.deepcopy(workflow), Mode.COMPAT)
    return frozenset(str(one.rule) for one in found)


def is_ambiguous(workflow: Json) -> bool:
    """Whether two elements share an id: upstream then finds one or the other."""
    elements = workflow.get("elements")
    named = [
        str(one.get("id"))
        for one in (elements if isinstance(elements, list) else [])
        if isinstance(one, dict)
    ]
    return len(named) != len(set(named))


def differs(theirs: frozenset[str], found: frozenset[str]) -> bool:
    """Whether the verdicts differ. Upstream names the first rule, we name all."""
    if "SCHEMA" in theirs:
        return not found & FORM
    return not {RULES[one] for one in theirs} <= found or bool(found) != bool(theirs)


def main() -> int:
    """Compare, tell the differences, and count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--workflows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    random = Random(asked.seed)  # noqa: S311 -- repeatable
    counts = {"same": 0, "different": 0, "not comparable": 0}
    for _ in range(0, asked.workflows, 10_000):
        workflows = [drawn(random) for _ in range(min(10_000, asked.workflows))]
        for workflow, theirs in zip(
            workflows, upstream(asked.checkout, workflows), strict=True
        ):
            found = ours(workflow)
            if TRIPPED in theirs or is_ambiguous(workflow):
                counts["not comparable"] += 1
            elif differs(theirs, found):
                counts["different"] += 1
                print(f"upstream {sorted(theirs)}, ours {sorted(found)}:")
                print(json.dumps(workflow))
            else:
                counts["same"] += 1
        print(json.dumps({"seed": asked.seed, **counts}), file=sys.stderr)
    return 1 if counts["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
