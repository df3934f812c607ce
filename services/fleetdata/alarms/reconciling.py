"""A device reports how its own alarms stand; what stands otherwise here is put right.

Transitions may be lost with a device's disk, or dropped for want of room. A report says
of which item of the device's stream it is true: one that newer items have overtaken is
not heeded. What is put right gets an entry in the journal that says why.
"""

from collections.abc import Iterator, Mapping
from math import isfinite

from heddle.alarms.rule import OPC_UA, Severity
from heddle.contract.alarm_answers import AlarmEntry
from heddle.contract.alarms import (
    RECONCILED,
    AlarmPlace,
    AlarmRule,
    AlarmStanding,
    AlarmState,
    AlarmTransition,
    ReportAlarms,
)
from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.samples import Stream
from services.fleetdata.alarms.judging import Judge
from services.fleetdata.batches import StreamKey
from services.fleetdata.columns import EARLIEST_US, FUTURE_US
from services.fleetdata.store import alarms as store
from services.fleetdata.store.alarm_journal import Recorded, record
from services.fleetdata.store.alarms import State
from services.fleetdata.store.links import Link
from services.fleetdata.store.writing import lock_next_number

MOST = 10_000
WHY = "the device reported this state; what led to it was lost"

Pair = tuple[AlarmTransition, State]


def reconcile(
    link: Link, judge: Judge, device: str, report: ReportAlarms
) -> list[AlarmEntry] | None:
    """What was put right; None if newer items are known. Raises ``InvalidRequest``."""
    check_id("epoch", report.epoch)
    if len(report.standing) > MOST:
        raise InvalidRequest(
            f"{len(report.standing)} alarms stand: report at most {MOST}"
        )
    key = StreamKey(device, Stream.ALARMS.value, report.epoch)
    with judge.judging(link) as judging, link.connection.transaction():
        connection = link.connection
        if lock_next_number(connection, key) > report.next_number:
            return None
        store.open_bank(connection, device)  # others who change rules wait here
        rules = store.select_rules(connection, device, AlarmPlace.EDGE)
        known = store.select_states(connection, device, [x.alarm for x in rules])
        states = {state.alarm: state for state in known}
        standing = {each.alarm: each for each in report.standing}
        pairs = list(_otherwise(rules, states, standing, judge.now_us()))
        entries = record(
            connection, [Recorded(device, AlarmPlace.EDGE, one) for one, _ in pairs]
        )
        store.put_states(connection, [state for _, state in pairs])
        judging.entries += entries
    return entries


def _otherwise(
    rules: list[AlarmRule],
    states: Mapping[str, State],
    standing: Mapping[str, AlarmStanding],
    now_us: int,
) -> Iterator[Pair]:
    normal = AlarmState.NORMAL
    for rule in rules:
        state = states.get(rule.alarm)
        before = normal.value if state is None else state.state
        told = standing.get(rule.alarm) or AlarmStanding(alarm=rule.alarm, state=normal)
        if told.state != before:
            yield _put_right(rule, before, told, now_us)


def _put_right(rule: AlarmRule, before: str, told: AlarmStanding, now_us: int) -> Pair:
    value = told.value if told.value is not None and isfinite(told.value) else None
    until_us = None if told.until_ms is None else told.until_ms * 1000
    until_us = _plausible(until_us, 2**62)
    one = AlarmTransition(
        alarm=rule.alarm,
        tag=rule.tag,
        at_us=now_us,
        cause=RECONCILED,
        before=before,
        after=told.state.value,
        severity=OPC_UA[Severity(rule.severity)],
        value=value,
        comment=WHY,
        until_ms=None if until_us is None else until_us // 1000,
        first=told.first,
    )
    return one, State(
        device=rule.device,
        alarm=rule.alarm,
        place=AlarmPlace.EDGE,
        tag=rule.tag,
        state=one.after,
        severity=one.severity,
        at_us=now_us,
        raised_at_us=_plausible(told.raised_at_us, now_us + FUTURE_US),
        value=value,
        first=told.first,
        comment=WHY,
        until_us=until_us,
        anew=True,
    )


def _plausible(at_us: int | None, latest_us: int) -> int | None:
    if at_us is None or not EARLIEST_US <= at_us <= latest_us:
        return None
    return at_us
