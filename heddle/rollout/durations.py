"""Durations as people write them: ``"5m"``, ``"1h30m"``, ``"PT5M"``, ``300000`` ms."""

import re

UNITS_MS = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "min": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
LONGEST_MS = 366 * UNITS_MS["d"]
_PART = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*(ms|min|[smhdw])(?![a-z])", re.ASCII)
_ISO = re.compile(
    r"P(?:(?P<w>\d{1,9})W)?(?:(?P<d>\d{1,9})D)?"
    r"(?P<time>T(?:(?P<h>\d{1,9})H)?(?:(?P<m>\d{1,9})M)?"
    r"(?:(?P<s>\d{1,9}(?:\.\d{1,9})?)S)?)?",
    re.ASCII,
)


class DurationInvalid(ValueError):
    """It cannot be read as a duration."""


def duration_ms(given: object) -> int:
    """Milliseconds of a duration; raises ``DurationInvalid`` saying what to write."""
    match given:
        case bool():
            ms = None
        case int():
            ms = given
        case str():
            ms = _read(given.strip())
        case _:
            ms = None
    if ms is None or ms < 0:
        raise DurationInvalid(
            f"{given!r} is no duration: write 5m, 1h30m, PT5M or whole milliseconds"
        )
    if ms > LONGEST_MS:
        raise DurationInvalid(f"{given!r} is longer than 366 days")
    return ms


def duration_text(ms: int) -> str:
    """The shortest way to write it: ``1h30m``."""
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, ms = divmod(ms, UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _read(text: str) -> int | None:
    if text.upper().startswith("P"):
        return _read_iso(text.upper())
    total, at, seen = 0.0, 0, set[str]()
    while at < len(text):
        part = _PART.match(text.lower(), at)
        if part is None or part[2] in seen:
            return None
        seen.add(part[2])
        total += float(part[1]) * UNITS_MS[part[2]]
        at = part.end()
    return round(total) if seen else None


def _read_iso(text: str) -> int | None:
    found = _ISO.fullmatch(text)
    if found is None or found["time"] == "T":
        return None
    parts = {unit: found[unit] for unit in "wdhms" if found[unit] is not None}
    if not parts:
        return None
    return round(sum(float(count) * UNITS_MS[unit] for unit, count in parts.items()))
