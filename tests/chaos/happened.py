"""What happened when, so that a flaw can be told with the misfortunes around it."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.plan import Fault, Kind

AROUND_S = 30.0
MOST_TOLD = 8
CENTRAL = frozenset(
    {"backend", "database", "router", "services", "devices and people"}
)  # without whom nobody ends a deployment


@dataclass(slots=True)
class Happening:
    """A fault that was made, or why it was not."""

    fault: Fault
    began_at: float  # unix time
    ended_at: float | None = None
    note: str = ""

    def __str__(self) -> str:
        """With the time of day."""
        at = time.strftime("%H:%M:%S", time.gmtime(self.began_at))
        return f"{at} {str(self.fault).strip()}{self.note and f' ({self.note})'}"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not as it should be."""

    what: str
    at: float | None = None  # unix time, as far as it is known


@dataclass
class Happened:
    """Filled by the threads that make misfortunes; read when all is over."""

    faults: list[Happening] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)
    _lock: Any = field(default_factory=threading.Lock)

    def begins(self, fault: Fault) -> Happening:
        """Note that it happens now."""
        happening = Happening(fault, time.time())
        with self._lock:
            self.faults.append(happening)
        return happening

    def flaw(self, what: str, at: float | None = None) -> None:
        """Note a flaw, once."""
        with self._lock:
            if all(known.what != what for known in self.flaws):
                self.flaws.append(Flaw(what, at))

    def around(self, at: float | None) -> list[str]:
        """The misfortunes about a moment; of an unknown one, none."""
        if at is None:
            return []
        found = [
            one
            for one in self.faults
            if one.began_at - AROUND_S < at < (one.ended_at or at) + AROUND_S
        ]
        found.sort(key=lambda one: abs(one.began_at - at))
        return [str(one) for one in found[:MOST_TOLD]]

    def without_centre_s(self, since: float, until: float, each_s: float) -> float:
        """For how long the centre may have been unable to do anything.

        A fault there counts with its length, and ``each_s`` to come back from it.
        """
        spans = []
        for one in self.faults:
            ended_at = (one.ended_at or until) + each_s
            if (
                one.fault.target in CENTRAL
                and one.began_at < until
                and ended_at > since
            ):
                spans.append((max(one.began_at, since), min(ended_at, until)))
        return _covered_s(spans)

    def counts(self) -> dict[str, int]:
        """Faults that were made, by kind; those that could not be are left out."""
        made = [one.fault.kind for one in self.faults if not one.note]
        return {kind.value: made.count(kind) for kind in Kind if kind in made}


def _covered_s(spans: list[tuple[float, float]]) -> float:
    covered_s, reached = 0.0, 0.0
    for begins, ends in sorted(spans):
        begins = max(begins, reached)  # noqa: PLW2901 -- what is not counted yet
        if ends > begins:
            covered_s += ends - begins
            reached = ends
    return covered_s
