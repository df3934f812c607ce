"""A run in virtual time against an outside made of sources.

Sources say what happens when: a script, recorded readings, an improvised world. They
are asked for one input at a time, so that a recording of any length costs no memory,
and they see the run, so that a world can react. Deadlines fall due exactly and commands
are answered at once. Equal sources give equal events, always.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from heddle.workflow.definition import ListenerKind, Workflow
from heddle.workflow.effects import Arm, Disarm, Effect, Execute, Tell
from heddle.workflow.engine import matters, step
from heddle.workflow.inputs import (
    CommandDone,
    Due,
    Input,
    Reading,
    Request,
    Sampled,
    Start,
)
from heddle.workflow.refusal import Refusal, refusal
from heddle.workflow.run import ENDED, Run, Status
from heddle.workflow.wording import worded

Own: TypeAlias = Due | CommandDone


class Source(Protocol):
    """A part of the outside."""

    def next_at_ms(self, run: Run, now_ms: int) -> int | None:
        """When its next input comes, not before ``now_ms``; ``None``: never."""
        ...

    def take(self, run: Run, at_ms: int) -> Input:
        """The input it announced for ``at_ms``."""
        ...


class Planned:
    """Inputs that are known beforehand, in order of time."""

    def __init__(self, inputs: Iterable[Input]) -> None:
        self._inputs = iter(inputs)
        self._next = next(self._inputs, None)

    def next_at_ms(self, run: Run, now_ms: int) -> int | None:
        """The next input's own time."""
        return None if self._next is None else max(self._next.at_ms, now_ms)

    def take(self, run: Run, at_ms: int) -> Input:
        """The next input."""
        taken = self._next
        if taken is None:
            raise LookupError("nothing is planned any more")
        self._next = next(self._inputs, None)
        return taken


def started(start_at_ms: int, *timelines: Iterable[Input]) -> Iterator[Input]:
    """Timelines as one, and the start; readings of that moment are there before it."""

    def order(one: Input) -> tuple[int, int]:
        if isinstance(one, Start):
            return one.at_ms, 1
        is_first = isinstance(one, Sampled) and one.at_ms <= start_at_ms
        return one.at_ms, 0 if is_first else 2

    return heapq.merge([Start(start_at_ms)], *timelines, key=order)


def rehearse(
    workflow: Workflow, script: Iterable[Input] = (), start_at_ms: int = 0
) -> Iterator[Tell]:
    """The events of a run that is started and then left to a script."""
    planned = Planned(started(start_at_ms, sorted(script, key=lambda one: one.at_ms)))
    return Rehearsal(workflow, [planned], now_ms=start_at_ms).events()


@dataclass(slots=True)
class Rehearsal:
    """One run and its outside. Of things at the same moment the first source's wins."""

    workflow: Workflow
    sources: Sequence[Source]
    now_ms: int = 0
    until_ms: int | None = None
    run: Run = field(default_factory=Run)
    samples: int = 0
    refused: list[tuple[Request, Refusal]] = field(default_factory=list)
    _kept: dict[str, Reading] = field(default_factory=dict)
    _deadlines: dict[str, int] = field(default_factory=dict)
    _agenda: list[tuple[int, int, Own]] = field(default_factory=list)
    _planned: int = 0

    def events(self) -> Iterator[Tell]:
        """The run's events, until it ends, nothing can happen, or time is up."""
        while self.run.status not in ENDED:
            happens = self._next()
            if happens is None:
                return
            for effect in self._happen(happens):
                if isinstance(effect, Tell):
                    yield effect
                else:
                    self._perform(effect)

    def _next(self) -> Input | None:
        """What happens next, with the clock moved to it."""
        first, first_at_ms = None, self._agenda_at_ms()
        for source in reversed(self.sources):
            at_ms = source.next_at_ms(self.run, self.now_ms)
            if at_ms is not None and (first_at_ms is None or at_ms <= first_at_ms):
                first, first_at_ms = source, at_ms
        if first_at_ms is None:
            return None
        if self.until_ms is not None and first_at_ms > self.until_ms:
            self.now_ms = self.until_ms
            return None
        self.now_ms = first_at_ms
        if first is not None:
            return first.take(self.run, first_at_ms)
        return heapq.heappop(self._agenda)[2]

    def _agenda_at_ms(self) -> int | None:
        """When the next own thing happens; deadlines that were moved are dropped."""
        while self._agenda:
            at_ms, _, one = self._agenda[0]
            if (
                isinstance(one, CommandDone)
                or self._deadlines.get(one.listener) == at_ms
            ):
                return at_ms
            heapq.heappop(self._agenda)
        return None

    def _happen(self, happens: Input) -> Iterator[Effect]:
        """Readings that change nothing are kept until something else happens."""
        if isinstance(happens, Sampled):
            self.samples += len(happens.values)
            self._kept.update(happens.values)
            if matters(self.workflow, self.run, Sampled(happens.at_ms, self._kept)):
                yield from self._step_kept(happens.at_ms)
            return
        if self._kept:
            yield from self._step_kept(happens.at_ms)
        if isinstance(happens, Request):
            self._note_refusal(happens)
        yield from self._step(happens)

    def _step_kept(self, at_ms: int) -> tuple[Effect, ...]:
        kept, self._kept = self._kept, {}
        return self._step(Sampled(at_ms, kept))

    def _step(self, happens: Input) -> tuple[Effect, ...]:
        outcome = step(self.workflow, self.run, happens)
        self.run = outcome.run
        return outcome.effects

    def _note_refusal(self, request: Request) -> None:
        refused = refusal(self.workflow, self.run, request)
        if refused is not None:
            self.refused.append((request, refused))

    def _perform(self, effect: Arm | Disarm | Execute) -> None:
        match effect:
            case Arm(listener, due_at_ms):
                at_ms = max(due_at_ms, self.now_ms)
                self._deadlines[listener] = at_ms
                self._plan(Due(at_ms, listener))
            case Disarm(listener):
                self._deadlines.pop(listener, None)
            case Execute(key):
                self._plan(CommandDone(self.now_ms, key))

    def _plan(self, one: Own) -> None:
        heapq.heappush(self._agenda, (one.at_ms, self._planned, one))
        self._planned += 1


def waits(workflow: Workflow, run: Run) -> Iterator[str]:
    """What a run that has not ended waits for, each in a few words."""
    if run.status is Status.PAUSED:
        yield "somebody to resume it"
        return
    for _, words in waiting(workflow, run):
        yield words


def waiting(workflow: Workflow, run: Run) -> Iterator[tuple[str, str]]:
    """The elements that wait for something, each with a few words."""
    for active in run.listening:
        listener = workflow.listeners[active]
        match listener.kind:
            case ListenerKind.CONDITION:
                yield active, f"condition {active} ({worded(listener.condition)})"
            case kind:
                yield active, f"{kind.lower()} {active}"
    for gateway in dict.fromkeys(workflow.links[x].target for x in run.signals):
        missing = [x.id for x in workflow.incoming[gateway] if x.id not in run.signals]
        yield gateway, f"gateway {gateway} (a signal on {' and '.join(missing)})"
