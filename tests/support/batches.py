"""Builders of what devices send to fleetdata."""

from array import array
from collections.abc import Sequence
from datetime import UTC, datetime

from heddle.contract.runs import RunEvents, WorkflowEvent
from heddle.contract.samples import Ingest, SampleColumns, SampleTag, Stream

Row = tuple[str, float, float, int]  # tag, unix seconds, value, quality


def now_s() -> float:
    """A full second of now: the store keeps days relative to today."""
    return float(int(datetime.now(UTC).timestamp()))


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
