"""What the ledger knows of a device: its streams' epochs, and what was lost of them."""

from dataclasses import dataclass

from heddle.contract.samples import Loss, Stream
from services.fleetdata.store.instants import unix_ms, unix_ms_or_none
from services.fleetdata.store.links import Link


@dataclass(frozen=True, slots=True)
class KnownEpoch:
    """One life of a stream's numbers, as far as it is stored."""

    stream: Stream
    epoch: str
    next_number: int
    expired: int
    changed_at_ms: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """Epochs in the order in which their first item was stored, and all losses."""

    epochs: tuple[KnownEpoch, ...]
    losses: tuple[Loss, ...]


def ledger_of(link: Link, device: str) -> Ledger:
    """Everything of one device, as of one moment."""
    connection = link.connection
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        epochs = connection.execute(
            """
            select stream, epoch, next_number, expired, changed_at from stream
             where device = %s
             order by stream, id
            """,
            [device],
        ).fetchall()
        losses = connection.execute(
            """
            select stream, epoch, first, count, reason, at, from_at, to_at from loss
             where device = %s
             order by stream, id
            """,
            [device],
        ).fetchall()
    return Ledger(
        tuple(
            KnownEpoch(Stream(stream), epoch, next_number, expired, unix_ms(changed_at))
            for stream, epoch, next_number, expired, changed_at in epochs
        ),
        tuple(
            Loss(
                stream=Stream(stream),
                epoch=epoch,
                first=first,
                count=count,
                reason=reason,
                at_ms=unix_ms(at),
                from_ms=unix_ms_or_none(from_at),
                to_ms=unix_ms_or_none(to_at),
            )
            for stream, epoch, first, count, reason, at, from_at, to_at in losses
        ),
    )
