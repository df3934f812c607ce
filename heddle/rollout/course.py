"""How a deployment goes on: wave by wave, as time and what devices said allow."""

from msgspec.structs import replace

from heddle.rollout import wording
from heddle.rollout.draft import HEAD, Draft
from heddle.rollout.due import Sending
from heddle.rollout.ends import (
    end,
    end_rollback,
    finish,
    give_up_reverts,
    halt,
    roll_back,
    time_out,
)
from heddle.rollout.spec import Strategy
from heddle.rollout.state import Order, Phase, Status, Target, TargetStatus
from heddle.rollout.targets import FORWARD, asleep, has_ended, holds_place, told
from heddle.rollout.waves import cut, exceeded, room, threshold
from heddle.rollout.windows import after_ms, open_ms

# --- time ---


def advance(draft: Draft, at_ms: int) -> None:
    """Let happen what fell due."""
    fallen = draft.fallen(at_ms)
    devices = [x for x in fallen if x != HEAD]
    if fallen:
        begin_if_due(draft, at_ms)
        for device in devices:
            _expire(draft, device, at_ms)
        _expire_wave(draft, at_ms)
    go_on(draft, at_ms)
    if not fallen:
        return
    sending = Sending.of(draft.head, at_ms)
    for device in devices:
        send_again(draft, device, sending)
    draft.looked(devices, at_ms)


def go_on(draft: Draft, at_ms: int) -> None:
    """As far as what is known leads."""
    while draft.head.status is Status.RUNNING and _moves(draft, at_ms):
        pass
    if draft.head.status is Status.ROLLING_BACK:
        end_rollback(draft, at_ms)
    _fill(draft, at_ms)


def resume(draft: Draft, at_ms: int) -> None:
    """Go on after a pause, during which the clocks of waves stood."""
    head, windows = draft.head, draft.spec.windows
    paused_at_ms = at_ms if head.paused_at_ms is None else head.paused_at_ms
    stood_ms = max(0, at_ms - paused_at_ms)

    def later(until_ms: int | None) -> int | None:
        if until_ms is None:
            return None
        return after_ms(windows, at_ms, open_ms(windows, paused_at_ms, until_ms))

    def put_off(until_ms: int | None) -> int | None:
        return None if until_ms is None else until_ms + stood_ms

    draft.set(
        status=Status.RUNNING,
        paused_at_ms=None,
        deadline_at_ms=later(head.deadline_at_ms),
        prepare_at_ms=later(head.prepare_at_ms),
        next_at_ms=put_off(head.next_at_ms),
        switch_at_ms=put_off(head.switch_at_ms),
    )


def _expire(draft: Draft, device: str, at_ms: int) -> None:
    target = draft.targets[device]
    if not _is_over(target.deadline_at_ms, at_ms):
        return
    if has_ended(target):
        unended = replace(target, attempt=target.attempt + 1)
        draft.put(device, asleep(unended, target.order or Order.REVERT))
    else:
        time_out(draft, device, target, at_ms)


def _expire_wave(draft: Draft, at_ms: int) -> None:
    head = draft.head
    if head.status is Status.RUNNING:
        if _is_over(head.deadline_at_ms, at_ms):
            _time_out_waiting(draft, at_ms, {Phase.IDLE, Phase.READY})
            draft.set(deadline_at_ms=None)
        if _is_over(head.prepare_at_ms, at_ms):
            _time_out_waiting(draft, at_ms, {Phase.IDLE})
            draft.set(prepare_at_ms=None)
    elif _is_over(head.revert_at_ms, at_ms):
        give_up_reverts(draft, at_ms)


def _time_out_waiting(draft: Draft, at_ms: int, phases: set[Phase]) -> None:
    """Those of the open wave that wait for us, not we for them."""
    for device, target in list(draft.of_wave(draft.head.wave)):
        if not has_ended(target) and target.phase in phases:
            time_out(draft, device, target, at_ms)


# --- waves ---


def begin_if_due(draft: Draft, at_ms: int) -> None:
    """Start, if it was told to or its time has come, and nobody has yet to agree."""
    head, spec = draft.head, draft.spec
    if head.status is not Status.PENDING:
        return
    if spec.needs_approval and head.approved_by is None:
        return
    if head.started_by is None and not _is_over(spec.start_at_ms, at_ms):
        return
    draft.set(status=Status.RUNNING, started_at_ms=at_ms, next_at_ms=at_ms)
    here = [x for x, target in draft.targets.items() if not has_ended(target)]
    for wave, devices in enumerate(cut(spec, here)):
        draft.place(list(devices), wave)


def join(draft: Draft, device: str) -> None:
    """A device that is new joins the last wave, or one after it."""
    head = draft.head
    if not draft.spec.dynamic or device in draft.targets or head.halted:
        return
    if head.status is Status.PENDING:
        draft.put(device, Target())
    elif head.status in {Status.RUNNING, Status.PAUSED}:
        last, most = len(draft.waves) - 1, room(draft.spec)
        full = most is not None and last >= 0 and len(draft.waves[last]) >= most
        draft.place([device], last + 1 if full or last <= head.wave else last)


