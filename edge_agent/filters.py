"""Thins out readings before they are kept and shown: deadband, rate limit, heartbeat.

A tag's change within its deadband is held back, and what comes sooner than its least
interval waits; the newest value held back goes out when its interval ends. A change of
quality, and from or to no value, is never held back by a deadband. The newest value
held back goes out after the greatest interval at the latest, so that silence means that
the source is silent. What is told keeps the time it was read at.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from edge_agent.drivers.driver import Reading

Hears = Callable[[Sequence[Reading]], None]

DEFAULT_HEARTBEAT_S = 60.0
_SLACK_S = 0.001  # what is due together is told together


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one tag is thinned out. No deadband: every reading counts as a change."""

    deadband: float | None = None
    least_s: float = 0.0
    greatest_s: float = DEFAULT_HEARTBEAT_S


@dataclass(frozen=True, slots=True)
class State:
    """What was told last, when, and the newest reading held back since."""

    told: Reading
    told_at_s: float
    held: Reading | None = None


def take(
    rule: Rule, state: State | None, reading: Reading, now_s: float
) -> tuple[State, Reading | None]:
    """A reading comes: the state after it, and what is to be told."""
    if state is None:
        return State(reading, now_s), reading
    return look(rule, State(state.told, state.told_at_s, reading), now_s)


def look(rule: Rule, state: State, now_s: float) -> tuple[State, Reading | None]:
    """Time has gone by: the state after it, and what is to be told."""
    if state.held is None or now_s + _SLACK_S < _due_s(rule, state):
        return state, None
    return State(state.held, now_s), state.held


def due_s(rule: Rule, state: State) -> float | None:
    """When what is held back is to be told; None if nothing is."""
    return None if state.held is None else _due_s(rule, state)


def _due_s(rule: Rule, state: State) -> float:
    assert state.held is not None, "asked only for what is held back"  # noqa: S101
    moved = is_moved(rule, state.told, state.held)
    return state.told_at_s + (rule.least_s if moved else rule.greatest_s)


def is_moved(rule: Rule, told: Reading, new: Reading) -> bool:
    """Whether the value is another one, as far as its deadband lets see."""
    if rule.deadband is None or new.quality is not told.quality:
        return True
    if _is_number(told.value) and _is_number(new.value):
        return abs(new.value - told.value) > rule.deadband
    return new.value != told.value


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Filters:
    """Passes readings on, those of tags with a rule thinned out."""

    def __init__(
        self, clock: IReactorTime, rules: Mapping[str, Rule], hearers: Sequence[Hears]
    ) -> None:
        self._clock = clock
        self._rules = rules
        self._hearers = hearers
        self._states: dict[str, State] = {}
        self._timer: IDelayedCall | None = None
        self._timer_at_s = 0.0

    def heard(self, readings: Sequence[Reading]) -> None:
        """Take readings."""
        if not self._rules:
            self._tell(readings)
            return
        now_s = self._clock.seconds()
        passed = []
        dues = []
        for reading in readings:
            rule = self._rules.get(reading.tag)
            if rule is None:
                passed.append(reading)
                continue
            state, told = take(rule, self._states.get(reading.tag), reading, now_s)
            self._states[reading.tag] = state
            if told is not None:
                passed.append(told)
            elif (due := due_s(rule, state)) is not None:
                dues.append(due)
        self._tell(passed)
        self._wind(dues, now_s)

    def stop(self) -> None:
        """Tell what is still held back, and no more after that."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        held = [s.held for s in self._states.values() if s.held is not None]
        self._states.clear()
        self._tell(held)

    def _tell(self, readings: Sequence[Reading]) -> None:
        if readings:
            for hearer in self._hearers:
                hearer(readings)

    def _due(self) -> None:
        self._timer = None
        now_s = self._clock.seconds()
        passed, dues = [], []
        for tag, before in self._states.items():
            rule = self._rules[tag]
            state, told = look(rule, before, now_s)
            self._states[tag] = state
            if told is not None:
                passed.append(told)
            elif (due := due_s(rule, state)) is not None:
                dues.append(due)
        self._tell(passed)
        self._wind(dues, now_s)

    def _wind(self, dues: Sequence[float], now_s: float) -> None:
        """Have the clock call when the first of these is due, if not before."""
        if not dues:
            return
        at_s = max(min(dues), now_s)
        if self._timer is None:
            self._timer = self._clock.callLater(at_s - now_s, self._due)
        elif at_s < self._timer_at_s:
            self._timer.reset(at_s - now_s)
        else:
            return
        self._timer_at_s = at_s
