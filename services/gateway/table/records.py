"""What was measured and what alarmed."""

from collections.abc import Iterator
from typing import Any

from heddle.contract.alarm_procedures import (
    ACTIVE_ALARMS,
    ALARM_COMMANDS,
    ALARM_JOURNAL,
    ALARM_KPIS,
    LIST_ALARM_RULES,
    REMOVE_ALARM_RULES,
    SET_ALARM_RULES,
)
from heddle.contract.declare import message
from heddle.contract.devices import TagType
from heddle.contract.history import HISTORY, LATEST, Latest
from heddle.contract.samples import GAPS
from heddle.tag_values import tag_values
from services.gateway.route import Route

_TELEMETRY, _ALARMS = "Telemetry", "Alarms"


@message
class LatestValue:
    """The newest value of a tag."""

    tag: str
    unit: str
    type: TagType
    at_ms: int
    value: float | int | bool | str | None
    quality: int  # 0 good, 1 uncertain, 2 bad


@message
class LatestValues:
    """The newest value of each tag, by tag."""

    device: str
    values: tuple[LatestValue, ...]


def _unpacked(found: Latest) -> LatestValues:
    return LatestValues(
        device=found.device,
        values=tuple(
            LatestValue(
                tag=one.tag,
                unit=one.unit,
                type=one.type,
                at_ms=one.at_ms,
                value=one.value,
                quality=one.quality,
            )
            for one in tag_values(found.values)
        ),
    )


def _commands() -> Iterator[Route]:
    for action, procedure in ALARM_COMMANDS.items():
        example: dict[str, Any] = {
            "device": "press_7",
            "alarms": ["too_hot"],
            "comment": "seen",
        }
        if action == "shelve":
            example |= {"until_ms": 1_771_675_200_000}
        yield Route(
            method="POST",
            path=f"/alarms/{action.replace('_', '-')}",
            procedure=procedure,
            tag=_ALARMS,
            example=example,
        )


RECORDS: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/devices/{device}/telemetry",
        procedure=LATEST,
        tag=_TELEMETRY,
        names={"tags": "tag"},
        reply=LatestValues,
        tell=_unpacked,
    ),
    Route(
        method="GET",
        path="/devices/{device}/history",
        procedure=HISTORY,
        tag=_TELEMETRY,
        names={"tags": "tag", "limit": "rows"},
    ),
    Route(method="GET", path="/devices/{device}/gaps", procedure=GAPS, tag=_TELEMETRY),
    Route(method="GET", path="/alarms", procedure=ACTIVE_ALARMS, tag=_ALARMS),
    Route(method="GET", path="/alarms/journal", procedure=ALARM_JOURNAL, tag=_ALARMS),
    Route(method="GET", path="/alarms/kpis", procedure=ALARM_KPIS, tag=_ALARMS),
    *_commands(),
    Route(method="GET", path="/alarms/rules", procedure=LIST_ALARM_RULES, tag=_ALARMS),
    Route(
        method="POST",
        path="/alarms/rules",
        procedure=SET_ALARM_RULES,
        tag=_ALARMS,
        example={
            "rules": [
                {
                    "device": "press_7",
                    "alarm": "too_hot",
                    "tag": "oil.temperature",
                    "kind": "hi",
                    "limit": 80,
                }
            ]
        },
    ),
    Route(
        method="POST",
        path="/alarms/rules/remove",
        procedure=REMOVE_ALARM_RULES,
        tag=_ALARMS,
        example={"device": "press_7", "alarms": ["too_hot"]},
    ),
)
