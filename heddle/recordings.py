"""Reads a CSV of recorded readings, long or wide: for replays and backtests.

Long: ``time,tag,value`` with an optional ``quality`` column. Wide: ``time`` and one
column per tag; an empty cell is no reading. ``time`` is seconds or ISO 8601; only the
distances count. Every flaw is told with the file and its line.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from heddle.contract.declare import LocalError
from heddle.contract.samples import Quality

MAX_ROWS = 1_000_000
MAX_BYTES = 200_000_000
_FARTHEST_S = 1e11  # the year 5138: what is farther is no time

Value: TypeAlias = float | bool | str | None


class BadRecording(LocalError):
    """A file of recorded readings cannot be used; the sentence names file and line."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded reading, ``at_s`` seconds after the first."""

    at_s: float
    tag: str
    value: Value
    quality: Quality = Quality.GOOD


class _BadLine(ValueError):
    """A line that cannot be read; the sentence says why."""


def read_csv(path: Path) -> tuple[Recorded, ...]:
    """All readings in order of time. Raises ``BadRecording`` naming file and line."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise BadRecording(
                f"CSV file {path} has more than {MAX_BYTES:,} bytes: split it"
            )
        text = io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig").read()
    except OSError as error:
        raise BadRecording(f"CSV file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadRecording(f"CSV file {path} is not UTF-8 text") from None
    rows = csv.reader(io.StringIO(text), strict=True)
    found: list[Recorded] = []
    try:
        header = [cell.strip() for cell in next(rows, [])]
        for row in _rows(header, rows):
            found.extend(row)
    except (_BadLine, csv.Error) as flaw:
        raise BadRecording(f"CSV file {path}, line {rows.line_num}: {flaw}") from None
    if not found:
        raise BadRecording(f"CSV file {path} has no readings")
    return _from_zero(found)


def _rows(header: Sequence[str], rows: Iterator[list[str]]) -> Iterator[list[Recorded]]:
    if not header or header[0] not in ("time", "seconds"):
        raise _BadLine("the first line must begin with the column 'time'")
    if len(set(header)) < len(header) or "" in header:
        raise _BadLine("every column needs a name of its own")
    long = header[1:] in (["tag", "value"], ["tag", "value", "quality"])
    if not long and ("tag" in header or len(header) == 1):
        raise _BadLine(
            "columns must be time,tag,value[,quality] or time and one per tag"
        )
    for number, row in enumerate(rows):
        if number >= MAX_ROWS:
            raise _BadLine(f"more than {MAX_ROWS} lines; split the file")
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise _BadLine(f"{len(row)} cells, but {len(header)} columns")
        cells = [cell.strip() for cell in row]
        yield [_long(cells)] if long else _wide(header, cells)


def _long(cells: Sequence[str]) -> Recorded:
    at_s, (tag, value, *quality) = _time(cells[0]), cells[1:]
    if not tag:
        raise _BadLine("no tag")
    return Recorded(at_s, tag, _value(value), _quality(quality[0] if quality else ""))


def _wide(header: Sequence[str], cells: Sequence[str]) -> list[Recorded]:
    at_s = _time(cells[0])
    return [
        Recorded(at_s, tag, _value(cell))
        for tag, cell in zip(header[1:], cells[1:], strict=True)
        if cell
    ]


def _time(cell: str) -> float:
    try:
        at_s = float(cell)
    except ValueError:
        try:
            moment = datetime.fromisoformat(cell)
        except ValueError:
            raise _BadLine(f"time {cell!r} is neither seconds nor ISO 8601") from None
        at_s = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(at_s):
        raise _BadLine(f"time {cell!r} is not finite")
    if abs(at_s) > _FARTHEST_S:
        raise _BadLine(f"time {cell!r} is no moment of this age")
    return at_s


def _value(cell: str) -> Value:
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    try:
        number = float(cell)
    except ValueError:
        return cell or None
    return number if math.isfinite(number) else None


def _quality(cell: str) -> Quality:
    if not cell:
        return Quality.GOOD
    try:
        return Quality[cell.upper()]
    except KeyError:
        raise _BadLine(f"quality {cell!r} is none of good, uncertain, bad") from None


def _from_zero(found: list[Recorded]) -> tuple[Recorded, ...]:
    found.sort(key=lambda each: each.at_s)
    first = found[0].at_s
    return tuple(Recorded(r.at_s - first, r.tag, r.value, r.quality) for r in found)
