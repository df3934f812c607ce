"""A device's alarms in memory, and what of them must outlive the agent.

No clock and no I/O: whoever holds the bank tells it the time, and takes from it what
moved: transitions, and rows (a name and bytes, or None to forget the name) that belong
into the same transaction. A bank made of the rows kept so far goes on where they end.

Not kept is what samples renew by themselves: when a tag was last heard of, and RATE's
last value. So after a restart the patience with silence begins anew, for nobody
listened, and a rate needs two new samples. The same goes for a tag whose readings were
ahead of the clock and are no longer, for the clock was set back: to ignore them as late
until it is as late again would be to judge nothing at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import NamedTuple

import msgspec
from msgspec.structs import replace
from twisted.logger import Logger

from edge_agent.drivers.driver import Reading
from edge_agent.typed import fitted
from heddle.alarm_wire import machine_rules, obey, wire_transition
from heddle.alarms.inputs import Changed, Removed
from heddle.alarms.machine import US_PER_MS
from heddle.alarms.rule import Kind, Rule
from heddle.alarms.state import NEW, Alarm, Transition
from heddle.alarms.table import AlarmTable, Snapshot
from heddle.contract.alarms import (
    AlarmOrder,
    AlarmRule,
    AlarmRulesInvalid,
    AlarmTransition,
)
from heddle.contract.devices import Tag, TagType
from heddle.contract.samples import Quality

log = Logger()

Rows = Mapping[str, bytes | None]

AHEAD_US = 5_000_000  # so far ahead of the clock a reading may be

_TEXTUAL = (TagType.TEXT, TagType.JSON)
_RULES, _FIRST, _ALARM = "rules", "first", "alarm/"

_encode = msgspec.msgpack.Encoder().encode
_decode_rules = msgspec.msgpack.Decoder(tuple[AlarmRule, ...]).decode
_decode_first = msgspec.msgpack.Decoder(dict[str, str]).decode
_decode_alarm = msgspec.msgpack.Decoder(Alarm).decode


@dataclass(frozen=True, slots=True)
class Moved:
    """What belongs into one transaction."""

    told: tuple[AlarmTransition, ...] = ()
    rows: Rows = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self.told or self.rows)

    def then(self, later: "Moved") -> "Moved":
        """Both, one after the other."""
        return Moved((*self.told, *later.told), {**self.rows, **later.rows})


class _Watched(NamedTuple):
    """A tag with alarms."""

    slot: int
    type: TagType


class Bank:
    """The alarms that a device judges itself."""

    def __init__(
        self, tags: Iterable[Tag], kept: Mapping[str, bytes], at_us: int
    ) -> None:
        self._types = {tag.tag: tag.type for tag in tags}
        self._wire, self._kept, self._first = _read(kept)
        rules = [made for rule in self._wire.values() if (made := _machine(rule))]
        memory = {
            rule.id: _woken(rule, self._kept[rule.id], at_us)
            for rule in rules
            if rule.id in self._kept
        }
        snapshot = Snapshot(alarms=memory, seen_us={}, first=self._first)
        self._table = AlarmTable(rules, at_us, snapshot)
        self._told: list[Transition] = []
        self._rows: dict[str, bytes | None] = {}
        self._watched: dict[str, _Watched] = {}
        self._newest: dict[str, int] = {}  # reading of a watched tag
        self._watch()

    def __len__(self) -> int:
        """How many alarms."""
        return len(self._table)

    # --- what happens ----------------------------------------------------------------

    def judge(self, readings: Sequence[Reading], now_us: int) -> None:
        """Judge readings, by the values that the recorder keeps of them."""
        for reading in readings:
            watched = self._watched.get(reading.tag)
            if watched is None:
                continue
            newest_us = self._newest.get(reading.tag, 0)
            if reading.at_us < newest_us > now_us + AHEAD_US:
                self._set_back(reading.tag, reading.at_us)
            elif reading.at_us > newest_us:
                self._newest[reading.tag] = reading.at_us
            value = fitted(watched.type, reading.value)
            number, quality = (
                (value, reading.quality)
                if isinstance(value, float)
                else (nan, Quality.BAD)
            )
            told = self._table.update(watched.slot, reading.at_us, number, quality)
            self._told += told

    def next_due(self) -> int | None:
        """When to call ``due`` at the latest."""
        return self._table.next_due()

    def due(self, at_us: int) -> None:
        """Let happen what is due by now."""
        self._told += self._table.due(at_us)

    def obey(self, order: AlarmOrder, at_us: int) -> tuple[AlarmTransition, ...]:
        """Do what was asked; the transitions that came of it.

        Raises ``AlarmNotFound``, ``WrongAlarmState`` and ``InvalidRequest``.
        """
        self.due(at_us)
        told = obey(self._table, order, at_us)
        self._told += told
        return tuple(wire_transition(each) for each in told)

    def set_rules(self, wanted: Sequence[AlarmRule], at_us: int) -> frozenset[str]:
        """Have these rules and no others; the tags whose values are to be judged anew.

        A rule that cannot be understood (it may be of a newer Heddle) is not judged.
        """
        before, after = self._wire, {rule.alarm: rule for rule in wanted}
        if before == after:
            return frozenset()
        self._wire = after
        self._rows[_RULES] = _encode(tuple(after.values()))
        there = {rule.id: rule for rule in self._table.rules()}
        made = {name: _machine(rule) for name, rule in after.items()}
        for name in there:
            if made.get(name) is None:
                self._remove(name, at_us)
        anew = [
            rule
            for name, rule in made.items()
            if rule is not None and rule != there.get(name)
        ]
        for rule in anew:
            if rule.id in there:
                self._told += self._table.change(rule, Changed(at_us))
            else:
                number = self._kept.get(rule.id, NEW).number
                self._table.add(rule, at_us, number)
        self._watch()
        return frozenset(rule.tag for rule in anew)

    # --- what of it is to be kept ----------------------------------------------------

    def take(self) -> Moved:
        """What moved since this was last asked."""
        self._keep_changed()
        if (first := self._table.first_up()) != self._first:
            self._first, self._rows[_FIRST] = first, _encode(first)
        if not (self._told or self._rows):
            return _NOTHING
        moved = Moved(tuple(wire_transition(x) for x in self._told), self._rows)
        self._told, self._rows = [], {}
        return moved

    def _keep_changed(self) -> None:
        for name, alarm in self._table.take_changed().items():
            self._keep(name, _lasting(self._table.get(name).rule, alarm))

    def _keep(self, name: str, alarm: Alarm) -> None:
        if alarm != self._kept.get(name):
            self._kept[name] = alarm
            self._rows[_ALARM + name] = _encode(alarm)

    def _remove(self, name: str, at_us: int) -> None:
        """Its count outlives it: by name and number a transition is known."""
        told = self._table.remove(name, Removed(at_us))
        self._told += told
        self._keep(name, Alarm(number=told[-1].number + 1))

    def _set_back(self, tag: str, at_us: int) -> None:
        """The alarms of a tag go on as if the agent had begun at ``at_us``."""
        log.warn("{tag}: the clock was set back; its alarms go on", tag=tag)
        self._keep_changed()
        self._newest[tag] = at_us
        old, rules = self._table.snapshot(), list(self._table.rules())
        alarms = dict(old.alarms)
        for rule in rules:
            if rule.tag == tag and rule.id in alarms:
                lasting = _lasting(rule, alarms[rule.id])
                alarms[rule.id] = _woken(rule, lasting, at_us)
        seen_us = {name: seen for name, seen in old.seen_us.items() if name != tag}
        snapshot = Snapshot(alarms=alarms, seen_us=seen_us, first=old.first)
        self._table = AlarmTable(rules, at_us, snapshot)
        self._watch()

    def _watch(self) -> None:
        slots = {tag: self._table.slot(tag) for tag in self._types}
        self._watched = {
            tag: _Watched(slot, self._types[tag])
            for tag, slot in slots.items()
            if slot and self._types[tag] not in _TEXTUAL
        }


_NOTHING = Moved()


class _Kept(NamedTuple):
    """What the rows say; of a removed rule its alarm has the number to go on with."""

    rules: dict[str, AlarmRule]
    alarms: dict[str, Alarm]
    first: dict[str, str]


def _read(kept: Mapping[str, bytes]) -> _Kept:
    try:
        rules = _decode_rules(kept[_RULES]) if _RULES in kept else ()
        alarms = {
            name.removeprefix(_ALARM): _decode_alarm(body)
            for name, body in kept.items()
            if name.startswith(_ALARM)
        }
        first = _decode_first(kept[_FIRST]) if _FIRST in kept else {}
    except msgspec.MsgspecError as flaw:  # a newer Heddle wrote it
        log.warn(
            "the alarms begin anew, what was kept is unreadable: {flaw}", flaw=flaw
        )
        return _Kept({}, {}, {})
    return _Kept({rule.alarm: rule for rule in rules}, alarms, first)


def _machine(rule: AlarmRule) -> Rule | None:
    try:
        return machine_rules([rule])[0]
    except AlarmRulesInvalid as flaw:
        log.warn("an alarm rule is not judged: {flaw}", flaw=str(flaw))
        return None


def _lasting(rule: Rule, alarm: Alarm) -> Alarm:
    """An alarm without what samples renew by themselves."""
    alarm = replace(alarm, judged_at_us=0)
    if rule.kind is Kind.RATE:
        return replace(alarm, last_at_us=0, last_value=None)
    if rule.kind is Kind.STALE and not alarm.active:
        return replace(alarm, last_at_us=0, due_at_us=None)
    return alarm


def _woken(rule: Rule, alarm: Alarm, at_us: int) -> Alarm:
    """An alarm that was kept, as it goes on now; no wait is longer than its rule's."""
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
