"""Builders of alarm rules, and samples at random that stir every kind of them."""

import random
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import msgspec

from heddle.alarms.inputs import (
    Acknowledge,
    Command,
    Comment,
    Due,
    Input,
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
from heddle.alarms.rule import Kind, Rule, Severity
from heddle.alarms.state import Transition
from heddle.alarms.table import AlarmTable, Snapshot
from heddle.contract.alarms import AlarmKind, AlarmRule

MS = 1_000  # in microseconds
SECOND = 1_000_000
START_US = 1_790_000_000 * SECOND


def rule(kind: Kind = Kind.HI, **fields: Any) -> Rule:
    """A rule ``a`` on the tag ``t``: HI at 10, unless told otherwise."""
    usual: dict[str, Any] = {"id": "a", "tag": "t", "limit": 10.0}
    return Rule(**(usual | {"kind": kind} | fields))


def assorted_rules(tags: int, seed: int = 0) -> list[Rule]:
    """Some rules of every kind, with and without each trait, on many tags."""
    rng = random.Random(seed)  # noqa: S311 -- not a secret
    kinds = [*Kind, Kind.HI, Kind.LO]
    return [
        _assorted(rng, f"t{n}", f"t{n}_{number}", kind)
        for n in range(tags)
        for number, kind in enumerate(rng.sample(kinds, rng.randint(0, 4)))
    ]


def _assorted(rng: random.Random, tag: str, name: str, kind: Kind) -> Rule:
    delays = kind is not Kind.STALE
    limits = {Kind.HIHI: 90, Kind.HI: 75, Kind.LO: 25, Kind.LOLO: 10}
    return Rule(
        id=name,
        tag=tag,
        kind=kind,
        limit=limits.get(kind, rng.choice([20, 35])),
        setpoint=50.0,
        when=rng.random() < 0.5,
        after_ms=rng.choice([1_500, 3_000]),
        uncertain=rng.random() < 0.5,
        deadband=rng.choice([0, 0, 2, 7]),
        on_delay_ms=rng.choice([0, 0, 700, 2_500]) if delays else 0,
        off_delay_ms=rng.choice([0, 0, 900, 2_500]) if delays else 0,
        re_alarm_ms=rng.choice([0, 0, 4_000]),
        severity=rng.choice(list(Severity)),
        latching=rng.random() < 0.3,
        group=rng.choice(["", "", "g1", "g2"]),
    )


def wire_rule(one: Rule, **fields: Any) -> AlarmRule:
    """A rule as the contract has it, of the device ``press_7``."""
    kind = AlarmKind(one.kind.value)
    if kind in ("hihi", "hi", "lo", "lolo", "deviation", "rate"):
        fields |= {"limit": one.limit, "deadband": one.deadband}
    if kind == "deviation":
        fields["setpoint"] = one.setpoint
    if kind == "boolean":
        fields["when"] = one.when
    if kind == "stale":
        fields["after_ms"] = one.after_ms
    if kind == "quality":
        fields["uncertain"] = one.uncertain
    usual: dict[str, Any] = {
        "device": "press_7",
        "alarm": one.id,
        "tag": one.tag,
        "kind": kind,
        "on_delay_ms": one.on_delay_ms,
        "off_delay_ms": one.off_delay_ms,
        "re_alarm_ms": 60_000 if one.re_alarm_ms else 0,
        "latching": one.latching,
        "group": one.group,
    }
    return AlarmRule(**(usual | fields))


@dataclass
class Batch:
    """Samples as columns, in the order of their times."""

    tag: "array[int]"
    at_us: "array[int]"
    value: "array[float]"
    quality: bytes


def batches(tags: int, samples: int, size: int, seed: int = 0) -> Iterator[Batch]:
    """So many samples in all, in the order of their times.

    A few are bad, without value, late (older than their tag's last), or after silence.
    """
    rng = random.Random(seed)  # noqa: S311 -- not a secret
    levels, last_us = [50.0] * tags, [START_US] * tags
    at_us = START_US
    for begun in range(0, samples, size):
        batch, quality = Batch(array("H"), array("q"), array("d"), b""), bytearray()
        for _ in range(min(size, samples - begun)):
            tag = rng.randrange(tags)
            at_us += rng.choice((0, 1, 50 * MS, 2_000 * MS // tags))
            levels[tag] = min(max(levels[tag] + rng.gauss(0, 12), 0), 100)
            odd = rng.random()
            late = odd > 0.98
            value = nan if odd < 0.01 else 0 if odd < 0.1 else round(levels[tag])
            batch.tag.append(tag)
            batch.at_us.append(last_us[tag] - rng.randrange(SECOND) if late else at_us)
            batch.value.append(value)
            quality.append(2 if odd < 0.02 else 1 if odd < 0.03 else 0)
            if not late:
                last_us[tag] = at_us
        batch.quality = bytes(quality)
        at_us += rng.choice((0, 0, 0, 5 * SECOND))
        yield batch


def commands(rules: Sequence[Rule], at_us: int, seed: int) -> list[tuple[str, Command]]:
    """What operators might do about a few of the alarms."""
    rng = random.Random(seed)  # noqa: S311 -- not a secret
    kinds = [Acknowledge, Acknowledge, Reset, Unshelve, Suppress, Unsuppress]
    kinds += [TakeOutOfService, ReturnToService, Comment]
    given: list[tuple[str, Command]] = []
    for chosen in rng.choices(rules, k=min(5, len(rules))):
        if rng.random() < 0.2:
            until_us = at_us + rng.randrange(1, 4 * SECOND)
            given.append((chosen.id, Shelve(at_us, "ann", until_us=until_us)))
        else:
            given.append((chosen.id, rng.choice(kinds)(at_us, "bob", "seen")))
    return given


def by_alarm(told: Sequence[Transition]) -> dict[str, list[Transition]]:
    """The transitions of each alarm, in order."""
    found: dict[str, list[Transition]] = {}
    for transition in told:
        found.setdefault(transition.rule, []).append(transition)
    return found


def told_at_edge(
    rules: Sequence[Rule], tags: int, samples: int, size: int
) -> list[Transition]:
    """As a device does: each sample as it comes, and no deadline missed."""
    table = AlarmTable(rules, START_US)
    slots = slots_of(table, tags)
    told: list[Transition] = []
    for number, batch in enumerate(batches(tags, samples, size)):
        for tag, at_us, value, quality in rows(batch):
            if (due := table.next_due()) is not None and due <= at_us:
                told += table.due(at_us)
            told += table.update(slots[tag], at_us, value, quality)
        told += _commands_after(table, rules, batch, number)
    return told


def told_at_centre(
    rules: Sequence[Rule], tags: int, samples: int, size: int, restart: bool = False
) -> list[Transition]:
    """As fleetdata does: whole batches, and a restart between any two if asked."""
    table = AlarmTable(rules, START_US)
    told: list[Transition] = []
    for number, batch in enumerate(batches(tags, samples, size)):
        if restart:
            stored = msgspec.json.encode(table.snapshot())
            kept = msgspec.json.decode(stored, type=Snapshot)
            table = AlarmTable(rules, START_US, kept)
        columns = (batch.tag, batch.at_us, batch.value, batch.quality)
        told += table.update_columns(slots_of(table, tags), *columns)
        told += _commands_after(table, rules, batch, number)
    return told


def told_by_each_alarm(
    rules: Sequence[Rule], tags: int, samples: int, size: int
) -> list[Transition]:
    """The slow way: every sample to every alarm of its tag; nobody is first."""
    alarms = {x.id: begin(x, START_US) for x in rules}
    by_tag = {f"t{n}": [x for x in rules if x.tag == f"t{n}"] for n in range(tags)}
    by_id = {x.id: x for x in rules}
    told: list[Transition] = []

    def give(of: Rule, given: Input) -> None:
        alarms[of.id], transitions = step(of, alarms[of.id], given)
        told.extend(transitions)

    for number, batch in enumerate(batches(tags, samples, size)):
        for tag, at_us, value, quality in rows(batch):
            for of in by_tag[f"t{tag}"]:
                give(of, Sample(at_us, value, quality))
        end_us = max(batch.at_us)
        for of in rules:
            give(of, Due(end_us))
        for name, command in commands(rules, end_us, number):
            give(by_id[name], command)
    return told


def _commands_after(
    table: AlarmTable, rules: Sequence[Rule], batch: Batch, number: int
) -> list[Transition]:
    end_us = max(batch.at_us)
    told = table.due(end_us)
    for name, command in commands(rules, end_us, number):
        told += table.command(name, command)
    return told


def rows(batch: Batch) -> Iterator[tuple[int, int, float, int]]:
    """A batch, sample by sample."""
    return zip(batch.tag, batch.at_us, batch.value, batch.quality, strict=True)


def slots_of(table: AlarmTable, tags: int) -> list[int]:
    """The slots of ``t0``, ``t1`` and so on."""
    return [table.slot(f"t{n}") for n in range(tags)]
