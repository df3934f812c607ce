"""Judges the alarms of a project's devices, inside the transaction that changes them.

What the machines remember is committed with the samples that moved them, or not at all.
A table of a device lives on in memory from one transaction to the next, together with
the token its bank had when it was committed; if the token in the database is another
one (the commit failed, or another process judged), the table is made anew from what is
stored. So memory is never ahead of the database, nor behind.

Delays and re-alarms go by the newest sample of the device, as far as its own clock had
got when it was taken; only shelvings end, and silence is noticed, by ours.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from twisted.logger import Logger

from heddle.alarm_wire import machine_rules, obey, wire_transition
from heddle.alarms.clocks import AHEAD_US
from heddle.alarms.condition import usable
from heddle.alarms.rule import US_PER_MS, Kind, Rule
from heddle.alarms.state import Happened, Transition
from heddle.alarms.table import AlarmTable, Snapshot
from heddle.contract.alarm_answers import AlarmEntry
from heddle.contract.alarms import (
    AlarmOrder,
    AlarmPlace,
    AlarmRulesInvalid,
    AlarmState,
    AlarmTransition,
)
from services.fleetdata.alarms.standing import judged, reported
from services.fleetdata.batches import SampleBatch, StreamKey, is_textual
from services.fleetdata.columns import Columns
from services.fleetdata.store import alarms as store
from services.fleetdata.store.alarm_journal import Recorded, record
from services.fleetdata.store.alarms import Bank, State
from services.fleetdata.store.links import Link

log = Logger()

MOST_AT_ONCE = 20  # devices whose deadlines one transaction sees to

NewSamples = Sequence[tuple[SampleBatch, Columns]]
NewTransitions = Sequence[tuple[StreamKey, int, AlarmTransition]]


@dataclass(slots=True)
class _Held:
    """A device's alarms while its bank is locked."""

    bank: Bank
    table: AlarmTable


@dataclass(slots=True)
class Judging:
    """One transaction's judging; nothing of it counts before ``Judge`` keeps it."""

    judge: "Judge"
    link: Link
    held: dict[str, _Held] = field(default_factory=dict)
    tokens: dict[str, UUID] = field(default_factory=dict)
    entries: list[AlarmEntry] = field(default_factory=list)

    def expect(self, devices: Set[str]) -> None:
        """Take hold of the devices' alarms, as they are before what is to come."""
        self.judge.expect(self, devices)

    def samples(self, new: NewSamples) -> None:
        """Judge samples that this transaction has stored."""
        self.judge.judge(self, new)

    def transitions(self, told: NewTransitions) -> None:
        """Record what devices judged themselves."""
        self.judge.note(self, told)


