"""How an alarm stands, as a row: after what was judged here, or told by its device."""

import dataclasses
from collections.abc import Sequence

from heddle.alarms.rule import OPC_UA, US_PER_MS
from heddle.alarms.state import Happened, Transition
from heddle.alarms.table import AlarmTable
from heddle.contract.alarms import AlarmPlace, AlarmTransition
from services.fleetdata.store.alarms import State


def judged(
    device: str,
    table: AlarmTable,
    name: str,
    told: Sequence[Transition],
    now_us: int,
) -> State:
    """How an alarm judged here stands; ``told`` holds what just became of it."""
    standing = table.get(name)
    rule, alarm = standing.rule, standing.alarm
    own = [x for x in told if x.rule == name]
    moves = [x.at_us for x in own if x.happened is not Happened.COMMENTED]
    people = [x for x in own if x.who]
    return State(
        device=device,
        alarm=name,
        place=AlarmPlace.CENTRE,
        tag=rule.tag,
        state=standing.state.value,
        severity=OPC_UA[rule.severity],
        at_us=moves[-1] if moves else now_us,
        raised_at_us=alarm.raised_at_us,
        value=alarm.value,
        first=standing.first,
        who=people[-1].who if people else None,
        comment=people[-1].comment or None if people else None,
        until_us=alarm.shelved_until_us,
        memory=alarm,
        moved=bool(moves),
        anew=any(x.happened is Happened.RAISED for x in own),
    )


def reported(device: str, one: AlarmTransition, before: State | None) -> State:
    """How an alarm stands that the device told of; ``before``: by the same batch."""
    raised = one.cause == Happened.RAISED
    commented = one.cause == Happened.COMMENTED
    state = State(
        device=device,
        alarm=one.alarm,
        place=AlarmPlace.EDGE,
        tag=one.tag,
        state=one.after,
        severity=one.severity,
        at_us=one.at_us,
        raised_at_us=one.at_us if raised else None,
        value=one.value,
        first=one.first,
        who=one.who,
        comment=one.comment,
        until_us=None if one.until_ms is None else one.until_ms * US_PER_MS,
        moved=not commented,
        anew=raised,
    )
    return state if before is None else _after(before, state)


def _after(before: State, state: State) -> State:
    """Two changes of an alarm as one."""
    earlier = State("", "", AlarmPlace.EDGE, "", "", 0, 0) if state.anew else before
    return dataclasses.replace(
        state,
        at_us=state.at_us if state.moved else before.at_us,
        raised_at_us=state.raised_at_us or before.raised_at_us,
        value=before.value if state.value is None else state.value,
        who=state.who or earlier.who,
        comment=state.comment or earlier.comment,
        until_us=state.until_us or before.until_us,
        moved=state.moved or before.moved,
        anew=state.anew or before.anew,
    )
