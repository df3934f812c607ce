"""Fetching the rules, in virtual time."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from edge_agent.alarm_report import MAX_RETRY_S, StateReport
from edge_agent.alarm_rules import AGAIN_S, RuleWatch
from heddle.contract.alarms import AlarmRuleList
from heddle.contract.declare import StorageUnavailable
from heddle.wamp.session import ConnectionLost

NONE = AlarmRuleList(rules=())


class Link:
    """A session whose questions wait for a test to answer them."""

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []
        self.changed: Callable[[Any, Any], None]

    async def hear(self, _topic: Any, hearer: Any, /, device: str) -> None:
        assert device == "press_7"
        self.changed = hearer

    async def call(self, *_: Any, **__: Any) -> Any:
        self.asked.append(Deferred())
        return await self.asked[-1]


class Watched:
    def __init__(self) -> None:
        self.clock = Clock()
        self.heeded: list[Any] = []
        self.reports: list[Any] = []
        report = StateReport(self.clock, self.report)
        self.watch = RuleWatch(self.clock, "press_7", self.heeded.append, report)

    async def report(self) -> None:
        """What led to a state is never all delivered, here."""
        self.reports.append(len(self.heeded))

    def join(self) -> Link:
        link: Any = Link()
        Deferred.fromCoroutine(self.watch.joined(link))
        return link


@pytest.fixture
def device() -> Watched:
    return Watched()


def test_it_asks_at_each_join_and_now_and_then(device: Watched) -> None:
    link = device.join()
    link.asked[0].callback(NONE)
    assert device.heeded == [()]
    device.clock.advance(AGAIN_S)
    assert len(link.asked) == 2
    link.asked[1].callback(NONE)
    assert device.reports[0] == 1
    device.watch.left()
    device.clock.advance(MAX_RETRY_S)
    assert device.clock.getDelayedCalls() == []
    again = device.join()
    assert len(again.asked) == 1


def test_a_change_while_asking_is_not_missed(device: Watched) -> None:
    link = device.join()
    link.changed(None, None)
    assert len(link.asked) == 1
    link.asked[0].callback(NONE)
    assert len(link.asked) == 2
    link.asked[1].callback(NONE)
    link.changed(None, None)
    assert len(link.asked) == 3


def test_it_asks_again_while_fleetdata_is_away(device: Watched) -> None:
    link = device.join()
    for tries in range(1, 8):
        assert len(link.asked) == tries
        link.asked[-1].errback(StorageUnavailable("away"))
        device.clock.advance(0.4)
        assert len(link.asked) == tries
        device.clock.advance(30)
    link.asked[-1].callback(NONE)
    assert device.heeded == [()]


def test_an_answer_to_a_session_that_ended_does_not_count(device: Watched) -> None:
    old = device.join()
    device.watch.left()
    new = device.join()
    old.asked[0].callback(NONE)
    assert device.heeded == []
    new.asked[0].callback(NONE)
    assert device.heeded == [()]


def test_a_lost_link_leaves_it_to_the_next(device: Watched) -> None:
    old = device.join()
    old.asked[0].errback(ConnectionLost("gone"))
    device.clock.advance(100)
    assert len(old.asked) == 1
    device.watch.left()
    new = device.join()
    new.asked[0].callback(NONE)
    assert device.heeded == [()]
