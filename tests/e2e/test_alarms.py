"""Alarms as an operator meets them: by the command line, on a real device's values."""

import json
from pathlib import Path
from typing import Any

from tests.support.stack import RunningStack, eventually

TOML = """
[[rules]]
alarm = "warm"
tag = "temperature"
kind = "hi"
limit = {limit}
severity = "high"
text = "Open the cooling valve."
"""


def temperature(stack: RunningStack) -> float:
    def stored() -> float | None:
        values = stack.ask("telemetry", "latest", "--tag", "temperature")["values"]
        return values[0]["value"] if values else None

    return float(eventually(stored, "a stored temperature"))


def set_limit(stack: RunningStack, folder: Path, limit: float) -> None:
    file = folder / "rules.toml"
    file.write_text(TOML.format(limit=limit))
    assert stack.cli("alarm", "set", str(file)).code == 0


def listed(stack: RunningStack) -> dict[str, Any]:
    return {x["alarm"]: x for x in stack.ask("alarm", "list")["alarms"]}


def test_an_alarm_from_its_rule_to_its_end(stack, tmp_path) -> None:  # type: ignore[no-untyped-def]
    now = temperature(stack)
    set_limit(stack, tmp_path, now - 50)
    report = eventually(lambda: listed(stack).get("warm"), "the alarm is up")
    assert (report["state"], report["severity"]) == ("unacknowledged", 700)
    assert report["text"] == "Open the cooling valve."

    done = stack.ask("alarm", "ack", "warm", "--comment", "seen")
    assert [x["after"] for x in done["transitions"]] == ["acknowledged"]
    again = listed(stack)["warm"]
    assert (again["state"], again["comment"]) == ("acknowledged", "seen")
    refused = stack.cli("alarm", "ack", "warm")
    assert refused.code == 1
    assert "alarm warm is acknowledged: there is nothing to acknowledge" in refused.err

    assert "shelved" in stack.cli("alarm", "shelve", "warm", "--for", "1h").out
    assert stack.cli("alarm", "unshelve").out.startswith("warm: unshelved")
    set_limit(stack, tmp_path, now + 500)
    eventually(lambda: listed(stack)["warm"]["state"] == "returned", "it returned")
    stack.ask("alarm", "ack")
    assert "warm" not in listed(stack)

    causes = [
        x["transition"]["cause"]
        for x in stack.ask("alarm", "journal", "--alarm", "warm")["entries"]
    ]
    assert causes.count("raised") == 1
    assert causes[0] == "acknowledged"
    assert stack.ask("alarm", "kpis", "--since", "1h")["annunciated"] >= 2
    for table in ("journal", "kpis", "rules", "list"):
        assert stack.cli("alarm", table).code == 0
    assert stack.cli("alarm", "remove", "warm").out == "1 rules removed\n"


def test_a_file_of_rules_is_refused_whole(stack, tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "rules.json"
    rules = [
        {"device": "d", "alarm": "a", "tag": "t", "kind": "hi"},
        {"device": "d", "alarm": "b", "tag": "t", "kind": "stale", "after_ms": 0},
    ]
    file.write_text(json.dumps({"rules": rules}))
    refused = stack.cli("alarm", "set", str(file))
    assert refused.code == 1
    assert "a: limit is missing; b: after_ms must be a whole number" in refused.err
    file.write_text(json.dumps({"rules": [{"alarm": "a", "limits": 3}]}))
    refused = stack.cli("alarm", "set", str(file))
    assert "rules[0]: limits: no such field" in refused.err
    assert "none" in stack.cli("alarm", "rules").out
