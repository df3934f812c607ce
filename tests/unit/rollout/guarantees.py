"""What is promised of deployments, checked on one step."""

from collections import Counter

import msgspec

from heddle.rollout.effects import Await, Deploy, Effect, Switch, Watch
from heddle.rollout.inputs import Input, Tick
from heddle.rollout.machine import Step, due_at_ms, outstanding
from heddle.rollout.state import (
    ENDED,
    TERMINAL,
    Deployment,
    Order,
    Phase,
    Status,
    Target,
    TargetStatus,
)
from heddle.rollout.summary import counts
from heddle.rollout.targets import holds_place
from heddle.rollout.waves import exceeded, threshold
from heddle.rollout.windows import is_open

decode = msgspec.json.Decoder(Deployment).decode
encode = msgspec.json.Encoder().encode

_LIVE = {TargetStatus.PENDING, TargetStatus.DEPLOYING, TargetStatus.VERIFYING}
_AFTER_SUCCESS = {
    Status.RUNNING: {TargetStatus.FAILED},
    Status.PAUSED: {TargetStatus.FAILED},
    Status.ROLLING_BACK: {
        TargetStatus.ROLLED_BACK,
        TargetStatus.FAILED,
        TargetStatus.TIMED_OUT,
        TargetStatus.SKIPPED,
    },
}
_WAYS = {
    Status.PENDING: {Status.RUNNING, Status.ROLLING_BACK, Status.CANCELLED},
    Status.RUNNING: {Status.PAUSED, Status.ROLLING_BACK, *TERMINAL},
    Status.PAUSED: {Status.RUNNING, Status.ROLLING_BACK, *TERMINAL},
    Status.ROLLING_BACK: {Status.ROLLED_BACK, Status.FAILED, Status.CANCELLED},
}


class Broken(AssertionError):
    """A guarantee does not hold."""


def check(before: Deployment, given: Input, taken: Step) -> None:
    """Raises ``Broken`` naming the guarantee; ``given`` is the step's only input."""
    after, at_ms = taken.state, given.at_ms
    if isinstance(given, Tick):
        _check_idle(after, at_ms)
    if after is before:
        _hold("nothing changes silently", not taken.effects and not taken.changed)
        return
    owed = outstanding(after, at_ms)
    _check_terminal(before, after)
    _check_ended(before, after)
    _check_time(after, at_ms)
    _check_idle(after, at_ms)
    _check_orders(before, after, owed, taken, at_ms)
    _check_beginnings(before, after, at_ms)
    _check_stop(before, after, owed)
    _check_undone(before, after)
    _check_catch_up(before, after)
    _check_bookkeeping(before, after, owed, taken, at_ms)


def _hold(promise: str, holds: object) -> None:
    if not holds:
        raise Broken(promise)


def _check_terminal(before: Deployment, after: Deployment) -> None:
    """Guarantee 7: terminal is terminal, and says why."""
    if before.status in TERMINAL:
        same = (before.status, before.detail, before.ended_at_ms, before.wave)
        now = (after.status, after.detail, after.ended_at_ms, after.wave)
        _hold("7 a terminal deployment stays as it is", same == now)
    elif after.status is not before.status:
        known = after.status in _WAYS[before.status] or before.status is Status.PENDING
        _hold("7 statuses follow each other", known)
    if after.status in TERMINAL:
        said = after.detail or after.status is Status.COMPLETED
        _hold("7 the reason is told", said)
        ended = all(x.status in ENDED for x in after.targets.values())
        _hold("1 every target of a terminal deployment ended", ended)


def _check_ended(before: Deployment, after: Deployment) -> None:
    """Guarantee 7, of targets."""
    for device, was in before.targets.items():
        now_status = after.targets[device].status
        if was.gone:
            _hold("nothing is made of who is gone", after.targets[device] == was)
        if now_status is was.status or was.status in _LIVE:
            continue
        allowed: set[TargetStatus] = set()
        if was.status is TargetStatus.SUCCESS:
            for status in (before.status, after.status):
                allowed |= _AFTER_SUCCESS.get(status, set())
        _hold("7 a terminal target stays as it is", now_status in allowed)


