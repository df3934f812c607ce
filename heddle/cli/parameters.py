"""What a person writes for a duration, a moment or a pair of names, as values.

Callbacks for click's options: a flaw becomes a sentence about the option.
"""

import re
from datetime import UTC, datetime

import click

MAX_S = 10_000_000_000  # three centuries
_PART = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*(ms|s|min|m|h|d|)(?=[\s\d]|$)\s*")
_UNITS_MS = {
    "": 1000,
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "min": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
}


def duration_ms(ctx: object, option: object, value: str | None) -> int | None:
    """``90``, ``90s``, ``1.5h`` or ``1 h 30 min``; a bare number is seconds."""
    if value is None:
        return None
    total_ms, at = 0.0, 0
    while part := _PART.match(value, at):
        total_ms += float(part[1]) * _UNITS_MS[part[2]]
        at = part.end()
    if not value or at != len(value) or total_ms > MAX_S * 1000:
        raise click.BadParameter(f"{value!r} is no duration such as 90s, 15min or 2h")
    return round(total_ms)


def moment_ms(ctx: object, option: object, value: str) -> int:
    """An ISO 8601 moment, UTC unless it says otherwise, as unix milliseconds."""
    try:
        at = datetime.fromisoformat(value)
        aware = at if at.tzinfo else at.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    except (ValueError, OverflowError):
        problem = f"{value!r} is no moment such as 2026-01-01T00:00:00Z"
        raise click.BadParameter(problem) from None


def pairs(
    ctx: object, option: object, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """``TAG=ID``, any number; the id begins after the last equals sign."""
    split = [(value, value.rpartition("=")) for value in values]
    for value, (tag, _, node) in split:
        if not tag or not node:
            raise click.BadParameter(f"{value!r} is not TAG=ID")
    return tuple((tag, node) for _, (tag, _, node) in split)


def settings(ctx: object, option: object, values: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE``, any number; the value begins after the first equals sign."""
    found: dict[str, str] = {}
    for given in values:
        name, equals, value = given.partition("=")
        if not name.strip() or not equals:
            raise click.BadParameter(f"{given!r} is not NAME=VALUE")
        found[name.strip()] = value
    return found
