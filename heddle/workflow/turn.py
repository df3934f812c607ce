"""The mutable scratch of one step: signals run until none can move.

Signals travel first in, first out. A listener whose condition holds fires in the same
turn; a deadline is always left to the outside, even one that has come already, so that
no loop through a timer can keep a turn from ending. Loops without a timer could: after
``MAX_SIGNALS`` signals the run is terminated as run away.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, assert_never

import msgspec

from heddle.workflow.conditions import Facts, Value, is_trusted, judge
from heddle.workflow.definition import (
    Dispatcher,
    DispatcherKind,
    Gateway,
    GatewayKind,
    Link,
    Listener,
    ListenerKind,
    Phase,
    Workflow,
)
from heddle.workflow.effects import Arm, Disarm, Effect, EventType, Execute, Tell
from heddle.workflow.inputs import Quality, Reading
from heddle.workflow.run import ENDED, MOVING, Run, Status

MAX_SIGNALS = 10_000  # not fewer than a workflow may have links
RUNAWAY = "RUNAWAY_LOOP"

# What every step looks up: by way of its enum a member costs 0.1 us more (Python 3.11).
CONDITION, TIMER = ListenerKind.CONDITION, ListenerKind.TIMER
EVENT_LISTENER_ACTIVATED = EventType.EVENT_LISTENER_ACTIVATED
EVENT_RECEIVED = EventType.EVENT_RECEIVED
FLOW_SIGNALED = EventType.FLOW_SIGNALED
GATEWAY_ACTIVATED = EventType.GATEWAY_ACTIVATED
PHASE_STARTED = EventType.PHASE_STARTED


class Step(msgspec.Struct, frozen=True):
    """The outcome of one input."""

    run: Run
    effects: tuple[Effect, ...] = ()


class Turn:
    """Moves one run through one step; ``settle`` or ``finish`` gives the outcome."""

    __slots__ = (
        "_activations",
        "_active",
        "_at_ms",
        "_commands",
        "_effects",
        "_ended_at_ms",
        "_events",
        "_limit",
        "_listening",
        "_pending",
        "_readings",
        "_signalled",
        "_signals",
        "_started_at_ms",
        "_status",
        "_stopping",
        "_suspects",
        "_travelling",
        "_windows",
        "_workflow",
    )

    def __init__(
        self, workflow: Workflow, run: Run, at_ms: int, limit: int = MAX_SIGNALS
    ) -> None:
        self._workflow = workflow
        self._limit = limit
        self._signalled = 0
        self._at_ms = at_ms
        self._effects: list[Effect] = []
        self._travelling: deque[Link] = deque()
        self._suspects: deque[str] = deque()  # conditions that may hold by now
        self._listening = {**run.listening}
        self._active = {**run.active}
        self._windows = run.windows
        self._activations = run.activations
        self._pending = run.pending
        self._status, self._stopping = run.status, run.stopping
        self._signals, self._readings = run.signals, run.readings
        self._events, self._commands = run.events, run.commands
        self._started_at_ms, self._ended_at_ms = run.started_at_ms, run.ended_at_ms

    # How a step begins

    def begin(self) -> None:
        """The run starts: whatever listens from the beginning listens."""
        self._status = Status.RUNNING
        self._started_at_ms = self._at_ms
        for listener in self._workflow.initial:
            self._listen(listener)
        for listener in self._workflow.initial:
            if listener.kind is ListenerKind.START:
                self.fire(listener)

    def fire(
        self,
        listener: Listener,
        *,
        forced: bool = False,
        late_by_ms: int = 0,
        by: str = "",
        comment: str = "",
    ) -> None:
        """A listener receives its event; what is empty is not told with it."""
        data: dict[str, Any] = {"eventListenerId": listener.id, "forced": forced}
        if late_by_ms:
            data["late_by_ms"] = late_by_ms
        if by:
            data["by"] = by
        if comment:
            data["comment"] = comment
        self._tell(EVENT_RECEIVED, data)
        self._silence(listener)
        if listener.interrupting and listener.phase in self._active:
            self._finish_phase(listener.phase)
        self._signal(self._workflow.outgoing[listener.id])

    def expire(self, listener: Listener, late_by_ms: int) -> None:
        """The deadline armed for a listener has come."""
        self._listening[listener.id] = None
        if listener.kind is CONDITION:
            self._reconsider(listener, late_by_ms)
        else:
            self.fire(listener, late_by_ms=late_by_ms)

    def read(self, values: Mapping[str, Reading]) -> None:
        """Tags have new readings: conditions that look at them may hold."""
        self._readings = trusted(self._workflow, self._readings, values)
        for active in self._listening:
            if not self._workflow.listeners[active].tags.isdisjoint(values):
                self._suspects.append(active)

    def hold(self) -> None:
        """Pause: every deadline turns into what remains of it."""
        self._status = Status.PAUSED
        self._tell(EventType.WORKFLOW_PAUSED, {})
        for active, due_at_ms in self._listening.items():
            if due_at_ms is not None:
                self._listening[active] = due_at_ms - self._at_ms
                self._effects.append(Disarm(active))
        self._windows = {k: due - self._at_ms for k, due in self._windows.items()}

    def go_on(self) -> None:
        """Resume: remainders turn into deadlines; conditions are looked at anew."""
        self._status = Status.STOPPING if self._stopping else Status.RUNNING
        self._tell(EventType.WORKFLOW_RESUMED, {})
        self._windows = {k: rest + self._at_ms for k, rest in self._windows.items()}
        for active, rest_ms in self._listening.items():
            if rest_ms is not None:
                self._listening[active] = rest_ms + self._at_ms
                self._effects.append(Arm(active, rest_ms + self._at_ms))
        self._suspects.extend(self._listening)

    def stop(self) -> None:
        """Soft stop: nothing new begins, and the last phase to end ends the run."""
        self._stopping = True
        if self._status is Status.RUNNING:
            self._status = Status.STOPPING

    def terminate(self, **why: Any) -> None:
        """The run ends here."""
        self._tell(EventType.WORKFLOW_TERMINATED, why)
        self._end(Status.TERMINATED)

    # How it ends

    def settle(self) -> Step:
        """Let signals travel and conditions fire until nothing moves."""
        while self._travelling or self._suspects:
            if self._signalled > self._limit:
                self.terminate(reason=RUNAWAY)
            elif self._travelling:
                self._deliver(self._travelling.popleft())
            else:
                self._suspect(self._suspects.popleft())
        if self._stopping and not self._active and self._status not in ENDED:
            self.terminate()
        return self.finish()

    def finish(self) -> Step:
        """The run as it stands now, and what was asked for on the way."""
        run = Run(
            status=self._status,
            stopping=self._stopping,
            listening=self._listening,
            windows=self._windows,
            active=self._active,
            signals=self._signals,
            activations=self._activations,
            readings=self._readings,
            pending=self._pending,
            events=self._events,
            commands=self._commands,
            started_at_ms=self._started_at_ms,
            ended_at_ms=self._ended_at_ms,
        )
        return Step(run, tuple(self._effects))

    # How signals travel

    def _signal(self, links: tuple[Link, ...]) -> None:
        for link in links:
            self._tell(FLOW_SIGNALED, {"flowId": link.id})
            self._travelling.append(link)
        self._signalled += len(links)

    def _deliver(self, link: Link) -> None:
        match self._workflow.elements.get(link.target):
            case Gateway() as gateway:
                self._reach(gateway, link)
            case Phase() as phase:
                self._start_phase(phase)
            case Listener() as listener:
                if self._may_listen(listener):
                    self._listen(listener)
            case Dispatcher() as dispatcher:
                self._dispatch(dispatcher)
            case None:
                pass  # compat mode lets links lead nowhere
            case element:
                assert_never(element)

    def _reach(self, gateway: Gateway, link: Link) -> None:
        match gateway.kind:
            case GatewayKind.CONDITIONAL:
                self._pass(gateway, self._branch(gateway))
            case GatewayKind.OR:
                self._pass(gateway, self._workflow.outgoing[gateway.id])
            case GatewayKind.AND:
                self._gather(gateway, link)
            case _:
                assert_never(gateway.kind)

    def _branch(self, gateway: Gateway) -> tuple[Link, ...]:
        """The link to take, judged on the activations before this one."""
        facts = Facts(self._readings, self._activations)
        holds = judge(gateway.condition, facts)
        taken = self._workflow.links.get(
            (gateway.if_true if holds else gateway.if_false) or ""
        )
        return () if taken is None else (taken,)

    def _gather(self, gateway: Gateway, link: Link) -> None:
        """AND: keep the signal until every incoming link holds one."""
        if link.id not in self._signals:
            self._signals = (*self._signals, link.id)
        needed = {incoming.id for incoming in self._workflow.incoming[gateway.id]}
        if needed.issubset(self._signals):
            self._signals = tuple(x for x in self._signals if x not in needed)
            self._pass(gateway, self._workflow.outgoing[gateway.id])

    def _pass(self, gateway: Gateway, links: tuple[Link, ...]) -> None:
        """A gateway that signals nothing is not activated (OSPIN 004, "Gateways")."""
        if not links:
            return
        count = self._activations.get(gateway.id, 0) + 1
        self._activations = {**self._activations, gateway.id: count}
        self._tell(GATEWAY_ACTIVATED, {"gatewayId": gateway.id})
        self._signal(links)
        self._suspects.extend(self._workflow.watchers[gateway.id])

    def _start_phase(self, phase: Phase) -> None:
        if phase.id in self._active or self._stopping:
            return
        self._active[phase.id] = self._at_ms
        self._tell(PHASE_STARTED, {"phaseId": phase.id})
        for position, command in enumerate(phase.commands):
            self._pending = {**self._pending, self._commands: (phase.id, position)}
            self._effects.append(Execute(self._commands, phase.id, command))
            self._commands += 1
        for listener in self._workflow.bound[phase.id]:
            self._listen(listener)

    def _finish_phase(self, phase_id: str) -> None:
        del self._active[phase_id]
        for listener in self._workflow.bound[phase_id]:
            if listener.id in self._listening:
                self._silence(listener)

    def _dispatch(self, dispatcher: Dispatcher) -> None:
        data = {"eventDispatcherId": dispatcher.id}
        self._tell(EventType.DISPATCHED_EVENT, data)
        if dispatcher.kind is DispatcherKind.END:
            self._tell(EventType.WORKFLOW_FINISHED, {})
            self._end(Status.FINISHED)

    # How listeners listen

    def _may_listen(self, listener: Listener) -> bool:
        """A signal wakes global listeners, and bound ones while their phase lasts."""
        if listener.phase is None:
            return not self._stopping
        return listener.phase in self._active

    def _listen(self, listener: Listener) -> None:
        if listener.id in self._listening:
            return
        self._listening[listener.id] = None
        data = {"eventListenerId": listener.id}
        self._tell(EVENT_LISTENER_ACTIVATED, data)
        if listener.kind is TIMER:
            self._arm(listener, self._at_ms + listener.duration_ms)
        elif listener.kind is CONDITION:
            self._suspects.append(listener.id)

    def _suspect(self, listener_id: str) -> None:
        listener = self._workflow.listeners[listener_id]
        if listener.kind is CONDITION and listener_id in self._listening:
            self._reconsider(listener)

    def _reconsider(self, listener: Listener, late_by_ms: int = 0) -> None:
        """Fire if the condition holds, else wait for its next window to end."""
        facts = Facts(self._readings, self._activations, self._at_ms, self._windows)
        if judge(listener.condition, facts):
            self.fire(listener, late_by_ms=late_by_ms)
            return
        if listener.windows:
            self._close_windows(listener)
            self._windows = {**self._windows, **facts.kept}
        open_ms = [due for due in facts.kept.values() if due > self._at_ms]
        self._arm(listener, min(open_ms, default=None))

    def _arm(self, listener: Listener, due_at_ms: int | None) -> None:
        armed_ms = self._listening[listener.id]
        self._listening[listener.id] = due_at_ms
        if due_at_ms is not None and due_at_ms != armed_ms:
            self._effects.append(Arm(listener.id, due_at_ms))
        elif due_at_ms is None and armed_ms is not None:
            self._effects.append(Disarm(listener.id))

    def _silence(self, listener: Listener) -> None:
        """The listener goes inactive."""
        if self._listening.pop(listener.id, None) is not None:
            self._effects.append(Disarm(listener.id))
        if listener.windows:
            self._close_windows(listener)

    def _close_windows(self, listener: Listener) -> None:
        closed = listener.windows
        self._windows = {k: v for k, v in self._windows.items() if k not in closed}

    def _end(self, status: Status) -> None:
        if self._status in MOVING:
            armed = [x for x, due in self._listening.items() if due is not None]
            self._effects.extend(Disarm(x) for x in armed)
        self._status, self._ended_at_ms = status, self._at_ms
        self._listening, self._active, self._windows = {}, {}, {}
        self._signals, self._pending = (), {}
        self._travelling.clear()
        self._suspects.clear()

    def _tell(self, kind: EventType, data: dict[str, Any]) -> None:
        self._effects.append(Tell(self._events, self._at_ms, kind, data))
        self._events += 1


def trusted(
    workflow: Workflow, readings: Mapping[str, Value], values: Mapping[str, Reading]
) -> Mapping[str, Value]:
    """``readings`` with ``values`` taken in; what is bad or stale is forgotten."""
    taken = dict(readings)
    for tag in sorted(values.keys() & workflow.tags):
        value, quality = values[tag].value, values[tag].quality
        if quality <= Quality.UNCERTAIN and is_trusted(value):
            taken[tag] = value
        else:
            taken.pop(tag, None)
    return taken
