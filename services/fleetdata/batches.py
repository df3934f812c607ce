"""A device's batch, checked: after this nothing of its content can fail in the store.

A batch is refused whole, with ``InvalidRequest`` naming the element at fault.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from heddle.contract.alarms import AlarmTransition
from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.devices import TagType
from heddle.contract.samples import Ingest, Loss, SampleColumns, SampleTag, Stream
from services.fleetdata import reports
from services.fleetdata.columns import (
    EARLIEST_US,
    FUTURE_US,
    MAX_ROWS,
    TEXTUAL,
    Columns,
    rows_of,
    unpack,
)
from services.fleetdata.reports import MAX_NUMBER, RunEvent
from services.fleetdata.words import (
    MAX_TAG,
    MAX_UNIT,
    check_json_text,
    check_text,
    check_word,
)

MAX_TEXT_BYTES = 16 * 1024
MAX_TEXTS_BYTES = 400_000  # of all texts of a batch
_ROW_BYTES = 19


class StreamKey(NamedTuple):
    """Names a stream of a project."""

    device: str
    stream: str
    epoch: str


class TagKey(NamedTuple):
    """Names a series: a change of unit or type begins another one."""

    device: str
    tag: str
    unit: str
    type: str = TagType.FLOAT.value


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """Samples numbered from ``first``.

    Two entries of ``tags`` may name the same series.
    """

    key: StreamKey
    first: int
    tags: tuple[TagKey, ...]
    columns: Columns
    texts: tuple[str, ...] = ()
    text_bytes: int = 0
    clock_us: int | None = None  # what the device's clock said at the last one

    def __len__(self) -> int:
        """How many items."""
        return len(self.columns)

    @property
    def weight(self) -> int:
        """About how many bytes it holds while it waits."""
        texts = 100 * len(self.texts) + 2 * self.text_bytes
        return 1000 + _ROW_BYTES * len(self.columns) + 300 * len(self.tags) + texts


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Run events numbered from ``first`` (in the stream, not in their runs)."""

    key: StreamKey
    first: int
    events: tuple[RunEvent, ...]

    def __len__(self) -> int:
        """How many items."""
        return len(self.events)

    @property
    def weight(self) -> int:
        """About how many bytes it holds while it waits."""
        return 1000 + sum(600 + len(event.data) for event in self.events)


@dataclass(frozen=True, slots=True)
class LossBatch:
    """Losses numbered from ``first``."""

    key: StreamKey
    first: int
    losses: tuple[Loss, ...]

    def __len__(self) -> int:
        """How many items."""
        return len(self.losses)

    @property
    def weight(self) -> int:
        """About how many bytes it holds while it waits."""
        return 1000 + 1000 * len(self.losses)


@dataclass(frozen=True, slots=True)
class AlarmBatch:
    """Alarm transitions numbered from ``first``."""

    key: StreamKey
    first: int
    transitions: tuple[AlarmTransition, ...]

    def __len__(self) -> int:
        """How many items."""
        return len(self.transitions)

    @property
    def weight(self) -> int:
        """About how many bytes it holds while it waits."""
        return 1000 + sum(1500 + len(t.comment or "") for t in self.transitions)


Batch = SampleBatch | EventBatch | LossBatch | AlarmBatch

_CARRIED_AS = {
    Stream.SAMPLES: "samples",
    Stream.RUN_EVENTS: "events",
    Stream.ALARMS: "alarms",
    Stream.LOSSES: "losses",
}


def check(device: str, request: Ingest, now_us: int) -> Batch:
    """The batch ``device`` sent at ``now_us``. Raises ``InvalidRequest``."""
    check_id("device", device)
    check_id("epoch", request.epoch)
    if not 0 <= request.first < MAX_NUMBER:
        raise InvalidRequest(f"first is {request.first}: numbers count from 0")
    _check_carries(request)
    key, first = StreamKey(device, request.stream, request.epoch), request.first
    match request:
        case Ingest(samples=SampleColumns() as packed):
            clock_us = _plausible(request.clock_us, now_us)
            return _samples(key, first, packed, now_us, clock_us)
        case Ingest(events=tuple() as told):
            events = reports.run_events(told, now_us)
            return EventBatch(key, first, _few("events", events))
        case Ingest(losses=tuple() as lost):
            return LossBatch(key, first, _few("losses", reports.losses(lost)))
        case Ingest(alarms=tuple() as moved):
            transitions = reports.transitions(moved, now_us)
            return AlarmBatch(key, first, _few("alarms", transitions))
        case _:
            raise AssertionError("a batch carries what its stream says")


def _check_carries(request: Ingest) -> None:
    wanted = _CARRIED_AS[request.stream]
    carried = [n for n in _CARRIED_AS.values() if getattr(request, n) is not None]
    if carried != [wanted]:
        raise InvalidRequest(
            f"a batch of the stream {request.stream.value} carries `{wanted}`, "
            f"and nothing else; this one has {' and '.join(carried) or 'nothing'}"
        )


def _few(name: str, items: Iterator[Any]) -> tuple[Any, ...]:
    found = tuple(items)
    if len(found) > MAX_ROWS:
        raise InvalidRequest(f"{name} has {len(found)} {name}: send at most {MAX_ROWS}")
    return found


def _plausible(clock_us: int | None, now_us: int) -> int | None:
    """A clock that samples could be dated by; None: not known."""
    if clock_us is None or not EARLIEST_US <= clock_us <= now_us + FUTURE_US:
        return None
    return clock_us


def _samples(
    key: StreamKey, first: int, packed: SampleColumns, now_us: int, clock_us: int | None
) -> SampleBatch:
    tags = tuple(_tags(key.device, packed.tags))
    columns = unpack(packed, now_us)
    size = _check_texts(packed, columns) if packed.texts else 0
    return SampleBatch(key, first, tags, columns, packed.texts, size, clock_us)


def _tags(device: str, tags: Sequence[SampleTag]) -> Iterator[TagKey]:
    if len(tags) > MAX_ROWS:
        raise InvalidRequest(
            f"samples.tags has {len(tags)} entries: send at most {MAX_ROWS}"
        )
    for i, tag in enumerate(tags):
        yield TagKey(
            device,
            check_word(f"samples.tags[{i}].tag", tag.tag, MAX_TAG),
            check_word(f"samples.tags[{i}].unit", tag.unit, MAX_UNIT, least=0),
            tag.type.value,
        )


def _check_texts(packed: SampleColumns, columns: Columns) -> int:
    """The bytes of all texts; those of JSON tags are JSON."""
    if len(packed.texts) > MAX_ROWS:
        raise InvalidRequest(
            f"samples.texts has {len(packed.texts)} entries: send at most {MAX_ROWS}"
        )
    size = sum(
        check_text(f"samples.texts[{i}]", text, MAX_TEXT_BYTES)
        for i, text in enumerate(packed.texts)
    )
    if size > MAX_TEXTS_BYTES:
        raise InvalidRequest(
            f"samples.texts has {size} bytes: send at most {MAX_TEXTS_BYTES}"
        )
    rows = rows_of(
        columns, [tag.type for tag in packed.tags], frozenset({TagType.JSON})
    )
    if rows is not None:
        indexes = columns.value[rows & ~np.isnan(columns.value)]
        for i in np.unique(indexes).astype(int):
            check_json_text(f"samples.texts[{i}]", packed.texts[i])
    return size


def is_textual(tag: TagKey) -> bool:
    """Whether a series holds text (or JSON as text)."""
    return tag.type in TEXTUAL
