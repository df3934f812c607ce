"""The device's alarms: judged, kept, and the same after a restart."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isnan
from typing import Any

import pytest

from edge_agent.alarm_bank import Bank, Moved
from edge_agent.drivers.driver import Reading
from heddle.alarm_wire import machine_rules, wire_transition
from heddle.alarms.table import AlarmTable
from heddle.contract.alarms import (
    AlarmAction,
    AlarmKind,
    AlarmOrder,
    AlarmPlace,
    AlarmRule,
    AlarmTransition,
    WrongAlarmState,
)
from heddle.contract.devices import Tag, TagType
from heddle.contract.samples import Quality
from tests.support import alarms as stir

SECOND = 1_000_000
TAGS = (
    Tag(tag="t", unit="°C"),
    Tag(tag="n", type=TagType.INTEGER),
    Tag(tag="word", type=TagType.TEXT),
)
ACK = AlarmOrder(action=AlarmAction.ACKNOWLEDGE, who="ann", comment="seen")


def rule(**fields: Any) -> AlarmRule:
    """HI at 10 on the tag ``t``, judged by the device, unless told otherwise."""
    usual: dict[str, Any] = {
        "device": "press_7",
        "alarm": "hot",
        "tag": "t",
        "kind": AlarmKind.HI,
        "limit": 10.0,
        "place": AlarmPlace.EDGE,
    }
    return AlarmRule(**(usual | fields))


def read(at_s: float, value: Any, tag: str = "t") -> Reading:
    return Reading(tag, int(at_s * SECOND), value)


class Device:
    """A bank, and the rows that a disk would have kept of it."""

    def __init__(self, *rules: AlarmRule) -> None:
        self.rows: dict[str, bytes] = {}
        self.bank = Bank(TAGS, {}, 0)
        self.bank.set_rules(rules, 0)
        self.told: list[AlarmTransition] = []
        self.keep()

    def keep(self) -> Moved:
        moved = self.bank.take()
        self.told += moved.told
        for name, body in moved.rows.items():
            assert body is not None
            self.rows[name] = body
        return moved

    def judge(self, *readings: Reading) -> list[str]:
        self.bank.judge(readings, readings[-1].at_us)
        return causes(self.keep().told)

    def restart(self, at_s: float = 0) -> None:
        self.bank = Bank(TAGS, self.rows, int(at_s * SECOND))

    def set_rules(self, *rules: AlarmRule, at_s: float = 0) -> list[str]:
        self.bank.set_rules(rules, int(at_s * SECOND))
        return causes(self.keep().told)


def causes(told: Sequence[AlarmTransition]) -> list[str]:
    return [f"{each.alarm} {each.cause}" for each in told]


def test_a_restart_changes_no_state_and_tells_nothing() -> None:
    device = Device(rule())
    assert device.judge(read(1, 11)) == ["hot raised"]
    device.restart()
    assert len(device.bank) == 1
    assert device.judge(read(2, 12)) == []
    assert device.judge(read(3, 5)) == ["hot cleared"]
    device.restart()
    assert device.judge(read(4, 5)) == []
    device.bank.obey(ACK, 5 * SECOND)
    assert causes(device.keep().told) == ["hot acknowledged"]
    assert [each.number for each in device.told] == [0, 1, 2]
    assert device.told[-1].who == "ann"


def test_a_delay_that_began_goes_on_after_a_restart() -> None:
    device = Device(rule(on_delay_ms=5_000))
    assert device.judge(read(1, 11)) == []
    device.restart(at_s=2)
    assert device.bank.next_due() == 6 * SECOND
    device.bank.due(7 * SECOND)
    (raised,) = device.keep().told
    assert (raised.cause, raised.at_us, raised.value) == ("raised", 6 * SECOND, 11.0)


def test_who_was_first_of_a_group_is_remembered() -> None:
    rules = rule(group="g"), rule(alarm="hotter", limit=20.0, group="g")
    device = Device(*rules)
    device.judge(read(1, 15))
    device.restart()
    device.judge(read(2, 25))
    assert [(x.alarm, x.first) for x in device.told] == [
        ("hot", True),
        ("hotter", False),
    ]


def test_the_patience_with_silence_begins_anew_with_the_agent() -> None:
    device = Device(rule(kind=AlarmKind.STALE, limit=None, after_ms=5_000))
    device.judge(read(1, 1))
    device.restart(at_s=1000)
    device.bank.due(1004 * SECOND)
    assert device.keep().told == ()
    device.bank.due(1006 * SECOND)
    assert [x.at_us for x in device.keep().told] == [1005 * SECOND]
    device.restart(at_s=2000)
    device.bank.due(2999 * SECOND)
    assert device.keep().told == ()  # still silent: told once
    assert device.judge(read(3000, 1)) == ["hot cleared"]


def test_a_clock_that_was_set_back_blinds_no_alarm() -> None:
    device = Device(
        rule(),
        rule(alarm="slow", on_delay_ms=5_000),
        rule(alarm="silent", kind=AlarmKind.STALE, limit=None, after_ms=60_000),
    )
    device.judge(read(9_000, 5))
    assert device.judge(read(9_001, 11)) == ["hot raised"]
    assert device.judge(read(1_000, 11)) == []
    device.bank.due(1_005 * SECOND)
    assert causes(device.keep().told) == ["slow raised"]
    assert device.judge(read(1_006, 5)) == ["hot cleared", "slow cleared"]
    device.bank.due(1_066 * SECOND)
    assert causes(device.keep().told) == ["silent raised"]
    device.restart()
    assert device.judge(read(500, 11)) == ["hot raised", "silent cleared"]
    assert [x.number for x in device.told if x.alarm == "hot"] == [0, 1, 2]


def test_a_reading_dated_ahead_ends_no_delay_early() -> None:
    device = Device(rule(on_delay_ms=60_000))
    assert device.judge(read(1, 11)) == []
    device.bank.judge([read(3_600, 11)], 2 * SECOND)
    device.bank.due(2 * SECOND)
    assert device.keep().told == ()
    device.bank.due(61 * SECOND)
    assert [x.at_us for x in device.keep().told] == [61 * SECOND]


def test_a_late_reading_is_none_of_a_clock_that_was_set_back() -> None:
    device = Device(rule())
    device.judge(read(100, 5))
    device.bank.judge([read(90, 11)], 100 * SECOND)
    device.bank.judge([read(200, 5), read(190, 11)], 196 * SECOND)
    assert device.keep().told == ()


def test_what_samples_renew_by_themselves_is_not_written() -> None:
    device = Device(
        rule(kind=AlarmKind.RATE, alarm="rate"),
        rule(kind=AlarmKind.STALE, alarm="silent", limit=None, after_ms=1_000),
        rule(),
    )
    device.judge(read(1, 1))
    for n in range(2, 9):
        device.bank.judge([read(n / 4, 1 + n % 2)], int(n / 4 * SECOND))
        device.bank.due(int(n / 4 * SECOND))
        assert not device.keep()
    assert device.judge(read(2.5, 50)) == ["rate raised", "hot raised"]


def test_values_are_judged_as_the_recorder_keeps_them() -> None:
    bad = rule(kind=AlarmKind.QUALITY, limit=None)
    device = Device(
        replace(bad, alarm="bad_n", tag="n"), replace(bad, alarm="bad_word", tag="word")
    )
    assert device.judge(read(1, 3, "n"), read(1, "x", "word")) == []
    assert device.judge(read(2, 3.5, "n"), read(2, None, "word")) == ["bad_n raised"]
    assert device.judge(read(3, True, "n")) == ["bad_n cleared"]
    uncertain = Reading("n", 4 * SECOND, 3, Quality.UNCERTAIN)
    assert device.judge(uncertain) == []


def test_rules_come_change_and_go() -> None:
    device = Device(rule())
    device.judge(read(1, 11))
    assert device.bank.set_rules((rule(),), 2 * SECOND) == frozenset()
    assert not device.keep()
    tags = device.bank.set_rules((rule(limit=20.0), rule(alarm="b")), 3 * SECOND)
    assert tags == {"t"}
    assert causes(device.keep().told) == ["hot changed"]
    assert device.judge(read(4, 11)) == ["hot cleared", "b raised"]
    assert device.set_rules(rule(alarm="b"), at_s=5) == ["hot removed"]
    device.restart()
    assert len(device.bank) == 1
    assert device.set_rules(rule(), rule(alarm="b"), at_s=6) == []
    assert device.judge(read(7, 11)) == ["hot raised"]
    assert [x.number for x in device.told if x.alarm == "hot"] == [0, 1, 2, 3, 4]


def test_the_text_of_a_rule_alone_is_a_change_too() -> None:
    device = Device(rule())
    assert device.set_rules(rule(text="call the shift leader")) == ["hot changed"]


def test_a_rule_that_is_not_understood_is_left_out() -> None:
    device = Device(rule(limit=None), rule(alarm="b"))
    assert device.judge(read(1, 11)) == ["b raised"]
    device.restart()
    assert device.judge(read(2, 5)) == ["b cleared"]
    assert device.set_rules(rule(), rule(alarm="b")) == []
    assert device.judge(read(3, 11)) == ["b raised", "hot raised"]


def test_rows_that_cannot_be_read_begin_anew() -> None:
    device = Device(rule())
    device.rows["rules"] = b"\xc1"
    device.restart()
    assert len(device.bank) == 0
    device.set_rules(rule())
    assert device.judge(read(1, 11)) == ["hot raised"]


def test_an_order_that_makes_no_sense_leaves_what_fell_due() -> None:
    device = Device(rule(on_delay_ms=1_000))
    device.judge(read(1, 11))
    reset = AlarmOrder(action=AlarmAction.RESET, who="ann", alarms=("hot",))
    with pytest.raises(WrongAlarmState, match="hot is unacknowledged"):
        device.bank.obey(reset, 3 * SECOND)
    assert causes(device.keep().told) == ["hot raised"]


def test_thousands_of_samples_are_judged_as_by_the_bare_table() -> None:
    """And a restart between any two batches changes nothing but rates and silence."""
    kinds = (AlarmKind.RATE, AlarmKind.STALE)
    rules = [
        stir.wire_rule(one)
        for one in stir.assorted_rules(8, seed=5)
        if one.kind.value not in kinds
    ]
    tags = [Tag(tag=f"t{n}") for n in range(8)]
    bank = Bank(tags, {}, stir.START_US)
    bank.set_rules(rules, stir.START_US)
    rows = {**bank.take().rows}
    table = AlarmTable(machine_rules(rules), stir.START_US)
    slots = stir.slots_of(table, 8)
    expected: list[AlarmTransition] = []
    told: list[AlarmTransition] = []
    for batch in stir.batches(8, 4_000, 40, seed=2):
        for row in in_time(batch):
            expected += map(wire_transition, table.update(slots[row[0]], *row[1:]))
        bank.judge(
            [Reading(f"t{t}", at, v, Quality(q)) for t, at, v, q in in_time(batch)],
            max(batch.at_us),
        )
        moved = bank.take()
        told += moved.told
        rows |= moved.rows
        bank = Bank(tags, {k: v for k, v in rows.items() if v}, max(batch.at_us))
    assert len(told) > 500
    assert by_alarm(told) == by_alarm(expected)


def by_alarm(told: Sequence[AlarmTransition]) -> dict[str, list[AlarmTransition]]:
    found: dict[str, list[AlarmTransition]] = {}
    for each in told:
        found.setdefault(each.alarm, []).append(each)
    return found


def in_time(batch: stir.Batch) -> Iterator[tuple[int, int, float, int]]:
    """Its samples, but those that come late or without value: the device has none."""
    newest = 0
    for tag, at_us, value, quality in stir.rows(batch):
        if at_us >= newest and not isnan(value):
            newest = at_us
            yield tag, at_us, value, quality
