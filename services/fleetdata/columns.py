"""Packed sample columns: unpacked, checked and cut, without a Python object per row.

``value`` is the number itself, 0 or 1, or an index into the batch's texts: by tag type.
It may be NaN only where the quality is BAD: no value was to be had.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heddle.contract.declare import InvalidRequest
from heddle.contract.devices import TagType
from heddle.contract.samples import Quality, SampleColumns

MAX_ROWS = 10_000
MAX_INTEGER = 2**53  # beyond it a float64 does not hold every integer
EARLIEST_US = 946_684_800_000_000  # 2000-01-01, in unix microseconds
FUTURE_US = 86_400_000_000  # how far ahead of us a device's clock may be
TEXTUAL = frozenset({TagType.TEXT, TagType.JSON})


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Rows by column, equally long; ``tag`` indexes into a table kept elsewhere."""

    tag: NDArray[np.uint16]
    at: NDArray[np.int64]  # unix microseconds
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        """How many items."""
        return len(self.at)

    def after(self, skip: int) -> "Columns":
        """All rows but the first ``skip``."""
        return self.where(slice(skip, None)) if skip else self

    def since(self, at_us: int) -> "Columns":
        """The rows that are not older than ``at_us``."""
        kept = self.at >= at_us
        return self if kept.all() else self.where(kept)

    def where(self, kept: slice | NDArray[np.bool_]) -> "Columns":
        """The rows of a slice or mask."""
        return Columns(
            self.tag[kept], self.at[kept], self.value[kept], self.quality[kept]
        )


def newest(of: NDArray[np.int32], at: NDArray[np.int64]) -> NDArray[np.intp]:
    """The rows with the newest sample of each series ``of``; of equals the last.

    In the order of the series.
    """
    order = np.lexsort((at, of))  # stable
    ids = of[order]
    ends = np.empty(len(ids), bool)
    ends[-1:] = True
    np.not_equal(ids[1:], ids[:-1], out=ends[:-1])
    return order[ends]


def unpack(packed: SampleColumns, now_us: int) -> Columns:
    """The columns of a batch. Raises ``InvalidRequest`` naming the element at fault."""
    columns = Columns(
        _typed("samples.tag", "<u2", packed.tag),
        _typed("samples.at", "<i8", packed.at),
        _typed("samples.value", "<f8", packed.value),
        _typed("samples.quality", "u1", packed.quality),
    )
    _check_lengths(columns)
    if len(columns):
        _check_tags(columns, len(packed.tags))
        _check_times(columns, now_us)
        _check_quality(columns)
        _check_finite(columns)
        _check_types(columns, [tag.type for tag in packed.tags], len(packed.texts))
    return columns


def rows_of(
    columns: Columns, types: Sequence[TagType], wanted: frozenset[TagType]
) -> Any:
    """Which rows have a type out of ``wanted``, as a mask; None if no tag has."""
    fitting = [kind in wanted for kind in types]
    return np.array(fitting)[columns.tag] if any(fitting) else None


def _typed(name: str, code: str, packed: bytes) -> NDArray[Any]:
    kind = np.dtype(code)
    if len(packed) % kind.itemsize:
        raise InvalidRequest(
            f"{name} has {len(packed)} bytes, no multiple of {kind.itemsize}"
        )
    return np.frombuffer(packed, kind)


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
    row = int(columns.tag.argmax())
    if (highest := int(columns.tag[row])) >= tags:
        raise InvalidRequest(
            f"samples.tag[{row}] is {highest}, but samples.tags has {tags} entries"
        )


def _check_times(columns: Columns, now_us: int) -> None:
    row = int(columns.at.argmin())
    if (first := int(columns.at[row])) < EARLIEST_US:
        raise InvalidRequest(
            f"samples.at[{row}] is {first}, before the year 2000: "
            "give unix microseconds, and check the device's clock"
        )
    row = int(columns.at.argmax())
    if (last := int(columns.at[row])) > now_us + FUTURE_US:
        raise InvalidRequest(
            f"samples.at[{row}] is {last}, more than a day ahead: "
            "give unix microseconds, and check the device's clock"
        )


def _check_quality(columns: Columns) -> None:
    row = int(columns.quality.argmax())
    if (worst := int(columns.quality[row])) > Quality.BAD:
        raise InvalidRequest(f"samples.quality[{row}] is {worst}: use 0, 1 or 2")


def _check_finite(columns: Columns) -> None:
    finite = np.isfinite(columns.value)
    if finite.all():
        return
    none = np.isnan(columns.value) & (columns.quality == Quality.BAD)
    _refuse_first(
        columns,
        ~(finite | none),
        "a value is finite; NaN stands for none, with quality 2 (bad)",
    )


def _check_types(columns: Columns, types: Sequence[TagType], texts: int) -> None:
    """That each value is one of its tag's type; NaN, no value, is of every type."""
    for wanted, is_wrong, rule in (
        (_INTEGER, _is_no_integer, f"an integer is whole and at most {MAX_INTEGER}"),
        (_BOOLEAN, _is_no_boolean, "a boolean is 0 or 1"),
        (
            TEXTUAL,
            lambda value: _is_no_index(value, texts),
            f"a text is an index into samples.texts, which has {texts} entries",
        ),
    ):
        rows = rows_of(columns, types, wanted)
        if rows is not None:
            there = rows & ~np.isnan(columns.value)
            _refuse_first(columns, there & is_wrong(columns.value), rule)


_INTEGER, _BOOLEAN = frozenset({TagType.INTEGER}), frozenset({TagType.BOOLEAN})


def _is_no_integer(value: NDArray[np.float64]) -> Any:
    return (value != np.trunc(value)) | (np.abs(value) > MAX_INTEGER)


def _is_no_boolean(value: NDArray[np.float64]) -> Any:
    return (value != 0) & (value != 1)


def _is_no_index(value: NDArray[np.float64], length: int) -> Any:
    return (value != np.trunc(value)) | (value < 0) | (value >= length)


def _refuse_first(columns: Columns, wrong: NDArray[np.bool_], rule: str) -> None:
    row = int(wrong.argmax())
    if wrong[row]:
        raise InvalidRequest(f"samples.value[{row}] is {columns.value[row]}: {rule}")
