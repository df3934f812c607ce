"""Both versions understand each other's messages: the contract only grows.

The previous version's is read from its own code. A field may come and must have a
default then; none may go, change its type, or become required; no role may lose what it
was allowed; no word may leave a list of words.
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import ROOT

_TELL = """
import json
from heddle.contract import ERRORS, PROCEDURES, TOPICS
from heddle.contract.reference import json_schema
print(json.dumps({
    "procedures": {
        each.uri: {
            "request": each.request.__name__, "reply": each.reply.__name__,
            "scope": each.scope, "by": each.served_by, "for": sorted(each.called_by),
            "errors": sorted(error.uri for error in each.raises),
        } for each in PROCEDURES
    },
    "topics": {
        each.uri: {
            "event": each.event.__name__, "scope": each.scope,
            "by": each.published_by, "for": sorted(each.subscribed_by),
        } for each in TOPICS
    },
    "errors": sorted(error.uri for error in ERRORS),
    "messages": json_schema()["$defs"],
}))
"""
_OF_PEOPLE = ("title", "description", "default")

NEW_WORDS: dict[tuple[str, str], str] = {}
"""Words that came to a list since: why a receiver that does not know one never gets it,
by message and word."""


@cache
def contract(root: Path) -> dict[str, Any]:
    """What the source tree in ``root`` declares."""
    done = subprocess.run(
        [sys.executable, "-c", _TELL],
        check=True,
        capture_output=True,
        text=True,
        cwd=root,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def both(previous: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The previous version's contract, and ours."""
    return contract(previous), contract(ROOT)


def shape(schema: Any) -> Any:
    """A type without what is told to people."""
    if isinstance(schema, dict):
        return {k: shape(v) for k, v in schema.items() if k not in _OF_PEOPLE}
    return [shape(one) for one in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("kind", ["procedures", "topics"])
def test_what_could_be_used_can_be_used(both: Any, kind: str) -> None:
    old, new = (each[kind] for each in both)
    assert len(old) > 5
    for uri, was in old.items():
        now = new.get(uri)
        assert now is not None, f"{uri} is gone"
        assert set(was["for"]) <= set(now["for"]), uri
        same = ("request", "reply", "event", "scope", "by")
        assert {k: was.get(k) for k in same} == {k: now.get(k) for k in same}, uri
        new_errors = set(now.get("errors", ())) - set(was.get("errors", ()))
        assert new_errors <= set(both[0]["errors"]), f"{uri} fails in new ways"


def test_errors_keep_their_names(both: Any) -> None:
    assert set(both[0]["errors"]) <= set(both[1]["errors"])


def test_messages_fit_both_ways(both: Any) -> None:
    old, new = (each["messages"] for each in both)
    assert len(old) > 100
    for name, was in old.items():
        now = new.get(name)
        assert now is not None, f"{name} is gone"
        assert set(was.get("enum", ())) <= set(now.get("enum", ())), name
        for word in set(now.get("enum", ())) - set(was.get("enum", ())):
            assert (name, str(word)) in NEW_WORDS, f"{name} has the new word {word}"
        there, here = was.get("properties", {}), now.get("properties", {})
        assert set(there) <= set(here), f"{name} lost fields"
        assert set(now.get("required", ())) <= set(was.get("required", ())), (
            f"{name}: fields became required"
        )
        for field, kind in there.items():
            assert shape(kind) == shape(here[field]), f"{name}.{field} changed"
