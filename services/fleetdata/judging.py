"""Judges the alarms of a project's devices, inside the transaction that changes them.

What the machines remember is committed with the samples that moved them, or not at all.
A table of a device lives on in memory from one transaction to the next, together with
the token its bank had when it was committed; if the token in the database is another
one (the commit failed, or another process judged), the table is made anew from what is
stored. So memory is never ahead of the database, nor behind.

Delays and re-alarms go by the newest sample of the device; only shelvings end, and
silence is noticed, by the clock.
"""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import numpy as np
from msgspec.structs import replace
from twisted.logger import Logger

from heddle.alarm_wire import machine_rules, obey, wire_transition
from heddle.alarms.condition import usable
from heddle.alarms.machine import US_PER_MS
from heddle.alarms.rule import OPC_UA, Kind, Rule
from heddle.alarms.state import Happened, Transition
from heddle.alarms.table import AlarmTable, Snapshot
from heddle.contract.alarms import (
    AlarmEntry,
    AlarmOrder,
    AlarmPlace,
    AlarmRulesInvalid,
    AlarmTransition,
)
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
        """Take hold of the devices' alarms, as they are before the samples to come."""
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
        """Hold the alarms of devices, before new samples of theirs are stored."""
        if devices:
            for bank in store.lock_banks(judging.link.connection, devices):
                self._hold(judging, bank)

    def judge(self, judging: Judging, samples: NewSamples) -> None:
        """Judge new samples of devices that are held."""
        for device, held in judging.held.items():
            own = [each for each in samples if each[0].key.device == device]
            self._save(judging, held, _told(held.table, own))

    def note(self, judging: Judging, told: NewTransitions) -> None:
        """Record what devices judged themselves."""
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
        states: dict[tuple[str, str], State] = {}
        for key, _, one in told:
            if (key.device, one.alarm) in ours:
                continue
            before = states.get((key.device, one.alarm))
            states[key.device, one.alarm] = _reported(key.device, one, before)
        store.put_states(judging.link.connection, list(states.values()))

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
        snapshot = _heard(
            rules,
            store.load_snapshot(connection, device),
            store.current(connection, device, [rule.tag for rule in rules]),
        )
        table = AlarmTable(rules, self.now_us(), snapshot)
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
            [_standing(device, held.table, x, told, self.now_us()) for x in changed],
        )
        token = judging.tokens[device] = uuid4()
        due_us, first = held.table.next_by_clock(), held.table.first_up()
        store.save_bank(connection, device, token, due_us, first)

    def now_us(self) -> int:
        """What time it is."""
        return int(self._wall() * 1e6)


def _told(table: AlarmTable, samples: NewSamples) -> list[Transition]:
    """What a device's new samples make of its alarms."""
    told: list[Transition] = []
    for batch, columns in samples:
        if not len(columns):
            continue
        slots = [0 if is_textual(tag) else table.slot(tag.tag) for tag in batch.tags]
        watched = columns.where((np.array(slots) > 0)[columns.tag])
        told += table.update_columns(
            slots,
            watched.tag.tolist(),
            watched.at.tolist(),
            watched.value.tolist(),
            watched.quality.tolist(),
        )
        told += table.due(int(columns.at.max()))
    return told


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


def _standing(
    device: str,
    table: AlarmTable,
    name: str,
    told: Sequence[Transition],
    now_us: int,
) -> State:
    """How an alarm judged here stands; ``told`` holds what just became of it."""
    standing = table.get(name)
    rule, alarm = standing.rule, standing.alarm
    own = [x for x in told if x.rule == name]
    moves = [x.at_us for x in own if x.happened is not Happened.COMMENTED]
    people = [x for x in own if x.who]
    return State(
        device=device,
        alarm=name,
        place=AlarmPlace.CENTRE,
        tag=rule.tag,
        state=standing.state.value,
        severity=OPC_UA[rule.severity],
        at_us=moves[-1] if moves else now_us,
        raised_at_us=alarm.raised_at_us,
        value=alarm.value,
        first=standing.first,
        who=people[-1].who if people else None,
        comment=people[-1].comment or None if people else None,
        until_us=alarm.shelved_until_us,
        memory=alarm,
        moved=bool(moves),
        anew=any(x.happened is Happened.RAISED for x in own),
    )


def _reported(device: str, one: AlarmTransition, before: State | None) -> State:
    """How an alarm stands that the device told of; ``before``: by the same batch."""
    raised = one.cause == Happened.RAISED
    commented = one.cause == Happened.COMMENTED
    state = State(
        device=device,
        alarm=one.alarm,
        place=AlarmPlace.EDGE,
        tag=one.tag,
        state=one.after,
        severity=one.severity,
        at_us=one.at_us,
        raised_at_us=one.at_us if raised else None,
        value=one.value,
        first=one.first,
        who=one.who,
        comment=one.comment,
        until_us=None if one.until_ms is None else one.until_ms * US_PER_MS,
        moved=not commented,
        anew=raised,
    )
    return state if before is None else _after(before, state)


def _after(before: State, state: State) -> State:
    """Two changes of an alarm as one."""
    earlier = State("", "", AlarmPlace.EDGE, "", "", 0, 0) if state.anew else before
    return dataclasses.replace(
        state,
        at_us=state.at_us if state.moved else before.at_us,
        raised_at_us=state.raised_at_us or before.raised_at_us,
        value=before.value if state.value is None else state.value,
        who=state.who or earlier.who,
        comment=state.comment or earlier.comment,
        until_us=state.until_us or before.until_us,
        moved=state.moved or before.moved,
        anew=state.anew or before.anew,
    )
