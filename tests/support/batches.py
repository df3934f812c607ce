"""Builders of what devices send to fleetdata."""

from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from math import nan

from heddle.contract.alarms import AlarmTransition
from heddle.contract.devices import TagType
from heddle.contract.runs import RunEvents, WorkflowEvent
from heddle.contract.samples import Ingest, Loss, SampleColumns, SampleTag, Stream

Row = tuple[str, float, float, int]  # tag, unix seconds, value, quality
Value = float | bool | str | None
TypedRow = tuple[str, TagType, float, Value, int]


def now_s() -> float:
    """A full second of now: the store keeps days relative to today.

    Of the last minutes before midnight it is the first, so that a test's samples do
    not lie on two days.
    """
    now = int(datetime.now(UTC).timestamp())
    until_midnight = -now % 86_400
    return float(now - max(300 - until_midnight, 0))


def columns(rows: Sequence[Row], unit: str = "K") -> SampleColumns:
    """Packed columns of rows, with a tag table in order of appearance."""
    names = list(dict.fromkeys(tag for tag, _, _, _ in rows))
    return SampleColumns(
        tags=tuple(SampleTag(tag=name, unit=unit) for name in names),
        tag=array("H", [names.index(tag) for tag, _, _, _ in rows]).tobytes(),
        at=array("q", [round(at * 1_000_000) for _, at, _, _ in rows]).tobytes(),
        value=array("d", [value for _, _, value, _ in rows]).tobytes(),
        quality=bytes(quality for _, _, _, quality in rows),
    )


def samples(
    first: int, rows: Sequence[Row], epoch: str = "e1", unit: str = "K"
) -> Ingest:
    """A batch of the samples stream."""
    return Ingest(
        stream=Stream.SAMPLES, epoch=epoch, first=first, samples=columns(rows, unit)
    )


def typed_samples(
    first: int, rows: Sequence[TypedRow], epoch: str = "e1", unit: str = ""
) -> Ingest:
    """A batch of samples of any type; text and JSON by index into ``texts``."""
    tags = list(dict.fromkeys((tag, kind) for tag, kind, _, _, _ in rows))
    texts: list[str] = []

    def packed(value: Value) -> float:
        if isinstance(value, str):
            texts.append(value)
            return len(texts) - 1
        return nan if value is None else float(value)

    values = [packed(value) for _, _, _, value, _ in rows]
    return Ingest(
        stream=Stream.SAMPLES,
        epoch=epoch,
        first=first,
        samples=SampleColumns(
            tags=tuple(SampleTag(tag=t, unit=unit, type=kind) for t, kind in tags),
            tag=array("H", [tags.index(row[:2]) for row in rows]).tobytes(),
            at=array("q", [round(row[2] * 1_000_000) for row in rows]).tobytes(),
            value=array("d", values).tobytes(),
            quality=bytes(row[4] for row in rows),
            texts=tuple(texts),
        ),
    )


def losses(first: int, *told: Loss, epoch: str = "l1") -> Ingest:
    """A batch of the losses stream."""
    return Ingest(stream=Stream.LOSSES, epoch=epoch, first=first, losses=told)


def loss(
    epoch: str, first: int, count: int, at_s: float, stream: Stream = Stream.SAMPLES
) -> Loss:
    """A full outbox dropped ``count`` items of the minute before ``at_s``."""
    return Loss(
        stream=stream,
        epoch=epoch,
        first=first,
        count=count,
        reason="the outbox was full",
        at_ms=int(at_s * 1000),
        from_ms=int((at_s - 60) * 1000),
        to_ms=int(at_s * 1000),
    )


def alarms(first: int, *told: AlarmTransition, epoch: str = "a1") -> Ingest:
    """A batch of the alarms stream."""
    return Ingest(stream=Stream.ALARMS, epoch=epoch, first=first, alarms=told)


def transition(
    at_s: float, before: str = "normal", after: str = "active"
) -> AlarmTransition:
    """One step of one alarm."""
    return AlarmTransition(
        alarm="temp_hi",
        tag="temp",
        at_us=int(at_s * 1e6),
        cause="sample",
        before=before,
        after=after,
        severity=700,
        value=81.5,
    )


def ramp(
    first: int, count: int, start_s: float, tag: str = "temp", epoch: str = "e1"
) -> Ingest:
    """One sample a second, whose value is its number in the stream."""
    numbers = range(first, first + count)
    return samples(first, [(tag, start_s + n, float(n), 0) for n in numbers], epoch)


def events(
    first: int,
    numbers: Sequence[int],
    at_s: float,
    run: str = "run_1",
    epoch: str = "e1",
) -> Ingest:
    """A batch of the run events stream: events of one run."""
    told = tuple(
        WorkflowEvent(
            id=f"event-{n}",
            type="PHASE_STARTED",
            createdAt=int(at_s * 1000) + n,
            number=n,
            data={"phaseId": f"phase_{n}"},
        )
        for n in numbers
    )
    return Ingest(
        stream=Stream.RUN_EVENTS,
        epoch=epoch,
        first=first,
        events=(RunEvents(run=run, flow="bioreactor", version=3, events=told),),
    )
