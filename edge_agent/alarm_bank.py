"""A device's alarms in memory, and what of them must outlive the agent.

No clock and no I/O: whoever holds the bank tells it the time, and takes from it what
moved: transitions, and rows (a name and bytes, or None to forget the name) that belong
into the same transaction. A bank made of the rows kept so far goes on where they end.

Not kept is what samples renew by themselves: when a tag was last heard of, and RATE's
last value. So after a restart the patience with silence begins anew, for nobody
listened, and a rate needs two new samples. The same goes for tags judged up to a time
ahead of the clock, for that was set back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import NamedTuple

import msgspec
from twisted.logger import Logger

from edge_agent.drivers.driver import Reading
from edge_agent.typed import fitted
from heddle.alarm_wire import machine_rules, obey, wire_standing, wire_transition
from heddle.alarms.clocks import judged_at, lasting, woken
from heddle.alarms.inputs import Changed, Removed
from heddle.alarms.rule import Rule
from heddle.alarms.state import NEW, Alarm, Transition
from heddle.alarms.table import AlarmTable, Snapshot
from heddle.contract.alarms import (
    AlarmOrder,
    AlarmRule,
    AlarmRulesInvalid,
    AlarmStanding,
    AlarmTransition,
)
from heddle.contract.devices import Tag, TagType
from heddle.contract.samples import Quality

log = Logger()

Rows = Mapping[str, bytes | None]

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
            rule.id: woken(rule, self._kept[rule.id], at_us)
            for rule in rules
            if rule.id in self._kept
        }
        snapshot = Snapshot(alarms=memory, seen_us={}, first=self._first)
        self._table = AlarmTable(rules, at_us, snapshot)
        self._told: list[Transition] = []
        self._rows: dict[str, bytes | None] = {}
        self._watched: dict[str, _Watched] = {}
        self._watch()

    def __len__(self) -> int:
        """How many alarms."""
        return len(self._table)

    # --- what happens ----------------------------------------------------------------

    def judge(self, readings: Sequence[Reading], now_us: int) -> None:
        """Judge readings, by the values that the recorder keeps of them."""
        before = self._table.set_backs
        for reading in readings:
            watched = self._watched.get(reading.tag)
            if watched is None:
                continue
            value = fitted(watched.type, reading.value)
            number, quality = (
                (value, reading.quality)
                if isinstance(value, float)
                else (nan, Quality.BAD)
            )
            at_us = judged_at(reading.at_us, now_us)
            self._told += self._table.update(
                watched.slot, at_us, number, quality, now_us
            )
        if self._table.set_backs > before:
            log.warn("the clock was set back; the alarms go on")

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

    def standing(self) -> tuple[AlarmStanding, ...]:
        """All alarms that are not normal."""
        return tuple(wire_standing(each) for each in self._table.not_normal())

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
            self._keep(name, lasting(self._table.get(name).rule, alarm))

    def _keep(self, name: str, alarm: Alarm) -> None:
        if alarm != self._kept.get(name):
            self._kept[name] = alarm
            self._rows[_ALARM + name] = _encode(alarm)

    def _remove(self, name: str, at_us: int) -> None:
        """Its count outlives it: by name and number a transition is known."""
        told = self._table.remove(name, Removed(at_us))
        self._told += told
        self._keep(name, Alarm(number=told[-1].number + 1))

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
