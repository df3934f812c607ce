"""When something falls due, and whether something new may be sent."""

from typing import NamedTuple

from heddle.rollout.state import (
    Deployment,
    Order,
    Phase,
    Status,
    Target,
    TargetStatus,
)
from heddle.rollout.targets import FORWARD
from heddle.rollout.windows import opening_ms


class Sending(NamedTuple):
    """What may be sent at a time."""

    at_ms: int
    back: bool  # Revert, Settle
    forward: bool  # Deploy, Switch, but for windows
    opens_at_ms: int  # when windows are open next

    @classmethod
    def of(cls, state: Deployment, at_ms: int) -> "Sending":
        """By the status of a deployment and its maintenance windows."""
        forward = (
            state.status in {Status.RUNNING, Status.COMPLETED} and not state.halted
        )
        back = state.status not in {Status.PENDING, Status.PAUSED}
        return cls(at_ms, back, forward, opening_ms(state.spec.windows, at_ms))

    @property
    def forward_now(self) -> bool:
        """Whether Deploy and Switch may be sent."""
        return self.forward and self.opens_at_ms == self.at_ms

    @property
    def is_shut(self) -> bool:
        """Whether only a maintenance window is waited for."""
        return self.forward and self.opens_at_ms != self.at_ms

    def allows(self, order: Order | None) -> bool:
        """Whether an order may be sent."""
        return self.forward_now if order in FORWARD else self.back


def head_due(state: Deployment, sending: Sending) -> int | None:
    """When a deployment, but for its targets, is to be looked at."""
    match state.status:
        case Status.PENDING:
            return None if state.started_by is not None else _scheduled(state)
        case Status.ROLLING_BACK:
            return state.revert_at_ms
        case Status.RUNNING:
            opens = sending.opens_at_ms
            found = [
                max(x, opens) if x <= opens else opening_ms(state.spec.windows, x)
                for x in (state.next_at_ms, state.switch_at_ms)
                if x is not None
            ]
            found += [
                x for x in (state.deadline_at_ms, state.prepare_at_ms) if x is not None
            ]
            return min(found, default=None)
        case _:
            return None


def _scheduled(state: Deployment) -> int | None:
    waits = state.spec.needs_approval and state.approved_by is None
    return None if waits else state.spec.start_at_ms


def target_due(target: Target, state: Deployment, sending: Sending) -> int | None:
    """When a target is to be looked at."""
    found = target.deadline_at_ms
    if target.order is None:
        if _waits_for_window(target, state, sending):
            found = sending.opens_at_ms
        return found
    when = None
    if target.phase is Phase.RESTING:
        when = _sent_again(target, state, sending)
    elif target.phase is Phase.SENDING and target.order in FORWARD:
        when = sending.opens_at_ms if sending.is_shut else None
    if when is None or (found is not None and found < when):
        return found
    return when


def _waits_for_window(target: Target, state: Deployment, sending: Sending) -> bool:
    return (
        target.status is TargetStatus.PENDING
        and target.wave == state.wave >= 0
        and sending.is_shut
    )


def _sent_again(target: Target, state: Deployment, sending: Sending) -> int | None:
    retry_at_ms = target.retry_at_ms or 0
    if target.order not in FORWARD:
        return retry_at_ms if sending.back else None
    if not sending.forward:
        return None
    if retry_at_ms <= sending.opens_at_ms:
        return sending.opens_at_ms
    return opening_ms(state.spec.windows, retry_at_ms)


def due(state: Deployment, at_ms: int) -> int | None:
    """When something falls due next, seen from a time."""
    sending = Sending.of(state, at_ms)
    found = head_due(state, sending)
    for target in state.targets.values():
        when = target_due(target, state, sending)
        if when is not None and (found is None or when < found):
            found = when
    return found
