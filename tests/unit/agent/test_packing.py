"""Chunks joined into batches keep their values, tags and texts."""

import math
from array import array
from dataclasses import replace

from edge_agent.packing import Chunk, Tags, encode, make_batch
from heddle.contract.devices import TagType
from heddle.contract.samples import Ingest, SampleColumns, SampleTag, Stream
from tests.support.centre import items_of

TAGS: Tags = (
    SampleTag(tag="speed"),
    SampleTag(tag="mode", type=TagType.TEXT),
    SampleTag(tag="idle", type=TagType.BOOLEAN),
    SampleTag(tag="recipe", type=TagType.JSON),
)
Row = tuple[int, float]  # tag and value


def chunk(
    *rows: Row,
    texts: tuple[str, ...] = (),
    skip: int = 0,
    stop: int | None = None,
    tags: Tags = TAGS,
) -> Chunk:
    columns = SampleColumns(
        tags=(),
        tag=array("H", [tag for tag, _ in rows]).tobytes(),
        at=array("q", range(len(rows))).tobytes(),
        value=array("d", [value for _, value in rows]).tobytes(),
        quality=bytes(len(rows)),
        texts=texts,
    )
    return Chunk(skip, len(rows) if stop is None else stop, encode(columns), tags)


def joined(*chunks: Chunk) -> Ingest:
    return make_batch(Stream.SAMPLES, "e", 0, chunks)


def told(batch: Ingest) -> list[tuple[str, float | str]]:
    return [(tag, value) for tag, _, value, _ in items_of(batch)]


def test_texts_are_indexed_anew_and_numbers_stay() -> None:
    batch = joined(
        chunk((1, 0.0), (0, 1.0), texts=("run",)),
        chunk((0, 1.0), (1, 1.0), (3, 0.0), texts=("{}", "stop")),
    )
    assert told(batch) == [
        ("mode", "run"),
        ("speed", 1.0),
        ("speed", 1.0),
        ("mode", "stop"),
        ("recipe", "{}"),
    ]
    assert batch.samples.texts == ("run", "{}", "stop")


def test_no_value_is_no_index() -> None:
    batch = joined(chunk((1, 0.0), texts=("a",)), chunk((1, math.nan), texts=("b",)))
    assert told(batch)[0] == ("mode", "a")
    assert math.isnan(told(batch)[1][1])


def test_a_batch_carries_the_tags_it_uses() -> None:
    batch = joined(chunk((1, 0.0), (2, 1.0), texts=("a",)))
    assert [tag.tag for tag in batch.samples.tags] == ["mode", "idle"]
    assert told(batch) == [("mode", "a"), ("idle", 1.0)]


def test_a_batch_ends_where_the_tag_table_changes() -> None:
    other = (SampleTag(tag="speed", unit="m/s"),)
    batch = joined(chunk((0, 1.0)), chunk((0, 2.0), tags=other))
    assert told(batch) == [("speed", 1.0)]


def test_a_cut_chunk_carries_no_text_of_the_rows_cut_off() -> None:
    rows = ((1, 0.0), (1, 1.0), (0, 7.0), (1, 2.0))
    cut = chunk(*rows, texts=("bad", "b", "c"), skip=1, stop=3)
    batch = joined(cut)
    assert told(batch) == [("mode", "b"), ("speed", 7.0)]
    assert batch.samples.texts == ("b",)


def test_a_batch_tells_the_clock_and_ends_where_that_was_set_back() -> None:
    chunks = [
        replace(chunk((0, float(kept_ms))), kept_ms=kept_ms)
        for kept_ms in (70, 70, 80, 20, 30)
    ]
    assert [value for _, value in told(joined(*chunks))] == [70.0, 70.0, 80.0]
    assert joined(*chunks).clock_us == 80_999
    assert joined(*chunks[3:]).clock_us == 30_999
    assert joined(chunk((0, 1.0))).clock_us is None


def test_of_a_cut_chunk_the_clock_is_that_of_the_last_row_sent() -> None:
    """What was read until its own clock is not all there yet."""
    whole = replace(chunk(*((0, 1.0) for _ in range(3000))), kept_ms=90)
    assert joined(whole).clock_us == 90_999
    assert joined(replace(whole, stop=2001)).clock_us == 2_999
    assert joined(replace(whole, skip=2001)).clock_us == 90_999
