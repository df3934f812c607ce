"""Counts refusals, so that a thousand alike are told as one with a number.

The first of its kind is told at once, its repeats after a minute, then after longer and
longer, up to an hour. Memory and the rate of telling are bounded, however many are made
up by somebody hostile. Pure: time is an argument.
"""

from collections.abc import Iterator
from dataclasses import dataclass

MOST_KINDS = 1_000
FIRST_WAIT_S, LONGEST_WAIT_S = 60.0, 3600.0
BURST, ONE_MORE_EVERY_S = 40.0, 5.0
OTHERS = "(others)"


@dataclass(frozen=True, slots=True)
class Kind:
    """What makes two refusals alike."""

    project: str | None
    actor: str
    role: str
    action: str
    subject: str


@dataclass(slots=True)
class _Count:
    times: int = 0  # not told yet
    detail: str = ""  # of the last
    due_at_s: float = 0.0
    wait_s: float = FIRST_WAIT_S


class Tally:
    """What was refused and is still to be told."""

    def __init__(self) -> None:
        self._counts: dict[Kind, _Count] = {}
        self._may_tell = BURST
        self._since_s = 0.0

    def note(self, kind: Kind, detail: str, now_s: float, times: int = 1) -> None:
        """Count a refusal; what does not fit any more is counted without a name."""
        if kind not in self._counts and len(self._counts) >= MOST_KINDS:
            kind = Kind(None, "", "", kind.action, OTHERS)
        count = self._counts.setdefault(kind, _Count(due_at_s=now_s))
        count.times += times
        count.detail = detail

    def due(self, now_s: float) -> Iterator[tuple[Kind, str, int]]:
        """What may be told now, how often it was, and no more than is decent."""
        gained = max(0.0, now_s - self._since_s) / ONE_MORE_EVERY_S
        self._may_tell = min(BURST, self._may_tell + gained)
        self._since_s = now_s
        for kind, count in list(self._counts.items()):
            if count.due_at_s > now_s:
                continue
            if count.times == 0:
                del self._counts[kind]  # it has not come again
            elif self._may_tell >= 1:
                self._may_tell -= 1
                times, count.times = count.times, 0
                count.due_at_s = now_s + count.wait_s
                count.wait_s = min(2 * count.wait_s, LONGEST_WAIT_S)
                yield kind, count.detail, times

    def untold(self, kind: Kind, times: int, retry_at_s: float) -> None:
        """Nobody took it over: it is still to be told."""
        count = self._counts.setdefault(kind, _Count())
        count.times += times
        count.due_at_s = retry_at_s
        self._may_tell += 1

    def next_at_s(self) -> float | None:
        """When to look again; None if there is nothing to remember."""
        return min((count.due_at_s for count in self._counts.values()), default=None)
