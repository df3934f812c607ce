"""Every state a small fleet's deployment can reach, and every step from there."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from heddle.rollout.inputs import (
    Activated,
    Appeared,
    Approve,
    Cancel,
    Delivered,
    Failed,
    Gone,
    Healthy,
    Input,
    Pause,
    Prepared,
    Resume,
    Returned,
    Reverted,
    RevertFailed,
    RollBack,
    Start,
    Tick,
    Undelivered,
)
from heddle.rollout.machine import Step, begin, due_at_ms, step
from heddle.rollout.spec import Spec, Strategy
from heddle.rollout.state import TERMINAL, Deployment, Order, Phase, Target
from heddle.rollout.targets import has_ended

START_MS = 1_000
encode = msgspec.json.Encoder().encode


class Edge(NamedTuple):
    """One step; ``source`` and ``target`` are states as the walk knows them."""

    before: Deployment
    given: Input
    taken: Step
    source: bytes
    target: bytes


def small(strategy: Strategy, **settings: object) -> Spec:
    """Times so short that little is to be told apart."""
    given: dict[str, object] = {
        "timeout_ms": 12 if strategy is Strategy.BLUE_GREEN else 8,
        "batch_size": 1,
        "delay_ms": 4,
        "switch_delay_ms": 1,
        "canary_percent": 30.0,
        "watch_ms": 4,
        "retries": 0,
        "backoff_ms": 4,
        "backoff_max_ms": 4,
        "revert_timeout_ms": 4,
        **settings,
    }
    return Spec(strategy=strategy, **given)  # type: ignore[arg-type]


def alphabet(
    state: Deployment, now: int, *, every: bool, people: bool
) -> Iterator[Input]:
    """What may happen now, and the next time that matters.

    ``every``: also what is out of season, or rare; ``people``: not only the start.
    """
    yield Start(now, "ada")
    if people:
        yield from (x(now, "ada") for x in (Pause, Resume, Cancel, RollBack))
    if state.spec.needs_approval:
        yield from (Approve(now, by) for by in ("ada", "bob"))
    due = due_at_ms(state, now)
    if due is not None:
        yield Tick(due)
    if state.spec.dynamic:
        yield Appeared(now, "new")
    for device, target in state.targets.items():
        letters = (
            _all_of(device, target, now) if every else _due_of(device, target, now)
        )
        yield from letters


def _all_of(device: str, target: Target, now: int) -> Iterator[Input]:
    for order in {target.order or Order.DEPLOY, Order.DEPLOY}:
        yield Delivered(now, device, order)
        yield Undelivered(now, device, order, "offline")
    yield from (x(now, device) for x in (Prepared, Activated, Healthy, Reverted))
    yield from (x(now, device) for x in (Returned, Gone))
    yield from (x(now, device, "broken") for x in (Failed, RevertFailed))


def _due_of(device: str, target: Target, now: int) -> Iterator[Input]:
    order, phase = target.order, target.phase
    if target.touched and not has_ended(target):
        yield Failed(now, device, "broken")
    if phase is Phase.SENDING and order is not None:
        yield Delivered(now, device, order)
        yield Undelivered(now, device, order, "offline")
    if phase is Phase.DORMANT:
        yield Returned(now, device)
    if phase is Phase.WATCHED:
        yield Healthy(now, device)
    if phase is Phase.TAKEN:
        back = (Reverted(now, device), RevertFailed(now, device, "broken"))
        forward = (Prepared(now, device), Activated(now, device))
        yield from back if order is Order.REVERT else forward


def forgetful(state: Deployment, now: int) -> Deployment:
    """The same as if it were ``START_MS``, without what no rule goes by.

    Devices of one wave are interchangeable: they are put in an order.
    """
    by = START_MS - now

    def moved(at_ms: int | None) -> int | None:
        return None if at_ms is None else max(at_ms + by, START_MS)

    def known(target: Target) -> Target:
        return replace(
            target,
            attempt=0,
            retry_at_ms=moved(target.retry_at_ms),
            deadline_at_ms=moved(target.deadline_at_ms),
            watch_until_ms=None if target.watch_until_ms is None else START_MS,
            ended_at_ms=None,
            detail="",
        )

    targets = sorted(
        map(known, state.targets.values()), key=lambda x: (x.wave, encode(x))
    )
    return replace(
        state,
        targets=dict(zip(state.targets, targets, strict=True)),
        detail=state.detail and "so",
        started_by=state.started_by and "ada",
        started_at_ms=None,
        ended_at_ms=None,
        paused_at_ms=None if state.paused_at_ms is None else START_MS,
        **_paused(state, now, by),
    )


def _paused(state: Deployment, now: int, by: int) -> dict[str, int | None]:
    """The clocks of a paused deployment stand: they count from the pause."""
    if state.paused_at_ms is not None:
        by = START_MS - state.paused_at_ms
    found = {}
    for name in (
        "deadline_at_ms",
        "prepare_at_ms",
        "next_at_ms",
        "switch_at_ms",
        "revert_at_ms",
    ):
        at_ms = getattr(state, name)
        found[name] = None if at_ms is None else max(at_ms + by, START_MS)
    return found


def walk(
    spec: Spec, devices: int, *, every: bool = True, people: bool = True
) -> Iterator[Edge]:
    """Breadth first, from the beginning of a deployment.

    Without ``every`` it is not followed beyond its end, nor through every input.
    """
    names = [f"d{n}" for n in range(devices)]
    first = forgetful(begin(spec, names, START_MS, id="dep", by="bob"), START_MS)
    waiting, seen = [first], {key(first)}
    for before in waiting:
        source = key(before)
        for given in alphabet(before, START_MS, every=every, people=people):
            taken = step(before, given)
            if taken.state is before:
                yield Edge(before, given, taken, source, source)
                continue
            after = forgetful(taken.state, given.at_ms)
            target = key(after)
            if target not in seen:
                seen.add(target)
                if every or after.status not in TERMINAL:
                    waiting.append(after)
            yield Edge(before, given, taken, source, target)


def key(state: Deployment) -> bytes:
    """Equal for equal states."""
    return encode(state)
