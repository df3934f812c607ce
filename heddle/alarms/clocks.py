"""What becomes of alarms when the clock that samples are dated by is wrong, or was set.

A sample's time counts as it says, but not when it is ahead of the clock of the device
it comes from: then the clock counts, so no sample can end a delay early. A tag that was
judged up to a time ahead of that clock shows that the clock was set back; its alarms go
on from the next sample's time, instead of taking every sample for a late one until the
clock is there again.

They go on as after a restart: with what ``lasting`` keeps of them.
"""

from msgspec.structs import replace

from heddle.alarms.rule import US_PER_MS, Kind, Rule
from heddle.alarms.state import Alarm

AHEAD_US = 5_000_000  # so far ahead of the clock a sample may be


def judged_at(at_us: int, clock_us: int) -> int:
    """The time a sample is judged at, by what the clock said when it came."""
    return at_us if at_us <= clock_us + AHEAD_US else clock_us


def lasting(rule: Rule, alarm: Alarm) -> Alarm:
    """An alarm without what samples renew by themselves: what outlives a restart."""
    alarm = replace(alarm, judged_at_us=0)
    if rule.kind is Kind.RATE:
        return replace(alarm, last_at_us=0, last_value=None)
    if rule.kind is Kind.STALE and not alarm.active:
        return replace(alarm, last_at_us=0, due_at_us=None)
    return alarm


def woken(rule: Rule, alarm: Alarm, at_us: int) -> Alarm:
    """What lasted of an alarm, as it goes on; no wait is longer than its rule's."""
    if rule.kind is Kind.STALE and not alarm.active:
        due_at_us = at_us + rule.after_ms * US_PER_MS
        return replace(alarm, last_at_us=at_us, due_at_us=due_at_us)
    delay_ms = rule.off_delay_ms if alarm.active else rule.on_delay_ms
    return replace(
        alarm,
        due_at_us=_within(alarm.due_at_us, at_us, delay_ms),
        re_alarm_at_us=_within(alarm.re_alarm_at_us, at_us, rule.re_alarm_ms),
    )


def _within(due_us: int | None, at_us: int, wait_ms: int) -> int | None:
    return None if due_us is None else min(due_us, at_us + wait_ms * US_PER_MS)
