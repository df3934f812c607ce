"""The machine and the table against a model that is slow and plain to see.

The model lives through every millisecond. It keeps no deadlines: it counts how long
something has been so.
"""

from math import isnan, nan
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from hypothesis.stateful import rule as action

from heddle.alarms.inputs import (
    Acknowledge,
    Command,
    Due,
    Reset,
    ReturnToService,
    Sample,
    Shelve,
    Suppress,
    TakeOutOfService,
    Unshelve,
    Unsuppress,
)
from heddle.alarms.machine import begin, step
from heddle.alarms.rule import Kind, Rule
from heddle.alarms.state import state_of
from heddle.alarms.table import AlarmTable, Snapshot
from tests.support.alarms import MS, rule

Told = tuple[int, str, str, str]


class Model:
    """An alarm on a value that is high, or on its absence; times in milliseconds."""

    def __init__(self, of: Rule) -> None:
        self.of = of
        self.now = 0
        self.told: list[Told] = []
        self.active = self.latched = self.suppressed = self.out = False
        self.acknowledged = True
        self.shelved_until: int | None = None
        self.high = False  # the condition
        self.changed_at = 0  # when the condition last became what it is
        self.heard_at = 0
        self.called_at = 0

    def state(self) -> str:
        if self.out:
            return "out_of_service"
        if self.suppressed:
            return "suppressed"
        if self.shelved_until is not None:
            return "shelved"
        if self.active:
            return "acknowledged" if self.acknowledged else "unacknowledged"
        if self.latched:
            how = "acknowledged" if self.acknowledged else "unacknowledged"
            return f"latched_{how}"
        return "normal" if self.acknowledged else "returned"

    def hidden(self) -> bool:
        return self.state() in {"out_of_service", "suppressed", "shelved"}

    def do(self, happened: str, **changes: Any) -> None:
        before = self.state()
        for name, value in changes.items():
            setattr(self, name, value)
        self.told.append((self.now, happened, before, self.state()))

    def call(self) -> None:
        """Whatever is to be seen now calls for an operator."""
        self.acknowledged = self.hidden()
        self.called_at = self.now

    def wait(self, until: int) -> None:
        while True:
            self.by_itself()
            if self.now == until:
                break
            self.now += 1

    def by_itself(self) -> None:
        delay = self.of.on_delay_ms if self.high else self.of.off_delay_ms
        if self.of.kind is Kind.STALE:
            if not self.active and self.now - self.heard_at >= self.of.after_ms:
                self.set_active(True)
        elif self.high != self.active and self.now - self.changed_at >= delay:
            self.set_active(self.high)
        if self.shelved_until is not None and self.now >= self.shelved_until:
            self.uncover("shelving_expired", shelved_until=None)
        called_for = self.now - self.called_at
        calling = self.of.re_alarm_ms and self.active and not self.hidden()
        if calling and called_for >= self.of.re_alarm_ms:
            self.do("re_alarmed", acknowledged=False)
            self.called_at = self.now

    def set_active(self, active: bool) -> None:
        if active:
            before = self.state()
            self.active, self.latched = True, self.of.latching
            self.call()
            self.told.append((self.now, "raised", before, self.state()))
        else:
            self.do("cleared", active=False)

    def sample(self, value: float, quality: int) -> None:
        if quality == 2 or isnan(value):
            return
        if self.of.kind is Kind.STALE:
            self.heard_at = self.now
            if self.active:
                self.set_active(False)
            return
        edge = self.of.limit - self.of.deadband if self.high else self.of.limit
        if (value >= edge) != self.high:
            self.high, self.changed_at = not self.high, self.now
        self.by_itself()

    def uncover(self, happened: str, **changes: Any) -> None:
        before = self.state()
        for name, value in changes.items():
            setattr(self, name, value)
        if self.active:
            self.call()
        self.told.append((self.now, happened, before, self.state()))

    def obey(self, given: Command) -> None:  # noqa: C901, PLR0912 -- one list
        match given:
            case Acknowledge() if not self.acknowledged:
                self.do("acknowledged", acknowledged=True)
            case Reset() if self.latched and not self.active and self.acknowledged:
                self.do("reset", latched=False)
            case Shelve() if given.until_us > given.at_us:
                until = given.until_us // MS
                self.do("shelved", shelved_until=until, acknowledged=True)
            case Unshelve() if self.shelved_until is not None:
                self.uncover("unshelved", shelved_until=None)
            case Suppress() if not self.suppressed:
                self.do("suppressed", suppressed=True, acknowledged=True)
            case Unsuppress() if self.suppressed:
                self.uncover("unsuppressed", suppressed=False)
            case TakeOutOfService() if not self.out:
                self.do("taken_out_of_service", out=True, acknowledged=True)
            case ReturnToService() if self.out:
                self.uncover("returned_to_service", out=False)
            case _:
                pass


