"""Rolling up in turns: bounded work, rest between, and what is too much in parts."""

from collections.abc import Callable
from typing import Any

import pytest_twisted
from twisted.internet.task import Clock

from heddle.contract.declare import StorageUnavailable
from services.fleetdata.rolling import (
    HELD_REST_S,
    HOURS_EVERY_S,
    REFUSED_REST_S,
    REST_S,
    SHORT_REST_S,
    Rolling,
)
from services.fleetdata.store.links import StoreRefused, StoreTooSlow
from services.fleetdata.store.rollups import MARKS_PER_TURN, MINUTES, halve, roll_up


class Marks:
    """A store with so many marks, that takes so long for each, or fails."""

    def __init__(self, clock: Clock, minutes: int = 0, hours: int = 0) -> None:
        self.clock = clock
        self.left = {"minute": minutes, "hour": hours}
        self.each_s = 0.0
        self.failure: Exception | None = None
        self.asked: list[tuple[str, int]] = []
        self.halved = 0
        self.held = False

    async def perform(self, work: Callable[..., Any], *args: Any) -> int | None:
        grain = args[0].name
        if work is halve:
            self.halved += 1
            return 2
        assert work is roll_up
        self.asked.append((grain, args[1]))
        if self.failure is not None:
            raise self.failure
        if self.held:
            return None
        done = min(args[1], self.left[grain])
        self.left[grain] -= done
        self.clock.advance(done * self.each_s)
        return done


def rolling(marks: Marks) -> Rolling:
    return Rolling(marks.clock, marks.perform, "plant")


@pytest_twisted.ensureDeferred
async def test_it_rests_long_when_nothing_is_left() -> None:
    marks = Marks(Clock(), minutes=3)
    assert await rolling(marks).turn() == REST_S
    assert marks.left["minute"] == 0


@pytest_twisted.ensureDeferred
async def test_it_takes_more_at_once_as_long_as_that_is_quick() -> None:
    marks = Marks(Clock(), minutes=10_000)
    work = rolling(marks)
    rests = [await work.turn() for _ in range(6)]
    assert rests == [SHORT_REST_S] * 6
    most = [n for grain, n in marks.asked if grain == "minute"]
    assert most == sorted(most)
    assert most[-1] == MARKS_PER_TURN


@pytest_twisted.ensureDeferred
async def test_it_takes_less_when_a_turn_is_long_and_rests_as_long() -> None:
    marks = Marks(Clock(), minutes=10_000)
    marks.each_s = 1.0
    work = rolling(marks)
    first = await work.turn()
    assert first == marks.asked[0][1]
    rests = [await work.turn() for _ in range(8)]
    assert rests[-1] <= 2


@pytest_twisted.ensureDeferred
async def test_hours_are_made_once_a_minute() -> None:
    clock = Clock()
    marks = Marks(clock)
    work = rolling(marks)
    for _ in range(3):
        await work.turn()
    assert [grain for grain, _ in marks.asked].count("hour") == 1
    clock.advance(HOURS_EVERY_S)
    await work.turn()
    assert [grain for grain, _ in marks.asked].count("hour") == 2


@pytest_twisted.ensureDeferred
async def test_while_somebody_else_is_at_it_it_asks_again_soon() -> None:
    marks = Marks(Clock(), minutes=3, hours=1)
    work = rolling(marks)
    marks.held = True
    assert await work.turn() == HELD_REST_S
    marks.held = False
    await work.turn()
    assert marks.left == {"minute": 0, "hour": 0}


@pytest_twisted.ensureDeferred
async def test_a_mark_that_is_too_much_is_halved_in_the_end() -> None:
    marks = Marks(Clock())
    marks.failure = StoreTooSlow("cancelled")
    work = rolling(marks)
    for _ in range(8):
        assert await work.turn() == SHORT_REST_S
    most = [n for grain, n in marks.asked if grain == MINUTES.name]
    assert most == sorted(most, reverse=True)
    assert most[-1] == 1
    assert marks.halved > 0


@pytest_twisted.ensureDeferred
async def test_a_database_that_is_away_or_refuses_is_asked_again_later() -> None:
    marks = Marks(Clock())
    marks.failure = StorageUnavailable("away")
    assert await rolling(marks).turn() == REST_S
    marks.failure = StoreRefused("no")
    assert await rolling(marks).turn() == REFUSED_REST_S
