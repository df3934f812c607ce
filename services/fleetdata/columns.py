"""Packed sample columns: unpacked, checked and cut, without a Python object per row.

``value`` may be NaN only where the quality is BAD: no value was to be had.
"""

import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress
from math import isfinite, isnan
from typing import Any

from heddle.contract.declare import InvalidRequest
from heddle.contract.samples import Quality, SampleColumns

MAX_ROWS = 10_000
EARLIEST_US = 946_684_800_000_000  # 2000-01-01, in unix microseconds
FUTURE_US = 86_400_000_000  # how far ahead of us a device's clock may be


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows by column, equally long; ``tag`` indexes into a table kept elsewhere."""

    tag: "array[int]"
    at: "array[int]"  # unix microseconds
    value: "array[float]"
    quality: bytes

    def __len__(self) -> int:
        """How many items."""
        return len(self.at)

    def after(self, skip: int) -> "Columns":
        """All rows but the first ``skip``."""
        if not skip:
            return self
        return Columns(
            self.tag[skip:], self.at[skip:], self.value[skip:], self.quality[skip:]
        )

    def since(self, at_us: int) -> "Columns":
        """The rows that are not older than ``at_us``."""
        if not self.at or min(self.at) >= at_us:
            return self
        kept = [at >= at_us for at in self.at]
        return Columns(
            array("H", compress(self.tag, kept)),
            array("q", compress(self.at, kept)),
            array("d", compress(self.value, kept)),
            bytes(compress(self.quality, kept)),
        )

    def newest(self) -> Iterator[tuple[int, int]]:
        """For each tag index, the row of its newest sample; of equals the last."""
        at = self.at
        rows = range(len(at))
        in_order = sorted(rows, key=at.__getitem__)  # linear when they are in order
        return iter(dict(zip(map(self.tag.__getitem__, in_order), in_order)).items())  # noqa: B905 -- mapped from the same list


def unpack(packed: SampleColumns, now_us: int) -> Columns:
    """The columns of a batch. Raises ``InvalidRequest`` naming the element at fault."""
    columns = Columns(
        _typed("samples.tag", "H", packed.tag),
        _typed("samples.at", "q", packed.at),
        _typed("samples.value", "d", packed.value),
        packed.quality,
    )
    _check_lengths(columns)
    if columns:
        _check_tags(columns, len(packed.tags))
        _check_times(columns, now_us)
        _check_quality(columns)
        _check_values(columns)
    return columns


def _typed(name: str, code: str, packed: bytes) -> "array[Any]":
    column: array[Any] = array(code)
    if len(packed) % column.itemsize:
        raise InvalidRequest(
            f"{name} has {len(packed)} bytes, no multiple of {column.itemsize}"
        )
    column.frombytes(packed)
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _check_lengths(columns: Columns) -> None:
    rows = len(columns)
    for name in ("tag", "value", "quality"):
        if (found := len(getattr(columns, name))) != rows:
            raise InvalidRequest(
                f"samples.{name} has {found} rows, samples.at has {rows}: "
                "columns are equally long"
            )
    if rows > MAX_ROWS:
        raise InvalidRequest(f"samples has {rows} rows: send at most {MAX_ROWS}")


def _check_tags(columns: Columns, tags: int) -> None:
    if (highest := max(columns.tag)) >= tags:
        row = columns.tag.index(highest)
        raise InvalidRequest(
            f"samples.tag[{row}] is {highest}, but samples.tags has {tags} entries"
        )


def _check_times(columns: Columns, now_us: int) -> None:
    if (first := min(columns.at)) < EARLIEST_US:
        row = columns.at.index(first)
        raise InvalidRequest(
            f"samples.at[{row}] is {first}, before the year 2000: "
            "give unix microseconds, and check the device's clock"
        )
    if (last := max(columns.at)) > now_us + FUTURE_US:
        row = columns.at.index(last)
        raise InvalidRequest(
            f"samples.at[{row}] is {last}, more than a day ahead: "
            "give unix microseconds, and check the device's clock"
        )


def _check_quality(columns: Columns) -> None:
    if (worst := max(columns.quality)) > Quality.BAD:
        row = columns.quality.index(worst)
        raise InvalidRequest(f"samples.quality[{row}] is {worst}: use 0, 1 or 2")


def _check_values(columns: Columns) -> None:
    if all(map(isfinite, columns.value)):
        return
    for row, value in enumerate(columns.value):
        if isfinite(value):
            continue
        if not (isnan(value) and columns.quality[row] == Quality.BAD):
            raise InvalidRequest(
                f"samples.value[{row}] is {value}: a value is finite; "
                "NaN stands for none, with quality 2 (bad)"
            )
