"""The device's alarms in virtual time: deadlines, the disk, orders."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from edge_agent import alarms as module
from edge_agent.alarms import UNDER_WAY_S, Alarms
from edge_agent.drivers.driver import Reading
from edge_agent.outbox import OutboxFailed
from edge_agent.tags import TagTable
from heddle.contract.alarms import (
    AlarmAction,
    AlarmKind,
    AlarmNotFound,
    AlarmOrder,
    AlarmPlace,
    AlarmRule,
)
from heddle.contract.declare import StorageUnavailable
from heddle.contract.devices import Tag

HOT = AlarmRule(
    device="press_7",
    alarm="hot",
    tag="t",
    kind=AlarmKind.HI,
    limit=10.0,
    place=AlarmPlace.EDGE,
)
DELAYED = AlarmRule(
    device="press_7",
    alarm="hot",
    tag="t",
    kind=AlarmKind.HI,
    limit=10.0,
    place=AlarmPlace.EDGE,
    on_delay_ms=5_000,
)
ACK = AlarmOrder(action=AlarmAction.ACKNOWLEDGE, who="ann", alarms=("hot",))


class Disk:
    """An outbox that keeps what it is given, while it is not full."""

    def __init__(self) -> None:
        self.full = False
        self.waits = False
        self.told: list[tuple[str, int]] = []
        self.rows: dict[str, bytes] = {}
        self.lost = 0
        self.writes = 0

    async def position(self, _stream: Any) -> tuple[str, int] | None:
        return None if self.waits else ("e", len(self.told))

    async def alarm_rows(self) -> dict[str, bytes]:
        return dict(self.rows)

    async def keep_alarms(self, told: Any, rows: Any) -> None:
        self._write()
        self.told += [(each.cause, each.at_us) for each in told]
        self.rows |= rows

    async def keep_loss(self, _stream: Any, items: int, _why: str, _: Any) -> None:
        self._write()
        self.lost += items

    def _write(self) -> None:
        if self.full:
            raise OutboxFailed("the disk is full")
        self.writes += 1


class Device:
    """A tag table, alarms and a clock that starts at 1000 s."""

    def __init__(self, disk: Disk, at_s: float = 1000.0) -> None:
        self.disk = disk
        self.clock = Clock()
        self.clock.advance(at_s)
        self.tags = TagTable((Tag(tag="t"),))
        outbox: Any = disk
        self.alarms = Alarms(
            self.clock, outbox, self.tags, now_s=self.clock.seconds, commit_ms=250
        )
        done(self.alarms.start())
        self.tags.hear(self.alarms.heard)

    def read(self, value: float) -> None:
        at_us = int(self.clock.seconds() * 1e6)
        self.tags.update([Reading("t", at_us, value)])
        self.clock.advance(0)

    @property
    def causes(self) -> list[str]:
        return [cause for cause, _ in self.disk.told]


def done(work: Any) -> Any:
    """The result of work that waits for nothing."""
    return result(Deferred.fromCoroutine(work))


def result(deferred: "Deferred[Any]") -> Any:
    found: list[Any] = []
    deferred.addBoth(found.append)
    (one,) = found
    if hasattr(one, "raiseException"):
        one.raiseException()
    return one


@pytest.fixture
def device() -> Device:
    return Device(Disk())


def test_what_is_told_is_on_disk_at_once(device: Device) -> None:
    device.alarms.set_rules((HOT,))
    device.read(11)
    assert device.disk.told == [("raised", 1_000_000_000)]
    again = Device(device.disk, at_s=1001)
    assert len(again.alarms) == 1
    again.read(12)
    again.read(9)
    assert device.causes == ["raised", "cleared"]


def test_a_new_rule_is_judged_by_the_value_there_is(device: Device) -> None:
    device.read(11)
    device.alarms.set_rules((HOT,))
    device.clock.advance(0)
    assert device.causes == ["raised"]


def test_a_deadline_is_kept_without_another_reading(device: Device) -> None:
    device.alarms.set_rules((DELAYED,))
    device.read(11)
    device.clock.advance(5)
    assert device.causes == []  # a reading of before may be under way
    device.clock.advance(UNDER_WAY_S)
    device.clock.advance(0)
    assert device.disk.told == [("raised", 1_005_000_000)]


def test_a_reading_under_way_when_the_deadline_comes_still_counts(
    device: Device,
) -> None:
    device.alarms.set_rules((DELAYED,))
    device.read(11)
    device.clock.advance(5.1)
    device.tags.update([Reading("t", 1_004_900_000, 9)])
    device.clock.advance(60)
    assert device.causes == []


def test_a_delay_that_began_is_on_disk_within_a_moment(device: Device) -> None:
    device.alarms.set_rules((DELAYED,))
    device.clock.advance(0.25)
    before = device.disk.writes
    for value in (11, 9, 12, 8, 13):
        device.read(value)
    device.clock.advance(0.25)
    assert device.disk.writes == before + 1
    again = Device(device.disk, at_s=1020)
    again.clock.advance(1)
    assert device.disk.told == [("raised", 1_005_250_000)]


def test_a_clock_that_was_set_is_noticed(device: Device) -> None:
    device.alarms.set_rules((DELAYED,))
    set_by_s = [0.0]
    device.alarms._now_s = lambda: device.clock.seconds() + set_by_s[0]
    device.read(11)
    set_by_s[0] = -30.0
    device.clock.advance(20)
    assert device.causes == []
    device.clock.advance(60)
    device.clock.advance(0)
    assert device.causes == ["raised"]


def test_a_full_disk_costs_nothing(device: Device) -> None:
    device.alarms.set_rules((HOT,))
    device.clock.advance(1)
    device.disk.full = True
    device.read(11)
    device.read(9)
    for _ in range(3):
        device.clock.advance(1)
    assert device.causes == []
    with pytest.raises(StorageUnavailable, match="cannot write to its disk"):
        done(device.alarms.order(ACK))
    device.disk.full = False
    device.clock.advance(1)
    assert device.causes == ["raised", "cleared"]
    assert device.disk.lost == 0


def test_what_finds_no_room_in_memory_is_told_as_lost(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_HELD", 3)
    device.alarms.set_rules((HOT,))
    device.disk.full = True
    for value in (11, 9, 11, 9, 11):
        device.clock.advance(1)
        device.read(value)
    device.disk.full = False
    device.clock.advance(1)
    assert device.causes == ["raised", "cleared", "raised"]
    assert device.disk.lost == 2


def test_an_order_is_answered_once_it_is_on_disk(device: Device) -> None:
    device.alarms.set_rules((HOT,))
    device.read(11)
    answer = Deferred.fromCoroutine(device.alarms.order(ACK))
    assert not answer.called
    device.clock.advance(0)
    (told,) = result(answer).transitions
    assert (told.cause, told.who, device.causes[-1]) == (
        "acknowledged",
        "ann",
        "acknowledged",
    )
    nothing = AlarmOrder(action=AlarmAction.ACKNOWLEDGE, who="ann")
    assert done(device.alarms.order(nothing)).transitions == ()
    with pytest.raises(AlarmNotFound, match="no alarm 'hotter'"):
        order = AlarmOrder(action=AlarmAction.RESET, who="ann", alarms=("hotter",))
        done(device.alarms.order(order))


def test_an_order_waits_for_a_disk_that_just_failed(device: Device) -> None:
    device.alarms.set_rules((HOT,))
    device.read(11)
    device.disk.full = True
    answer = Deferred.fromCoroutine(device.alarms.order(ACK))
    device.clock.advance(1)
    assert not answer.called
    device.disk.full = False
    device.clock.advance(1)
    assert [x.cause for x in result(answer).transitions] == ["acknowledged"]


def test_the_end_keeps_what_is_held_and_leaves_no_timer(device: Device) -> None:
    device.alarms.set_rules((DELAYED,))
    device.tags.update([Reading("t", 1_000_000_000, 11)])
    done(device.alarms.stop())
    assert device.clock.getDelayedCalls() == []
    again = Device(device.disk, at_s=1010)
    again.clock.advance(0)
    assert device.causes == ["raised"]


def test_how_alarms_stand_is_told_once_what_led_there_is_delivered(
    device: Device,
) -> None:
    device.alarms.set_rules((HOT,))
    device.disk.full = True
    device.read(11)
    assert done(device.alarms.report()) is None  # it is in memory only
    device.disk.full = False
    device.clock.advance(5)
    device.disk.waits = True
    assert done(device.alarms.report()) is None
    device.disk.waits = False
    report = done(device.alarms.report())
    assert (report.epoch, report.next_number) == ("e", 1)
    (hot,) = report.standing
    assert (hot.alarm, hot.state, hot.value) == ("hot", "unacknowledged", 11.0)
    assert hot.raised_at_us == 1_000_000_000
