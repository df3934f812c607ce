"""What comes in on its own, brought into the tags' order: not too often, not too old.

A peer that pushes values does so at its own pace. Of what comes within a tag's scan
time only the last is told, when that time is over; what is bad is told at once. A tag
that must be renewed within a time, and is not, becomes bad.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from edge_agent.drivers.linked import Raw, Tell
from heddle.contract.samples import Quality


class Timers(Protocol):
    """What is needed of an asyncio loop."""

    def time(self) -> float:
        """Seconds; never goes back."""
        ...

    def call_at(self, when: float, callback: Callable[[], object], /) -> Any:
        """Call it then; what is returned can be cancelled."""
        ...


class Paced:
    """Tells on, at most once per tag and scan time."""

    def __init__(
        self,
        timers: Timers,
        tell: Tell,
        scan_s: Mapping[str, float],
        stale_s: Mapping[str, float] | None = None,
    ) -> None:
        self._timers = timers
        self._tell = tell
        self._scan_s = scan_s
        self._stale_s = stale_s or {}
        self._next_at: dict[str, float] = {}
        self._waiting: dict[str, Raw] = {}
        self._renewed_at: dict[str, float] = {}
        self._timer: Any = None
        self._watch: Any = None

    def tell(self, raws: Sequence[Raw]) -> None:
        """Tell now what may be told now, keep the rest."""
        now = self._timers.time()
        due: dict[str, Raw] = {}
        for raw in raws:
            self._renewed_at[raw.tag] = now
            if raw.quality is Quality.BAD or now >= self._next_at.get(raw.tag, 0.0):
                self._waiting.pop(raw.tag, None)
                due.pop(raw.tag, None)
                due[raw.tag] = raw
            elif raw.tag in due:
                due[raw.tag] = raw
            else:
                self._waiting[raw.tag] = raw
        self._send(due, now)
        self._look_again()
        self._watch_age()

    def stop(self) -> None:
        """Tell no more."""
        self._waiting.clear()
        self._renewed_at.clear()
        for timer in (self._timer, self._watch):
            if timer is not None:
                timer.cancel()

    def _send(self, due: Mapping[str, Raw], now: float) -> None:
        for tag in due:
            self._next_at[tag] = now + self._scan_s[tag]
        if due:
            self._tell(tuple(due.values()))

    def _look_again(self) -> None:
        if self._timer is not None or not self._waiting:
            return
        soonest = min(self._next_at[tag] for tag in self._waiting)
        self._timer = self._timers.call_at(soonest, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        now = self._timers.time()
        due = {t: raw for t, raw in self._waiting.items() if now >= self._next_at[t]}
        for tag in due:
            del self._waiting[tag]
        self._send(due, now)
        self._look_again()

    # --- what is not renewed ---------------------------------------------------------

    def _old_at(self) -> dict[str, float]:
        return {
            tag: at + self._stale_s[tag]
            for tag, at in self._renewed_at.items()
            if tag in self._stale_s
        }

    def _watch_age(self) -> None:
        if self._watch is None and (old_at := self._old_at()):
            self._watch = self._timers.call_at(min(old_at.values()), self._age)

    def _age(self) -> None:
        self._watch = None
        now = self._timers.time()
        old = [tag for tag, at in self._old_at().items() if now >= at]
        for tag in old:
            del self._renewed_at[tag]
            self._waiting.pop(tag, None)
        if old:
            self._tell([Raw(tag, None, quality=Quality.BAD) for tag in old])
        self._watch_age()
