"""As many at a turn as begin in a moment, in order, and none that was given up."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError

from edge_agent.swarm.turns import AT_ONCE_S, Turns


class Reactor:
    """What is asked for during a turn comes in the next one, as in the real one."""

    def __init__(self) -> None:
        self._asked: list[Callable[[], None]] = []
        self._now_s = 0.0

    def seconds(self) -> float:
        return self._now_s

    def callLater(self, _delay_s: float, call: Callable[[], None]) -> None:  # noqa: N802
        self._asked.append(call)

    def turn(self) -> None:
        asked, self._asked = self._asked, []
        for call in asked:
            call()

    def work(self, share: float) -> None:
        """It takes a share of what may follow each other."""
        self._now_s += share * AT_ONCE_S


def _gone_at_each_turn(share: float) -> list[list[int]]:
    """Five who wait, each busy for that share; who went at each turn."""
    clock, gone = Reactor(), list[int]()
    turns = Turns(clock)  # type: ignore[arg-type]

    def go(number: int) -> None:
        gone.append(number)
        clock.work(share)

    for number in range(5):
        turns.mine().addCallback(lambda _, number=number: go(number))
    seen = []
    while len(gone) < 5:
        clock.turn()
        seen.append(gone.copy())
    return seen


def test_those_that_take_long_go_one_at_a_turn_in_their_order() -> None:
    assert _gone_at_each_turn(1.1) == [list(range(n)) for n in (1, 2, 3, 4, 5)]


def test_those_that_are_quick_go_together_for_a_moment() -> None:
    assert _gone_at_each_turn(0.6) == [[0, 1], [0, 1, 2, 3], [0, 1, 2, 3, 4]]


def test_a_queue_that_was_empty_meanwhile_begins_anew() -> None:
    clock, gone = Reactor(), list[Any]()
    turns = Turns(clock)  # type: ignore[arg-type]
    for number in range(2):
        turns.mine().addCallback(lambda _, number=number: gone.append(number))
        clock.turn()
        assert gone == list(range(number + 1))
    clock.turn()


def test_who_gives_up_holds_nobody_up() -> None:
    clock, gone = Reactor(), list[Any]()
    turns = Turns(clock)  # type: ignore[arg-type]
    turns.mine().addCallback(lambda _: gone.append("first"))
    second = turns.mine()
    second.addErrback(lambda failure: failure.trap(CancelledError))
    turns.mine().addCallback(lambda _: gone.append("third"))
    second.cancel()
    for _ in range(3):
        clock.turn()
    assert gone == ["first", "third"]
