"""What is to be done so that the engines that are there become those that shall be.

A pure function from a situation to steps, in order. Performing them and looking again
leads to a situation without steps, whichever of them failed or were cut off on the way.

It promises that of a flow at most one engine runs, for two would share a journal: a
successor is made beside the former engine and started once that has ended. What is
wanted and runs as it should is never ended. A former engine that may be needed again is
ended and stays. What cannot be had (an image, room on the
disk) holds up nothing that runs already.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from edge_agent.runtime.runtime import AWAKE, Condition, Found


@dataclass(frozen=True, slots=True)
class Fetch:
    """Bring an image here."""

    image: str


@dataclass(frozen=True, slots=True)
class Create:
    """Make an engine, not started."""

    flow: str
    mark: str


@dataclass(frozen=True, slots=True)
class Start:
    """Start an engine that is there."""

    flow: str
    mark: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """End the former engine, then give folder and journal to its successor."""

    flow: str
    former: str
    mark: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End an engine, which stays."""

    flow: str
    mark: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove an engine that has ended."""

    flow: str
    mark: str


@dataclass(frozen=True, slots=True)
class Prune:
    """Remove images that nobody uses."""


Step: TypeAlias = Fetch | Create | Start | HandOver | Stop | Remove | Prune


@dataclass(frozen=True, slots=True)
class Want:
    """A flow that shall be here: as what, and whether its engine shall run."""

    flow: str
    mark: str
    image: str = ""
    running: bool = True
    kept: str = ""  # of a former engine, which ends but is not removed


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a plan is made of."""

    wanted: tuple[Want, ...] = ()
    found: tuple[Found, ...] = ()
    images: frozenset[str] = frozenset()  # of those wanted, the ones that are here
    ahead: frozenset[str] = frozenset()  # images wanted before an engine needs them
    now_s: float = 0.0
    due_s: Mapping[str, float] = field(default_factory=dict)
    """By flow or ``image_key``: no attempt before this, for the last ones failed."""
    hung: frozenset[str] = frozenset()  # flows whose running engine says nothing
    unreadable: frozenset[str] = frozenset()  # of these nobody knows what is wanted
    is_tight: bool = False  # the disk shall not be filled any further
    may_prune: bool = False  # it has not just been done

    def is_due(self, what: str) -> bool:
        """Whether a flow or image may be tried now."""
        return self.due_s.get(what, self.now_s) <= self.now_s


def image_key(image: str) -> str:
    """What a failure to fetch an image is noted under; no flow has such a name."""
    return f"image {image}"


def plan(situation: Situation) -> tuple[Step, ...]:
    """The steps, in the order in which they are to be performed."""
    wanted = {want.flow: want for want in situation.wanted}
    found: dict[str, list[Found]] = {flow: [] for flow in wanted}
    for engine in situation.found:
        found.setdefault(engine.flow, []).append(engine)
    due = {flow for flow in found if situation.is_due(flow)} - situation.unreadable
    steps: list[Step] = []
    for flow in sorted(due - wanted.keys()):
        steps += _ended(found[flow])
    if situation.is_tight and situation.may_prune:
        steps.append(Prune())
    for image in sorted(situation.ahead - situation.images):
        if situation.is_due(image_key(image)) and not situation.is_tight:
            steps.append(Fetch(image))
    for flow in sorted(wanted.keys() - situation.unreadable):
        if flow in due:
            steps += _towards(wanted[flow], found[flow], situation)
        else:
            steps += _held(wanted[flow], found[flow])
    return tuple(dict.fromkeys(steps))  # an image is fetched once


def next_due_s(situation: Situation) -> float | None:
    """When the next attempt that is put off falls due; none if none is."""
    later = [due for due in situation.due_s.values() if due > situation.now_s]
    return min(later, default=None)


def _ended(engines: list[Found], kept: str = "") -> Iterator[Step]:
    for engine in engines:
        if engine.condition in AWAKE:
            yield Stop(engine.flow, engine.mark)
        if engine.mark != kept:
            yield Remove(engine.flow, engine.mark)


def _held(want: Want, engines: list[Found]) -> Iterator[Step]:
    """What failed and must wait: Docker, too, shall not start it all the time."""
    for engine in engines:
        if engine.mark == want.mark and engine.condition is Condition.RESTARTING:
            yield Stop(engine.flow, engine.mark)


def _towards(want: Want, engines: list[Found], now: Situation) -> Iterator[Step]:
    """The steps of one flow that may be taken now."""
    right = [engine for engine in engines if engine.mark == want.mark]
    former = [engine for engine in engines if engine.mark != want.mark]
    if not want.running:
        yield from (Stop(e.flow, e.mark) for e in right if e.condition in AWAKE)
        yield from _ended(former, want.kept)
    elif right and right[0].condition in AWAKE:
        if right[0].condition is Condition.RUNNING and want.flow in now.hung:
            yield Stop(want.flow, want.mark)
            yield Start(want.flow, want.mark)
        yield from _ended(former, want.kept)
    elif right:
        yield from _taken_over(want, former)
    elif want.image in now.images:
        yield Create(want.flow, want.mark)
        yield from _taken_over(want, former)
    elif now.is_due(image_key(want.image)) and not now.is_tight:
        yield Fetch(want.image)
        yield Create(want.flow, want.mark)
        yield from _taken_over(want, former)


def _taken_over(want: Want, former: list[Found]) -> Iterator[Step]:
    """The engine that is as it should be comes up, in place of any other."""
    awake = [engine for engine in former if engine.condition in AWAKE]
    yield from (Stop(want.flow, engine.mark) for engine in awake[1:])
    if awake:
        yield HandOver(want.flow, awake[0].mark, want.mark)
    else:
        yield Start(want.flow, want.mark)
    yield from (Remove(want.flow, e.mark) for e in former if e.mark != want.kept)
