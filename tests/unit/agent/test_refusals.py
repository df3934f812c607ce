"""Refusals are told to the centre: counted, seldom, and never in floods."""

from typing import Any

from twisted.internet.task import Clock

from edge_agent.refusals import MOST, TELL_AFTER_S, TELL_AGAIN_S, Refusals
from heddle.contract.audit import RefusalNoted, ReportRefusal
from heddle.wamp.session import CallTimedOut


class Link:
    """A session that notes what is reported."""

    def __init__(self) -> None:
        self.told: list[ReportRefusal] = []
        self.is_deaf = False

    async def call(self, _: Any, refusal: ReportRefusal, **__: Any) -> RefusalNoted:
        if self.is_deaf:
            raise CallTimedOut("no answer")
        self.told.append(refusal)
        return RefusalNoted()


def test_equal_ones_are_told_together_and_not_too_often() -> None:
    clock, link = Clock(), Link()
    refusals = Refusals(clock, "press_7")
    refusals.note("deployment.deploy", "abc", "signed by another")
    clock.advance(100)
    refusals.joined(link)  # type: ignore[arg-type]
    refusals.note("deployment.deploy", "abc", "signed by another")
    clock.advance(TELL_AFTER_S)
    (told,) = link.told
    assert (told.actor, told.subject, told.times) == ("press_7", "abc", 2)
    for _ in range(10):
        refusals.note("deployment.deploy", "abc", "signed by another")
        clock.advance(1)
    assert len(link.told) == 1
    clock.advance(TELL_AGAIN_S)
    assert [each.times for each in link.told] == [2, 10]


def test_what_nobody_hears_waits_as_far_as_there_is_room() -> None:
    clock, link = Clock(), Link()
    refusals = Refusals(clock, "press_7")
    refusals.joined(link)  # type: ignore[arg-type]
    link.is_deaf = True
    for n in range(MOST + 5):
        refusals.note("deployment.deploy", str(n), "no")
    clock.advance(TELL_AFTER_S)
    refusals.left()
    assert clock.getDelayedCalls() == []
    link.is_deaf = False
    refusals.joined(link)  # type: ignore[arg-type]
    clock.advance(TELL_AGAIN_S)
    assert len(link.told) == MOST
