"""One alarm: every rule of its life lives in this file (ISA-18.2, IEC 62682).

Two things are kept apart, as OPC UA Part 9 does: what the process does (active, with
its delays and its latch) and what people made of it (acknowledged, shelved, suppressed
by design, out of service). The state a standard names is read off both: ``state_of``.

``step`` is total: an input out of season changes nothing. Samples and ``Due`` first let
happen what fell due by their time, each at its own time: it matters not how late
anybody looks. Commands, given while samples may be under way, do so as ``Clock`` does.
A sample older than the last one judged is ignored. What is not usable (bad quality,
NaN, infinity) leaves the condition as it was last known.
"""

from typing import NamedTuple

from msgspec.structs import replace

from heddle.alarms.condition import poor, reached, usable
from heddle.alarms.inputs import (
    Acknowledge,
    Changed,
    Clock,
    Command,
    Comment,
    Covering,
    Due,
    Input,
    Removed,
    Reset,
    ReturnToService,
    Sample,
    Shelve,
    Suppress,
    TakeOutOfService,
    Unshelve,
    Unsuppress,
)
from heddle.alarms.refusal import refusal
from heddle.alarms.rule import US_PER_MS, Kind, Rule
from heddle.alarms.state import NEW, Alarm, Happened, Transition, hidden, state_of


class Step(NamedTuple):
    """What a step made of an alarm, and what there is to tell."""

    alarm: Alarm
    transitions: tuple[Transition, ...]


def begin(rule: Rule, at_us: int) -> Alarm:
    """An alarm whose rule is new."""
    if rule.kind is Kind.STALE:
        due_at_us = at_us + rule.after_ms * US_PER_MS
        return Alarm(due_at_us=due_at_us, last_at_us=at_us)
    return NEW


def fulfilled(rule: Rule, alarm: Alarm) -> bool:
    """Whether the condition holds, as far as known; a delay may still be running."""
    waiting = alarm.due_at_us is not None and rule.kind is not Kind.STALE
    return alarm.active is not waiting


def next_due(alarm: Alarm) -> int | None:
    """When something will happen by itself; give ``Due`` then."""
    due = alarm.due_at_us
    for other in (alarm.shelved_until_us, alarm.re_alarm_at_us):
        if other is not None and (due is None or other < due):
            due = other
    return due


def next_by_clock(rule: Rule, alarm: Alarm) -> int | None:
    """When ``Clock`` would make something happen."""
    silence = alarm.due_at_us if rule.kind is Kind.STALE else None
    until = alarm.shelved_until_us
    if silence is None or until is None:
        return until if silence is None else silence
    return min(silence, until)


def step(rule: Rule, alarm: Alarm, given: Input) -> Step:
    """Move an alarm by one input."""
    if isinstance(given, Sample) and given.at_us < alarm.judged_at_us:
        return Step(alarm, ())
    turn = _Turn(rule, alarm)
    match given:
        case Sample():
            turn.advance(given.at_us)
            turn.sample(given)
        case Due():
            turn.advance(given.at_us)
        case Clock():
            turn.advance_by_clock(given.at_us)
        case _:
            turn.advance_by_clock(given.at_us)
            turn.obey(given)
    return Step(turn.alarm, tuple(turn.told))


