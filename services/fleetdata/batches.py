"""A device's batch, checked: after this nothing of its content can fail in the store.

A batch is refused whole, with ``InvalidRequest`` naming the element at fault.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.runs import RunEvents, WorkflowEvent
from heddle.contract.samples import Ingest, SampleColumns, SampleTag, Stream
from services.fleetdata.columns import (
    EARLIEST_US,
    FUTURE_US,
    MAX_ROWS,
    Columns,
    unpack,
)

MAX_TAG, MAX_UNIT, MAX_WORD = 200, 64, 200
MAX_DEPTH = 64  # of lists and maps in an event
_MAX_NUMBER = 2**62
_MAX_VERSION = 2**31 - 1
_ROW_BYTES = 19
_NUL = re.compile(
    rb"(?<!\\)(?:\\\\)*\\u0000"
)  # PostgreSQL's text has no such character


class StreamKey(NamedTuple):
    """Names a stream of a project."""

    device: str
    stream: str
    epoch: str


class TagKey(NamedTuple):
    """Names a series: a change of unit begins another one."""

    device: str
    tag: str
    unit: str


class RunEvent(NamedTuple):
    """One event as it is stored; ``data`` is JSON."""

    run: str
    flow: str
    version: int
    number: int
    id: str
    type: str
    at_ms: int
    data: str


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """Samples numbered from ``first``."""

    key: StreamKey
    first: int
    tags: tuple[TagKey, ...]
    columns: Columns

    def __len__(self) -> int:
        """How many items."""
        return len(self.columns)

    @property
    def weight(self) -> int:
        """About how many bytes it holds while it waits."""
        return 1000 + _ROW_BYTES * len(self.columns) + 300 * len(self.tags)


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


Batch = SampleBatch | EventBatch


def check(device: str, request: Ingest, now_us: int) -> Batch:
    """The batch ``device`` sent at ``now_us``. Raises ``InvalidRequest``."""
    check_id("device", device)
    check_id("epoch", request.epoch)
    if not 0 <= request.first < _MAX_NUMBER:
        raise InvalidRequest(f"first is {request.first}: numbers count from 0")
    key = StreamKey(device, request.stream, request.epoch)
    match request:
        case Ingest(stream=Stream.SAMPLES, samples=SampleColumns() as packed) if (
            request.events is None
        ):
            tags = tuple(_tags(device, packed.tags))
            return SampleBatch(key, request.first, tags, unpack(packed, now_us))
        case Ingest(stream=Stream.RUN_EVENTS, samples=None, events=tuple() as told):
            events = tuple(_events(told, now_us))
            if len(events) > MAX_ROWS:
                raise InvalidRequest(
                    f"events has {len(events)} events: send at most {MAX_ROWS}"
                )
            return EventBatch(key, request.first, events)
        case _:
            wanted = "samples" if request.stream is Stream.SAMPLES else "events"
            raise InvalidRequest(
                f"a batch of the stream {request.stream.value} carries `{wanted}`, "
                "and nothing else"
            )


def check_word(name: str, word: str, most: int, least: int = 1) -> str:
    """``word``, if it is printable text of a fitting length."""
    if not (least <= len(word) <= most and word.isprintable()):
        raise InvalidRequest(
            f"{name} is {word[:50]!r}: use {least} to {most} printable characters"
        )
    return word


def _tags(device: str, tags: tuple[SampleTag, ...]) -> Iterator[TagKey]:
    if len(tags) > MAX_ROWS:
        raise InvalidRequest(
            f"samples.tags has {len(tags)} entries: send at most {MAX_ROWS}"
        )
    for i, tag in enumerate(tags):
        yield TagKey(
            device,
            check_word(f"samples.tags[{i}].tag", tag.tag, MAX_TAG),
            check_word(f"samples.tags[{i}].unit", tag.unit, MAX_UNIT, least=0),
        )


def _events(told: tuple[RunEvents, ...], now_us: int) -> Iterator[RunEvent]:
    for i, group in enumerate(told):
        check_id(f"events[{i}].run", group.run)
        check_id(f"events[{i}].flow", group.flow)
        if not 0 <= group.version <= _MAX_VERSION:
            raise InvalidRequest(f"events[{i}].version is {group.version}")
        for j, event in enumerate(group.events):
            yield _event(f"events[{i}].events[{j}]", group, event, now_us)


def _event(name: str, group: RunEvents, event: WorkflowEvent, now_us: int) -> RunEvent:
    check_word(f"{name}.id", event.id, MAX_WORD)
    check_word(f"{name}.type", event.type, MAX_WORD)
    if not 0 <= event.number < _MAX_NUMBER:
        raise InvalidRequest(f"{name}.number is {event.number}: numbers count from 0")
    if not EARLIEST_US <= event.createdAt * 1000 <= now_us + FUTURE_US:
        raise InvalidRequest(
            f"{name}.createdAt is {event.createdAt}, before the year 2000 or more than "
            "a day ahead: give unix milliseconds, and check the device's clock"
        )
    return RunEvent(
        run=group.run,
        flow=group.flow,
        version=group.version,
        number=event.number,
        id=event.id,
        type=event.type,
        at_ms=event.createdAt,
        data=_json(f"{name}.data", event.data),
    )


def _json(name: str, data: dict[str, object]) -> str:
    if _is_deep(data):
        raise InvalidRequest(f"{name} is nested more than {MAX_DEPTH} levels deep")
    try:
        text = msgspec.json.encode(data)
    except (TypeError, ValueError) as flaw:
        raise InvalidRequest(f"{name} is no JSON: {flaw}") from None
    if _NUL.search(text):
        raise InvalidRequest(f"{name} holds the character U+0000: leave it out")
    return text.decode()


def _is_deep(data: object) -> bool:
    """Whether lists and maps are nested too deep; by levels, whatever they hold."""
    level: list[Any] = [data]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list | tuple)
        ]
        if not level:
            return False
    return True
