"""Edge and centre make the same of the same samples, whatever the clocks say."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from edge_agent.alarm_bank import Bank
from edge_agent.drivers.driver import Reading
from heddle.contract.alarms import AlarmKind, AlarmRule, AlarmTransition
from heddle.contract.devices import Tag
from heddle.contract.samples import Quality
from services.fleetdata.store import alarms as store
from tests.support.alarm_plant import NOW_S, Plant, at, hot, plant, project
from tests.support.storage import Storage, storage

__all__ = ["plant", "project", "storage"]

KINDS: dict[AlarmKind, dict[str, Any]] = {
    AlarmKind.HIHI: {"limit": 90.0, "deadband": 2.0},
    AlarmKind.HI: {"limit": 75.0, "on_delay_ms": 1500},
    AlarmKind.LO: {"limit": 25.0, "off_delay_ms": 2500},
    AlarmKind.LOLO: {"limit": 10.0, "latching": True},
    AlarmKind.DEVIATION: {"limit": 35.0, "setpoint": 50.0},
    AlarmKind.RATE: {"limit": 20.0, "latching": True},
    AlarmKind.STALE: {"after_ms": 4000},
    AlarmKind.QUALITY: {},
    AlarmKind.BOOLEAN: {"when": True, "on_delay_ms": 700},
}


def every_kind() -> list[AlarmRule]:
    return [
        AlarmRule(
            device="press",
            alarm=f"{tag}_{kind.value}",
            tag=tag,
            kind=kind,
            group="unit",
            **{"limit": None, **fields},
        )
        for tag in ("temp", "flow")
        for kind, fields in KINDS.items()
    ]


@dataclass
class Sent:
    """A batch, and what the device's clock said at its end."""

    rows: list[tuple[str, float, float, int]]
    clock_us: int


def sent(troubled: bool) -> Iterator[Sent]:
    """Batches with a few late samples.

    Of a troubled device: its clock is now and then set an hour wrong, or right again,
    and some samples are dated ten minutes ahead of it.
    """
    rng = random.Random(3)  # noqa: S311 -- not a secret
    at_s, level, wrong_s = NOW_S - 7000, 50.0, 0
    for number in range(40):
        batch = Sent([], 0)
        if troubled and number % 4 == 3:
            wrong_s = rng.choice([0, 3600, -3600])
        for _ in range(40):
            at_s = round(at_s + rng.choice([0, 0.25, 1, 1, 6]), 3)
            level = min(max(level + rng.gauss(0, 15), 0), 100)
            odd, when = rng.random(), rng.random()
            value = float("nan") if odd < 0.05 else 0.0 if odd < 0.1 else round(level)
            quality = 2 if odd < 0.07 else 1 if odd < 0.15 else 0
            off_s = -9 if when < 0.02 else 600 if troubled and when > 0.99 else 0
            tag = rng.choice(["temp", "flow"])
            batch.rows.append((tag, at_s + wrong_s + off_s, value, quality))
        batch.clock_us = round((at_s + wrong_s) * 1e6)
        yield batch


def told_by_the_device(
    rules: Sequence[AlarmRule], troubled: bool
) -> Iterator[AlarmTransition]:
    """What its agent makes of the batches, reading by reading."""
    bank = Bank([Tag(tag="temp"), Tag(tag="flow")], {}, round((NOW_S - 7000) * 1e6))
    bank.set_rules(rules, round((NOW_S - 7000) * 1e6))
    for batch in sent(troubled):
        for tag, at_s, value, quality in batch.rows:
            at_us = round(at_s * 1e6)
            if at_us <= batch.clock_us:
                bank.due(at_us)
            read = Reading(tag, at_us, value, Quality(quality))
            bank.judge([read], batch.clock_us)
        bank.due(batch.clock_us)
        yield from bank.take().told


@pytest.mark.parametrize("troubled", [False, True])
def test_edge_and_centre_tell_the_same(plant: Plant, troubled: bool) -> None:
    check_edge_and_centre(plant, troubled=troubled)


def test_so_they_do_over_either_storage_with_restarts(storage: Storage) -> None:
    check_edge_and_centre(Plant(storage.link()), restart=True)