class Judge:
    """The alarms of one project. Its methods run on the database's threads.

    Whoever holds a bank's lock in the database owns its table: there is no other lock.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._kept: dict[str, tuple[UUID, AlarmTable]] = {}
        self._fresh: deque[AlarmEntry] = deque()
        self._set: deque[int] = deque()  # deadlines of the clock's, just set

    def take_fresh(self) -> list[AlarmEntry]:
        """Transitions committed since this was last asked, in order."""
        return [self._fresh.popleft() for _ in range(len(self._fresh))]

    def take_earliest(self) -> int | None:
        """The earliest deadline of the clock's set since this was last asked."""
        set_ = [self._set.popleft() for _ in range(len(self._set))]
        return min(set_, default=None)

    # --- samples and reports ---

    @contextmanager
    def judging(self, link: Link) -> Iterator[Judging]:
        """Around a transaction: what was judged in it is kept if it was committed."""
        judging = Judging(self, link)
        yield judging
        for device, held in judging.held.items():
            token = judging.tokens.get(device, held.bank.token)
            self._kept[device] = token, held.table
            due_us = held.table.next_by_clock()
            if device in judging.tokens and due_us is not None:
                self._set.append(due_us)
        self._fresh.extend(judging.entries)

    def expect(self, judging: Judging, devices: Set[str]) -> None:
        """Hold the alarms of devices, before anything new of theirs is stored.

        Until the end of the transaction nobody changes their rules.
        """
        if devices:
            for bank in store.lock_banks(judging.link.connection, devices):
                self._hold(judging, bank)

    def judge(self, judging: Judging, samples: NewSamples) -> None:
        """Judge new samples of devices that are held."""
        for device, held in judging.held.items():
            own = [each for each in samples if each[0].key.device == device]
            before = held.table.set_backs
            told = _told(held.table, own, self.now_us())
            if held.table.set_backs > before:
                log.warn("{device}: its clock was set back", device=device)
            self._save(judging, held, told)

    def note(self, judging: Judging, told: NewTransitions) -> None:
        """Record what devices that are held judged themselves."""
        judging.entries += record(
            judging.link.connection,
            [
                Recorded(key.device, AlarmPlace.EDGE, one, key.epoch, number)
                for key, number, one in told
            ],
        )
        ours = {
            (device, rule.alarm)
            for device in {key.device for key, _, _ in told}
            for rule in store.select_rules(
                judging.link.connection, device, AlarmPlace.CENTRE
            )
        }  # moved here since: what the device still had to tell of them is history
        settled = self._settled(judging.link, told)
        states: dict[tuple[str, str], State] = {}
        for key, _, one in told:
            if (key.device, one.alarm) in ours:
                continue
            if (key.device, one.alarm) in settled and (
                one.cause == Happened.CLEARED and (key.device, one.alarm) not in states
            ):
                continue
            before = states.get((key.device, one.alarm))
            states[key.device, one.alarm] = reported(key.device, one, before)
        store.put_states(judging.link.connection, list(states.values()))

    @staticmethod
    def _settled(link: Link, told: NewTransitions) -> frozenset[tuple[str, str]]:
        """Alarms without a rule that devices clear, and that somebody has settled here.

        They are normal already: to have returned is nothing to acknowledge again.
        """
        cleared: dict[str, set[str]] = {}
        for key, _, one in told:
            if one.cause == Happened.CLEARED:
                cleared.setdefault(key.device, set()).add(one.alarm)
        found = set()
        for device, alarms in cleared.items():
            ruled = {rule.alarm for rule in store.select_rules(link.connection, device)}
            without = sorted(alarms - ruled)
            for state in store.select_states(link.connection, device, without):
                if state.state == AlarmState.NORMAL:
                    found.add((device, state.alarm))
        return frozenset(found)

    # --- people and the clock ---

    def order(self, link: Link, device: str, order: AlarmOrder) -> list[AlarmEntry]:
        """Do what was asked of alarms judged here.

        Raises ``AlarmNotFound``, ``WrongAlarmState`` and ``InvalidRequest``.
        """
        with self.judging(link) as judging, link.connection.transaction():
            held = self._hold(judging, store.open_bank(link.connection, device))
            told = held.table.clock(now_us := self.now_us())
            self._save(judging, held, [*told, *obey(held.table, order, now_us)])
        return judging.entries

    def tick(self, link: Link) -> int | None:
        """Let happen what is due by the clock; when there will be more to do."""
        while True:
            now_us = self.now_us()
            with self.judging(link) as judging, link.connection.transaction():
                banks = store.lock_due(link.connection, now_us, MOST_AT_ONCE)
                for bank in banks:
                    held = self._hold(judging, bank)
                    self._save(judging, held, held.table.clock(now_us), always=True)
            if len(banks) < MOST_AT_ONCE:
                return store.next_by_clock(link)

    # --- inside ---

    def hold(self, judging: Judging, device: str) -> AlarmTable:
        """The alarms of a device, to change them; its bank is made if need be."""
        bank = store.open_bank(judging.link.connection, device)
        return self._hold(judging, bank).table

    def save(self, judging: Judging, device: str, told: Sequence[Transition]) -> None:
        """Store what became of the alarms of a device that is held."""
        self._save(judging, judging.held[device], told, always=True)

    def _hold(self, judging: Judging, bank: Bank) -> _Held:
        token, table = self._kept.pop(bank.device, (None, None))
        if table is None or token != bank.token:
            table = self._load(judging.link, bank.device)
        held = judging.held[bank.device] = _Held(bank, table)
        return held

    def _load(self, link: Link, device: str) -> AlarmTable:
        connection = link.connection
        rules: list[Rule] = []
        for rule in store.select_rules(connection, device, AlarmPlace.CENTRE):
            try:
                rules += machine_rules([rule])
            except AlarmRulesInvalid as flaw:
                log.warn("a stored rule is not judged: {flaw}", flaw=str(flaw))
        now_us = self.now_us()
        snapshot = _heard(
            rules,
            store.load_snapshot(connection, device, now_us),
            store.current(connection, device, [rule.tag for rule in rules], now_us),
        )
        table = AlarmTable(rules, now_us, snapshot)
        table.take_changed()
        return table

    def _save(
        self,
        judging: Judging,
        held: _Held,
        told: Sequence[Transition],
        always: bool = False,
    ) -> None:
        changed = held.table.take_changed()
        if not (changed or told or always):
            return
        device, connection = held.bank.device, judging.link.connection
        judging.entries += record(
            connection,
            [Recorded(device, AlarmPlace.CENTRE, wire_transition(x)) for x in told],
        )
        store.put_states(
            connection,
            [judged(device, held.table, x, told, self.now_us()) for x in changed],
        )
        token = judging.tokens[device] = uuid4()
        due_us, first = held.table.next_by_clock(), held.table.first_up()
        store.save_bank(connection, device, token, due_us, first)

    def now_us(self) -> int:
        """What time it is."""
        return int(self._wall() * 1e6)


def _told(table: AlarmTable, samples: NewSamples, now_us: int) -> list[Transition]:
    """What a device's new samples make of its alarms, by the device's clock."""
    told: list[Transition] = []
    for batch, columns in samples:
        if not len(columns):
            continue
        clock_us = now_us if batch.clock_us is None else batch.clock_us
        table.behind_us = now_us - clock_us
        slots = [0 if is_textual(tag) else table.slot(tag.tag) for tag in batch.tags]
        watched = columns.where((np.array(slots) > 0)[columns.tag])
        told += table.update_columns(
            slots,
            watched.tag.tolist(),
            _judged_at(watched.at, clock_us).tolist(),
            watched.value.tolist(),
            watched.quality.tolist(),
            clock_us,
        )
        told += table.due(min(int(columns.at.max()), clock_us))
    return told


def _judged_at(at: NDArray[np.int64], clock_us: int) -> NDArray[np.int64]:
    """``judged_at`` of many."""
    return np.where(at <= clock_us + AHEAD_US, at, clock_us)


def _heard(
    rules: Sequence[Rule],
    snapshot: Snapshot,
    current: Sequence[tuple[str, int, float, int]],
) -> Snapshot:
    """The snapshot, with the tags' current values told to those that watch for silence.

    Samples that changed nothing are not written down alarm by alarm.
    """
    last = {tag: at for tag, at, value, quality in current if usable(value, quality)}
    alarms = dict(snapshot.alarms)
    for rule in rules:
        alarm, heard_us = alarms.get(rule.id), last.get(rule.tag, 0)
        if rule.kind is not Kind.STALE or alarm is None or alarm.active:
            continue
        if heard_us > alarm.last_at_us:
            due_us = heard_us + rule.after_ms * US_PER_MS
            alarms[rule.id] = replace(alarm, last_at_us=heard_us, due_at_us=due_us)
    return replace(snapshot, alarms=alarms)
