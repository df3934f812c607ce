"""Series as rows of a file: CSV by the standard library, Arrow and Parquet by pyarrow.

A row is one sample or one bucket. Numbers and text have columns of their own, so that
every column has one type; ``type`` tells what the tag's value is. What a device tells
as text may begin as a formula does: in CSV an apostrophe goes before it, for whoever
opens the file in a spreadsheet; the page does the same.
"""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import IO, Any, Protocol

from heddle.contract.declare import LocalError
from heddle.contract.devices import TagType
from heddle.contract.history import Series
from heddle.contract.samples import Quality

FORMATS = ("csv", "arrow", "parquet")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEYS = ("device", "tag", "unit", "type", "at")
_RAW = ("value", "text", "quality")
_BUCKET = ("mean", "low", "high", "first", "last", "text", "count")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class NeedsPyarrow(LocalError):
    """The format is pyarrow's, and it is not installed."""


class Sheet(Protocol):
    """Something series are written to."""

    def write(self, series: Series) -> None:
        """Add the rows of a series."""
        ...


@contextmanager
def open_sheet(
    kind: str, file: IO[bytes], device: str, in_buckets: bool
) -> Iterator[Sheet]:
    """A sheet of one of ``FORMATS``; complete when the ``with`` ends."""
    if kind == "csv":
        yield _Csv(file, device, in_buckets)
        return
    sheet = _Arrow(kind, file, device, in_buckets)
    try:
        yield sheet
    finally:
        sheet.close()


def _columns(series: Series, in_buckets: bool) -> dict[str, tuple[Any, ...]]:
    """What the series has, by the sheet's columns; an empty one is all missing."""
    found: dict[str, tuple[Any, ...]] = {"text": series.text}
    if in_buckets:
        found |= {name: getattr(series, name) for name in _BUCKET}
    else:
        found |= {"value": series.mean, "quality": series.quality}
    none = (None,) * len(series.at_ms)
    return {name: column or none for name, column in found.items()}


class _Csv:
    """RFC 4180, with a head; moments in ISO 8601, UTC."""

    def __init__(self, file: IO[bytes], device: str, in_buckets: bool) -> None:
        self._file = file
        self._device = device
        self._in_buckets = in_buckets
        self._names = _BUCKET if in_buckets else _RAW
        self._put([(*_KEYS, *self._names)])

    def write(self, series: Series) -> None:
        columns = _columns(series, self._in_buckets)
        as_written = _AS_WRITTEN.get(series.type, str)
        if not self._in_buckets:
            columns["value"] = tuple(
                None if value is None else as_written(value)
                for value in columns["value"]
            )
            columns["quality"] = tuple(Quality(q).name.lower() for q in series.quality)
        columns["text"] = tuple(map(_as_text, columns["text"]))
        tag, unit = _as_text(series.tag), _as_text(series.unit)
        keys = self._device, tag, unit, series.type.value
        told = zip(series.at_ms, *(columns[name] for name in self._names), strict=True)
        self._put((*keys, _iso(at_ms), *cells) for at_ms, *cells in told)

    def _put(self, rows: Any) -> None:
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        self._file.write(text.getvalue().encode())


_AS_WRITTEN: dict[TagType, Callable[[float], str]] = {
    TagType.INTEGER: lambda value: str(int(value)),
    TagType.BOOLEAN: lambda value: "true" if value else "false",
}


def _as_text(cell: str | None) -> str | None:
    """Text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell and cell.startswith(_FORMULA) else cell


def _iso(at_ms: int) -> str:
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Arrow:
    """Arrow's stream or a Parquet file: a record batch for each page of a series."""

    def __init__(
        self, kind: str, file: IO[bytes], device: str, in_buckets: bool
    ) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415 -- an extra, loaded when asked for
            from pyarrow import parquet  # noqa: PLC0415
        except ImportError:
            raise NeedsPyarrow(
                f"the format {kind} needs pyarrow: pip install 'heddle[export]', "
                "or take --format csv"
            ) from None
        self._pa = pa
        self._device = device
        self._in_buckets = in_buckets
        kinds = {
            "at": pa.timestamp("ms", "UTC"),
            "text": pa.string(),
            "quality": pa.uint8(),
            "count": pa.int64(),
            **dict.fromkeys(("device", "tag", "unit", "type"), pa.string()),
        }
        names = (*_KEYS, *(_BUCKET if in_buckets else _RAW))
        self._schema = pa.schema(
            [(name, kinds.get(name, pa.float64())) for name in names]
        )
        self._writer = (
            parquet.ParquetWriter(file, self._schema, compression="zstd")
            if kind == "parquet"
            else pa.ipc.new_stream(file, self._schema)
        )

    def write(self, series: Series) -> None:
        rows = len(series.at_ms)
        if not rows:
            return
        told: dict[str, Any] = {
            "device": [self._device] * rows,
            "tag": [series.tag] * rows,
            "unit": [series.unit] * rows,
            "type": [series.type.value] * rows,
            "at": series.at_ms,
            **_columns(series, self._in_buckets),
        }
        arrays = [
            self._pa.array(told[field.name], type=field.type) for field in self._schema
        ]
        batch = self._pa.record_batch(arrays, schema=self._schema)
        self._writer.write_batch(batch)

    def close(self) -> None:
        """Write what completes the file."""
        self._writer.close()
