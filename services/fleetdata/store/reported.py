"""Run events and losses of a group of batches, into their tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg import Connection

from heddle.contract.alarms import AlarmTransition
from heddle.contract.samples import Loss
from services.fleetdata.batches import StreamKey
from services.fleetdata.reports import RunEvent
from services.fleetdata.store.instants import at_ms, at_ms_or_none


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
            _insert_events(connection, self.events)
        if self.losses:
            _insert_losses(connection, self.losses)


def _insert_events(
    connection: Connection, told: Sequence[tuple[str, RunEvent]]
) -> None:
    """Events by run and number; one that is there already stays as it is."""
    runs = sorted({(device, e.run): (e.flow, e.version) for device, e in told}.items())
    connection.execute(
        """
        insert into run (device, run, flow, version)
        select * from unnest(%(device)s::text[], %(run)s::text[],
                             %(flow)s::text[], %(version)s::int[])
        on conflict do nothing
        """,
        {
            "device": [device for (device, _), _ in runs],
            "run": [run for (_, run), _ in runs],
            "flow": [flow for _, (flow, _) in runs],
            "version": [version for _, (_, version) in runs],
        },
    )
    connection.execute(
        """
        insert into run_event (run_id, number, id, type, at, data)
        select run.id, e.number, e.id, e.type, e.at, e.data
          from unnest(%(device)s::text[], %(run)s::text[], %(number)s::bigint[],
                      %(id)s::text[], %(type)s::text[], %(at)s::timestamptz[],
                      %(data)s::jsonb[])
               as e (device, run, number, id, type, at, data)
          join run using (device, run)
         order by 1, 2
        on conflict do nothing
        """,
        {
            "device": [device for device, _ in told],
            "run": [event.run for _, event in told],
            "number": [event.number for _, event in told],
            "id": [event.id for _, event in told],
            "type": [event.type for _, event in told],
            "at": [at_ms(event.at_ms) for _, event in told],
            "data": [event.data for _, event in told],
        },
    )


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