def check_edge_and_centre(
    plant: Plant, *, restart: bool = False, troubled: bool = False
) -> None:
    rules = every_kind()
    plant.now_s = NOW_S - 7000
    plant.rules(*rules)
    plant.now_s = NOW_S
    at_centre = []
    for batch in sent(troubled):
        if restart:
            plant.restart()
        plant.put(*batch.rows, clock_us=batch.clock_us)
        at_centre += [x.transition for x in plant.judge.take_fresh()]
    at_edge = list(told_by_the_device(rules, troubled))
    assert by_alarm(at_centre) == by_alarm(at_edge)
    assert len(at_centre) > 300


HOUR_S = 3600


def test_a_clock_that_was_set_back_blinds_no_alarm(plant: Plant) -> None:
    slow = hot(alarm="slow", on_delay_ms=5000)
    silent = hot(alarm="silent", kind=AlarmKind.STALE, limit=None, after_ms=60_000)
    plant.now_s = clock(HOUR_S) / 1e6
    plant.rules(hot(), slow, silent)
    plant.put(at(HOUR_S, 20), clock_us=clock(HOUR_S))
    plant.put(at(1, 90), at(2, 90), clock_us=clock(2))
    assert plant.standing() == {"hot": "unacknowledged"}
    plant.put(at(6, 90), clock_us=clock(6))
    assert plant.standing() == {"hot": "unacknowledged", "slow": "unacknowledged"}
    plant.restart()
    plant.put(at(7, 20), clock_us=clock(7))
    assert plant.standing() == {"hot": "returned", "slow": "returned"}
    plant.put(at(5, 90), clock_us=clock(8))  # late
    plant.put(("flow", NOW_S - 1000 + 68, 1.0, 0), clock_us=clock(68))
    assert plant.standing() == {
        "hot": "returned",
        "slow": "returned",
        "silent": "unacknowledged",
    }


def test_a_sample_dated_ahead_ends_no_delay_early(plant: Plant) -> None:
    plant.rules(hot(on_delay_ms=5000), hot(alarm="other", tag="flow"))
    plant.put(at(1, 90), clock_us=clock(1))
    ahead = ("flow", NOW_S - 1000 + HOUR_S, 90.0, 0)
    plant.put(ahead, at(2, 90), clock_us=clock(2))
    assert plant.standing() == {"other": "unacknowledged"}
    plant.put(at(HOUR_S, 90), clock_us=clock(3))
    assert plant.standing() == {"other": "unacknowledged"}
    plant.put(at(6, 90), clock_us=clock(6))
    assert plant.standing() == {"hot": "unacknowledged", "other": "unacknowledged"}
    times = {x.alarm: x.at_us for x in plant.link.perform(store.states, "press")}
    assert times == {"hot": clock(6), "other": clock(2)}


def test_a_device_with_a_slow_clock_is_not_silent(plant: Plant) -> None:
    silent = hot(alarm="silent", kind=AlarmKind.STALE, limit=None, after_ms=60_000)
    plant.now_s = NOW_S - 1000
    plant.rules(silent)
    plant.now_s = NOW_S - 1000 + HOUR_S
    for second in (1, 50, 100):
        plant.now_s = NOW_S - 1000 + HOUR_S + second
        plant.put(at(second, 20), clock_us=clock(second))
        plant.link.perform(plant.judge.tick)
    assert plant.standing() == {}
    plant.now_s += 59
    plant.link.perform(plant.judge.tick)
    assert plant.standing() == {}
    plant.now_s += 2
    plant.link.perform(plant.judge.tick)
    assert plant.standing() == {"silent": "unacknowledged"}


def test_of_a_device_that_tells_no_clock_ours_counts(plant: Plant) -> None:
    plant.rules(hot(on_delay_ms=5000))
    plant.now_s = NOW_S - 990
    plant.put(at(10, 90))
    plant.put(at(HOUR_S, 90))
    assert plant.standing() == {}
    plant.now_s = NOW_S - 984
    plant.put(at(HOUR_S + 6, 90))
    assert plant.standing() == {"hot": "unacknowledged"}


def clock(second: float) -> int:
    """What the device's clock said, as ``at`` counts."""
    return round((NOW_S - 1000 + second) * 1e6)


def by_alarm(told: Sequence[AlarmTransition]) -> dict[str, list[AlarmTransition]]:
    found: dict[str, list[AlarmTransition]] = {}
    for one in told:
        found.setdefault(one.alarm, []).append(one)
    return found
