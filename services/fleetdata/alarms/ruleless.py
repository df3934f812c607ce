"""Alarms that a device told of and that have no rule: a run's ALERT, for one.

Nobody judges them, so they do not return to normal: to acknowledge one settles it.
"""

from collections.abc import Sequence

from heddle.alarms.state import Happened
from heddle.alarms.state import State as Isa
from heddle.contract.alarm_answers import AlarmEntry
from heddle.contract.alarms import (
    AlarmAction,
    AlarmOrder,
    AlarmPlace,
    AlarmTransition,
    WrongAlarmState,
)
from services.fleetdata.alarms.judging import Judge
from services.fleetdata.store import alarms as store
from services.fleetdata.store.alarm_journal import Recorded, record
from services.fleetdata.store.alarms import State
from services.fleetdata.store.links import Link


def settle_reported(
    link: Link, judge: Judge, device: str, order: AlarmOrder
) -> list[AlarmEntry]:
    """Acknowledge or comment. Raises ``WrongAlarmState``; then nothing has changed."""
    with judge.judging(link) as judging, link.connection.transaction():
        connection = link.connection
        store.open_bank(connection, device)  # others wait here
        ruled = {x.alarm for x in store.select_rules(connection, device)}
        found = store.select_states(connection, device, order.alarms)
        states = [x for x in found if x.alarm not in ruled]
        if order.alarms is None:
            states = [x for x in states if _why_not(x, order.action) is None]
        _check(states, order.action)
        told = [_transition(x, order, judge.now_us()) for x in states]
        entries = record(
            connection, [Recorded(device, AlarmPlace.CENTRE, x) for x in told]
        )
        store.put_states(
            connection,
            [_after(x, by) for x, by in zip(states, told, strict=True)],
        )
        judging.entries += entries
    return entries


def _check(states: Sequence[State], action: AlarmAction) -> None:
    refused = [why for x in states if (why := _why_not(x, action)) is not None]
    if refused:
        raise WrongAlarmState("; ".join(refused))


def _why_not(state: State, action: AlarmAction) -> str | None:
    if action is AlarmAction.COMMENT:
        return None
    if action is not AlarmAction.ACKNOWLEDGE:
        return f"alarm {state.alarm} has no rule: it can only be acknowledged"
    if state.state == Isa.NORMAL:
        return f"alarm {state.alarm} is normal: there is nothing to acknowledge"
    return None


def _transition(state: State, order: AlarmOrder, at_us: int) -> AlarmTransition:
    settles = order.action is AlarmAction.ACKNOWLEDGE
    return AlarmTransition(
        alarm=state.alarm,
        tag=state.tag,
        at_us=at_us,
        cause=Happened.ACKNOWLEDGED if settles else Happened.COMMENTED,
        before=state.state,
        after=Isa.NORMAL if settles else state.state,
        severity=state.severity,
        who=order.who,
        comment=order.comment or None,
    )


def _after(state: State, by: AlarmTransition) -> State:
    moved = by.cause != Happened.COMMENTED
    return State(
        device=state.device,
        alarm=state.alarm,
        place=state.place,
        tag=state.tag,
        state=by.after,
        severity=state.severity,
        at_us=by.at_us,
        who=by.who,
        comment=by.comment,
        moved=moved,
        anew=False,
    )
