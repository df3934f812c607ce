"""Rows in PostgreSQL's binary formats, packed by columns with numpy.

A row of ``sample`` is 40 bytes of fixed layout, so all rows of a group are one array of
records whose fields are filled column by column: tens of nanoseconds a row, where
packing row by row takes a microsecond. A row without value is 8 bytes shorter.
Source: PostgreSQL, "COPY", "Binary Format"; for arrays, array_send in arrayfuncs.c.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql
from psycopg.adapt import Dumper
from psycopg.pq import Format
from typing_extensions import override

from services.fleetdata.columns import EARLIEST_US  # PostgreSQL counts from there too

HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
TRAILER = struct.pack("!h", -1)

_ROW = np.dtype(
    [
        ("fields", ">i2"),
        *(("tag_id_size", ">i4"), ("tag_id", ">i4")),
        *(("at_size", ">i4"), ("at", ">i8")),
        *(("value_size", ">i4"), ("value", ">f8")),
        *(("quality_size", ">i4"), ("quality", ">i2")),
    ]
)
_EMPTY = np.array([(4, 4, 0, 8, 0, 8, 0.0, 2, 0)], _ROW)
_VALUE = slice(26, 34)  # where the bytes of the value are in a row
_TEXT_ROW = struct.Struct("!h ii iq i")  # up to the text's size
_QUALITY = struct.Struct("!ih")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of ``sample``, by column; NaN stands for no value."""

    tag_id: NDArray[np.int32]
    at: NDArray[np.int64]  # unix microseconds
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        """How many rows."""
        return len(self.at)


def sample_rows(rows: Rows) -> bytes:
    """Rows of (tag_id, at, value, quality) as COPY takes them."""
    packed = np.repeat(_EMPTY, len(rows))
    packed["tag_id"] = rows.tag_id
    packed["at"] = rows.at - EARLIEST_US
    packed["value"] = rows.value
    packed["quality"] = rows.quality
    missing = np.isnan(rows.value)
    if not missing.any():
        return packed.tobytes()
    packed["value_size"][missing] = -1
    kept = np.ones((len(rows), _ROW.itemsize), bool)
    kept[missing, _VALUE] = False
    return packed.view(np.uint8).reshape(kept.shape)[kept].tobytes()


def text_rows(
    rows: Iterable[tuple[int, int, str | None, int]],
) -> Iterable[bytes]:
    """Rows of (tag_id, at in unix microseconds, text, quality) as COPY takes them."""
    for tag_id, at, text, quality in rows:
        value = b"" if text is None else text.encode()
        size = -1 if text is None else len(value)
        head = _TEXT_ROW.pack(4, 4, tag_id, 8, at - EARLIEST_US, size)
        yield head + value + _QUALITY.pack(2, quality)


def copy(connection: Connection, table: str, rows: bytes) -> None:
    """Copy packed rows into a table of samples."""
    statement = sql.SQL(
        "copy {} (tag_id, at, value, quality) from stdin (format binary)"
    ).format(sql.Identifier(table))
    with connection.cursor() as cursor, cursor.copy(statement) as copying:
        copying.write(HEADER)
        copying.write(rows)
        copying.write(TRAILER)


class Array:
    """A one-dimensional array of PostgreSQL's, packed from a column of numbers."""

    element_oid: int
    kind: str

    def __init__(self, column: NDArray[np.generic]) -> None:
        size = np.dtype(self.kind).itemsize
        packed = np.empty(len(column), [("size", ">i4"), ("element", self.kind)])
        packed["size"] = size
        packed["element"] = column
        head = (1, 0, self.element_oid, len(column), 1)
        self.packed = struct.pack("!iiIii", *head) + packed.tobytes()


class Int2s(Array):
    """``smallint[]``."""

    element_oid, kind = 21, ">i2"


class Int4s(Array):
    """``int[]``."""

    element_oid, kind = 23, ">i4"


class Float8s(Array):
    """``float8[]``."""

    element_oid, kind = 701, ">f8"


class Instants(Array):
    """``timestamptz[]``, of unix microseconds."""

    element_oid, kind = 1184, ">i8"

    @override
    def __init__(self, column: NDArray[np.int64]) -> None:
        super().__init__(column - EARLIEST_US)


class _ArrayDumper(Dumper):
    format = Format.BINARY

    @override
    def dump(self, obj: Array) -> bytes:
        return obj.packed


_ARRAY_OIDS: Sequence[tuple[type[Array], int]] = (
    (Int2s, 1005),
    (Int4s, 1007),
    (Float8s, 1022),
    (Instants, 1185),
)


def register_arrays(connection: Connection) -> None:
    """Let arrays be parameters of this connection's statements."""
    for kind, oid in _ARRAY_OIDS:
        dumper = type(f"{kind.__name__}Dumper", (_ArrayDumper,), {"oid": oid})
        connection.adapters.register_dumper(kind, dumper)