RULES = st.builds(
    rule,
    kind=st.sampled_from([Kind.HI, Kind.HI, Kind.STALE]),
    after_ms=st.integers(1, 9),
    deadband=st.sampled_from([0.0, 2.0]),
    on_delay_ms=st.sampled_from([0, 0, 3, 7]),
    off_delay_ms=st.sampled_from([0, 0, 3, 7]),
    re_alarm_ms=st.sampled_from([0, 5, 11]),
    latching=st.booleans(),
)
COMMANDS = [Acknowledge, Reset, Unshelve, Suppress, Unsuppress]
COMMANDS += [TakeOutOfService, ReturnToService]


class Alarms(RuleBasedStateMachine):
    @initialize(of=RULES)
    def begin(self, of: Rule) -> None:
        if of.kind is Kind.STALE:
            of = msgspec.structs.replace(of, on_delay_ms=0, off_delay_ms=0)
        self.of, self.model, self.told = of, Model(of), list[Told]()
        self.alarm = begin(of, 0)
        self.table, self.by_table = AlarmTable([of]), list[Told]()

    @action(wait=st.integers(0, 20), look=st.booleans())
    def wait(self, wait: int, look: bool) -> None:
        self.model.wait(self.model.now + wait)
        if look:
            self.look()

    def look(self) -> None:
        self.note(self.told, step_of(self, Due(self.model.now * MS)))
        self.note(self.by_table, self.table.due(self.model.now * MS))

    @action(
        value=st.sampled_from([1.0, 7.9, 8.0, 9.0, 10.0, 11.0, nan]),
        quality=st.sampled_from([0, 0, 0, 1, 2]),
        late=st.sampled_from([0, 0, 0, 1]),
    )
    def sample(self, value: float, quality: int, late: int) -> None:
        at_us = self.model.now * MS
        self.note(self.told, step_of(self, Sample(at_us, value, quality)))
        slot = self.table.slot("t")
        self.note(self.by_table, self.table.update(slot, at_us, value, quality))
        self.model.sample(value, quality)
        if late:
            assert not step_of(self, Sample(at_us - 1, 99.0))
            assert not self.table.update(slot, at_us - 1, 99.0)

    @action(kind=st.sampled_from(COMMANDS), shelve=st.integers(-1, 30))
    def command(self, kind: type[Acknowledge], shelve: int) -> None:
        self.look()
        at_us = self.model.now * MS
        given: Command = kind(at_us)
        if shelve > 15:
            given = Shelve(at_us, until_us=at_us + (shelve - 16) * MS)
        self.note(self.told, step_of(self, given))
        self.note(self.by_table, self.table.command("a", given))
        self.model.obey(given)

    @action()
    def restart(self) -> None:
        stored = msgspec.msgpack.encode(self.table.snapshot())
        kept = msgspec.msgpack.decode(stored, type=Snapshot)
        self.table = AlarmTable([self.of], self.model.now * MS, kept)

    def note(self, told: list[Told], transitions: Any) -> None:
        told += [
            (x.at_us // MS, str(x.happened), str(x.from_state), str(x.to_state))
            for x in transitions
        ]

    @invariant()
    def all_tell_the_same(self) -> None:
        if not hasattr(self, "model"):
            return
        told = self.model.told
        assert self.told == told[: len(self.told)]
        assert self.by_table == told[: len(self.by_table)]

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.look()
            assert self.told == self.model.told == self.by_table
            assert str(state_of(self.alarm)) == self.model.state()
            assert self.table.get("a").state is state_of(self.alarm)


def step_of(alarms: Alarms, given: Any) -> Any:
    alarms.alarm, transitions = step(alarms.of, alarms.alarm, given)
    return transitions


TestAlarms = Alarms.TestCase
TestAlarms.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
