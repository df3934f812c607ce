"""What was asked of a deployment, as it will be in force."""

import pytest

from heddle.contract.deployments import (
    StrategyConfig,
    StrategyInvalid,
    StrategyKind,
    Window,
)
from services.backend.deployments.plan import config_of, spec_of


def in_force(strategy: StrategyKind, **asked) -> StrategyConfig:
    config = StrategyConfig(**asked)
    spec = spec_of(strategy, config, dynamic=False, start_at_ms=None)
    return config_of(spec, config.check)


def test_what_is_not_told_has_its_strategys_default() -> None:
    rolling = in_force(StrategyKind.ROLLING)
    assert (rolling.batch_size, rolling.batch_delay, rolling.timeout) == (
        10,
        "5m",
        "30m",
    )
    assert rolling.failure_threshold == 20
    canary = in_force(StrategyKind.CANARY)
    assert (canary.canary_percentage, canary.canary_delay) == (10, "30m")
    assert canary.timeout == "2h"
    blue_green = in_force(StrategyKind.BLUE_GREEN)
    assert (blue_green.switch_delay, blue_green.timeout) == ("10m", "1h")


def test_durations_and_windows_are_read_and_told_again() -> None:
    windows = (
        Window(days=(0, 4), begins="22:00", ends="04:30"),
        Window(days=(6,), begins="00:00", ends="24:00"),
    )
    told = in_force(
        StrategyKind.ROLLING, batch_delay="PT90S", timeout=600_000, windows=windows
    )
    assert (told.batch_delay, told.timeout, told.windows) == ("1m30s", "10m", windows)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"timeout": "later"}, "timeout: 'later'"),
        ({"windows": (Window(begins="25:00"),)}, "windows"),
        ({"check": "level >"}, "check, column"),
        ({"check": "1 < 2"}, "check: it names no tag"),
        ({"batch_size": 0, "check": "("}, "batch_size.*check"),
    ],
)
def test_every_flaw_is_named(asked, sentence: str) -> None:
    with pytest.raises(StrategyInvalid, match=sentence):
        in_force(StrategyKind.ROLLING, **asked)
