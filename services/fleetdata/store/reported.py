"""Run events and losses of a group of batches, into their tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg import Connection

from heddle.contract.alarms import AlarmTransition
from heddle.contract.samples import Loss
from services.fleetdata.batches import StreamKey
from services.fleetdata.reports import RunEvent
from services.fleetdata.store.instants import at_ms, at_ms_or_none
from services.fleetdata.store.runs import insert_events


@dataclass(slots=True)
class Reported:
    """Reports on their way into one transaction, each with who told it.

    Transitions of alarms are written by whoever knows how alarms stand: ``judging``.
    """

    events: list[tuple[str, RunEvent]] = field(default_factory=list)
    losses: list[tuple[str, Loss]] = field(default_factory=list)
    transitions: list[tuple[StreamKey, int, AlarmTransition]] = field(
        default_factory=list
    )

    def write(self, connection: Connection) -> None:
        """Insert events and losses, in the order told."""
        if self.events:
            insert_events(connection, self.events)
        if self.losses:
            _insert_losses(connection, self.losses)


def _insert_losses(connection: Connection, told: Sequence[tuple[str, Loss]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into loss
                   (device, stream, epoch, first, count, reason, at, from_at, to_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    device,
                    loss.stream.value,
                    loss.epoch,
                    loss.first,
                    loss.count,
                    loss.reason,
                    at_ms(loss.at_ms),
                    at_ms_or_none(loss.from_ms),
                    at_ms_or_none(loss.to_ms),
                )
                for device, loss in told
            ],
        )
