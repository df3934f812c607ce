"""A workflow as bytes from anywhere: what any JSON reader would read alike, or refused.

Readers differ in what they make of bytes that are not UTF-8 and of a key that appears
twice in one object (most keep the last value, silently). A workflow that means
different things to different readers has no meaning.
"""

import json
from collections import Counter
from typing import Any

from heddle.workflow.findings import Finding, Rule, WorkflowInvalid, shown
from heddle.workflow.parse import MAX_BYTES, decode


class KeyTwice(ValueError):
    """An object has ``key`` twice."""

    def __init__(self, key: str) -> None:
        super().__init__(f"an object has the key {shown(key)} more than once")
        self.key = key


def read_document(raw: bytes) -> object:
    """The decoded JSON document; raises ``WorkflowInvalid`` and nothing else."""
    if len(raw) > MAX_BYTES:
        decode(raw)  # refuses it
    try:
        text = raw.decode()
    except UnicodeDecodeError as flaw:
        raise _refused(f"not UTF-8: {flaw.reason} (byte {flaw.start})") from None
    document = decode(text)
    key = duplicate_key(text)
    if key is not None:
        raise _refused(f"an object has the key {shown(key)} more than once")
    return document


def duplicate_key(text: str) -> str | None:
    """A key that appears twice in one object of a text that is JSON."""
    try:
        json.loads(text, object_pairs_hook=unambiguous, parse_int=str, parse_float=str)
    except KeyTwice as twice:
        return twice.key
    except RecursionError:
        problem = "the JSON is nested too deeply"
        raise WorkflowInvalid((Finding(Rule.TOO_LARGE, None, problem),)) from None
    return None


def unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For ``json.loads``: the object of these pairs, if no key appears twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        times = Counter(key for key, _ in pairs)
        raise KeyTwice(next(key for key, n in times.items() if n > 1))
    return made


def _refused(problem: str) -> WorkflowInvalid:
    return WorkflowInvalid((Finding(Rule.SCHEMA, None, problem),))
