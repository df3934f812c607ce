"""Alarms as an operator meets them: by the command line, on a real device's values."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.stack import RunningStack, eventually, heddle

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


class Receiver(ThreadingHTTPServer):
    """A web server that keeps what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.posts: list[tuple[str | None, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.headers["Authorization"], json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody wants to know."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_targets_are_told_of_alarms(stack, tmp_path, receiver) -> None:  # type: ignore[no-untyped-def]
    set_ = ("alarm", "notices", "set", "hook", "--url", receiver.url)
    data = ("--data", str(stack.data))
    done = heddle(*set_, "--secret-file", "-", *data, stdin="s3cret\n")
    assert done.code == 0, done.err
    assert "hook" in done.out
    assert "s3cret" not in stack.cli("alarm", "notices", "list", "--json").out
    assert stack.cli("alarm", "notices", "test", "hook").out == "hook has taken it\n"
    assert [(who, x["test"]) for who, x in receiver.posts] == [("Bearer s3cret", True)]
    (listed_,) = stack.ask(*set_, "--min-severity", "high", "--cleared")["targets"]
    assert (listed_["has_secret"], listed_["target"]["cleared"]) == (True, True)

    set_limit(stack, tmp_path, temperature(stack) - 50)
    eventually(lambda: len(receiver.posts) > 1, "the notice of the alarm")
    who, told = receiver.posts[1]
    assert (who, told["text"]) == ("Bearer s3cret", "Open the cooling valve.")
    stack.cli("alarm", "remove", "warm")

    refused = stack.cli("alarm", "notices", "set", "post", "--mail", "ann@plant.org")
    assert (refused.code, "no mail server is set" in refused.err) == (1, True)
    refused = stack.cli("alarm", "notices", "remove", "hook", "boss")
    assert (refused.code, "no target boss" in refused.err) == (1, True)
    assert stack.cli("alarm", "notices", "remove", "hook").out == "none\n"
