"""Rows of binary COPY: the strided way equals the plain one, byte for byte."""

import struct
from math import isnan, nan

from hypothesis import given
from hypothesis import strategies as st

from services.fleetdata.columns import EARLIEST_US, Columns, unpack
from services.fleetdata.store.copying import sample_rows
from tests.support.batches import columns

NOW_US = 1_900_000_000_000_000
finite = st.floats(allow_nan=False, allow_infinity=False)
row = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.integers(946_684_800, 1_900_000_000),
    finite,
    st.integers(0, 2),
) | st.tuples(st.just("a"), st.just(1_800_000_000), st.just(nan), st.just(2))


def plain(of: Columns, ids: list[int]) -> bytes:
    """The format as PostgreSQL's manual tells it, field by field."""
    told = b""
    for tag, at, value, quality in zip(
        of.tag, of.at, of.value, of.quality, strict=True
    ):
        told += struct.pack("!h", 4)
        told += struct.pack("!ii", 4, ids[tag])
        told += struct.pack("!iq", 8, at - EARLIEST_US)
        told += struct.pack("!i", -1) if isnan(value) else struct.pack("!id", 8, value)
        told += struct.pack("!ih", 2, quality)
    return told


@given(st.lists(row, max_size=30))
def test_rows_are_laid_out_as_the_manual_says(rows: list[tuple]) -> None:
    unpacked = unpack(columns(rows), NOW_US)
    ids = [2**31 - 1, 7, 65_537]
    assert sample_rows(unpacked, ids) == plain(unpacked, ids)


@given(st.lists(row, max_size=30), st.integers(0, 30))
def test_columns_are_cut_by_number_and_by_time(rows: list[tuple], skip: int) -> None:
    unpacked = unpack(columns(rows), NOW_US)
    rest = unpacked.after(skip)
    assert rest.at.tolist() == unpacked.at.tolist()[skip:]
    kept = unpacked.since(1_800_000_000_000_000)
    assert kept.at.tolist() == [at for at in unpacked.at if at >= 1.8e15]
    assert len(kept.tag) == len(kept.value) == len(kept.quality) == len(kept)


@given(st.lists(row, max_size=30))
def test_the_newest_of_each_tag_is_the_last_of_the_latest(rows: list[tuple]) -> None:
    unpacked = unpack(columns(rows), NOW_US)
    expected: dict[int, int] = {}
    for i, (tag, at) in enumerate(zip(unpacked.tag, unpacked.at, strict=True)):
        if tag not in expected or at >= unpacked.at[expected[tag]]:
            expected[tag] = i
    assert dict(unpacked.newest()) == expected