def _check_time(after: Deployment, at_ms: int) -> None:
    """Guarantee 1: everything that is under way has an end by itself."""
    due = due_at_ms(after, at_ms)
    _hold("1 what fell due has happened", due is None or due > at_ms)
    if after.status in {Status.RUNNING, Status.ROLLING_BACK}:
        _hold("1 it goes on by itself", due is not None)
    longest_ms = max(after.spec.timeout_ms, after.spec.revert_timeout_ms)
    longest_ms += after.spec.checked_ms + after.spec.timeout_ms
    for target in after.targets.values():
        if target.deadline_at_ms is not None:
            ahead_ms = target.deadline_at_ms - at_ms
            _hold("1 no deadline is passed", ahead_ms > 0)
            _hold("1 no deadline is farther than asked", ahead_ms <= longest_ms)
        if target.phase in {Phase.TAKEN, Phase.WATCHED}:
            turning = after.status is Status.ROLLING_BACK
            bounded = target.deadline_at_ms is not None or turning
            _hold("1 no device is waited for without end", bounded)
        if target.status in _LIVE and after.status is not Status.PENDING:
            _hold("1 every live target has an end", _bounded(after, target, at_ms))


def _bounded(state: Deployment, target: Target, at_ms: int) -> bool:
    if state.status is Status.ROLLING_BACK:
        return state.revert_at_ms is not None and state.revert_at_ms > at_ms
    if target.deadline_at_ms is not None:
        return target.deadline_at_ms - at_ms <= state.spec.timeout_ms
    waits = target.phase in {Phase.IDLE, Phase.READY}
    not_yet = target.wave > state.wave
    return waits and (not_yet or state.deadline_at_ms is not None)


def _check_orders(
    before: Deployment,
    after: Deployment,
    owed: tuple[Effect, ...],
    taken: Step,
    at_ms: int,
) -> None:
    """Guarantees 2, 4, 8: what may be told to a device, and when."""
    spec = after.spec
    forward = [x for x in owed if isinstance(x, Deploy | Switch)]
    if after.status is Status.PAUSED:
        idle = all(isinstance(x, Await | Watch) for x in owed)
        _hold("4 paused moves nothing", idle)
    if forward:
        _hold("8 nothing new outside windows", is_open(spec.windows, at_ms))
        running = after.status in {Status.RUNNING, Status.COMPLETED}
        _hold("4 only what runs deploys", running)
    for effect in forward:
        target = after.targets[effect.device]
        _hold("2 who was put back gets no order", not target.reverted)
        late = target.status is TargetStatus.TIMED_OUT and spec.catch_up
        _hold("2 no order after an outcome", target.status in _LIVE or late)
        _hold("3 no wave is ahead of its turn", target.wave <= after.wave)
        if not late:
            _hold("3 only the open wave is exposed", target.wave == after.wave)
        was = before.targets.get(effect.device)
        if was is not None and was.order is Order.REVERT:
            raise Broken("2 who was ordered back gets no order")
    places = sum(holds_place(spec, x) for x in after.targets.values())
    if spec.max_in_flight and any(isinstance(x, Deploy) for x in taken.effects):
        before_places = sum(holds_place(spec, x) for x in before.targets.values())
        fits = places <= max(spec.max_in_flight, before_places)
        _hold("8 never more in flight than asked", fits)


def _check_beginnings(before: Deployment, after: Deployment, at_ms: int) -> None:
    """Guarantees 3, 8: when waves open, devices get their turn, and all switch."""
    switching = False
    for device, now in after.targets.items():
        was = before.targets.get(device)
        if was is None or now.status not in _LIVE:
            continue
        begins = was.status is TargetStatus.PENDING is not now.status
        switches = now.order is Order.SWITCH is not was.order
        switching |= switches
        if begins or switches:
            _hold("8 nobody begins outside windows", is_open(after.spec.windows, at_ms))
            _hold("4 nobody begins while paused", after.status is Status.RUNNING)
    if after.wave > before.wave:
        _hold("8 no wave opens outside windows", is_open(after.spec.windows, at_ms))
    if switching:
        live = [
            x
            for x in after.targets.values()
            if x.status in _LIVE and x.wave == after.wave
        ]
        together = all(x.order is Order.SWITCH for x in live)
        _hold("3 all switch at once", together)


def _check_idle(state: Deployment, at_ms: int) -> None:
    if is_open(state.spec.windows, at_ms):
        _hold("whose turn it is gets its order", not _is_idle(state))


def _is_idle(state: Deployment) -> bool:
    """Whether somebody could get the release now and does not."""
    if state.status is not Status.RUNNING or state.halted or state.wave < 0:
        return False
    places = sum(holds_place(state.spec, x) for x in state.targets.values())
    if state.spec.max_in_flight and places >= state.spec.max_in_flight:
        return False
    waiting = (x for x in state.targets.values() if x.wave == state.wave)
    return any(x.status is TargetStatus.PENDING for x in waiting)


