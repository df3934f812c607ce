"""Files that nobody in their right mind would write: each is refused in a sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heddle.cli.alarm_rules import BadRulesFile, listed_rules
from heddle.cli.dashboards import BadDashboardFile, read_dashboard
from heddle.cli.flows_edit import BadFlowFile, read_definition
from heddle.contract.declare import FleetError
from tests.unit.cli.offline import flow

DEEP = '{"elements":' + "[" * 200_000 + "]" * 200_000 + "}"
LONG = '{"elements":[], "n":' + "9" * 100_000 + "}"
MANY = json.dumps({"elements": [{"id": f"e{n}"} for n in range(100_000)]})
FILES = {
    "deep": DEEP,
    "unclosed": "[" * 500_000,
    "long number": LONG,
    "far exponent": '{"elements":[], "n":1e999999999}',
    "many elements": MANY,
    "key twice": '{"elements":[], "elements":[]}',
    "half a pair": '{"id":"\\ud800","elements":[]}',
    "no text": "\0" * 1000,
}


def read_rules(file: Path) -> object:
    return listed_rules(file)


def read_panels(file: Path) -> object:
    return read_dashboard(file, "one", force=False)


READERS: list[tuple[Callable[[Path], Any], type[FleetError]]] = [
    (read_definition, BadFlowFile),
    (read_rules, BadRulesFile),
    (read_panels, BadDashboardFile),
]


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_workflow_is_judged_without_a_traceback(tmp_path: Path, text: str) -> None:
    file = tmp_path / "flow.json"
    file.write_text(text)
    for command in ("check", "draw", "simulate"):
        answer = flow(command, file)
        assert answer.exit_code in (1, 2), (command, answer.output[:200])
        assert isinstance(answer.exception, SystemExit), (command, answer.exception)
        assert len(answer.output) < 20_000


@pytest.mark.parametrize("text", [DEEP, LONG, "[" * 500_000], ids=["deep", "n", "open"])
@pytest.mark.parametrize(("read", "refusal"), READERS)
def test_files_of_all_kinds_are_refused_in_a_sentence(
    tmp_path: Path,
    text: str,
    read: Callable[[Path], Any],
    refusal: type[FleetError],
) -> None:
    file = tmp_path / "given.json"
    file.write_text(text)
    with pytest.raises(refusal) as caught:
        read(file)
    assert str(file) in str(caught.value)
    assert len(str(caught.value)) < 1_000
