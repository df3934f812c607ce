"""Settings as people write them."""

import msgspec
import pytest

from heddle.rollout.spec import (
    DEFAULTS,
    HOUR_MS,
    MINUTE_MS,
    Spec,
    SpecInvalid,
    Strategy,
    read,
)
from heddle.rollout.windows import Window


def findings(strategy: object, **settings: object) -> tuple[str, ...]:
    with pytest.raises(SpecInvalid) as caught:
        read(strategy, settings)
    return caught.value.findings


def test_the_defaults_are_edgeflows() -> None:
    assert read("all_at_once").timeout_ms == 30 * MINUTE_MS
    rolling = read("rolling")
    assert (rolling.batch_size, rolling.delay_ms) == (10, 5 * MINUTE_MS)
    assert (rolling.failure_percent, rolling.timeout_ms) == (20.0, 30 * MINUTE_MS)
    canary = read("canary")
    assert (canary.canary_percent, canary.delay_ms) == (10.0, 30 * MINUTE_MS)
    assert canary.timeout_ms == 2 * HOUR_MS
    blue_green = read("blue_green")
    assert blue_green.switch_delay_ms == 10 * MINUTE_MS
    assert blue_green.timeout_ms == HOUR_MS
    assert all(x.auto_rollback and x.health_check for x in DEFAULTS.values())


def test_settings_have_edgeflows_names() -> None:
    settings = {
        "batch_size": 5,
        "batch_delay": "5m",
        "failure_threshold": "25%",
        "auto_rollback": True,
        "health_check": True,
        "timeout": None,
        "windows": ["mon-fri 22:00-04:00", {"days": [6]}],
    }
    spec = read("rolling", settings)
    assert (spec.batch_size, spec.delay_ms) == (5, 5 * MINUTE_MS)
    assert spec.failure_percent == 25.0
    assert spec.timeout_ms == 30 * MINUTE_MS
    weekdays, sunday = spec.windows
    assert weekdays == Window(1_320, 240, (0, 1, 2, 3, 4))
    assert sunday == Window(0, 0, (6,))


def test_what_another_strategy_uses_has_no_effect() -> None:
    assert read("canary", {"batch_delay": "1s"}) == DEFAULTS[Strategy.CANARY]


def test_all_that_is_wrong_is_told() -> None:
    told = findings(
        "rolling",
        batch_size=0,
        batch_delay="soon",
        failure_threshold=101,
        auto_rollback="yes",
        windows="always",
        colour="blue",
        max_in_flight=True,
    )
    assert [x.split(":")[0] for x in told] == [
        "batch_size",
        "batch_delay",
        "failure_threshold",
        "auto_rollback",
        "windows",
        "colour",
        "max_in_flight",
    ]
    assert told[0] == "batch_size: 0 is no whole number of at least 1"


def test_there_has_to_be_time_for_everything() -> None:
    assert findings("all_at_once", timeout="30s") == (
        "timeout: 30s leaves nothing after watch (30s)",
    )
    assert findings("blue_green", timeout="10m") == (
        "timeout: 10m leaves nothing after switch_delay and watch (10m30s)",
    )
    assert read("all_at_once", {"timeout": "30s", "health_check": False})


def test_a_strategy_nobody_knows() -> None:
    assert "'red_black' is none of all_at_once, rolling" in findings("red_black")[0]


def test_a_spec_survives_json() -> None:
    spec = read("canary", {"windows": ["sat 01:00-02:00"], "start_at_ms": 5})
    assert msgspec.json.decode(msgspec.json.encode(spec), type=Spec) == spec
