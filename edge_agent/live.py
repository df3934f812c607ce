"""Live telemetry: the tags that moved, at most ten times a second, for eyes only."""

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from edge_agent.drivers.driver import Reading
from heddle.contract.samples import Telemetry

BATCH_EVERY_S = 0.1


class Live:
    """Gathers what moved and tells it in batches."""

    def __init__(
        self,
        clock: IReactorTime,
        now_s: Callable[[], float],
        tell: Callable[[Telemetry], None],
    ) -> None:
        self._clock = clock
        self._now_s = now_s
        self._tell = tell
        self._moved: dict[str, Reading] = {}
        self._told_at = 0.0
        self._timer: IDelayedCall | None = None

    def heard(self, readings: Sequence[Reading]) -> None:
        """Take readings; only the last of each tag counts."""
        for reading in readings:
            self._moved[reading.tag] = reading
        if self._timer is None:
            since_s = self._clock.seconds() - self._told_at
            self._timer = self._clock.callLater(
                max(BATCH_EVERY_S - since_s, 0.0), self._due
            )

    def stop(self) -> None:
        """Tell no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        self._told_at = self._clock.seconds()
        moved, self._moved = self._moved, {}
        self._tell(batch(self._now_s(), tuple(moved.values())))


def batch(now_s: float, readings: Sequence[Reading]) -> Telemetry:
    """One message of these readings."""
    return Telemetry(
        at_ms=int(now_s * 1000),
        tags=tuple(reading.tag for reading in readings),
        values=tuple(reading.value for reading in readings),
        quality=tuple(int(reading.quality) for reading in readings),
    )