class _Turn:
    """One step under way."""

    __slots__ = ("alarm", "rule", "told")

    def __init__(self, rule: Rule, alarm: Alarm) -> None:
        self.rule = rule
        self.alarm = alarm
        self.told: list[Transition] = []

    def _become(
        self,
        alarm: Alarm,
        happened: Happened,
        at_us: int,
        by: Command | None = None,
        value: float | None = None,
    ) -> None:
        was = self.alarm
        self.alarm = replace(alarm, number=was.number + 1)
        self.told.append(
            Transition(
                rule=self.rule.id,
                number=was.number,
                tag=self.rule.tag,
                at_us=at_us,
                happened=happened,
                from_state=state_of(was),
                to_state=state_of(alarm),
                severity=self.rule.severity,
                value=value,
                who=by.who if by else "",
                comment=by.comment if by else "",
                until_us=by.until_us if isinstance(by, Shelve) else None,
            )
        )

    # --- time ---

    def advance(self, at_us: int) -> None:
        """Let happen what fell due, in order; of equals the process comes first."""
        while (due := next_due(self.alarm)) is not None and due <= at_us:
            self._happen(due)

    def advance_by_clock(self, at_us: int) -> None:
        """Likewise, of what does not wait for samples."""
        while (due := next_by_clock(self.rule, self.alarm)) is not None:
            if due > at_us:
                break
            self._happen(due)

    def _happen(self, due: int) -> None:
        alarm = self.alarm
        if due == alarm.due_at_us:
            judged = max(due, alarm.judged_at_us)
            self.alarm = replace(alarm, judged_at_us=judged)
            self._turn(not alarm.active, due, alarm.due_value)
        elif due == alarm.shelved_until_us:
            after = replace(alarm, shelved_until_us=None)
            self._uncover(after, Happened.SHELVING_EXPIRED, due)
        else:
            again = self._again(due)
            after = replace(alarm, acknowledged=False, re_alarm_at_us=again)
            self._become(after, Happened.RE_ALARMED, due, None, after.value)

    def _again(self, at_us: int) -> int | None:
        wait = self.rule.re_alarm_ms
        return at_us + wait * US_PER_MS if wait else None

    # --- the process ---

    def sample(self, given: Sample) -> None:
        """Judge a sample that is not older than the last."""
        rule, at_us = self.rule, given.at_us
        self.alarm = replace(self.alarm, judged_at_us=at_us)
        if rule.kind is Kind.QUALITY:
            value = given.value if usable(given.value, 0) else None
            self._judged(poor(rule, given.quality), at_us, value)
        elif not usable(given.value, given.quality):
            pass
        elif rule.kind is Kind.STALE:
            self._heard(at_us, given.value)
        elif rule.kind is Kind.RATE:
            self._moved(at_us, given.value)
        else:
            standing = fulfilled(rule, self.alarm)
            self._judged(reached(rule, standing, given.value), at_us, given.value)

    def _heard(self, at_us: int, value: float) -> None:
        due_at_us = at_us + self.rule.after_ms * US_PER_MS
        if self.alarm.active:
            self._turn(False, at_us, value)
        self.alarm = replace(self.alarm, last_at_us=at_us, due_at_us=due_at_us)

    def _moved(self, at_us: int, value: float) -> None:
        before, then_us = self.alarm.last_value, self.alarm.last_at_us
        self.alarm = replace(self.alarm, last_at_us=at_us, last_value=value)
        if before is None or at_us == then_us:
            return
        rate = (value - before) / (at_us - then_us) * 1e6
        standing = fulfilled(self.rule, self.alarm)
        self._judged(reached(self.rule, standing, rate), at_us, value)

    def _judged(self, condition: bool, at_us: int, value: float | None) -> None:
        alarm = self.alarm
        if condition is alarm.active:
            if alarm.due_at_us is not None:  # the delay was not sat out
                self.alarm = replace(alarm, due_at_us=None, due_value=None)
        elif alarm.due_at_us is None:
            rule = self.rule
            delay_ms = rule.on_delay_ms if condition else rule.off_delay_ms
            if delay_ms:
                due_at_us = at_us + delay_ms * US_PER_MS
                self.alarm = replace(alarm, due_at_us=due_at_us, due_value=value)
            else:
                self._turn(condition, at_us, value)

    def _turn(self, active: bool, at_us: int, value: float | None) -> None:
        alarm = self.alarm
        if not active:
            after = replace(
                alarm,
                active=False,
                value=value,
                due_at_us=None,
                due_value=None,
                re_alarm_at_us=None,
            )
            self._become(after, Happened.CLEARED, at_us, None, value)
            return
        unseen = hidden(alarm)
        after = replace(
            alarm,
            active=True,
            latched=self.rule.latching,
            acknowledged=unseen,
            due_at_us=None,
            due_value=None,
            re_alarm_at_us=None if unseen else self._again(at_us),
            raised_at_us=at_us,
            value=value,
        )
        self._become(after, Happened.RAISED, at_us, None, value)

    # --- people ---

    def obey(self, given: Command) -> None:
        """Do what was asked, if it is in season."""
        if refusal(self.rule, self.alarm, given) is not None:
            return
        alarm, at_us = self.alarm, given.at_us
        match given:
            case Acknowledge():
                after = replace(alarm, acknowledged=True)
                self._become(after, Happened.ACKNOWLEDGED, at_us, given)
            case Reset():
                after = replace(alarm, latched=False)
                self._become(after, Happened.RESET, at_us, given)
            case Comment():
                self._become(alarm, Happened.COMMENTED, at_us, given)
            case Changed():
                self._become(
                    self._under_new_rule(at_us), Happened.CHANGED, at_us, given
                )
            case Removed():
                self._become(NEW, Happened.REMOVED, at_us, given)
            case _:
                self._cover_or_uncover(given)

    def _cover_or_uncover(self, given: Covering) -> None:
        alarm, at_us = self.alarm, given.at_us
        match given:
            case Shelve():
                after = replace(alarm, shelved_until_us=given.until_us)
                self._cover(after, Happened.SHELVED, given)
            case Suppress():
                after = replace(alarm, suppressed=True)
                self._cover(after, Happened.SUPPRESSED, given)
            case TakeOutOfService():
                after = replace(alarm, out_of_service=True)
                self._cover(after, Happened.TAKEN_OUT_OF_SERVICE, given)
            case Unshelve():
                after = replace(alarm, shelved_until_us=None)
                self._uncover(after, Happened.UNSHELVED, at_us, given)
            case Unsuppress():
                after = replace(alarm, suppressed=False)
                self._uncover(after, Happened.UNSUPPRESSED, at_us, given)
            case ReturnToService():
                after = replace(alarm, out_of_service=False)
                self._uncover(after, Happened.RETURNED_TO_SERVICE, at_us, given)

    def _cover(self, after: Alarm, happened: Happened, by: Command) -> None:
        """Nobody is asked to acknowledge what is not shown."""
        after = replace(after, acknowledged=True, re_alarm_at_us=None)
        self._become(after, happened, by.at_us, by)

    def _uncover(
        self, after: Alarm, happened: Happened, at_us: int, by: Command | None = None
    ) -> None:
        """What is active when it comes to light is announced as new (ISA-18.2)."""
        value = None
        if after.active and not hidden(after):
            value = after.value
            again = self._again(at_us)
            after = replace(after, acknowledged=False, re_alarm_at_us=again)
        self._become(after, happened, at_us, by, value)

    def _under_new_rule(self, at_us: int) -> Alarm:
        rule, alarm = self.rule, self.alarm
        due_at_us = None  # a delay under way began under the old rule
        if rule.kind is Kind.STALE and not alarm.active:
            due_at_us = max(at_us, alarm.last_at_us + rule.after_ms * US_PER_MS)
        announced = alarm.active and not hidden(alarm)
        return replace(
            alarm,
            latched=alarm.latched and rule.latching,
            due_at_us=due_at_us,
            due_value=None,
            re_alarm_at_us=self._again(at_us) if announced else None,
            last_value=None,
        )
