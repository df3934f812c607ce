"""Slows down who guesses passwords, and who connects again and again for nothing.

Of passwords: who fails often waits longer and longer. An attempt counts as failed until
it is forgiven, so that a hundred at once count too. Of connections: those of an address
that lead to nothing have a rate; one by which somebody of the fleet has joined is given
back. In memory only: a restart of the router forgives everybody. Pure: time is an
argument.
"""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TypeVar

from heddle.contract.gate import TooManyAttempts

LONGEST_WAIT_S = 60.0
FORGET_AFTER_S = 600.0
_MOST_KEYS = 10_000

V = TypeVar("V")


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


def place_of(host: str) -> str:
    """What counts as one address: of IPv6 the network that one customer gets."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))


@dataclass(frozen=True, slots=True)
class Pace:
    """How many connections of one address may come to nothing."""

    at_once: int = 1_000
    per_s: float = 20.0
    home_per_s: float = 100.0  # where somebody of the fleet has joined
    home_for_s: float = 3_600.0


_HERE = frozenset({"127.0.0.1", "::/64"})  # a proxy, or a service beside the router


class Arrivals:
    """A bucket for each address; whoever joins the fleet puts back what they took."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._of: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._homes: OrderedDict[str, float] = OrderedDict()

    def comes(self, host: str, now_s: float) -> bool:
        """Somebody connects; False if too many of that address came to nothing."""
        place = place_of(host)
        if place in _HERE:
            return True
        level = self._level(place, now_s)
        if is_let_in := level >= 1:
            level -= 1
        self._keep(self._of, place, (level, now_s))
        return is_let_in

    def joined(self, host: str, now_s: float) -> None:
        """It was somebody of the fleet."""
        place = place_of(host)
        if place not in _HERE:
            level = self._level(place, now_s)
            self._keep(self._homes, place, now_s + self._pace.home_for_s)
            self._keep(self._of, place, (level + 1, now_s))

    def _level(self, place: str, now_s: float) -> float:
        full = float(self._pace.at_once)
        level, at_s = self._of.get(place, (full, now_s))
        is_home = self._homes.get(place, 0.0) > now_s
        per_s = self._pace.home_per_s if is_home else self._pace.per_s
        return min(full, level + (now_s - at_s) * per_s)

    @staticmethod
    def _keep(kept: OrderedDict[str, V], place: str, value: V) -> None:
        """Keep it as the newest of a bounded number."""
        kept[place] = value
        kept.move_to_end(place)
        if len(kept) > _MOST_KEYS:
            kept.popitem(last=False)
