"""Slows down the guessing of passwords: who fails often waits longer and longer.

An attempt counts as failed until it is forgiven, so that a hundred at once count too.
In memory only: a restart of the router forgives everybody. Pure: time is an argument.
"""

from collections import OrderedDict
from dataclasses import dataclass

from heddle.contract.gate import TooManyAttempts

LONGEST_WAIT_S = 60.0
FORGET_AFTER_S = 600.0
_MOST_KEYS = 10_000


@dataclass(slots=True)
class _Tries:
    failed: int = 0
    free_at_s: float = 0.0
    last_at_s: float = 0.0


class Throttle:
    """Counts attempts per key: a user's name or a peer's address."""

    def __init__(self, free_tries: int) -> None:
        self._free_tries = free_tries
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def attempt(self, key: str, now_s: float) -> None:
        """Note an attempt; raises ``TooManyAttempts`` while ``key`` has to wait."""
        tries = self._tries.pop(key, None)
        if tries is None or now_s - tries.last_at_s > FORGET_AFTER_S:
            tries = _Tries()
        self._tries[key] = tries
        if len(self._tries) > _MOST_KEYS:
            self._tries.popitem(last=False)
        if now_s < tries.free_at_s:
            wait_s = int(tries.free_at_s - now_s) + 1
            raise TooManyAttempts(
                f"too many wrong passwords: try again in {wait_s} s", retry_in_s=wait_s
            )
        tries.failed += 1
        tries.last_at_s = now_s
        over = tries.failed - self._free_tries
        if over >= 0:
            tries.free_at_s = now_s + min(2.0**over, LONGEST_WAIT_S)

    def undo(self, key: str) -> None:
        """The last attempt does not count after all."""
        tries = self._tries.get(key)
        if tries is not None:
            tries.failed -= 1
            tries.free_at_s = 0.0

    def forgive(self, key: str) -> None:
        """The password was right: the slate is clean."""
        self._tries.pop(key, None)
