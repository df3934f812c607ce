"""How often somebody may do something: a burst, then now and then. Pure."""

from collections import OrderedDict

_MOST_KEYS = 10_000


class Limit:
    """``burst`` at once, and one more every ``every_s`` seconds, for each key."""

    def __init__(self, burst: int, every_s: float) -> None:
        self._burst = burst
        self._every_s = every_s
        self._used_until: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str, now_s: float) -> bool:
        """Whether it may be done now; if so, it counts."""
        used_until_s = max(now_s, self._used_until.pop(key, now_s))
        allowed = used_until_s - now_s <= (self._burst - 1) * self._every_s
        self._used_until[key] = used_until_s + (self._every_s if allowed else 0)
        if len(self._used_until) > _MOST_KEYS:
            self._used_until.popitem(last=False)
        return allowed
