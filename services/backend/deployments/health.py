"""Whether a device is well with its new release: asked of it, of its alarms and tags.

What is judged, and in which words; ``watching`` says when.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from heddle.contract.alarm_answers import AlarmReport, AlarmsQuery
from heddle.contract.alarm_procedures import ACTIVE_ALARMS
from heddle.contract.device_deployments import DeviceDeployment, DeviceStage
from heddle.contract.devices import TagType
from heddle.contract.history import LATEST, LatestQuery
from heddle.derived.check import Input, check
from heddle.derived.expression import (
    BadExpression,
    Converted,
    Node,
    Operation,
    Quantity,
    parse,
    tags_of,
)
from heddle.tag_values import TagValue, tag_values
from heddle.wamp.session import Session

if TYPE_CHECKING:
    from heddle.derived.units import Units

CRITICAL = 900  # of 1000, as OPC UA counts
MOST_ALARMS = 1000
ANSWER_WITHIN_S = 10.0
_GOOD = 0
_NUMBERS = {TagType.FLOAT, TagType.INTEGER, TagType.BOOLEAN}


@dataclass(frozen=True, slots=True)
class Watched:
    """A device whose release became active."""

    device: str
    since_ms: int
    until_ms: int


async def critical_alarms(session: Session) -> tuple[AlarmReport, ...]:
    """All critical alarms of the project that are up. Raises ``FleetError``."""
    found = await session.call(
        ACTIVE_ALARMS, AlarmsQuery(limit=MOST_ALARMS), timeout_s=ANSWER_WITHIN_S
    )
    return tuple(one for one in found.alarms if one.severity >= CRITICAL)


def alarmed(
    watched: Iterable[Watched], alarms: Iterable[AlarmReport]
) -> dict[str, str]:
    """Devices with a critical alarm that was raised since their release is active."""
    since = {one.device: one.since_ms for one in watched}
    return {
        one.device: f"critical alarm {one.alarm} came up"
        for one in alarms
        if one.device in since
        and one.raised_at_ms is not None
        and one.raised_at_ms >= since[one.device]
    }


def flaw_of(report: DeviceDeployment, *, start_run: bool) -> str | None:
    """What is wrong with a device at the end of its watch, by its own word."""
    if report.stage is DeviceStage.FAILED:
        return report.detail or "it told no reason"
    if report.stage not in {DeviceStage.ACTIVE, DeviceStage.SETTLED}:
        return f"it is {report.stage} at the end of its watch"
    if report.engine_restarts:
        return f"its engine was restarted {report.engine_restarts} times"
    if start_run and report.run is None:
        return "no run of the release was started"
    return None


async def check_flaw(session: Session, device: str, expression: str) -> str | None:
    """Why an expression over a device's tags does not hold; None if it does.

    Raises ``FleetError`` if it cannot be known now.
    """
    tags = tuple(sorted(tags_of(parse(expression))))
    latest = await session.call(
        LATEST, LatestQuery(device=device, tags=tags), timeout_s=ANSWER_WITHIN_S
    )
    return judged(expression, list(tag_values(latest.values)))


def judged(expression: str, values: list[TagValue]) -> str | None:
    """Why an expression does not hold for these values; None if it does.

    One that names no unit compares each tag in the tag's own.
    """
    has_units = _names_unit(parse(expression))
    usable = {one.tag: one for one in values if one.type in _NUMBERS}
    known = {
        tag: Input(one.unit if has_units else "", boolean=one.type is TagType.BOOLEAN)
        for tag, one in usable.items()
    }
    try:
        checked = check(expression, "", known, _units())
    except BadExpression as flaw:
        return f"its check {expression!r} cannot be made: {flaw}"
    if not checked.boolean:
        return f"its check {expression!r} is a number and no condition: compare it"
    inputs = [usable[tag] for tag in checked.inputs]
    told = ", ".join(f"{one.tag} is {_shown(one)}" for one in inputs)
    numbers = [number for one in inputs if (number := _number(one)) is not None]
    if len(numbers) < len(inputs):
        return f"its check {expression!r} has no good values: {told}"
    holds = checked.compute(numbers)
    return None if holds else f"its check {expression!r} does not hold: {told}"


def _names_unit(node: Node) -> bool:
    match node:
        case Quantity() | Converted():
            return True
        case Operation(_, operands):
            return any(map(_names_unit, operands))
        case _:
            return False


@cache
def _units() -> "Units":
    from heddle.derived.units import Units  # noqa: PLC0415 -- Pint loads slowly

    return Units()


def _number(one: TagValue) -> float | None:
    good = isinstance(one.value, int | float) and one.quality == _GOOD
    return float(one.value or 0) if good else None


def _shown(one: TagValue) -> str:
    value = "unknown" if one.value is None else f"{one.value:g}"
    return f"{value} {one.unit}".strip() + ("" if one.quality == _GOOD else " (bad)")
