"""The alarms of a table, each at an index: rule and memory, and who asks for what.

A removed alarm leaves its index to the next one.
"""

from msgspec.structs import replace

from heddle.alarms.condition import EMPTY, Band, quiet_at_rest
from heddle.alarms.deadlines import Deadlines
from heddle.alarms.machine import next_due
from heddle.alarms.rule import Kind, Rule
from heddle.alarms.state import NEW, Alarm, State, state_of

NO_RULE = Rule(id="", tag="", kind=Kind.BOOLEAN)  # where one was removed


class Roster:
    """Lists by index; alarms at rest that never moved are all the one ``NEW``."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.alarms: list[Alarm] = []
        self.idle: list[Band] = []  # where it stays at rest
        self.slot_of: list[int] = []
        self.index: dict[str, int] = {}  # by the rule's id
        self.not_normal: set[int] = set()
        self.deadlines = Deadlines()
        self.shelvings = Deadlines()  # those of them that go by people's clock
        self.silences = Deadlines()  # and by that of the samples, though none comes
        self._changed: set[int] = set()
        self._free: list[int] = []
        self._bands: dict[Band, Band] = {}  # one for all that are equal: memory

    def enrol(self, rule: Rule, slot: int) -> int:
        """An index for a new alarm."""
        if self._free:
            index = self._free.pop()
        else:
            index = len(self.rules)
            self.rules.append(NO_RULE)
            self.alarms.append(NEW)
            self.idle.append(EMPTY)
            self.slot_of.append(0)
        self.slot_of[index] = slot
        self.index[rule.id] = index
        self.set_rule(index, rule)
        return index

    def strike(self, index: int) -> None:
        """The alarm is no more."""
        del self.index[self.rules[index].id]
        self.rules[index], self.alarms[index] = NO_RULE, NEW
        self.deadlines.forget(index)
        self.shelvings.forget(index)
        self.silences.forget(index)
        self.not_normal.discard(index)
        self._changed.discard(index)
        self._free.append(index)

    def set_rule(self, index: int, rule: Rule) -> None:
        """The alarm goes by this rule."""
        self.rules[index] = rule
        band = quiet_at_rest(rule)
        self.idle[index] = self._bands.setdefault(band, band)

    def put(self, index: int, alarm: Alarm) -> None:
        """The alarm is this from now on."""
        if not alarm.number and replace(alarm, judged_at_us=0) == NEW:
            alarm = NEW  # the slot knows what is too old
        if alarm is not self.alarms[index]:
            self._changed.add(index)
        self.alarms[index] = alarm
        if state_of(alarm) is State.NORMAL:
            self.not_normal.discard(index)
        else:
            self.not_normal.add(index)
        self.deadlines.want(index, next_due(alarm))
        self.shelvings.want(index, alarm.shelved_until_us)
        if self.rules[index].kind is Kind.STALE:
            self.silences.want(index, alarm.due_at_us)

    def take_changed(self) -> dict[str, Alarm]:
        """The alarms that are not what they were when this was last asked."""
        changed = {self.rules[x].id: self.alarms[x] for x in self._changed}
        self._changed.clear()
        return changed
