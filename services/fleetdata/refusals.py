"""Tells an operator of refused batches: the first of a device at once, then in sum."""

from collections.abc import Callable
from dataclasses import dataclass

from twisted.logger import Logger

log = Logger()

EVERY_S = 60.0


@dataclass(slots=True)
class _Told:
    until_s: float
    untold: int = 0


class Refusals:
    """What was told of each device lately."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._told: dict[str, _Told] = {}

    def tell(self, device: str, error: Exception) -> None:
        """Log a refusal, unless one of the device was logged within the minute."""
        now = self._wall()
        told = self._told.get(device)
        if told is not None and now < told.until_s:
            told.untold += 1
            return
        before = f", and {told.untold} before it" if told and told.untold else ""
        self._told[device] = _Told(now + EVERY_S)
        log.warn(
            "a batch of {device} is refused{before}: {why}",
            device=device,
            before=before,
            why=str(error),
        )
