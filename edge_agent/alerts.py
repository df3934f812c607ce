"""Alerts: what a flow's dispatchers of kind ALERT raise at the centre.

An alert is an alarm without a rule: nobody judges it, so it stands until somebody has
acknowledged it in fleetdata. It is told in the transaction that takes over the event it
comes of, so once. The run knows nothing of it and goes on.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from heddle.alarms.rule import OPC_UA, Severity
from heddle.alarms.state import Happened, State
from heddle.contract.alarms import AlarmTransition
from heddle.contract.runs import RunEvents, WorkflowEvent
from heddle.workflow.definition import Dispatcher, DispatcherKind
from heddle.workflow.effects import EventType
from heddle.workflow.findings import WorkflowInvalid
from heddle.workflow.parse import parse

_LEGAL = re.compile(r"[a-z0-9_]{1,64}")
_LONGEST = 64
_DIGITS = 8
_SHOWN = 200


class Alert(NamedTuple):
    """A transition, and the number of the run's event that it comes of."""

    number: int
    transition: AlarmTransition


def alert_dispatchers(definition: Mapping[str, Any]) -> frozenset[str]:
    """The dispatchers of a workflow that raise alerts; none if it is no workflow."""
    return _alerting(msgspec.json.encode(definition))


@lru_cache(maxsize=8)
def _alerting(definition: bytes) -> frozenset[str]:
    """The same flow comes up again and again, in a swarm a thousand times."""
    try:
        workflow = parse(msgspec.json.decode(definition))
    except WorkflowInvalid:
        return frozenset()  # its engine tells
    return frozenset(
        name
        for name, element in workflow.elements.items()
        if isinstance(element, Dispatcher) and element.kind is DispatcherKind.ALERT
    )


def alerts(told: RunEvents, dispatchers: frozenset[str]) -> tuple[Alert, ...]:
    """What these events raise."""
    return tuple(
        Alert(event.number, _raised(told, event, dispatcher))
        for event in told.events
        if event.type == EventType.DISPATCHED_EVENT
        and (dispatcher := event.data.get("eventDispatcherId")) in dispatchers
    )


def alarm_id(flow: str, dispatcher: str) -> str:
    """The alarm's name: told from the two names, and where it must differ from them
    (another alphabet, too long) made unique by digits.
    """
    plain = f"alert_{flow}_{dispatcher}"
    if _LEGAL.fullmatch(plain):
        return plain
    digits = sha256(f"{flow}/{dispatcher}".encode()).hexdigest()[:_DIGITS]
    legal = re.sub(r"[^a-z0-9_]", "_", plain.lower())
    return f"{legal[: _LONGEST - _DIGITS - 1]}_{digits}"


def _raised(told: RunEvents, event: WorkflowEvent, dispatcher: str) -> AlarmTransition:
    name = "".join(c if c.isprintable() else " " for c in dispatcher[:_SHOWN])
    return AlarmTransition(
        alarm=alarm_id(told.flow, dispatcher),
        tag="",
        at_us=event.createdAt * 1000,
        cause=Happened.RAISED.value,
        before=State.NORMAL.value,
        after=State.UNACKNOWLEDGED.value,
        severity=OPC_UA[Severity.HIGH],
        comment=f"flow {told.flow} version {told.version}, run {told.run}: "
        f"dispatcher {name}, event {event.number}",
    )
