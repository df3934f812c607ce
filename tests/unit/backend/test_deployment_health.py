"""Whether a device is well with its new release."""

import pytest

from heddle.contract.alarm_answers import AlarmReport
from heddle.contract.alarms import AlarmPlace, AlarmState
from heddle.contract.device_deployments import DeviceDeployment, DeviceStage
from heddle.contract.devices import TagType
from heddle.tag_values import TagValue
from services.backend.deployments.health import Watched, alarmed, flaw_of, judged


def tag(name: str, value: object, unit: str = "", **more) -> TagValue:
    return TagValue(
        **{"tag": name, "value": value, "unit": unit, "at_ms": 1, "quality": 0, **more}
    )


@pytest.mark.parametrize(
    ("check", "flaw"),
    [
        ('level > quantity(10, "l")', None),
        ("open and count > 10", None),
        ("count > 30", "its check 'count > 30' does not hold: count is 20"),
        ("count", "its check 'count' is a number and no condition: compare it"),
        ("level > 10", None),
        ("level > 30", "its check 'level > 30' does not hold: level is 20 l"),
        ('quantity(1, "l") > 1', "its check 'quantity(1, \"l\") > 1' cannot be made"),
        ("bad > 1", "its check 'bad > 1' has no good values: bad is 5 (bad)"),
        ("gone > 1", "its check 'gone > 1' cannot be made: there is no tag 'gone'"),
    ],
)
def test_a_check_holds_or_says_why_not(check: str, flaw: str | None) -> None:
    values = [
        tag("level", 20.0, "l"),
        tag("count", 20),
        tag("open", True, type=TagType.BOOLEAN),
        tag("bad", 5.0, quality=2),
        tag("name", "x", type=TagType.TEXT),
    ]
    found = judged(check, values)
    assert found == flaw if flaw is None else str(found).startswith(flaw)


def test_only_critical_alarms_since_the_release_count() -> None:
    def up(device: str, raised_at_ms: int | None) -> AlarmReport:
        return AlarmReport(
            device=device,
            alarm="too_hot",
            tag="t",
            state=AlarmState.UNACKNOWLEDGED,
            severity=900,
            place=AlarmPlace.EDGE,
            since_ms=0,
            raised_at_ms=raised_at_ms,
        )

    watched = [Watched("a", 100, 200), Watched("b", 100, 200)]
    alarms = [up("a", 99), up("b", 100), up("c", 150), up("a", None)]
    assert alarmed(watched, alarms) == {"b": "critical alarm too_hot came up"}


@pytest.mark.parametrize(
    ("stage", "more", "flaw"),
    [
        (DeviceStage.ACTIVE, {"run": "r"}, None),
        (DeviceStage.ACTIVE, {}, "no run of the release was started"),
        (
            DeviceStage.ACTIVE,
            {"engine_restarts": 1},
            "its engine was restarted 1 times",
        ),
        (DeviceStage.FAILED, {"detail": "it burnt"}, "it burnt"),
        (DeviceStage.REVERTED, {}, "it is reverted at the end of its watch"),
    ],
)
def test_a_device_is_well_by_its_own_word(stage, more, flaw) -> None:
    told = DeviceDeployment(
        **{"deployment": "d", "flow": "f", "version": 1, "stage": stage, **more}
    )
    assert flaw_of(told, start_run=True) == flaw
