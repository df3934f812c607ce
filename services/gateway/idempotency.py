"""Requests that are not done twice: the answers to idempotency keys, for a day.

A key belongs to who sent it. What is kept is bounded by number and by bytes, the oldest
first; an answer that tells of no decision (an error of ours) is not kept.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from services.gateway.problems import KeyReused, Malformed, StillUnderWay, Uncertain

KEPT_S = 24 * 3600
MOST_ANSWERS, MOST_BYTES = 20_000, 64_000_000
KEY = "^[!-~]([ -~]{0,253}[!-~])?$"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, ready to be sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class _Kept:
    fingerprint: str
    until_s: float
    said: Said | None = None  # None: under way
    is_in_doubt: bool = False


def fingerprint(method: str, target: str, body: bytes) -> str:
    """What makes one request the same as another."""
    whole = b"\n".join((method.encode(), target.encode(), body))
    return hashlib.sha256(whole).hexdigest()


def check_key(key: str) -> str:
    """The key itself; raises ``Malformed``."""
    if re.fullmatch(KEY, key) is None:
        raise Malformed("Idempotency-Key must be 1 to 255 printable ASCII characters")
    return key


class Answers:
    """The answers of one process."""

    def __init__(self, most: int = MOST_ANSWERS, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    @property
    def count(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def begin(self, who: str, key: str, print_: str, now_s: float) -> Said | None:
        """The answer to the same request, or None: it is to be done, and now is.

        Raises ``KeyReused``, ``StillUnderWay`` or ``Uncertain``.
        """
        self._forget(now_s)
        known = self._kept.get((who, key))
        if known is None:
            self._kept[who, key] = _Kept(print_, now_s + KEPT_S)
            return None
        if known.fingerprint != print_:
            raise KeyReused(
                f"the idempotency key {key!r} was used for another request: use a new "
                "key for a new request"
            )
        if known.is_in_doubt:
            raise Uncertain(
                f"whether the request with the idempotency key {key!r} was done is not "
                "known: look, and use a new key to do it again"
            )
        if known.said is None:
            raise StillUnderWay(
                f"the request with the idempotency key {key!r} is under way: ask again "
                "in a moment"
            )
        return known.said

    def keep(self, who: str, key: str, said: Said) -> None:
        """This is the answer."""
        known = self._kept.get((who, key))
        if known is not None and known.said is None:
            known.said = said
            self._bytes += len(said.body)

    def doubt(self, who: str, key: str) -> None:
        """The answer was lost: it may be done, and is not done again."""
        if (known := self._kept.get((who, key))) is not None:
            known.is_in_doubt = True

    def give_up(self, who: str, key: str) -> None:
        """It was not decided: the next request of this key is done."""
        self._drop((who, key))

    def _drop(self, place: tuple[str, str]) -> None:
        gone = self._kept.pop(place, None)
        if gone is not None and gone.said is not None:
            self._bytes -= len(gone.said.body)

    def _forget(self, now_s: float) -> None:
        while self._kept:
            place, oldest = next(iter(self._kept.items()))
            fits = len(self._kept) < self._most and self._bytes <= self._most_bytes
            if oldest.until_s > now_s and fits:
                return
            self._drop(place)
