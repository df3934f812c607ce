"""How many requests somebody may make: a token bucket each, in bounded memory.

A bucket that has filled up again is forgotten; so are, where there are too many, those
not asked for longest.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass

from services.gateway.problems import TooManyRequests

MOST_BUCKETS = 20_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of somebody's bucket."""

    limit: int
    remaining: int
    reset_s: int  # until the bucket is full

    def headers(self) -> dict[str, str]:
        """As every answer tells it."""
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset_s),
        }


class Buckets:
    """``burst`` requests at once, and ``per_minute`` from then on."""

    def __init__(self, per_minute: int, burst: int, most: int = MOST_BUCKETS) -> None:
        self._per_s = per_minute / 60
        self._burst = burst
        self._most = most
        self._of: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @property
    def count(self) -> int:
        """How many buckets are not full."""
        return len(self._of)

    def take(self, who: str, now_s: float) -> Standing:
        """Take one. Raises ``TooManyRequests`` when there is none."""
        level = self._level(who, now_s)
        enough = level >= 1
        left = level - 1 if enough else level
        self._of[who] = left, now_s
        self._of.move_to_end(who)
        self._forget(now_s)
        standing = Standing(
            self._burst, int(left), math.ceil((self._burst - left) / self._per_s)
        )
        if not enough:
            raise self._refusal(left, **standing.headers())
        return standing

    def note(self, who: str, now_s: float) -> None:
        """Take one, if there is one."""
        level = self._level(who, now_s)
        self._of[who] = max(0.0, level - 1), now_s
        self._of.move_to_end(who)
        self._forget(now_s)

    def check(self, who: str, now_s: float) -> None:
        """Raises ``TooManyRequests`` if there is none to take."""
        if (level := self._level(who, now_s)) < 1:
            raise self._refusal(level)

    def _refusal(self, level: float, **more: str) -> TooManyRequests:
        retry_in_s = max(1, math.ceil((1 - level) / self._per_s))
        return TooManyRequests(
            f"too many requests: try again in {retry_in_s} s",
            retry_in_s=retry_in_s,
            **more,
        )

    def _level(self, who: str, now_s: float) -> float:
        level, at_s = self._of.get(who, (float(self._burst), now_s))
        return min(float(self._burst), level + (now_s - at_s) * self._per_s)

    def _forget(self, now_s: float) -> None:
        while self._of:
            oldest = next(iter(self._of))
            is_full = self._level(oldest, now_s) >= self._burst
            if not is_full and len(self._of) <= self._most:
                return
            del self._of[oldest]