def _moves(draft: Draft, at_ms: int) -> bool:
    """One move of a running deployment; False if there is none now."""
    head = draft.head
    if head.halted:
        if draft.live == 0:
            end(draft, Status.FAILED, at_ms, head.detail)
        return draft.live == 0
    if _stop_if_exceeded(draft, at_ms):
        return True
    if head.next_at_ms is not None:
        return _open_next(draft, head.next_at_ms, at_ms)
    tally = draft.tallies[head.wave]
    if tally.live == 0:
        draft.stop_clocks()
        draft.set(next_at_ms=at_ms + draft.spec.delay_ms)
        return True
    if draft.spec.strategy is Strategy.BLUE_GREEN and tally.ready == tally.live:
        return _switch(draft, at_ms)
    return False


def _stop_if_exceeded(draft: Draft, at_ms: int) -> bool:
    for wave in sorted(draft.suspects):  # of several the first is told
        draft.suspects.remove(wave)
        tally = draft.tallies[wave]
        unproved = draft.is_unproved(wave)
        if unproved or exceeded(tally.failed, tally.size, threshold(draft.spec, wave)):
            why = wording.why_stopped(draft.spec, wave, list(draft.of_wave(wave)))
            stop = roll_back if draft.spec.auto_rollback else halt
            stop(draft, at_ms, why)
            return True
    return False


def _open_next(draft: Draft, next_at_ms: int, at_ms: int) -> bool:
    spec, wave = draft.spec, draft.head.wave + 1
    if wave >= len(draft.waves):
        finish(draft, at_ms)
        return True
    if at_ms < next_at_ms or _is_shut(draft, at_ms):
        return False
    deadline_at_ms = after_ms(spec.windows, at_ms, spec.timeout_ms)
    prepare_at_ms = None
    if spec.strategy is Strategy.BLUE_GREEN:
        prepare_at_ms = after_ms(spec.windows, at_ms, spec.prepare_ms)
    draft.stop_clocks()
    draft.set(wave=wave, deadline_at_ms=deadline_at_ms, prepare_at_ms=prepare_at_ms)
    draft.note(prepare_at_ms or deadline_at_ms)
    draft.open_queue()
    return True


def _switch(draft: Draft, at_ms: int) -> bool:
    """Blue-green: all that live are ready. After the delay, all at once."""
    head = draft.head
    if head.switch_at_ms is None:
        draft.set(switch_at_ms=at_ms + draft.spec.switch_delay_ms)
        return True
    if at_ms < head.switch_at_ms or _is_shut(draft, at_ms):
        return False
    deadline_at_ms = at_ms + _left_ms(draft, head.deadline_at_ms, at_ms)
    for device, target in list(draft.of_wave(head.wave)):
        if target.phase is Phase.READY:
            switching = told(target, Order.SWITCH)
            draft.put(device, replace(switching, deadline_at_ms=deadline_at_ms))
    draft.set(switch_at_ms=None)
    return True


def _fill(draft: Draft, at_ms: int) -> None:
    """Deploy to those whose turn it is, as many as there are places."""
    head = draft.head
    if head.status is not Status.RUNNING or head.next_at_ms is not None:
        return
    if not draft.has_place() or draft.next_pending() is None:
        return
    if head.halted or _is_shut(draft, at_ms):
        return
    left_ms = _left_ms(draft, head.prepare_at_ms or head.deadline_at_ms, at_ms)
    while draft.has_place() and (device := draft.next_pending()) is not None:
        deploying = replace(
            told(draft.targets[device], Order.DEPLOY),
            status=TargetStatus.DEPLOYING,
            touched=True,
            deadline_at_ms=at_ms + left_ms,
        )
        draft.put(device, deploying)


def send_again(draft: Draft, device: str, sending: Sending) -> None:
    """Deliver a resting order, if its time has come and there is a place for it."""
    target = draft.targets[device]
    if target.phase is not Phase.RESTING or not sending.allows(target.order):
        return
    if not _is_over(target.retry_at_ms, sending.at_ms):
        return
    again = replace(
        target,
        phase=Phase.SENDING,
        retry_at_ms=None,
        touched=target.touched or target.order in FORWARD,
    )
    takes_place = holds_place(draft.spec, again) and not holds_place(draft.spec, target)
    if takes_place and not draft.has_place():
        later_ms = sending.at_ms + max(1, draft.spec.backoff_max_ms)
        again = replace(target, retry_at_ms=later_ms)
    draft.put(device, again)


def _is_shut(draft: Draft, at_ms: int) -> bool:
    """Whether nothing new may be sent: outside maintenance windows."""
    return not Sending.of(draft.head, at_ms).forward_now


def _left_ms(draft: Draft, until_ms: int | None, at_ms: int) -> int:
    """How much of a wave's time is left; it counts in windows only."""
    return open_ms(draft.spec.windows, at_ms, until_ms or at_ms)


def _is_over(until_ms: int | None, at_ms: int) -> bool:
    return until_ms is not None and until_ms <= at_ms
