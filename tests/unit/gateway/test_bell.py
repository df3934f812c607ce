"""Waiting for a ring, or until time is up."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from services.gateway.bell import Bell


def waiting(bell: Bell) -> list[bool]:
    heard: list[bool] = []
    Deferred.fromCoroutine(bell.heard(10)).addCallback(heard.append)
    return heard


def test_a_ring_wakes_who_waits_and_time_does_as_well() -> None:
    clock = Clock()
    bell = Bell(clock)

    first = waiting(bell)
    bell.ring()
    second = waiting(bell)
    clock.advance(10)

    assert (first, second, clock.getDelayedCalls()) == ([True], [False], [])


def test_a_ring_while_nobody_waits_is_heard_once() -> None:
    bell = Bell(Clock())
    bell.ring()
    bell.ring()

    assert (waiting(bell), waiting(bell)) == ([True], [])
