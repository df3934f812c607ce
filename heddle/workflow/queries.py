"""What a run's events tell: OSPIN's event-sourcing functions, pure, over an event list.

Events come in the order of their numbers; the wire's events and ``Tell`` both fit.
Durations include pauses. Where upstream asks the clock, ``now_ms`` is an argument.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from heddle.workflow.conditions import Value
from heddle.workflow.definition import Element, Link, Phase, Workflow
from heddle.workflow.effects import EventType


class Event(Protocol):
    """The part of an event that queries look at."""

    @property
    def type(self) -> str:
        """One of ``EventType``."""

    @property
    def createdAt(self) -> int:  # noqa: N802 -- OSPIN's field name
        """When it happened, unix ms."""

    @property
    def number(self) -> int:
        """Its place in the run's history."""

    @property
    def data(self) -> Mapping[str, Any]:
        """What OSPIN 004 says events of this type carry."""


AnEvent = TypeVar("AnEvent", bound=Event)

_NAMED_BY = {
    EventType.EVENT_LISTENER_ACTIVATED: "eventListenerId",
    EventType.FLOW_SIGNALED: "flowId",
    EventType.GATEWAY_ACTIVATED: "gatewayId",
    EventType.DISPATCHED_EVENT: "eventDispatcherId",
    EventType.PHASE_STARTED: "phaseId",
}
_ENDINGS = frozenset({EventType.WORKFLOW_FINISHED, EventType.WORKFLOW_TERMINATED})


def started_event(events: Sequence[AnEvent]) -> AnEvent | None:
    """The event of the START listener: the first any listener received."""
    return next((e for e in events if e.type == EventType.EVENT_RECEIVED), None)


def ending_event(events: Sequence[AnEvent]) -> AnEvent | None:
    """The event that finished or terminated the run."""
    return next((e for e in events if e.type in _ENDINGS), None)


def duration_ms(events: Sequence[Event], now_ms: int) -> int:
    """From the start to the end, or to now; 0 before the start."""
    started, ending = started_event(events), ending_event(events)
    if started is None:
        return 0
    return (now_ms if ending is None else ending.createdAt) - started.createdAt


def active_setpoint(
    workflow: Workflow, events: Sequence[Event], node: str, at_ms: int | None = None
) -> Value | None:
    """What an input of the device was last set to, at a moment or at the end."""
    told = [e for e in events if at_ms is None or e.createdAt <= at_ms]
    for phase in reversed(executed_phases(workflow, told)):
        for command in reversed(phase.commands):
            for setpoint in reversed(command.setpoints):
                if setpoint.node == node:
                    return setpoint.value
    return None


def executed_phases(workflow: Workflow, events: Sequence[Event]) -> tuple[Phase, ...]:
    """The phases in the order in which they were started, repeats included."""
    return tuple(workflow.phases[e.data["phaseId"]] for e in events if _is_start(e))


def phase_duration_ms(
    workflow: Workflow,
    events: Sequence[Event],
    phase: str,
    *,
    now_ms: int,
    occurrence: int = 0,
) -> int:
    """How long a phase lasted, the n-th time it was started; 0 if it was not.

    It ends by the next event of one of its interrupting listeners, or with the run.
    """
    starts = [e for e in events if _is_start(e) and e.data["phaseId"] == phase]
    if occurrence >= len(starts):
        return 0
    start = starts[occurrence]
    enders = {x.id for x in workflow.bound[phase] if x.interrupting}
    for event in events:
        is_ender = (
            event.type == EventType.EVENT_RECEIVED
            and event.data["eventListenerId"] in enders
        )
        if event.number > start.number and (is_ender or event.type in _ENDINGS):
            return event.createdAt - start.createdAt
    return now_ms - start.createdAt


def activated_elements(
    workflow: Workflow, events: Sequence[Event]
) -> tuple[Element | Link, ...]:
    """Every element at each of its activations, in order."""
    return tuple(element for _, element in _activations(workflow, events))


def activated_until(
    workflow: Workflow, events: Sequence[Event], element: str, occurrence: int = 0
) -> tuple[Element | Link, ...]:
    """The same up to the n-th activation of one element, which is the last."""
    met: list[Element | Link] = []
    for _, activated in _activations(workflow, events):
        met.append(activated)
        if activated.id == element:
            if occurrence == 0:
                return tuple(met)
            occurrence -= 1
    return ()


def _activations(
    workflow: Workflow, events: Sequence[Event]
) -> Iterator[tuple[Event, Element | Link]]:
    for event in events:
        if event.type in _NAMED_BY:
            named = event.data[_NAMED_BY[EventType(event.type)]]
            known = workflow.links if "flowId" in event.data else workflow.elements
            yield event, known[named]


def _is_start(event: Event) -> bool:
    return event.type == EventType.PHASE_STARTED
