"""What is in a message: a value, and perhaps its time.

A plain payload is one word in UTF-8: a number, a word for true or false, or the text.
In JSON the value lies at a path: ``data.temperature``, ``readings.0.value``, or with
slashes where names have dots, ``/data/temp.inlet``. What does not fit the tag's type is
malformed: nothing is guessed.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from edge_agent.drivers.driver import Value
from heddle.contract.devices import TagType

MAX_BYTES = 262_144
MAX_INTEGER = 2**63 - 1
SHOWN = 60  # characters of what is wrong
LATEST_MS = 253_402_300_799_000  # the year 9999

TRUE = frozenset({"true", "on", "yes", "1"})
FALSE = frozenset({"false", "off", "no", "0"})

_NUMBER = re.compile(r"[+-]?(\d{1,400}\.?\d{0,400}|\.\d{1,400})([eE][+-]?\d{1,4})?")
_FRACTION = re.compile(r"[.eE]")

Path = tuple[str, ...]


class Malformed(Exception):
    """The payload has no value for the tag; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a tag's value is found in a payload, and written into one."""

    type: TagType
    json: bool = False
    path: Path = ()
    time_path: Path | None = None
    true_word: str = "true"
    false_word: str = "false"


def path_of(text: str) -> Path:
    """The parts of a path as the tag file writes it."""
    if not text:
        return ()
    return tuple(text[1:].split("/")) if text[0] == "/" else tuple(text.split("."))


def decoded(payload: bytes, form: Form) -> tuple[Value, int | None]:
    """The value and its own time in microseconds. Raises ``Malformed``."""
    if len(payload) > MAX_BYTES:
        raise Malformed(f"it has {len(payload)} bytes; {MAX_BYTES} are the most")
    if not form.json:
        return _word(_text(payload), form), None
    try:
        whole = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed(f"it is no JSON: {_shown(payload)}") from None
    value = typed(_at(whole, form.path), form)
    if form.time_path is None:
        return value, None
    return value, _time_us(_at(whole, form.time_path))


def encoded(template: str, value: Value, key: str, form: Form) -> bytes:
    """The template with ``{value}`` and ``{key}`` filled in."""
    if is_json(template):
        value_word, key_word = (
            msgspec.json.encode(each).decode() for each in (value, key)
        )
    else:
        value_word, key_word = _plain(value, form), key
    before, _, after = template.partition("{value}")
    filled = [part.replace("{key}", key_word) for part in (before, after)]
    return value_word.join(filled).encode()


def is_json(template: str) -> bool:
    """Whether it is an object or a list once it is filled in. Raises ``Malformed`` for
    one that begins like an object but is none.
    """
    filled = template.replace("{value}", "0").replace("{key}", '""')
    try:
        return isinstance(msgspec.json.decode(filled), dict | list)
    except msgspec.DecodeError as flaw:
        if filled.lstrip()[:1] in ("{", "["):
            raise Malformed(f"it begins like JSON, but is none: {flaw}") from None
        return False


def _word(text: str, form: Form) -> Value:
    match form.type:
        case TagType.TEXT:
            return text
        case TagType.JSON:
            return _json_text(_parsed(text))
        case TagType.BOOLEAN:
            return _truth(text.strip(), form)
        case TagType.INTEGER:
            return _integer(_number(text))
        case TagType.FLOAT:
            return _number(text)


def typed(found: object, form: Form) -> Value:
    """What was found as the tag's type. null is known to be unknown."""
    if found is None:
        return None
    match form.type:
        case TagType.TEXT:
            return found if isinstance(found, str) else _json_text(found)
        case TagType.JSON:
            return _json_text(found)
        case TagType.BOOLEAN:
            return _json_truth(found, form)
        case TagType.INTEGER | TagType.FLOAT:
            return _json_number(found, form)


def _json_truth(found: object, form: Form) -> bool:
    if isinstance(found, bool):
        return found
    if isinstance(found, str):
        return _truth(found, form)
    if found in (0, 1):
        return bool(found)
    raise Malformed(f"{_brief(found)} is neither true nor false")


def _json_number(found: object, form: Form) -> float | int:
    if isinstance(found, str):
        found = _number(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Malformed(f"{_brief(found)} is no number")
    return _integer(found) if form.type is TagType.INTEGER else _bounded(found)


def _truth(word: str, form: Form) -> bool:
    if word in (form.true_word, form.false_word):
        return word == form.true_word
    lower = word.lower()
    if lower in TRUE or lower in FALSE:
        return lower in TRUE
    raise Malformed(f"{_brief(word)} is no word for true or false")


def _number(text: str) -> float | int:
    if _NUMBER.fullmatch(text.strip()) is None:
        raise Malformed(f"{_brief(text)} is no number")
    return _bounded(float(text) if _FRACTION.search(text) else int(text))


def _bounded(found: float | int) -> float | int:
    if not math.isfinite(found):
        raise Malformed(f"{found} is no finite number")
    return float(found) if abs(found) > MAX_INTEGER else found


def _integer(found: float | int) -> int:
    if isinstance(found, float) and not found.is_integer():
        raise Malformed(f"{found:g} is no whole number")
    if not -MAX_INTEGER <= found <= MAX_INTEGER:
        raise Malformed(f"{found:g} is more than 64 bits")
    return int(found)


def _at(whole: object, path: Path) -> object:
    found = whole
    for part in path:
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            raise Malformed(f"it has nothing at {'.'.join(path)!r}")
    return found


def _time_us(found: object) -> int:
    """Milliseconds since 1970, or ISO 8601 (UTC where it names no zone)."""
    if isinstance(found, str):
        try:
            read = datetime.fromisoformat(found)
        except ValueError:
            raise Malformed(f"{_brief(found)} is no time in ISO 8601") from None
        read = read if read.tzinfo is not None else read.replace(tzinfo=UTC)
        found = read.timestamp() * 1000
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Malformed(f"{_brief(found)} is no time: give milliseconds or ISO 8601")
    if not 0 < found < LATEST_MS:
        raise Malformed(f"{found:g} ms since 1970 is no time of ours")
    return round(found * 1000)


def _plain(value: Value, form: Form) -> str:
    if isinstance(value, bool):
        return form.true_word if value else form.false_word
    return "" if value is None else str(value)


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise Malformed(f"it is no text in UTF-8: {_shown(payload)}") from None


def _parsed(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed(f"it is no JSON: {_brief(text)}") from None


def _json_text(found: object) -> str:
    return msgspec.json.encode(found).decode()


def _shown(payload: bytes) -> str:
    return _brief(payload[:SHOWN].decode(errors="replace"))


def _brief(found: object) -> str:
    text = repr(found)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
