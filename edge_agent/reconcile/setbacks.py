"""What failed, how often in a row, and when it is tried again: ever later.

The first repeat is at once, the n-th after that 5 s * n² later, at most an hour, give
or take a fifth, so that what failed together is not tried together for ever.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

STEP_S = 5.0
LONGEST_S = 3600.0
SPREAD = 0.2
STABLE_AFTER_S = 60.0
_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Setback:
    """The last failure of something, and what it means for the next attempt."""

    failures: int  # in a row
    why: str
    due_s: float


def delay_s(failures: int, chance: float) -> float:
    """How long to wait after so many failures in a row; ``chance`` is in 0..1."""
    plain = min(STEP_S * (failures - 1) ** 2, LONGEST_S)
    return plain * (1 + SPREAD * (2 * chance - 1))


class Setbacks:
    """The last failure of each flow and image."""

    def __init__(
        self, clock_s: Callable[[], float], chance: Callable[[], float]
    ) -> None:
        self._clock_s = clock_s
        self._chance = chance
        self._last: dict[str, Setback] = {}

    def add(self, what: str, why: str, *, lived_s: float = 0.0) -> Setback:
        """One more failure; the first one, if what failed had lived long enough."""
        before = self._last.get(what)
        stable = before is None or lived_s >= STABLE_AFTER_S
        failures = 1 if stable or before is None else before.failures + 1
        due_s = self._clock_s() + delay_s(failures, self._chance())
        self._last[what] = setback = Setback(failures, why, due_s)
        return setback

    def forget(self, what: str) -> None:
        """It did not fail after all, or is another thing now."""
        self._last.pop(what, None)

    def of(self, what: str) -> Setback | None:
        """The last failure, if there was one."""
        return self._last.get(what)

    def due_s(self) -> Mapping[str, float]:
        """When each may be tried again."""
        return {what: setback.due_s for what, setback in self._last.items()}

    def told(self, setback: Setback) -> str:
        """Why, and when the next attempt is due."""
        left_s = setback.due_s - self._clock_s()
        if left_s <= 0:
            return setback.why
        return f"{setback.why}; next attempt in {span(left_s)}"


def span(seconds: float) -> str:
    """A time for people: ``45 s``, ``12 min``."""
    if seconds < 2 * _MINUTE_S:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / _MINUTE_S)} min"
