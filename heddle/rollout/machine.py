"""Deployments, moved by what happens to them.

``step`` is total: an input out of season changes nothing. Each input first lets happen
what fell due by its time, so it matters not how late anybody looks. The rules are in
``course`` (how it goes on), ``hearing`` (what devices say) and ``ends``.

While a deployment is paused nothing is sent and nothing is judged. The clock of those
under way goes on, for they have their order; the clock of those that wait for their
turn stands, as it does outside maintenance windows.

A target's status, once it has ended, changes only by a rollback, or from success to
failed as long as the deployment runs.
"""

from collections.abc import Iterable
from typing import NamedTuple

from heddle.rollout.course import advance, begin_if_due, go_on, join, resume
from heddle.rollout.draft import Draft
from heddle.rollout.due import Sending, due
from heddle.rollout.effects import Effect
from heddle.rollout.ends import cancel, roll_back
from heddle.rollout.hearing import hear
from heddle.rollout.inputs import (
    Appeared,
    Approve,
    Cancel,
    Command,
    Input,
    Pause,
    Resume,
    RollBack,
    Start,
    Tick,
)
from heddle.rollout.refusal import refusal
from heddle.rollout.spec import Spec
from heddle.rollout.state import Deployment, Phase, Status, Target
from heddle.rollout.targets import effect


class Step(NamedTuple):
    """What inputs made of a deployment.

    ``effects`` are those of ``outstanding`` that the former state did not ask for;
    ``changed`` are the devices whose target is another one now.
    """

    state: Deployment
    effects: tuple[Effect, ...]
    changed: frozenset[str]


def begin(
    spec: Spec,
    targets: Iterable[str],
    at_ms: int,
    *,
    id: str,  # noqa: A002
    by: str = "",
) -> Deployment:
    """A pending deployment to devices, which get their turn in this order."""
    return Deployment(
        id=id,
        spec=spec,
        targets={device: Target() for device in targets},
        created_by=by,
        created_at_ms=at_ms,
    )


def step(state: Deployment, given: Input) -> Step:
    """Move a deployment by one input."""
    return step_all(state, (given,))


def step_all(state: Deployment, inputs: Iterable[Input]) -> Step:
    """Move a deployment by many inputs: as ``step`` by each, at the cost of one."""
    draft = Draft(state)
    at_ms = 0
    for given in inputs:
        at_ms = given.at_ms
        _take(draft, given)
    if draft.head is state and not draft.touched:
        return Step(state, (), frozenset())
    after = draft.result()
    effects = _new_effects(state, after, draft.touched, at_ms)
    return Step(after, effects, frozenset(draft.touched))


def outstanding(state: Deployment, at_ms: int) -> tuple[Effect, ...]:
    """Everything the outside owes now; what is under way already must not be redone."""
    sending = Sending.of(state, at_ms)
    owed = (_owed(state, sending, *x) for x in state.targets.items())
    return tuple(x for x in owed if x is not None)


def due_at_ms(state: Deployment, at_ms: int) -> int | None:
    """When a ``Tick`` will matter, or a window opens, seen from now. None: never."""
    return due(state, at_ms)


def _take(draft: Draft, given: Input) -> None:
    at_ms = given.at_ms
    advance(draft, at_ms)
    match given:
        case Tick():
            return
        case Appeared():
            join(draft, given.device)
        case Start() | Approve() | Pause() | Resume() | Cancel() | RollBack():
            if refusal(draft.head, given) is None:
                _obey(draft, given)
                advance(draft, at_ms)  # what was held back may be due
        case _:
            hear(draft, given)
    go_on(draft, at_ms)


def _obey(draft: Draft, given: Command) -> None:
    at_ms = given.at_ms
    match given:
        case Start():
            draft.set(started_by=given.by)
            begin_if_due(draft, at_ms)
        case Approve():
            draft.set(approved_by=given.by, status=draft.head.status)
            begin_if_due(draft, at_ms)
        case Pause():
            draft.set(status=Status.PAUSED, paused_at_ms=at_ms)
        case Resume():
            resume(draft, at_ms)
        case RollBack():
            roll_back(draft, at_ms, f"rolled back by {given.by}")
        case Cancel():
            cancel(draft, at_ms, f"cancelled by {given.by}")


def _owed(
    state: Deployment, sending: Sending, device: str, target: Target
) -> Effect | None:
    if target.order is None:
        return None
    if target.phase is Phase.SENDING and not sending.allows(target.order):
        return None
    return effect(state.spec, device, target)


def _new_effects(
    before: Deployment, after: Deployment, touched: set[str], at_ms: int
) -> tuple[Effect, ...]:
    was, now = Sending.of(before, at_ms), Sending.of(after, at_ms)
    found = []
    for device in sorted(touched) if was == now else after.targets:
        owed = _owed(after, now, device, after.targets[device])
        if owed is None:
            continue
        old = before.targets.get(device)
        if old is None or owed != _owed(before, was, device, old):
            found.append(owed)
    return tuple(found)
