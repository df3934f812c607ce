"""Binary rows and arrays: packed by columns as the manual says, byte for byte."""

import struct
from math import isnan, nan

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.fleetdata.columns import EARLIEST_US, newest, unpack
from services.fleetdata.store.copying import (
    Instants,
    Int2s,
    Rows,
    sample_rows,
    text_rows,
)
from tests.support.batches import columns

NOW_US = 1_900_000_000_000_000
finite = st.floats(allow_nan=False, allow_infinity=False)
row = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.integers(946_684_800, 1_900_000_000),
    finite,
    st.integers(0, 2),
) | st.tuples(st.just("a"), st.just(1_800_000_000), st.just(nan), st.just(2))
IDS = np.array([2**31 - 1, 7, 65_537], np.int32)


def rows_of(rows: list[tuple]) -> Rows:
    unpacked = unpack(columns(rows), NOW_US)
    return Rows(IDS[unpacked.tag], unpacked.at, unpacked.value, unpacked.quality)


def plain(of: Rows) -> bytes:
    """The format as PostgreSQL's manual tells it, field by field."""
    told = b""
    for i in range(len(of)):
        value = float(of.value[i])
        told += struct.pack("!h", 4)
        told += struct.pack("!ii", 4, of.tag_id[i])
        told += struct.pack("!iq", 8, of.at[i] - EARLIEST_US)
        told += struct.pack("!i", -1) if isnan(value) else struct.pack("!id", 8, value)
        told += struct.pack("!ih", 2, of.quality[i])
    return told


@given(st.lists(row, max_size=30))
def test_rows_are_laid_out_as_the_manual_says(rows: list[tuple]) -> None:
    packed = rows_of(rows)
    assert sample_rows(packed) == plain(packed)


def test_texts_are_laid_out_as_the_manual_says() -> None:
    packed = list(text_rows([(7, EARLIEST_US + 5, "ä", 0), (8, EARLIEST_US, None, 2)]))
    assert packed == [
        struct.pack("!hiiiqi2sih", 4, 4, 7, 8, 5, 2, "ä".encode(), 2, 0),
        struct.pack("!hiiiqiih", 4, 4, 8, 8, 0, -1, 2, 2),
    ]


def test_arrays_are_laid_out_as_array_send_does() -> None:
    head = struct.pack("!iiIii", 1, 0, 21, 2, 1)
    assert Int2s(np.array([1, 2])).packed == head + struct.pack("!ihih", 2, 1, 2, 2)
    at = Instants(np.array([EARLIEST_US + 9])).packed
    assert at == struct.pack("!iiIii", 1, 0, 1184, 1, 1) + struct.pack("!iq", 8, 9)


@given(st.lists(row, max_size=30), st.integers(0, 30))
def test_columns_are_cut_by_number_and_by_time(rows: list[tuple], skip: int) -> None:
    unpacked = unpack(columns(rows), NOW_US)
    rest = unpacked.after(skip)
    assert rest.at.tolist() == unpacked.at.tolist()[skip:]
    kept = unpacked.since(1_800_000_000_000_000)
    assert kept.at.tolist() == [at for at in unpacked.at.tolist() if at >= 1.8e15]
    assert len(kept.tag) == len(kept.value) == len(kept.quality) == len(kept)


@given(st.lists(row, max_size=30))
def test_the_newest_of_each_series_is_the_last_of_the_latest(rows: list[tuple]) -> None:
    of = rows_of(rows)
    expected: dict[int, int] = {}
    for i, series in enumerate(of.tag_id.tolist()):
        if series not in expected or of.at[i] >= of.at[expected[series]]:
            expected[series] = i
    found = newest(of.tag_id, of.at).tolist()
    assert found == [expected[series] for series in sorted(expected)]
