"""Back-pressure: who may still bring something, how much, and when to come again.

The queue is bounded in bytes. A device that has nothing in it may fill the last of the
room; one that has must leave some to others, and never holds more than its share. From
half full on each receipt asks for a pause and for smaller batches.
"""

from dataclasses import dataclass

from services.fleetdata.columns import MAX_ROWS

LEAST_ITEMS = 100
MAX_PAUSE_MS = 5_000
LEAST_RETRY_MS = 100
_UNKNOWN_RATE = 1_000_000.0  # bytes a second, before anything was stored
_WEIGHT_OF_NEWS = 0.2  # of the last group in the average
_ITEM_BYTES = 25  # of a sample with its part of the batch's overhead


@dataclass(frozen=True, slots=True)
class Advice:
    """What a receipt asks of the sender; the fields are ``Receipt``'s."""

    most_items: int | None = None
    pause_ms: int = 0


class Pressure:
    """The rules for one queue, and how fast it has been draining."""

    def __init__(self, queue_bytes: int) -> None:
        self._queue_bytes = queue_bytes
        self._rate = _UNKNOWN_RATE  # bytes a second

    def stored(self, size: int, within_s: float) -> None:
        """A group of ``size`` bytes was stored."""
        rate = size / max(within_s, 0.001)
        self._rate += _WEIGHT_OF_NEWS * (rate - self._rate)

    def admits(self, waiting: int, own: int, weight: int) -> bool:
        """Whether a device that has ``own`` of the waiting bytes may add a batch."""
        if own == 0:
            return waiting + weight <= self._queue_bytes
        return (
            waiting + weight <= self._queue_bytes * 3 // 4
            and own + weight <= self._queue_bytes // 2
        )

    def advice(self, waiting: int, devices: int) -> Advice:
        """For a receipt, while ``devices`` have something waiting."""
        excess = waiting - self._queue_bytes // 2
        if excess <= 0:
            return Advice()
        share = (self._queue_bytes - waiting) // max(devices, 1) // _ITEM_BYTES
        items = min(max(share, LEAST_ITEMS), MAX_ROWS)
        return Advice(
            None if items == MAX_ROWS else items,
            min(int(excess / self._rate * 1000) + 1, MAX_PAUSE_MS),
        )

    def retry_in_ms(self, waiting: int) -> int:
        """When a sender that was turned away should come again."""
        drained = int(waiting / 2 / self._rate * 1000)
        return min(max(drained, LEAST_RETRY_MS), MAX_PAUSE_MS)
