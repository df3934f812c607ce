"""Many alarms on many tags: what a process gives its samples to.

Most samples change nothing. So for each tag the table knows a band of values, of good
quality, within which none of its alarms can move before a known time: such a sample
costs a few comparisons. Any other is given to ``machine.step``, alarm by alarm; the
transitions are the same as if each had been (a test holds that).

A tag is known by its slot, an index; slot 0 is for tags without alarms. Samples of one
tag come in the order of their times, older ones are ignored.

Nobody polls. Where samples come as they are taken (on the device), ``next_due`` says
when to call ``due``. Where they come late, give ``due`` the time up to which they have
come, and ``clock`` the time it is when ``next_by_clock`` says so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf

import msgspec
from msgspec.structs import replace

from heddle.alarms.condition import EMPTY, Band, quiet, quiet_at_rest, usable
from heddle.alarms.deadlines import Deadlines
from heddle.alarms.groups import Groups
from heddle.alarms.inputs import (
    Acknowledge,
    Changed,
    Clock,
    Command,
    Due,
    Input,
    Removed,
    Sample,
)
from heddle.alarms.machine import (
    US_PER_MS,
    begin,
    fulfilled,
    next_by_clock,
    next_due,
    step,
)
from heddle.alarms.rule import FARTHEST, Kind, Rule
from heddle.alarms.state import NEW, STANDING, Alarm, State, Transition, state_of

NOTHING: tuple[Transition, ...] = ()
NO_RULE = Rule(id="", tag="", kind=Kind.BOOLEAN)  # where one was removed


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
        # Per slot; slot 0 has no alarms and is always quiet.
        self._low = [-FARTHEST]
        self._high = [FARTHEST]
        self._seen = [0]
        self._until: list[float] = [inf]  # when something may happen by itself
        self._on: list[tuple[int, ...]] = [()]
        self._silence: list[tuple[int, ...]] = [()]  # those of kind STALE
        self._slot: dict[str, int] = {}
        self._tags = [""]
        # Per alarm; a removed one leaves its place to the next.
        self._rules: list[Rule] = []
        self._alarms: list[Alarm] = []
        self._idle: list[Band] = []  # where it stays at rest
        self._slot_of: list[int] = []
        self._free: list[int] = []
        self._index: dict[str, int] = {}
        self._not_normal: set[int] = set()
        self._changed: set[int] = set()
        self._deadlines = Deadlines()
        self._by_clock = Deadlines()  # those of them that do not wait for samples
        self._bands: dict[Band, Band] = {}  # one for all that are equal: memory
        self._groups = Groups(snapshot.first if snapshot else {})
        for rule in rules:
            self._add(rule, at_us, snapshot)

    # --- samples and time ---

    def slot(self, tag: str) -> int:
        """The slot of a tag; 0 if it has no alarms. Valid until rules come or go."""
        return self._slot.get(tag, 0)

    def update(
        self, slot: int, at_us: int, value: float, quality: int = 0
    ) -> Sequence[Transition]:
        """Judge one sample; NaN stands for no value."""
        if (
            self._low[slot] <= value <= self._high[slot]
            and not quality
            and self._seen[slot] <= at_us < self._until[slot]
        ):
            self._seen[slot] = at_us
            return NOTHING
        return self._judge(slot, at_us, value, quality)

    def update_columns(
        self,
        slots: Sequence[int],
        tag: Iterable[int],
        at_us: Iterable[int],
        value: Iterable[float],
        quality: Iterable[int],
    ) -> list[Transition]:
        """Judge samples in columns.

        ``tag`` indexes into ``slots``, which has the slot of each of the batch's tags.
        """
        low, high, seen, until = self._low, self._high, self._seen, self._until
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
                told += self._judge(slot, at, x, bad)
        return told

    def next_due(self) -> int | None:
        """When to call ``due`` at the latest; it may find nothing to do then."""
        return self._deadlines.first()

    def due(self, at_us: int) -> list[Transition]:
        """Let happen all that is due by now, in the order of its time."""
        told: list[Transition] = []
        while (taken := self._deadlines.take(at_us)) is not None:
            due_us, index = taken
            told += self._let(index, Due(due_us))
        return told

    def next_by_clock(self) -> int | None:
        """When to call ``clock`` at the latest."""
        return self._by_clock.first()

    def clock(self, at_us: int) -> list[Transition]:
        """Let shelvings end and silence be noticed, though samples may be under way."""
        told: list[Transition] = []
        while (taken := self._by_clock.take(at_us)) is not None:
            due_us, index = taken
            told += self._let(index, Clock(due_us))
        return told

    def _let(self, index: int, given: Due | Clock) -> Sequence[Transition]:
        """Let happen what is due of one alarm."""
        self._close(self._slot_of[index])
        return self._step(index, given)

    # --- people and rules ---

    def command(self, rule: str, given: Command) -> Sequence[Transition]:
        """What a person or the plant's logic asks of one alarm; see ``refusal``.

        Raises ``KeyError`` for a rule that is not there.
        """
        index = self._index[rule]
        self._close(self._slot_of[index])
        return self._step(index, given)

    def acknowledge_all(self, given: Acknowledge) -> list[Transition]:
        """Acknowledge whatever waits for it."""
        told: list[Transition] = []
        for index in sorted(self._not_normal):
            if not self._alarms[index].acknowledged:
                told += self.command(self._rules[index].id, given)
        return told

    def add(self, rule: Rule, at_us: int, number: int = 0) -> None:
        """A new alarm; its transitions are numbered from ``number``.

        Raises ``ValueError`` if the rule's id is taken.
        """
        if rule.id in self._index:
            raise ValueError(f"rule {rule.id} is there already: change or remove it")
        index = self._add(rule, at_us, None)
        self._put(index, replace(self._alarms[index], number=number))

    def change(self, rule: Rule, given: Changed) -> Sequence[Transition]:
        """Another rule by the same id. Its alarm lives on, unless tag or kind changed.

        Feed the tag's current value afterwards: limits are judged by samples.
        """
        index = self._index[rule.id]
        old = self._rules[index]
        if (old.tag, old.kind) != (rule.tag, rule.kind):
            gone = Removed(given.at_us, given.who, given.comment)
            told = self.remove(rule.id, gone)
            self.add(rule, given.at_us, told[-1].number + 1)
            return told
        told = self._let(index, Clock(given.at_us))
        self._set_rule(index, rule)
        if old.group != rule.group:
            self._groups.leave(old.group, index, rule.id)
            self._join(index)
        return [*told, *self.command(rule.id, given)]

    def remove(self, rule: str, given: Removed) -> Sequence[Transition]:
        """The alarm is no more. Raises ``KeyError`` for a rule that is not there."""
        index = self._index[rule]
        slot = self._slot_of[index]
        told = self.command(rule, given)
        self._groups.leave(self._rules[index].group, index, rule)
        self._on[slot] = tuple(x for x in self._on[slot] if x != index)
        self._silence[slot] = tuple(x for x in self._silence[slot] if x != index)
        self._rules[index] = NO_RULE
        self._deadlines.forget(index)
        self._by_clock.forget(index)
        self._not_normal.discard(index)
        self._changed.discard(index)
        self._alarms[index] = NEW
        self._free.append(index)
        del self._index[rule]
        return told

    # --- looking ---

    def __len__(self) -> int:
        """How many alarms."""
        return len(self._index)

    def get(self, rule: str) -> Standing:
        """One alarm. Raises ``KeyError`` for a rule that is not there."""
        return self._standing(self._index[rule])

    def rules(self) -> Iterator[Rule]:
        """All rules, in the order they came."""
        return (self._rules[index] for index in self._index.values())

    def not_normal(self) -> list[Standing]:
        """All alarms that are in any state but normal."""
        return [self._standing(index) for index in sorted(self._not_normal)]

    def take_changed(self) -> dict[str, Alarm]:
        """The alarms that are not what they were when this was last asked.

        For whoever stores them one by one. What samples that change nothing leave
        behind is not among it; the times of the tags' last samples make up for it, as
        in a ``Snapshot`` (STALE: if the last one was usable).
        """
        changed = {self._rules[x].id: self._alarms[x] for x in self._changed}
        self._changed.clear()
        return changed

    def first_up(self) -> dict[str, str]:
        """The alarm that was first up, of each group that is not at rest."""
        return self._groups.first()

    def snapshot(self) -> Snapshot:
        """What a new table of the same rules needs to go on as if nothing had been."""
        for slot in range(len(self._on)):
            self._settle(slot)
        alarms = {x: self._alarms[index] for x, index in self._index.items()}
        return Snapshot(
            alarms={x: alarm for x, alarm in alarms.items() if alarm is not NEW},
            seen_us={x: self._seen[slot] for x, slot in self._slot.items()},
            first=self._groups.first(),
        )

    def _standing(self, index: int) -> Standing:
        rule, alarm = self._rules[index], self._alarms[index]
        first = self._groups.is_first(rule.group, rule.id)
        return Standing(rule, alarm, state_of(alarm), first)

    # --- inside ---

    def _add(self, rule: Rule, at_us: int, snapshot: Snapshot | None) -> int:
        slot = self._slot.get(rule.tag)
        if slot is None:
            slot = self._new_slot(rule.tag)
            if snapshot is not None:
                self._seen[slot] = snapshot.seen_us.get(rule.tag, 0)
        index = self._new_index()
        kept = snapshot.alarms.get(rule.id) if snapshot else None
        alarm = begin(rule, at_us) if kept is None else kept
        self._slot_of[index] = slot
        self._set_rule(index, rule)
        self._index[rule.id] = index
        self._on[slot] += (index,)
        if rule.kind is Kind.STALE:
            self._silence[slot] += (index,)
        self._close(slot)
        self._put(index, alarm)
        self._join(index)
        return index

    def _new_slot(self, tag: str) -> int:
        slot = self._slot[tag] = len(self._tags)
        self._tags.append(tag)
        self._low.append(EMPTY[0])
        self._high.append(EMPTY[1])
        self._seen.append(0)
        self._until.append(inf)
        self._on.append(())
        self._silence.append(())
        return slot

    def _new_index(self) -> int:
        if self._free:
            return self._free.pop()
        self._rules.append(NO_RULE)
        self._alarms.append(NEW)
        self._idle.append(EMPTY)
        self._slot_of.append(0)
        return len(self._rules) - 1

    def _set_rule(self, index: int, rule: Rule) -> None:
        self._rules[index] = rule
        band = quiet_at_rest(rule)
        self._idle[index] = self._bands.setdefault(band, band)

    def _join(self, index: int) -> None:
        rule = self._rules[index]
        up = state_of(self._alarms[index]) in STANDING
        self._groups.join(rule.group, index, rule.id, up)

    def _judge(
        self, slot: int, at_us: int, value: float, quality: int
    ) -> Sequence[Transition]:
        """A sample that may change something."""
        if at_us < self._seen[slot] or not self._on[slot]:
            return NOTHING
        self._settle(slot)
        told: list[Transition] = []
        for group in {self._rules[index].group for index in self._on[slot]}:
            told += self._before(group, at_us)
        self._seen[slot] = at_us
        given = Sample(at_us, value, quality)
        low, high, until = -FARTHEST, FARTHEST, inf
        for index in self._on[slot]:
            alarm, (lowest, highest) = self._alarms[index], self._idle[index]
            at_rest = alarm is NEW or (not alarm.active and next_due(alarm) is None)
            if quality or not (lowest <= value <= highest and at_rest):
                told += self._step(index, given)
                rule, alarm = self._rules[index], self._alarms[index]
                lowest, highest = quiet(rule, fulfilled(rule, alarm), value)
                until = min(until, _or_never(next_due(alarm)))
            low, high = max(low, lowest), min(high, highest)
        if usable(value, quality):
            self._low[slot], self._high[slot], self._until[slot] = low, high, until
        else:
            self._low[slot], self._high[slot] = EMPTY
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
        self._settle(self._slot_of[index])
        return next_due(self._alarms[index])

    def _step(self, index: int, given: Input) -> Sequence[Transition]:
        rule = self._rules[index]
        alarm, transitions = step(rule, self._alarms[index], given)
        if not alarm.number and replace(alarm, judged_at_us=0) == NEW:
            alarm = NEW  # one for all: memory; ``_seen`` knows what is too old
        self._put(index, alarm)
        if not (transitions and rule.group):
            return transitions
        return [self._groups.mark(rule.group, x) for x in transitions]

    def _put(self, index: int, alarm: Alarm) -> None:
        if alarm is not self._alarms[index]:
            self._changed.add(index)
        self._alarms[index] = alarm
        if state_of(alarm) is State.NORMAL:
            self._not_normal.discard(index)
        else:
            self._not_normal.add(index)
        self._deadlines.want(index, next_due(alarm))
        self._by_clock.want(index, next_by_clock(self._rules[index], alarm))

    def _close(self, slot: int) -> None:
        """Have the next sample judged, whatever it is."""
        self._settle(slot)
        if slot:
            self._low[slot], self._high[slot] = EMPTY

    def _settle(self, slot: int) -> None:
        """Tell those that watch for silence of the quiet samples since."""
        if self._low[slot] > self._high[slot]:
            return
        heard_us = self._seen[slot]
        for index in self._silence[slot]:
            alarm = self._alarms[index]
            if heard_us > alarm.last_at_us:
                due_us = heard_us + self._rules[index].after_ms * US_PER_MS
                self._put(
                    index,
                    replace(
                        alarm,
                        last_at_us=heard_us,
                        judged_at_us=heard_us,
                        due_at_us=due_us,
                    ),
                )


def _or_never(due: int | None) -> float:
    return inf if due is None else due
