"""How much the outbox may hold, in bytes and in hours, and which stream gets how much.

Each stream has a share of its own, so that a flood of samples never costs an event or
an alarm. The rest is for losses, which are never dropped, and for the file's own pages.
"""

from dataclasses import dataclass

from heddle.contract.samples import Stream

BATCH_ITEMS = {
    Stream.SAMPLES: 10_000,
    Stream.RUN_EVENTS: 1_000,
    Stream.ALARMS: 1_000,
    Stream.LOSSES: 1_000,
}
BATCH_BYTES = (
    380_000  # of a batch's chunks; a WAMP message holds 1 MB, its texts 400 kB
)
CHUNK_COST = 64  # bytes of the file that a chunk takes beside its own
_PERCENT = {Stream.SAMPLES: 70, Stream.RUN_EVENTS: 15, Stream.ALARMS: 5}
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Budget:
    """The outbox's limits."""

    bytes: int
    hours: int = 168

    def share(self, stream: Stream) -> int | None:
        """The bytes a stream's chunks may take; None: as many as there are."""
        percent = _PERCENT.get(stream)
        return None if percent is None else self.bytes * percent // 100

    def batch_bytes(self, stream: Stream) -> int:
        """The bytes of one batch: an eighth of the share at most.

        What may be on its way cannot be dropped; the larger part must stay free.
        """
        share = self.share(stream)
        return BATCH_BYTES if share is None else min(BATCH_BYTES, share // 8)

    def keep_from_ms(self, now_ms: int) -> int:
        """What was kept before this instant is too old."""
        return now_ms - self.hours * _HOUR_MS
