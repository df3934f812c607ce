"""Fleetdata's end of the ledger in memory, for tests of the device's end of it."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isnan
from typing import Any

from heddle.contract.declare import InvalidRequest
from heddle.contract.samples import (
    Ingest,
    Loss,
    Receipt,
    SampleColumns,
    SequenceGap,
    Stream,
)

Life = tuple[Stream, str]


def items_of(batch: Ingest) -> list[Any]:
    """The items of a batch, one by one; a sample as (tag, at, value, quality)."""
    match batch:
        case Ingest(samples=SampleColumns() as columns):
            return rows_of(columns)
        case Ingest(events=tuple() as told):
            return [(each.run, event) for each in told for event in each.events]
        case _:
            return list(batch.alarms or batch.losses or ())


def rows_of(columns: SampleColumns) -> list[tuple[str, int, float | str, int]]:
    """The rows of packed columns; text as such."""
    rows = len(columns.quality)
    found: list[tuple[str, int, float | str, int]] = []
    for tag, at, value, quality in zip(
        struct.unpack(f"<{rows}H", columns.tag),
        struct.unpack(f"<{rows}q", columns.at),
        struct.unpack(f"<{rows}d", columns.value),
        columns.quality,
        strict=True,
    ):
        of = columns.tags[tag]
        there = not isnan(value)
        text = there and of.type in ("text", "json")
        found.append(
            (of.tag, at, columns.texts[int(value)] if text else value, quality)
        )
    return found


@dataclass
class Centre:
    """Stores what is new, in order, all or nothing."""

    refuses: Callable[[Any], bool] = lambda _item: False
    stored: dict[Life, list[Any]] = field(default_factory=dict)

    def take(self, batch: Ingest) -> Receipt:
        """The receipt. Raises ``SequenceGap`` and ``InvalidRequest``."""
        items = items_of(batch)
        if any(self.refuses(item) for item in items):
            raise InvalidRequest("an item is unlucky")
        life = (batch.stream, batch.epoch)
        cursor = len(self.stored.get(life, ()))
        if batch.first > cursor:
            raise SequenceGap(f"{cursor} is wanted", wanted=cursor)
        self.stored.setdefault(life, []).extend(items[cursor - batch.first :])
        return Receipt(
            stream=batch.stream,
            epoch=batch.epoch,
            next_number=len(self.stored[life]),
        )

    def of(self, stream: Stream) -> list[Any]:
        """All items stored of a stream."""
        return [
            item
            for (of, _), items in self.stored.items()
            if of is stream
            for item in items
        ]

    def losses(self, stream: Stream) -> list[Loss]:
        """All losses told of a stream."""
        return [loss for loss in self.of(Stream.LOSSES) if loss.stream is stream]

    def unexplained(self, stream: Stream) -> list[str]:
        """Epochs of a stream that no loss closes at the number they ended with."""
        closed = {(loss.epoch, loss.first) for loss in self.losses(stream)}
        return [
            epoch
            for (of, epoch), items in self.stored.items()
            if of is stream and (epoch, len(items)) not in closed
        ]
