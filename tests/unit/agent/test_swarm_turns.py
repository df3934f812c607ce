"""One at a turn, in order, and none that was given up."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError

from edge_agent.swarm.turns import Turns


class Reactor:
    """What is asked for during a turn comes in the next one, as in the real one."""

    def __init__(self) -> None:
        self._asked: list[Callable[[], None]] = []

    def callLater(self, _delay_s: float, call: Callable[[], None]) -> None:  # noqa: N802
        self._asked.append(call)

    def turn(self) -> None:
        asked, self._asked = self._asked, []
        for call in asked:
            call()


def test_one_goes_at_each_turn_in_their_order() -> None:
    clock, gone = Reactor(), list[Any]()
    turns = Turns(clock)  # type: ignore[arg-type]
    for number in range(3):
        turns.mine().addCallback(lambda _, number=number: gone.append(number))
    for expected in ([0], [0, 1], [0, 1, 2], [0, 1, 2]):
        clock.turn()
        assert gone == expected
    turns.mine().addCallback(lambda _: gone.append(3))  # the queue was empty meanwhile
    clock.turn()
    assert gone == [0, 1, 2, 3]


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
