"""How targets and deployments end, and how devices are put back.

What goes on with a device after its target has ended is aside: it is put back, catches
up, or is to forget its former release. That never moves the deployment.
"""

from msgspec.structs import replace

from heddle.rollout import wording
from heddle.rollout.draft import Draft
from heddle.rollout.spec import Strategy
from heddle.rollout.state import Order, Phase, Status, Target, TargetStatus
from heddle.rollout.targets import (
    FORWARD,
    as_ended,
    asleep,
    at_rest,
    has_ended,
    told,
    why_timed_out,
)

# --- targets ---


def time_out(draft: Draft, device: str, target: Target, at_ms: int) -> None:
    """Its time is over. It still gets the release when it returns, if so asked."""
    spec, phase = draft.spec, target.phase
    ended = as_ended(target, TargetStatus.TIMED_OUT, at_ms, why_timed_out(spec, target))
    if not spec.catch_up or draft.head.halted:
        draft.put(device, put_back(draft, ended))
        return
    late = asleep(ended, Order.DEPLOY)
    if phase is Phase.IDLE:  # it may be there: its turn did not come
        retry_at_ms = at_ms + max(1, spec.backoff_max_ms)
        late = replace(
            late,
            phase=Phase.RESTING,
            silent=spec.retries + 1,
            retry_at_ms=retry_at_ms,
        )
    silent = {Phase.IDLE, Phase.SENDING, Phase.RESTING}
    draft.put(device, replace(late, absent=phase in silent))


def put_back(draft: Draft, target: Target) -> Target:
    """Aside: a device that failed is brought back, if that is wanted."""
    if target.touched and draft.spec.auto_rollback:
        return told(target, Order.REVERT)
    return at_rest(target)


def is_awaited(draft: Draft, target: Target) -> bool:
    """Whether a rollback under way is not over before it is heard of."""
    head = draft.head
    if head.status is not Status.ROLLING_BACK or target.order is not Order.REVERT:
        return False
    if target.phase is Phase.DORMANT:
        return False
    return head.ending is Status.ROLLED_BACK or not has_ended(target)


def give_up_reverts(draft: Draft, at_ms: int) -> None:
    """A rollback waits no longer; who is silent is put back when it returns."""
    for device, target in list(draft.targets.items()):
        if not is_awaited(draft, target):
            continue
        sleeping = asleep(target, Order.REVERT)
        if not has_ended(target) or target.status is TargetStatus.SUCCESS:
            within = wording.within(draft.spec.revert_timeout_ms)
            why = f"it did not answer the rollback {within}"
            sleeping = as_ended(sleeping, TargetStatus.TIMED_OUT, at_ms, why)
        draft.put(device, sleeping)


# --- deployments ---


def finish(draft: Draft, at_ms: int) -> None:
    """The last wave is over and no threshold fired."""
    targets = draft.targets.values()
    meant = [x for x in targets if x.status is not TargetStatus.SKIPPED]
    hopeful = any(
        x.status is TargetStatus.SUCCESS or x.caught_up or x.order in FORWARD
        for x in meant
    )
    status = Status.COMPLETED if hopeful or not meant else Status.FAILED
    end(draft, status, at_ms, wording.how_it_ended(draft.targets))


def end(draft: Draft, status: Status, at_ms: int, detail: str) -> None:
    """It is over. Who keeps the release may forget the former one."""
    draft.stop_clocks(
        status=status,
        detail=detail,
        ended_at_ms=at_ms,
        halted=status is not Status.COMPLETED,
        ending=None,
        revert_at_ms=None,
    )
    for device, target in list(draft.targets.items()):
        if target.order is None and _keeps_it(target):
            draft.put(device, told(target, Order.SETTLE))


def halt(draft: Draft, at_ms: int, why: str) -> None:
    """No further. Who has taken the release goes on to its own end."""
    draft.stop_clocks(halted=True, detail=why)
    for device, target in list(draft.targets.items()):
        if has_ended(target):
            if target.order in FORWARD:
                draft.put(device, _withdrawn(target))
        elif not _is_on_its_way(draft, target):
            draft.put(device, _withdrawn(_skipped(target, at_ms)))


def roll_back(draft: Draft, at_ms: int, why: str) -> None:
    """Put every device back that may have got the release."""
    _turn_back(draft, Status.ROLLED_BACK, at_ms, why)
    for device, target in list(draft.targets.items()):
        if not target.touched and not has_ended(target):
            draft.put(device, at_rest(_skipped(target, at_ms)))
        elif _may_have_it(target):
            draft.put(device, _reverting(target))
        elif target.order is not None:
            draft.put(device, at_rest(target))


def cancel(draft: Draft, at_ms: int, why: str) -> None:
    """Go no further, and put those back that are under way."""
    _turn_back(draft, Status.CANCELLED, at_ms, why)
    for device, target in list(draft.targets.items()):
        if has_ended(target):
            if target.order in FORWARD:
                draft.put(device, _withdrawn(target))
        elif target.touched:
            draft.put(device, _reverting(target))
        else:
            draft.put(device, at_rest(_skipped(target, at_ms)))


def end_rollback(draft: Draft, at_ms: int) -> None:
    """Once all were heard of that are waited for."""
    ending = draft.head.ending or Status.ROLLED_BACK
    if draft.live if ending is Status.CANCELLED else draft.reverting:
        return
    stuck = [x for x, target in draft.targets.items() if target.stuck]
    silent = [
        x
        for x, target in draft.targets.items()
        if target.order is Order.REVERT and target.phase is Phase.DORMANT
    ]
    detail = wording.how_it_was_undone(draft.head.detail, stuck, silent)
    if stuck and ending is Status.ROLLED_BACK:
        ending = Status.FAILED
    end(draft, ending, at_ms, detail)


def _turn_back(draft: Draft, ending: Status, at_ms: int, why: str) -> None:
    draft.stop_clocks(
        status=Status.ROLLING_BACK,
        ending=ending,
        halted=True,
        detail=why,
        paused_at_ms=None,
        revert_at_ms=at_ms + draft.spec.revert_timeout_ms,
    )


def _keeps_it(target: Target) -> bool:
    if target.gone or target.reverted or target.stuck:
        return False
    return target.status is TargetStatus.SUCCESS or target.caught_up


def _is_on_its_way(draft: Draft, target: Target) -> bool:
    """Whether a device comes to the release without further orders."""
    if target.phase is Phase.WATCHED:
        return True
    blue_green = draft.spec.strategy is Strategy.BLUE_GREEN
    beside = blue_green and target.order is Order.DEPLOY
    return target.phase is Phase.TAKEN and not beside


def _skipped(target: Target, at_ms: int) -> Target:
    return as_ended(target, TargetStatus.SKIPPED, at_ms, "")


def _withdrawn(target: Target) -> Target:
    """An order that came to no end is taken back, if the device may know of it."""
    return told(target, Order.REVERT) if target.touched else at_rest(target)


def _may_have_it(target: Target) -> bool:
    if not target.touched or target.reverted or target.stuck or target.gone:
        return False
    return target.status is not TargetStatus.SKIPPED or target.order is not None


def _reverting(target: Target) -> Target:
    """Ordered back; one that took this order already goes on with it."""
    if target.order is Order.REVERT and target.phase is Phase.TAKEN:
        return replace(target, deadline_at_ms=None)
    return told(target, Order.REVERT)
