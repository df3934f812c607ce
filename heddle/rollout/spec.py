"""What was asked of a deployment: the strategy and its settings, once they are checked.

``read`` fills in each strategy's defaults and refuses what would never end or never
begin, all findings in one go. Percentages are percent: 20 is a fifth.
"""

import enum
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from heddle.rollout.durations import DurationInvalid, duration_ms
from heddle.rollout.windows import Window, Windows, WindowInvalid

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


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
