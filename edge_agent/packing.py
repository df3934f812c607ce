"""Chunks of the outbox and the batches made of them: pure, and on the outbox's thread.

Chunks of samples keep their tag table elsewhere. A batch joins chunks of one table, and
carries of it only what its rows use.
"""

import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import msgspec

from heddle.contract.alarms import AlarmTransition
from heddle.contract.devices import TagType
from heddle.contract.runs import RunEvents
from heddle.contract.samples import Ingest, Loss, SampleColumns, SampleTag, Stream

Tags = tuple[SampleTag, ...]
_AS_TEXT = (TagType.TEXT, TagType.JSON)

encode: Callable[[object], bytes] = msgspec.msgpack.Encoder().encode
decode_tags: Callable[[bytes], Tags] = msgspec.msgpack.Decoder(Tags).decode
_decode_samples = msgspec.msgpack.Decoder(SampleColumns).decode
_decode_events = msgspec.msgpack.Decoder(RunEvents).decode
_decode_alarms = msgspec.msgpack.Decoder(tuple[AlarmTransition, ...]).decode
_decode_losses = msgspec.msgpack.Decoder(tuple[Loss, ...]).decode


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk on its way into a batch: its items from ``skip`` to ``stop``."""

    skip: int
    stop: int
    body: bytes
    tags: Tags | None = None  # of samples; None: within the body
    kept_ms: int | None = None  # up to when all that was read is in it, or before


def count(batch: Ingest) -> int:
    """How many items a batch has."""
    if batch.samples is not None:
        return len(batch.samples.quality)
    if batch.events is not None:
        return sum(len(told.events) for told in batch.events)
    return len(batch.alarms or batch.losses or ())


def make_batch(
    stream: Stream, epoch: str, first: int, chunks: Sequence[Chunk]
) -> Ingest:
    """A batch of as many of the chunks as go together, at least the first."""
    match stream:
        case Stream.SAMPLES:
            samples, kept_ms = _joined(chunks)
            return Ingest(
                stream=stream,
                epoch=epoch,
                first=first,
                samples=samples,
                clock_us=None if kept_ms is None else kept_ms * 1000 + 999,
            )
        case Stream.RUN_EVENTS:
            events = tuple(_events(each) for each in chunks)
            return Ingest(stream=stream, epoch=epoch, first=first, events=events)
        case Stream.ALARMS:
            alarms = tuple(
                a for c in chunks for a in _decode_alarms(c.body)[c.skip : c.stop]
            )
            return Ingest(stream=stream, epoch=epoch, first=first, alarms=alarms)
        case Stream.LOSSES:
            losses = tuple(
                a for c in chunks for a in _decode_losses(c.body)[c.skip : c.stop]
            )
            return Ingest(stream=stream, epoch=epoch, first=first, losses=losses)


def span_ms(columns: SampleColumns) -> tuple[int, int] | None:
    """The oldest and the newest moment of samples."""
    at = _numbers("q", columns.at)
    return (min(at) // 1000, max(at) // 1000) if at else None


def _events(chunk: Chunk) -> RunEvents:
    told = _decode_events(chunk.body)
    return replace(told, events=told.events[chunk.skip : chunk.stop])


def _joined(chunks: Sequence[Chunk]) -> tuple[SampleColumns, int | None]:
    """Those of the same tags, up to where the clock was set back; with its time."""
    parts: list[SampleColumns] = []
    tags: Tags = ()
    kept_ms: int | None = None
    for chunk in chunks:
        part = _decode_samples(chunk.body)
        of = part.tags if chunk.tags is None else chunk.tags
        if parts and (of != tags or (chunk.kept_ms or 0) < (kept_ms or 0)):
            break
        tags, kept_ms = of, chunk.kept_ms
        if kept_ms is not None and chunk.stop < len(part.quality):
            kept_ms = min(kept_ms, _at_ms(part, chunk.stop - 1))  # the rest is to come
        parts.append(_cut(part, tags, chunk.skip, chunk.stop))
    texts: list[str] = []
    values: list[bytes] = []
    for part in parts:
        by = len(texts)
        move = by and part.texts
        values.append(_reindexed(part, tags, float(by).__add__) if move else part.value)
        texts += part.texts
    joined = SampleColumns(
        tags=tags,
        tag=b"".join(part.tag for part in parts),
        at=b"".join(part.at for part in parts),
        value=b"".join(values),
        quality=b"".join(part.quality for part in parts),
        texts=tuple(texts),
    )
    return _with_used_tags(joined), kept_ms


def _at_ms(columns: SampleColumns, row: int) -> int:
    """When a row was read."""
    return int(_numbers("q", columns.at[8 * row : 8 * row + 8])[0] // 1000)


def _cut(columns: SampleColumns, tags: Tags, skip: int, stop: int) -> SampleColumns:
    """The rows from ``skip`` to ``stop``, and no text of another row."""
    if skip == 0 and stop >= len(columns.quality):
        return columns
    rows = replace(
        columns,
        tag=columns.tag[2 * skip : 2 * stop],
        at=columns.at[8 * skip : 8 * stop],
        value=columns.value[8 * skip : 8 * stop],
        quality=columns.quality[skip:stop],
    )
    if not columns.texts:
        return rows
    used = sorted({int(value) for value in _text_indexes(rows, tags)})
    place = {float(old): float(new) for new, old in enumerate(used)}
    texts = tuple(columns.texts[old] for old in used)
    value = _reindexed(rows, tags, place.__getitem__)
    return replace(rows, value=value, texts=texts)


def _text_indexes(columns: SampleColumns, tags: Tags) -> list[float]:
    return [
        value
        for tag, value in zip(
            _numbers("H", columns.tag), _numbers("d", columns.value), strict=True
        )
        if tags[tag].type in _AS_TEXT and value == value  # noqa: PLR0124 -- NaN: none
    ]


def _reindexed(
    columns: SampleColumns, tags: Tags, move: Callable[[float], float]
) -> bytes:
    """The values, with indexes into ``texts`` moved; NaN, no value, stays."""
    text = [tag.type in _AS_TEXT for tag in tags]
    moved = (
        move(value) if text[tag] and value == value else value  # noqa: PLR0124
        for tag, value in zip(
            _numbers("H", columns.tag), _numbers("d", columns.value), strict=True
        )
    )
    return _packed(array("d", moved))


def _with_used_tags(columns: SampleColumns) -> SampleColumns:
    indexes = _numbers("H", columns.tag)
    used = sorted(set(indexes))
    if len(used) == len(columns.tags):
        return columns
    place = {old: new for new, old in enumerate(used)}
    return replace(
        columns,
        tags=tuple(columns.tags[old] for old in used),
        tag=_packed(array("H", map(place.__getitem__, indexes))),
    )


def _numbers(code: str, packed: bytes) -> "array[Any]":
    column: array[Any] = array(code)
    column.frombytes(packed)
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _packed(column: "array[Any]") -> bytes:
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()


def slices(items: Sequence[Any], size: int) -> list[tuple[Any, ...]]:
    """The items in pieces of at most ``size``."""
    rest = iter(items)
    return list(iter(lambda: tuple(islice(rest, size)), ()))
