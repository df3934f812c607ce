"""What becomes of a target when its device is heard of, or is not."""

from msgspec.structs import replace

from heddle.rollout.course import send_again
from heddle.rollout.draft import Draft
from heddle.rollout.due import Sending
from heddle.rollout.ends import is_awaited, put_back
from heddle.rollout.inputs import (
    Activated,
    Delivered,
    Failed,
    Gone,
    Healthy,
    Prepared,
    Report,
    Returned,
    Reverted,
    RevertFailed,
    Undelivered,
)
from heddle.rollout.spec import Strategy
from heddle.rollout.state import TERMINAL, Order, Phase, Status, Target, TargetStatus
from heddle.rollout.targets import (
    FORWARD,
    OPEN,
    as_ended,
    asleep,
    at_rest,
    has_ended,
    told,
    unanswered,
)


def hear(draft: Draft, given: Report) -> None:
    """Of a device that has no part in the deployment nothing is made."""
    target = draft.targets.get(given.device)
    if target is None or target.gone:
        return
    match given:
        case Delivered() | Undelivered():
            _delivered(draft, given, target)
        case Reverted() | RevertFailed():
            _put_back(draft, given, target)
        case Returned():
            _returned(draft, given, target)
        case Gone():
            _let_go(draft, given, target)
        case _:
            _came_further(draft, given, target)


# --- orders ---


def _delivered(draft: Draft, given: Delivered | Undelivered, target: Target) -> None:
    if target.order is not given.order or target.phase is not Phase.SENDING:
        return
    spec, aside = draft.spec, has_ended(target) and not is_awaited(draft, target)
    if isinstance(given, Undelivered):
        after = unanswered(spec, target, given.at_ms, given.why)
        if aside and after.silent > spec.retries:
            after = asleep(after, given.order)
    elif given.order is Order.SETTLE:
        after = at_rest(target)
    elif aside:
        back = given.order is Order.REVERT
        patience_ms = spec.revert_timeout_ms if back else spec.timeout_ms
        deadline_at_ms = given.at_ms + patience_ms
        after = replace(target, phase=Phase.TAKEN, deadline_at_ms=deadline_at_ms)
    else:
        detail = target.detail if has_ended(target) else ""
        after = replace(target, phase=Phase.TAKEN, detail=detail)
    draft.put(given.device, after)


def _returned(draft: Draft, given: Returned, target: Target) -> None:
    if target.phase not in {Phase.RESTING, Phase.DORMANT}:
        return
    draft.put(
        given.device,
        replace(
            target,
            phase=Phase.RESTING,
            silent=draft.spec.retries + 1,  # it has no place yet
            retry_at_ms=given.at_ms,
        ),
    )
    send_again(draft, given.device, Sending.of(draft.head, given.at_ms))
    sent = draft.targets[given.device]
    if sent.phase is Phase.SENDING:
        draft.put(given.device, replace(sent, silent=0))


def _let_go(draft: Draft, given: Gone, target: Target) -> None:
    after = replace(at_rest(target), gone=True)
    kept = target.status is TargetStatus.SUCCESS and is_awaited(draft, target)
    if kept or not has_ended(target):
        after = as_ended(after, TargetStatus.SKIPPED, given.at_ms, given.why)
    draft.put(given.device, after)


# --- the way forward ---


def _came_further(
    draft: Draft, given: Prepared | Activated | Healthy | Failed, target: Target
) -> None:
    match given:
        case Prepared():
            _prepared(draft, given, target)
        case Activated():
            _activated(draft, given, target)
        case Healthy():
            if target.phase is Phase.WATCHED:
                _succeeded(draft, given, target)
        case Failed():
            _failed(draft, given, target, given.reason)


def _prepared(draft: Draft, given: Prepared, target: Target) -> None:
    if draft.spec.strategy is not Strategy.BLUE_GREEN:
        return
    if target.order is not Order.DEPLOY or target.phase not in OPEN:
        return
    if has_ended(target):  # it catches up: the others have switched
        after = told(target, Order.SWITCH)
    else:
        after = replace(told(target, Order.DEPLOY), phase=Phase.READY, detail="")
    draft.put(given.device, after)


def _activated(draft: Draft, given: Activated, target: Target) -> None:
    if target.order not in FORWARD or target.phase not in OPEN:
        late = target.status is TargetStatus.TIMED_OUT and target.touched
        if late and target.order is None and not target.reverted:
            draft.put(given.device, replace(target, caught_up=True))
        return
    spec = draft.spec
    if not spec.checked_ms:
        _succeeded(draft, given, target)
        return
    until_ms = given.at_ms + spec.checked_ms
    watched = replace(
        target, phase=Phase.WATCHED, retry_at_ms=None, watch_until_ms=until_ms
    )
    if has_ended(target):
        watched = replace(watched, deadline_at_ms=until_ms + spec.timeout_ms)
    else:
        watched = replace(watched, status=TargetStatus.VERIFYING, detail="")
    draft.put(given.device, watched)


def _succeeded(draft: Draft, given: Activated | Healthy, target: Target) -> None:
    after = at_rest(target)
    if not has_ended(target):
        after = as_ended(after, TargetStatus.SUCCESS, given.at_ms, "")
    else:
        after = replace(after, caught_up=True)
        if draft.head.status in TERMINAL:
            after = told(after, Order.SETTLE)
    draft.put(given.device, after)


def _failed(
    draft: Draft, given: Failed | Reverted, target: Target, reason: str
) -> None:
    """Of a device that succeeded, too, as long as the deployment runs."""
    status = draft.head.status
    if target.status is TargetStatus.TIMED_OUT and target.order in FORWARD:
        after = replace(target, detail=f"{target.detail}; then: {reason}")
        draft.put(given.device, put_back(draft, after))
        return
    if target.status is TargetStatus.SUCCESS:
        if status not in {Status.RUNNING, Status.PAUSED}:
            return
    elif has_ended(target) or not target.touched:
        return
    after = as_ended(target, TargetStatus.FAILED, given.at_ms, reason)
    if status is Status.ROLLING_BACK:  # it is ordered back already
        after = replace(after, deadline_at_ms=draft.head.revert_at_ms)
    else:
        after = put_back(draft, after)
    draft.put(given.device, after)


# --- the way back ---


def _put_back(draft: Draft, given: Reverted | RevertFailed, target: Target) -> None:
    if target.order is not Order.REVERT:
        if isinstance(given, Reverted):
            _went_back(draft, given, target)
        return
    undone = not has_ended(target) or target.status is TargetStatus.SUCCESS
    if isinstance(given, Reverted):
        after = replace(at_rest(target), reverted=True)
        status, detail = TargetStatus.ROLLED_BACK, ""
    else:
        why = f"it could not be put back: {given.reason}"
        detail = f"{target.detail}; {why}" if target.detail else why
        after = replace(at_rest(target), stuck=True, detail=detail)
        status = TargetStatus.FAILED
    if undone and is_awaited(draft, target):
        after = as_ended(after, status, given.at_ms, detail)
    draft.put(given.device, after)


def _went_back(draft: Draft, given: Reverted, target: Target) -> None:
    """The device is on its former release and nobody ordered it there (yet)."""
    _failed(draft, given, target, "it went back by itself")
    after = draft.targets[given.device]
    if after is not target:
        draft.put(given.device, replace(at_rest(after), reverted=True))
