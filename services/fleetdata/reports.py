"""What devices report besides samples: run events, losses and alarm transitions.

Checked so that nothing of them can fail in the store. A loss is taken as it is wherever
that is possible: refused, it would be a loss nobody knows of.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import isfinite
from typing import NamedTuple

from heddle.contract.alarms import AlarmTransition
from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.runs import RunEvents, WorkflowEvent
from heddle.contract.samples import Loss
from services.fleetdata.columns import EARLIEST_US, FUTURE_US
from services.fleetdata.words import MAX_TAG, MAX_WORD, as_json, check_text, check_word

MAX_NUMBER = 2**62
MAX_COMMENT_BYTES = 4_000
MAX_REASON = 500
_MAX_VERSION = 2**31 - 1
_MAX_SEVERITY = 1_000
_LAST_MS = 253_402_300_799_999  # the end of the year 9999


class RunEvent(NamedTuple):
    """One event as it is stored; ``data`` is JSON."""

    run: str
    flow: str
    version: int
    number: int
    id: str
    type: str
    at_ms: int
    data: str


def run_events(told: tuple[RunEvents, ...], now_us: int) -> Iterator[RunEvent]:
    """Events one by one. Raises ``InvalidRequest``."""
    for i, group in enumerate(told):
        check_id(f"events[{i}].run", group.run)
        check_id(f"events[{i}].flow", group.flow)
        if not 0 <= group.version <= _MAX_VERSION:
            raise InvalidRequest(f"events[{i}].version is {group.version}")
        for j, event in enumerate(group.events):
            yield _event(f"events[{i}].events[{j}]", group, event, now_us)


def losses(told: tuple[Loss, ...]) -> Iterator[Loss]:
    """Losses as they can be stored. Raises ``InvalidRequest``."""
    for i, loss in enumerate(told):
        name = f"losses[{i}]"
        check_id(f"{name}.epoch", loss.epoch)
        for field in ("first", "count"):
            if not 0 <= (number := getattr(loss, field)) < MAX_NUMBER:
                raise InvalidRequest(f"{name}.{field} is {number}: count from 0")
        for field in ("at_ms", "from_ms", "to_ms"):
            moment = getattr(loss, field)
            if moment is not None and not 0 <= moment <= _LAST_MS:
                raise InvalidRequest(
                    f"{name}.{field} is {moment}: no unix milliseconds"
                )
        yield replace(loss, reason=_readable(loss.reason))


def transitions(
    told: tuple[AlarmTransition, ...], now_us: int
) -> Iterator[AlarmTransition]:
    """Alarm transitions. Raises ``InvalidRequest``."""
    for i, one in enumerate(told):
        name = f"alarms[{i}]"
        check_word(f"{name}.alarm", one.alarm, MAX_WORD)
        check_word(f"{name}.tag", one.tag, MAX_TAG, least=0)
        for field in ("cause", "before", "after"):
            check_word(f"{name}.{field}", getattr(one, field), MAX_WORD)
        if one.who is not None:
            check_word(f"{name}.who", one.who, MAX_WORD)
        if one.comment is not None:
            check_text(f"{name}.comment", one.comment, MAX_COMMENT_BYTES)
        if not 0 <= one.severity <= _MAX_SEVERITY:
            raise InvalidRequest(
                f"{name}.severity is {one.severity}: use 0 to {_MAX_SEVERITY}"
            )
        if one.value is not None and not isfinite(one.value):
            raise InvalidRequest(f"{name}.value is {one.value}: a value is finite")
        _check_moment(f"{name}.at_us", one.at_us, one.at_us, now_us)
        yield one


def _event(name: str, group: RunEvents, event: WorkflowEvent, now_us: int) -> RunEvent:
    check_word(f"{name}.id", event.id, MAX_WORD)
    check_word(f"{name}.type", event.type, MAX_WORD)
    if not 0 <= event.number < MAX_NUMBER:
        raise InvalidRequest(f"{name}.number is {event.number}: numbers count from 0")
    _check_moment(f"{name}.createdAt", event.createdAt, event.createdAt * 1000, now_us)
    return RunEvent(
        run=group.run,
        flow=group.flow,
        version=group.version,
        number=event.number,
        id=event.id,
        type=event.type,
        at_ms=event.createdAt,
        data=as_json(f"{name}.data", event.data),
    )


def _check_moment(name: str, told: int, at_us: int, now_us: int) -> None:
    if not EARLIEST_US <= at_us <= now_us + FUTURE_US:
        raise InvalidRequest(
            f"{name} is {told}, before the year 2000 or more than "
            "a day ahead: give unix time, and check the device's clock"
        )


def _readable(text: str) -> str:
    """``text`` as far as it can be stored and shown on a line."""
    return "".join(c if c.isprintable() else " " for c in text[:MAX_REASON])
