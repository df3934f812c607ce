"""Text a device sends, checked: what PostgreSQL can hold and a person can read."""

import re
from typing import Any

import msgspec

from heddle.contract.declare import InvalidRequest

MAX_TAG, MAX_UNIT, MAX_WORD = 200, 64, 200
MAX_DEPTH = 64  # of lists and maps in JSON
_NUL = re.compile(
    rb"(?<!\\)(?:\\\\)*\\u0000"
)  # PostgreSQL's text has no such character


def check_word(name: str, word: str, most: int, least: int = 1) -> str:
    """``word``, if it is printable text of a fitting length."""
    if not (least <= len(word) <= most and word.isprintable()):
        raise InvalidRequest(
            f"{name} is {word[:50]!r}: use {least} to {most} printable characters"
        )
    return word


def check_text(name: str, text: str, most_bytes: int) -> int:
    """How many bytes ``text`` has, if it may be stored."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as flaw:
        raise InvalidRequest(f"{name} is no text: {flaw.reason}") from None
    if size > most_bytes:
        raise InvalidRequest(f"{name} has {size} bytes: use at most {most_bytes}")
    if "\0" in text:
        raise InvalidRequest(f"{name} holds the character U+0000: leave it out")
    return size


def check_json_text(name: str, text: str) -> None:
    """That ``text`` is JSON."""
    try:
        held = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as flaw:
        raise InvalidRequest(f"{name} is no JSON: {flaw}") from None
    if _is_deep(held):
        raise InvalidRequest(f"{name} is nested more than {MAX_DEPTH} levels deep")
    if _NUL.search(text.encode()):
        raise InvalidRequest(f"{name} holds the character U+0000: leave it out")


def as_json(name: str, held: object) -> str:
    """``held`` as JSON."""
    if _is_deep(held):
        raise InvalidRequest(f"{name} is nested more than {MAX_DEPTH} levels deep")
    try:
        text = msgspec.json.encode(held)
    except (TypeError, ValueError) as flaw:
        raise InvalidRequest(f"{name} is no JSON: {flaw}") from None
    if _NUL.search(text):
        raise InvalidRequest(f"{name} holds the character U+0000: leave it out")
    return text.decode()


def _is_deep(held: object) -> bool:
    """Whether lists and maps are nested too deep; by levels, whatever they hold."""
    level: list[Any] = [held]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list | tuple)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list | tuple)
        ]
        if not level:
            return False
    return True
