"""What was asked of a deployment: the strategy and its settings, once they are checked.

``read`` fills in each strategy's defaults and refuses what would never end or never
begin, all findings in one go. Percentages are percent: 20 is a fifth.
"""

import enum
from collections.abc import Callable, Mapping
from math import nan
from typing import Any

import msgspec

from heddle.rollout.durations import duration_ms, duration_text
from heddle.rollout.windows import Windows, read_window

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
WHOLE = 100.0  # percent


class Strategy(enum.StrEnum):
    """How targets are cut into waves."""

    ALL_AT_ONCE = "all_at_once"
    ROLLING = "rolling"
    CANARY = "canary"
    BLUE_GREEN = "blue_green"


class SpecInvalid(ValueError):
    """Settings that cannot be kept; ``findings`` has a sentence for each."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings


class Spec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The settings of one deployment. Times in ms, shares in percent.

    ``timeout_ms`` is each target's, from the start of its wave. What a strategy does
    not use has no effect. Make one with ``read``, which knows the defaults.
    """

    strategy: Strategy
    timeout_ms: int = 30 * MINUTE_MS
    batch_size: int = 10  # rolling
    delay_ms: int = 0  # after a wave, before the next: rolling 5 min, canary 30 min
    canary_percent: float = 10.0
    failure_percent: float = 20.0  # of a wave; more than that stops the deployment
    switch_delay_ms: int = 10 * MINUTE_MS  # blue-green, once all are ready
    auto_rollback: bool = True
    health_check: bool = True
    watch_ms: int = 30_000  # how long the outside watches a device before its verdict
    max_in_flight: int = 0  # 0: no limit
    retries: int = 5  # unanswered deliveries before a target gives up its place
    backoff_ms: int = 2_000  # after the first unanswered delivery, then doubling
    backoff_max_ms: int = MINUTE_MS
    revert_timeout_ms: int = 10 * MINUTE_MS
    catch_up: bool = False
    dynamic: bool = False
    windows: Windows = ()
    start_at_ms: int | None = None
    needs_approval: bool = False

    @property
    def prepare_ms(self) -> int:
        """Blue-green: how much of the timeout there is to get ready beside.

        What remains is for the delay, the switch and the watch, so that one mute
        target does not make those time out that are ready.
        """
        if self.strategy is not Strategy.BLUE_GREEN:
            return self.timeout_ms
        return (self.timeout_ms - self.switch_delay_ms - self.checked_ms) * 2 // 3

    @property
    def checked_ms(self) -> int:
        """How long a device is watched, 0 without a health check."""
        return self.watch_ms if self.health_check else 0


DEFAULTS = {
    Strategy.ALL_AT_ONCE: Spec(strategy=Strategy.ALL_AT_ONCE),
    Strategy.ROLLING: Spec(strategy=Strategy.ROLLING, delay_ms=5 * MINUTE_MS),
    Strategy.CANARY: Spec(
        strategy=Strategy.CANARY, delay_ms=30 * MINUTE_MS, timeout_ms=2 * HOUR_MS
    ),
    Strategy.BLUE_GREEN: Spec(strategy=Strategy.BLUE_GREEN, timeout_ms=HOUR_MS),
}
"""What a deployment has that says nothing (EdgeFlow 002, "Deployment Strategies")."""


def read(strategy: object, settings: Mapping[str, object] | None = None) -> Spec:
    """The settings of a deployment as people write them; raises ``SpecInvalid``.

    The names are those of ``SETTINGS``, EdgeFlow's among them. What is absent or None
    has the strategy's default.
    """
    try:
        spec = DEFAULTS[Strategy(str(strategy))]
    except ValueError:
        known = ", ".join(Strategy)
        raise SpecInvalid((f"strategy {strategy!r} is none of {known}",)) from None
    found: dict[str, Any] = {}
    findings: list[str] = []
    for name, value in (settings or {}).items():
        if value is None:
            continue
        if name not in SETTINGS:
            findings.append(f"{name}: there is no such setting")
            continue
        field, reader, only = SETTINGS[name]
        try:
            read_value = reader(value)
        except ValueError as error:
            findings.append(f"{name}: {error}")
            continue
        if only in {None, spec.strategy}:
            found[field] = read_value
    spec = msgspec.structs.replace(spec, **found)
    findings += _contradictions(spec)
    if findings:
        raise SpecInvalid(tuple(findings))
    return spec


def _contradictions(spec: Spec) -> list[str]:
    shortest = spec.checked_ms
    if spec.strategy is Strategy.BLUE_GREEN:
        shortest += spec.switch_delay_ms
    if spec.prepare_ms > 0 and spec.timeout_ms > shortest:
        return []
    parts = "switch_delay and watch" if shortest > spec.checked_ms else "watch"
    return [
        f"timeout: {duration_text(spec.timeout_ms)} leaves nothing after {parts} "
        f"({duration_text(shortest)})"
    ]


def _flag(given: object) -> bool:
    if not isinstance(given, bool):
        raise ValueError(f"{given!r} is neither true nor false")  # noqa: TRY004
    return given


def _whole(least: int) -> Callable[[object], int]:
    def reader(given: object) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or given < least:
            raise ValueError(f"{given!r} is no whole number of at least {least}")
        return given

    return reader


def _percent(given: object) -> float:
    text = given.strip().removesuffix("%") if isinstance(given, str) else given
    try:
        share = nan if isinstance(text, bool) else float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        share = nan
    if not 0 <= share <= WHOLE:
        raise ValueError(f"{given!r} is no percentage from 0 to 100")
    return share


def _windows(given: object) -> Windows:
    if not isinstance(given, list | tuple):
        raise ValueError(f"{given!r} is no list of windows")  # noqa: TRY004
    return tuple(read_window(x) for x in given)


SETTINGS: dict[str, tuple[str, Callable[[object], object], Strategy | None]] = {
    "timeout": ("timeout_ms", duration_ms, None),
    "batch_size": ("batch_size", _whole(1), None),
    "batch_delay": ("delay_ms", duration_ms, Strategy.ROLLING),
    "failure_threshold": ("failure_percent", _percent, None),
    "canary_percentage": ("canary_percent", _percent, None),
    "canary_delay": ("delay_ms", duration_ms, Strategy.CANARY),
    "switch_delay": ("switch_delay_ms", duration_ms, None),
    "auto_rollback": ("auto_rollback", _flag, None),
    "health_check": ("health_check", _flag, None),
    "watch": ("watch_ms", duration_ms, None),
    "max_in_flight": ("max_in_flight", _whole(0), None),
    "retries": ("retries", _whole(0), None),
    "backoff": ("backoff_ms", duration_ms, None),
    "backoff_max": ("backoff_max_ms", duration_ms, None),
    "revert_timeout": ("revert_timeout_ms", duration_ms, None),
    "catch_up": ("catch_up", _flag, None),
    "dynamic": ("dynamic", _flag, None),
    "windows": ("windows", _windows, None),
    "start_at_ms": ("start_at_ms", _whole(0), None),
    "needs_approval": ("needs_approval", _flag, None),
}
"""By name: the field, what reads it, and the only strategy that uses it."""