def _check_stop(
    before: Deployment, after: Deployment, owed: tuple[Effect, ...]
) -> None:
    """Guarantee 3: a bad release goes no further."""
    if before.halted:
        _hold("3 stopped is stopped", after.halted)
    if after.halted:
        stopped = not any(isinstance(x, Deploy | Switch) for x in owed)
        _hold("3 once stopped nothing is deployed", stopped)
        for device, target in after.targets.items():
            was = before.targets.get(device)
            if was is not None and not was.touched and before.halted:
                _hold("3 once stopped nobody else is touched", not target.touched)
    if after.status is Status.RUNNING and not after.halted:
        _check_waves(before, after)


def _check_waves(before: Deployment, after: Deployment) -> None:
    sizes, failed = Counter[int](), Counter[int]()
    for target in after.targets.values():
        if target.absent:  # with catch_up, who was not there proves nothing
            _hold("5 who is absent may catch up", after.spec.catch_up)
            continue
        sizes[target.wave] += target.status is not TargetStatus.SKIPPED
        bad = {TargetStatus.FAILED, TargetStatus.TIMED_OUT}
        failed[target.wave] += target.status in bad
    for wave in range(after.waves):
        over = exceeded(failed[wave], sizes[wave], threshold(after.spec, wave))
        _hold("3 no wave beyond its threshold goes on", not over)
    if after.wave > before.wave:
        earlier = [x for x in after.targets.values() if x.wave < after.wave]
        live = any(x.status in _LIVE for x in earlier)
        _hold("3 a wave opens when those before it ended", not live)


def _check_undone(before: Deployment, after: Deployment) -> None:
    """Guarantee 6: everybody who may have it is put back, until he answers."""
    if after.ending is Status.ROLLED_BACK or after.status is Status.ROLLED_BACK:
        for target in after.targets.values():
            undone = target.reverted or target.stuck or target.gone
            if target.touched:
                _hold("6 who may have it is put back", undone or _ordered_back(target))
            else:
                kept = {TargetStatus.SKIPPED, TargetStatus.TIMED_OUT}
                _hold("6 who was never touched is skipped", target.status in kept)
    if after.status is Status.ROLLED_BACK:
        ends = before.status not in TERMINAL
        stuck = ends and any(x.stuck for x in after.targets.values())
        _hold("6 nobody is stuck after a rollback", not stuck)
        bad = [x for x in after.targets.values() if x.status is TargetStatus.SUCCESS]
        _hold("6 nobody keeps it", all(x.gone for x in bad))
    for device, was in before.targets.items():
        now = after.targets[device]
        if was.order is Order.REVERT and now.order is not Order.REVERT:
            ended = now.reverted or now.stuck or now.gone
            _hold("6 a revert is owed until it is answered", ended)
        if was.reverted:
            _hold("6 who was put back stays there", now.reverted and not now.order)


def _ordered_back(target: Target) -> bool:
    return target.order is Order.REVERT


def _check_catch_up(before: Deployment, after: Deployment) -> None:
    """Guarantee 5: who timed out still gets it, recorded apart."""
    for device, was in before.targets.items():
        now = after.targets[device]
        if now.status is TargetStatus.TIMED_OUT and was.status in _LIVE:
            late = {Phase.DORMANT, Phase.RESTING}
            forward = now.order is Order.DEPLOY and now.phase in late
            may = after.spec.catch_up and not after.halted
            _hold("5 who timed out may catch up", forward == may)
        if now.caught_up and not was.caught_up:
            late = now.status is TargetStatus.TIMED_OUT
            _hold("5 catching up is recorded apart", late)


def _check_bookkeeping(
    before: Deployment,
    after: Deployment,
    owed: tuple[Effect, ...],
    taken: Step,
    at_ms: int,
) -> None:
    _hold("the state survives JSON", decode(encode(after)) == after)
    new = set(owed) - set(outstanding(before, at_ms))
    _hold("effects are what is newly owed", set(taken.effects) == new)
    _hold("nothing is owed twice", len({x.device for x in owed}) == len(owed))
    differ = {x for x, y in after.targets.items() if before.targets.get(x) != y}
    _hold("changes are told", differ <= taken.changed)
    _hold("nobody is lost", before.targets.keys() <= after.targets.keys())
    _hold("counts add up", sum(counts(after).by_status.values()) == len(after.targets))
