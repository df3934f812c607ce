"""One target: what it is owed, what it is told, and in which words it ends."""

from msgspec.structs import replace

from heddle.backoff import backoff_s
from heddle.rollout.durations import duration_text
from heddle.rollout.effects import (
    Await,
    Deploy,
    Effect,
    Revert,
    Settle,
    Switch,
    Watch,
)
from heddle.rollout.spec import Spec, Strategy
from heddle.rollout.state import ENDED, Order, Phase, Target, TargetStatus

FORWARD = frozenset({Order.DEPLOY, Order.SWITCH})
OPEN = frozenset({Phase.SENDING, Phase.RESTING, Phase.DORMANT, Phase.TAKEN})
"""The phases in which a device may still say how an order went."""


def has_ended(target: Target) -> bool:
    """Whether its part in the deployment is over."""
    return target.status in ENDED


def holds_place(spec: Spec, target: Target) -> bool:
    """Whether it counts against ``max_in_flight``.

    A device that left more deliveries unanswered than there are retries has given its
    place up. In blue-green only getting ready counts: all switch at once.
    """
    if target.order not in FORWARD:
        return False
    if target.phase in {Phase.IDLE, Phase.READY, Phase.DORMANT}:
        return False
    if spec.strategy is Strategy.BLUE_GREEN and target.order is Order.SWITCH:
        return False
    return target.phase is not Phase.RESTING or target.silent <= spec.retries


def told(target: Target, order: Order) -> Target:
    """An order is to be delivered now, whatever was before."""
    return replace(
        target,
        order=order,
        phase=Phase.SENDING,
        silent=0,
        retry_at_ms=None,
        deadline_at_ms=None,
        watch_until_ms=None,
    )


def at_rest(target: Target) -> Target:
    """Nothing more is owed."""
    return replace(
        target,
        order=None,
        phase=Phase.IDLE,
        silent=0,
        retry_at_ms=None,
        deadline_at_ms=None,
        watch_until_ms=None,
    )


def asleep(target: Target, order: Order) -> Target:
    """An order waits for the device's return."""
    return replace(told(target, order), phase=Phase.DORMANT)


def as_ended(target: Target, status: TargetStatus, at_ms: int, detail: str) -> Target:
    """Its part is over; what it is owed aside is not touched."""
    return replace(target, status=status, ended_at_ms=at_ms, detail=detail)


def unanswered(spec: Spec, target: Target, at_ms: int, why: str) -> Target:
    """A delivery got no answer: once more, after a while."""
    wait_ms = backoff_s(spec.backoff_ms, target.silent, spec.backoff_max_ms)
    return replace(
        target,
        phase=Phase.RESTING,
        attempt=target.attempt + 1,
        silent=target.silent + 1,
        retry_at_ms=at_ms + max(1, round(wait_ms)),
        detail=target.detail if has_ended(target) else why,
    )


def effect(spec: Spec, device: str, target: Target) -> Effect | None:
    """What the outside owes for it, if sending is allowed."""
    match target.phase:
        case Phase.SENDING:
            return _to_send(spec, device, target)
        case Phase.TAKEN:
            return Await(device)
        case Phase.WATCHED:
            return Watch(device, target.watch_until_ms or 0)
        case _:
            return None


def _to_send(spec: Spec, device: str, target: Target) -> Effect | None:
    match target.order:
        case Order.DEPLOY:
            beside = spec.strategy is Strategy.BLUE_GREEN
            return Deploy(device, target.attempt, beside)
        case Order.SWITCH:
            return Switch(device, target.attempt)
        case Order.REVERT:
            return Revert(device, target.attempt)
        case Order.SETTLE:
            return Settle(device, target.attempt)
        case None:
            return None


def why_timed_out(spec: Spec, target: Target) -> str:
    """One sentence."""
    within = f"within {duration_text(spec.timeout_ms)}"
    match target.phase:
        case Phase.IDLE:
            return f"its turn did not come {within}"
        case Phase.READY:
            return f"it was ready, but the switch did not come {within}"
        case Phase.WATCHED:
            return f"no verdict on its health {within}"
        case Phase.TAKEN:
            return f"it took the order but did not come to an end {within}"
        case Phase.SENDING | Phase.RESTING | Phase.DORMANT:
            why = f": {target.detail}" if target.detail else ""
            return f"it did not answer {within}{why}"
