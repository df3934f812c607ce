"""Reporting how alarms stand, in virtual time."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from edge_agent.alarm_report import MAX_RETRY_S, StateReport
from heddle.contract.alarms import AlarmsReconciled, ReportAlarms
from heddle.contract.declare import StorageUnavailable
from heddle.wamp.session import ConnectionLost

REPORT = ReportAlarms(epoch="e", next_number=3, standing=())
IN_STEP = AlarmsReconciled(in_step=True)


class Device:
    """Alarms that have something under way so many times, and a link."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.under_way = 0
        self.sent: list[Deferred[Any]] = []
        self.report = StateReport(self.clock, self.ask)

    async def ask(self) -> ReportAlarms | None:
        self.under_way -= 1
        return REPORT if self.under_way < 0 else None

    async def call(self, _: Any, report: ReportAlarms, **__: Any) -> Any:
        assert report is REPORT
        self.sent.append(Deferred())
        return await self.sent[-1]

    def begin(self) -> None:
        link: Any = self
        self.report.begin(link)


@pytest.fixture
def device() -> Device:
    return Device()


def test_it_waits_until_all_is_delivered(device: Device) -> None:
    device.under_way = 3
    device.begin()
    for _ in range(3):
        assert device.sent == []
        device.clock.advance(MAX_RETRY_S)
    device.sent[0].callback(IN_STEP)
    device.clock.advance(10 * MAX_RETRY_S)
    assert len(device.sent) == 1
    device.begin()
    assert len(device.sent) == 2


def test_it_reports_again_until_fleetdata_is_in_step(device: Device) -> None:
    device.begin()
    device.sent[0].errback(StorageUnavailable("away"))
    device.clock.advance(MAX_RETRY_S)
    device.sent[1].callback(AlarmsReconciled(in_step=False))
    device.clock.advance(MAX_RETRY_S)
    device.begin()
    device.sent[2].callback(IN_STEP)
    assert device.clock.getDelayedCalls() == []


def test_the_next_session_begins_anew(device: Device) -> None:
    device.begin()
    device.report.left()
    device.sent[0].errback(ConnectionLost("gone"))
    device.clock.advance(10 * MAX_RETRY_S)
    assert len(device.sent) == 1
    device.begin()
    assert len(device.sent) == 2
