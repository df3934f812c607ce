"""Many alarms on many tags: what a process gives its samples to.

Most samples change nothing. So for each tag the table knows a band of values, of good
quality, within which none of its alarms can move before a known time: such a sample
costs a few comparisons. Any other is given to ``machine.step``, alarm by alarm; the
transitions are the same as if each had been (a test holds that).

A tag is known by its slot, an index; slot 0 is for tags without alarms. Samples of one
tag come in the order of their times, older ones are ignored; unless the clock tells
that it was set back (``clocks``).

Nobody polls. Where samples come as they are taken (on the device), ``next_due`` says
when to call ``due``. Where they come late, give ``due`` the time up to which they have
come, and ``clock`` the time it is when ``next_by_clock`` says so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf

import msgspec
from msgspec.structs import replace

from heddle.alarms.clocks import AHEAD_US, lasting, woken
from heddle.alarms.condition import quiet, usable
from heddle.alarms.groups import Groups
from heddle.alarms.inputs import (
    Changed,
    Clock,
    Command,
    Due,
    Input,
    Removed,
    Sample,
)
from heddle.alarms.machine import (
    begin,
    fulfilled,
    next_due,
    step,
)
from heddle.alarms.roster import Roster
from heddle.alarms.rule import FARTHEST, US_PER_MS, Rule
from heddle.alarms.slots import Slots
from heddle.alarms.state import NEW, STANDING, Alarm, State, Transition, state_of

NOTHING: tuple[Transition, ...] = ()


class Snapshot(msgspec.Struct, frozen=True):
    """All a table remembers but its rules, as plain data."""

    alarms: Mapping[str, Alarm]
    seen_us: Mapping[str, int]  # tag -> the time of its last sample
    first: Mapping[str, str]  # group -> the alarm that was first up


class Standing(msgspec.Struct, frozen=True):
    """An alarm and where it stands."""

    rule: Rule
    alarm: Alarm
    state: State
    first: bool  # the first of its group to be up


class AlarmTable:
    """The alarms of one device, or of one project. Not safe for threads."""

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        at_us: int = 0,
        snapshot: Snapshot | None = None,
    ) -> None:
        self.set_backs = 0  # how often a clock turned out to have been set back
        self.behind_us = 0  # the samples' clock, behind the one that ``clock`` tells
        self._slots = Slots()
        self._roster = Roster()
        self._groups = Groups(snapshot.first if snapshot else {})
        for rule in rules:
            self._add(rule, at_us, snapshot)

    # --- samples and time ---

    def slot(self, tag: str) -> int:
        """The slot of a tag; 0 if it has no alarms. Valid until rules come or go."""
        return self._slots.of.get(tag, 0)

    def seen(self, slot: int) -> int:
        """Up to when the slot's tag was judged."""
        return self._slots.seen[slot]

    def update(
        self,
        slot: int,
        at_us: int,
        value: float,
        quality: int = 0,
        clock_us: float = inf,
    ) -> Sequence[Transition]:
        """Judge one sample; NaN stands for no value.

        ``clock_us`` is what the clock said that it is dated by, which it is not ahead
        of (``clocks.judged_at``); left out, that clock was never set back.
        """
        slots = self._slots
        if (
            slots.low[slot] <= value <= slots.high[slot]
            and not quality
            and slots.seen[slot] <= at_us < slots.until[slot]
        ):
            slots.seen[slot] = at_us
            return NOTHING
        return self._judge(slot, at_us, value, quality, clock_us)

    def update_columns(
        self,
        slots: Sequence[int],
        tag: Iterable[int],
        at_us: Iterable[int],
        value: Iterable[float],
        quality: Iterable[int],
        clock_us: float = inf,
    ) -> list[Transition]:
        """Judge samples in columns, as ``update`` does.

        ``tag`` indexes into ``slots``, which has the slot of each of the batch's tags.
        """
        of = self._slots
        low, high, seen, until = of.low, of.high, of.seen, of.until
        told: list[Transition] = []
        for row, at, x, bad in zip(tag, at_us, value, quality, strict=True):
            slot = slots[row]
            if (
                low[slot] <= x <= high[slot]
                and not bad
                and seen[slot] <= at < until[slot]
            ):
                seen[slot] = at
            else:
                told += self._judge(slot, at, x, bad, clock_us)
        return told

    def next_due(self) -> int | None:
        """When to call ``due`` at the latest; it may find nothing to do then."""
        return self._roster.deadlines.first()

    def due(self, at_us: int) -> list[Transition]:
        """Let happen all that is due by now, in the order of its time."""
        told: list[Transition] = []
        while (taken := self._roster.deadlines.take(at_us)) is not None:
            due_us, index = taken
            told += self._let(index, Due(due_us))
        return told

    def next_by_clock(self) -> int | None:
        """When to call ``clock`` at the latest."""
        ends_us = self._roster.shelvings.first()
        silent_us = self._roster.silences.first()
        if silent_us is None:
            return ends_us
        silent_us += self.behind_us
        return silent_us if ends_us is None else min(ends_us, silent_us)

    def clock(self, at_us: int) -> list[Transition]:
        """Let shelvings end and silence be noticed, though samples may be under way."""
        told: list[Transition] = []
        roster = self._roster
        while (next_us := self.next_by_clock()) is not None and next_us <= at_us:
            taken = roster.shelvings.take(next_us) or roster.silences.take(
                next_us - self.behind_us
            )
            if taken is not None:
                due_us, index = taken
                told += self._let(index, Clock(due_us))
        return told

    def _let(self, index: int, given: Due | Clock) -> Sequence[Transition]:
        """Let happen what is due of one alarm."""
        self._close(self._roster.slot_of[index])
        return self._step(index, given)

    # --- people and rules ---

    def command(self, rule: str, given: Command) -> Sequence[Transition]:
        """What a person or the plant's logic asks of one alarm; see ``refusal``.

        Raises ``KeyError`` for a rule that is not there.
        """
        index = self._roster.index[rule]
        self._close(self._roster.slot_of[index])
        return self._step(index, given)

    def add(self, rule: Rule, at_us: int, number: int = 0) -> None:
        """A new alarm; its transitions are numbered from ``number``.

        Raises ``ValueError`` if the rule's id is taken.
        """
        if rule.id in self._roster.index:
            raise ValueError(f"rule {rule.id} is there already: change or remove it")
        index = self._add(rule, at_us, None)
        self._roster.put(index, replace(self._roster.alarms[index], number=number))

    def change(self, rule: Rule, given: Changed) -> Sequence[Transition]:
        """Another rule by the same id. Its alarm lives on, unless tag or kind changed.

        Feed the tag's current value afterwards: limits are judged by samples.
        """
        index = self._roster.index[rule.id]
        old = self._roster.rules[index]
        if (old.tag, old.kind) != (rule.tag, rule.kind):
            gone = Removed(given.at_us, given.who, given.comment)
            told = self.remove(rule.id, gone)
            self.add(rule, given.at_us, told[-1].number + 1)
            return told
        told = self._let(index, Clock(given.at_us))
        self._roster.set_rule(index, rule)
        if old.group != rule.group:
            self._groups.leave(old.group, index, rule.id)
            self._join(index)
        return [*told, *self.command(rule.id, given)]

    def remove(self, rule: str, given: Removed) -> Sequence[Transition]:
        """The alarm is no more. Raises ``KeyError`` for a rule that is not there."""
        index = self._roster.index[rule]
        slot = self._roster.slot_of[index]
        told = self.command(rule, given)
        self._groups.leave(self._roster.rules[index].group, index, rule)
        self._slots.leave(slot, index)
        self._roster.strike(index)
        return told

    # --- looking ---

    def __len__(self) -> int:
        """How many alarms."""
        return len(self._roster.index)

    def get(self, rule: str) -> Standing:
        """One alarm. Raises ``KeyError`` for a rule that is not there."""
        return self._standing(self._roster.index[rule])

    def rules(self) -> Iterator[Rule]:
        """All rules, in the order they came."""
        return (self._roster.rules[index] for index in self._roster.index.values())

    def not_normal(self) -> list[Standing]:
        """All alarms that are in any state but normal."""
        return [self._standing(index) for index in sorted(self._roster.not_normal)]

    def take_changed(self) -> dict[str, Alarm]:
        """The alarms that are not what they were when this was last asked.

        For whoever stores them one by one. What samples that change nothing leave
        behind is not among it; the times of the tags' last samples make up for it, as
        in a ``Snapshot`` (STALE: if the last one was usable).
        """
        return self._roster.take_changed()

    def first_up(self) -> dict[str, str]:
        """The alarm that was first up, of each group that is not at rest."""
        return self._groups.first()

    def snapshot(self) -> Snapshot:
        """What a new table of the same rules needs to go on as if nothing had been."""
        slots, roster = self._slots, self._roster
        for slot in range(len(slots)):
            self._settle(slot)
        alarms = {x: roster.alarms[index] for x, index in roster.index.items()}
        return Snapshot(
            alarms={x: alarm for x, alarm in alarms.items() if alarm is not NEW},
            seen_us={x: slots.seen[slot] for x, slot in slots.of.items()},
            first=self._groups.first(),
        )

    def _standing(self, index: int) -> Standing:
        rule, alarm = self._roster.rules[index], self._roster.alarms[index]
        first = self._groups.is_first(rule.group, rule.id)
        return Standing(rule, alarm, state_of(alarm), first)

    # --- inside ---

    def _add(self, rule: Rule, at_us: int, snapshot: Snapshot | None) -> int:
        slot = self._slots.of.get(rule.tag)
        if slot is None:
            seen_us = snapshot.seen_us.get(rule.tag, 0) if snapshot else 0
            slot = self._slots.open(rule.tag, seen_us)
        kept = snapshot.alarms.get(rule.id) if snapshot else None
        alarm = begin(rule, at_us) if kept is None else kept
        index = self._roster.enrol(rule, slot)
        self._slots.watch(slot, index, rule)
        self._close(slot)
        self._roster.put(index, alarm)
        self._join(index)
        return index

    def _join(self, index: int) -> None:
        rule = self._roster.rules[index]
        up = state_of(self._roster.alarms[index]) in STANDING
        self._groups.join(rule.group, index, rule.id, up)

    def _judge(
        self, slot: int, at_us: int, value: float, quality: int, clock_us: float
    ) -> Sequence[Transition]:
        """A sample that may change something."""
        slots, roster = self._slots, self._roster
        if not slots.on[slot]:
            return NOTHING
        if self._newest(slot) > clock_us + AHEAD_US:
            self._set_back(slot, at_us, clock_us)
        elif at_us < slots.seen[slot]:
            return NOTHING
        self._settle(slot)
        told: list[Transition] = []
        for group in {roster.rules[index].group for index in slots.on[slot]}:
            told += self._before(group, at_us)
        slots.seen[slot] = at_us
        given = Sample(at_us, value, quality)
        low, high, until = -FARTHEST, FARTHEST, inf
        for index in slots.on[slot]:
            alarm, (lowest, highest) = roster.alarms[index], roster.idle[index]
            at_rest = alarm is NEW or (not alarm.active and next_due(alarm) is None)
            if quality or not (lowest <= value <= highest and at_rest):
                told += self._step(index, given)
                rule, alarm = roster.rules[index], roster.alarms[index]
                lowest, highest = quiet(rule, fulfilled(rule, alarm), value)
                until = min(until, _or_never(next_due(alarm)))
            low, high = max(low, lowest), min(high, highest)
        if usable(value, quality):
            slots.let_pass(slot, (low, high), until)
        else:
            slots.shut(slot)
        return told

    def _before(self, group: str, at_us: int) -> list[Transition]:
        """Who was first in a group shows only once all that was due has happened."""
        told: list[Transition] = []
        while group:
            waiting = [
                (due, index)
                for index in self._groups.members(group)
                if (due := self._due_of(index)) is not None and due <= at_us
            ]
            if not waiting:
                break
            due_us, index = min(waiting)
            told += self._let(index, Due(due_us))
        return told

    def _due_of(self, index: int) -> int | None:
        self._settle(self._roster.slot_of[index])
        return next_due(self._roster.alarms[index])

    def _step(self, index: int, given: Input) -> Sequence[Transition]:
        rule = self._roster.rules[index]
        alarm, transitions = step(rule, self._roster.alarms[index], given)
        self._roster.put(index, alarm)
        if not (transitions and rule.group):
            return transitions
        return [self._groups.mark(rule.group, x) for x in transitions]

    # --- clocks and silence ---

    def _newest(self, slot: int) -> int:
        """Up to when the tag was judged."""
        alarms = self._roster.alarms
        judged = (alarms[index].judged_at_us for index in self._slots.on[slot])
        return max(self._slots.seen[slot], *judged)

    def _set_back(self, slot: int, at_us: int, clock_us: float) -> None:
        """Have a tag go on from ``at_us``, and others that are ahead from the clock."""
        self.set_backs += 1
        for each in range(1, len(self._slots)):
            if each == slot:
                self._wake(each, at_us)
            elif self._slots.on[each] and self._newest(each) > clock_us + AHEAD_US:
                self._wake(each, int(clock_us))

    def _wake(self, slot: int, at_us: int) -> None:
        slots, roster = self._slots, self._roster
        self._close(slot)
        slots.seen[slot] = at_us
        for index in slots.on[slot]:
            rule, alarm = roster.rules[index], roster.alarms[index]
            if alarm is not NEW:
                roster.put(index, woken(rule, lasting(rule, alarm), at_us))

    def _close(self, slot: int) -> None:
        """Have the next sample judged, whatever it is."""
        self._settle(slot)
        self._slots.shut(slot)

    def _settle(self, slot: int) -> None:
        """Tell those that watch for silence of the quiet samples since."""
        if not self._slots.is_open(slot):
            return
        roster, heard_us = self._roster, self._slots.seen[slot]
        for index in self._slots.silence[slot]:
            alarm = roster.alarms[index]
            if heard_us > alarm.last_at_us:
                due_us = heard_us + roster.rules[index].after_ms * US_PER_MS
                heard = replace(
                    alarm,
                    last_at_us=heard_us,
                    judged_at_us=heard_us,
                    due_at_us=due_us,
                )
                roster.put(index, heard)


def _or_never(due: int | None) -> float:
    return inf if due is None else due
