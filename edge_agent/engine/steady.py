"""The engine's time: unix milliseconds that no change of the wall clock can bend.

Deadlines are kept in steady time. It runs with the time since boot (suspend included),
begins as unix time, and goes on from there when somebody sets the wall clock, so a jump
neither fires a timer early nor loses one. What people are told is wall time: steady
time plus the ``skew``, measured anew whenever the two have come apart.

The ``Mark`` in the journal lets the next engine go on in the same time: exactly within
one boot of the machine; after a reboot by the wall clock, but never backwards.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import CLOCK_BOOTTIME, clock_gettime, time
from uuid import uuid4

SLACK_MS = 0.001  # what the clock's fractions may be short of a whole ms
JUMP_MS = 250  # wall and steady time this far apart: the wall clock was set


@dataclass(frozen=True, slots=True)
class Mark:
    """Where steady time stands, to be kept in the journal."""

    boot: str  # names one life of the machine's kernel
    base_ms: int  # steady time at boot
    skew_ms: int  # wall time minus steady time


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The machine's clocks, in seconds."""

    boot: str
    elapsed: Callable[[], float]  # since boot; only ever forward
    wall: Callable[[], float]  # unix time; may jump


def machine_clocks() -> Clocks:
    """The clocks of this machine."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = uuid4().hex  # a life of its own: the wall clock decides
    return Clocks(boot=boot, elapsed=boottime, wall=time)


def boottime() -> float:
    """Seconds since the machine's boot, suspend included."""
    return clock_gettime(CLOCK_BOOTTIME)


class SteadyTime:
    """Tells steady time; ``mark`` is to be kept whenever ``look`` says so."""

    def __init__(self, clocks: Clocks, kept: Mark | None, not_before_ms: int) -> None:
        """``kept`` is the last engine's mark; it acted last at ``not_before_ms``."""
        self._clocks = clocks
        if kept is not None and kept.boot == clocks.boot:
            self.mark = kept
        else:
            skew_ms = 0 if kept is None else kept.skew_ms
            start_ms = max(_ms(clocks.wall()) - skew_ms, not_before_ms)
            base_ms = start_ms - _ms(clocks.elapsed())
            self.mark = Mark(clocks.boot, base_ms, skew_ms)

    def now_ms(self) -> int:
        """Steady time now."""
        return self.mark.base_ms + _ms(self._clocks.elapsed())

    def exact_ms(self) -> float:
        """The same to the microsecond, to wait no longer than needed."""
        return self.mark.base_ms + self._clocks.elapsed() * 1000

    def wall_ms(self, at_ms: int) -> int:
        """What the wall clock shows, or would show, at a moment of steady time."""
        return at_ms + self.mark.skew_ms

    def look(self) -> int:
        """Compare with the wall clock; by how many ms it was set since (mostly 0)."""
        seen_ms = _ms(self._clocks.wall()) - self.now_ms()
        jump_ms = seen_ms - self.mark.skew_ms
        if abs(jump_ms) < JUMP_MS:
            return 0
        self.mark = replace(self.mark, skew_ms=seen_ms)
        return jump_ms


def _ms(seconds: float) -> int:
    """Whole ms; a float just below one (0.3 s = 299.999... ms) counts as it."""
    return int(seconds * 1000 + SLACK_MS)
