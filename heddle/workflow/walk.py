"""Every state the runs of a workflow can come to, and how.

A breadth-first walk over the abstract workflow, by the engine's own turns: from each
state every active listener may fire, in any order, for a person may trigger any of
them. The first way found to a state is a shortest one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from heddle.workflow.abstraction import Abstraction
from heddle.workflow.conditions import Value
from heddle.workflow.definition import Gateway, GatewayKind, Listener, ListenerKind
from heddle.workflow.effects import EventType, Tell
from heddle.workflow.run import Run
from heddle.workflow.turn import Step, Turn

MAX_WORK = 200_000  # effects looked at and listeners copied: well under a second
SIGNALS_PER_TURN = 2_000


@dataclass(frozen=True, slots=True)
class Move:
    """One listener fires (``None``: the run starts), and the outside's answers.

    ``forced``: only a person's trigger can make it fire, for its condition looks at
    activations alone and does not hold.
    """

    listener: Listener | None
    answers: Mapping[str, Value]
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A move from one state to another and the AND gateways activated on the way.

    ``timeless``: it needs neither time nor the outside, and skips no turns of a loop
    that will end.
    """

    target: int
    move: Move
    joined: int  # bit mask, see ``Walk.joins``
    timeless: bool


@dataclass(frozen=True, slots=True)
class State:
    """A run at rest, and the way it was first reached."""

    run: Run
    parent: int | None
    move: Move
    ran_away: str | None = None  # an element around which signals ran without end


Key = tuple[object, ...]


@dataclass(slots=True)
class Walk:
    """What was found. The first ``explored`` states have all their edges."""

    abstraction: Abstraction
    max_work: int = MAX_WORK
    states: list[State] = field(default_factory=list)
    edges: list[list[Edge]] = field(default_factory=list)
    first: list[Edge] = field(default_factory=list)  # from nothing to the first states
    explored: int = 0
    joins: dict[str, int] = field(default_factory=dict)  # AND gateway -> its bit
    _work: int = 0
    _index: dict[Key, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every reachable state was explored."""
        return self.explored == len(self.states)

    def way(self, state: int) -> list[int]:
        """A shortest list of states that ends with this one."""
        passed: list[int] = []
        here: int | None = state
        while here is not None:
            passed.append(here)
            here = self.states[here].parent
        return passed[::-1]

    def path(self, state: int) -> list[Move]:
        """The moves of that way."""
        return [self.states[passed].move for passed in self.way(state)]

    def again(self, state: int) -> Step:
        """The move by which a state was first reached, made once more."""
        parent, move = self.states[state].parent, self.states[state].move
        run = Run() if parent is None else self.states[parent].run
        return self._turn(run, move.listener, dict(move.answers))

    def explore(self) -> None:
        """Walk until nothing is new, or for ``max_work``."""
        self._number_joins()
        for move, outcome in self._fire(Run(), None):
            self.first += self._arrive(None, move, outcome)
        while not self.complete and self._work < self.max_work:
            here = self.explored
            run = self.states[here].run
            for listener in self._fireable(run):
                for move, outcome in self._fire(run, listener):
                    self.edges[here] += self._arrive(here, move, outcome)
            self.explored += 1

    def _number_joins(self) -> None:
        for element in self.abstraction.workflow.elements.values():
            if isinstance(element, Gateway) and element.kind is GatewayKind.AND:
                self.joins[element.id] = 1 << len(self.joins)

    def _fireable(self, run: Run) -> Iterator[Listener]:
        """Whatever is active: time, the outside or a person may make it fire."""
        listeners = self.abstraction.workflow.listeners
        yield from (listeners[active] for active in run.listening)

    def _fire(self, run: Run, listener: Listener | None) -> Iterator[tuple[Move, Step]]:
        """All outcomes of one listener firing, one for each way the oracles answer."""
        open_answers: list[dict[str, Value]] = [{}]
        while open_answers and self._work < self.max_work:
            answers = open_answers.pop()
            outcome = self._turn(run, listener, answers)
            asked = next((x for x in self._asked(outcome) if x not in answers), None)
            if asked is None:
                yield Move(listener, answers, _is_forced(run, listener)), outcome
            else:
                open_answers += ({**answers, asked: says} for says in (False, True))

    def _turn(
        self, run: Run, listener: Listener | None, answers: dict[str, Value]
    ) -> Step:
        asking = msgspec.structs.replace(run, readings=answers)
        turn = Turn(self.abstraction.workflow, asking, 0, SIGNALS_PER_TURN)
        if listener is None:
            turn.begin()
        else:
            turn.fire(listener)
        outcome = turn.settle()
        self._work += len(outcome.effects) + len(run.listening)
        return outcome

    def _asked(self, outcome: Step) -> Iterator[str]:
        """The oracles of the gateways that were reached, in order."""
        if not self.abstraction.oracles:
            return
        for told in _told(outcome, EventType.FLOW_SIGNALED):
            target = self.abstraction.workflow.links[told["flowId"]].target
            yield from self.abstraction.oracles.get(target, ())

    def _arrive(self, parent: int | None, move: Move, outcome: Step) -> list[Edge]:
        """The edges to the states an outcome stands for, new ones noted."""
        run, joined = outcome.run, 0
        for told in _told(outcome, EventType.GATEWAY_ACTIVATED):
            joined |= self.joins.get(told["gatewayId"], 0)
        zero = move.listener is not None and _is_immediate(move.listener)
        edges = []
        for counts, skipped in self.abstraction.counts(run.activations):
            target = self._state(run, counts, parent, move, outcome)
            edges.append(Edge(target, move, joined, zero and not skipped))
        return edges

    def _state(
        self,
        run: Run,
        counts: dict[str, int],
        parent: int | None,
        move: Move,
        outcome: Step,
    ) -> int:
        key: Key = (
            run.status,
            frozenset(run.listening.items()),
            frozenset(run.active),
            frozenset(run.signals),
            frozenset(counts.items()),
        )
        known = self._index.setdefault(key, len(self.states))
        if known == len(self.states):
            rested = Run(
                status=run.status,
                listening=run.listening,
                active=run.active,
                signals=run.signals,
                activations=counts,
                windows=run.windows,
            )
            self.states.append(State(rested, parent, move, self._ran_away(outcome)))
            self.edges.append([])
        return known

    def _ran_away(self, outcome: Step) -> str | None:
        """The element that signalled last when signals ran without end."""
        if not any(_told(outcome, EventType.WORKFLOW_TERMINATED)):
            return None
        *_, last = _told(outcome, EventType.FLOW_SIGNALED)
        return self.abstraction.workflow.links[last["flowId"]].source


def _is_forced(run: Run, listener: Listener | None) -> bool:
    """Conditions left by the abstraction fire by themselves, or when armed."""
    return (
        listener is not None
        and listener.kind is ListenerKind.CONDITION
        and run.listening[listener.id] is None
    )


def _is_immediate(listener: Listener) -> bool:
    return listener.kind is ListenerKind.TIMER and listener.duration_ms == 0


def _told(outcome: Step, kind: EventType) -> Iterator[dict[str, Any]]:
    for effect in outcome.effects:
        if isinstance(effect, Tell) and effect.type is kind:
            yield effect.data
