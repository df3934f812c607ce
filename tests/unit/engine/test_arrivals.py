"""When a turn is due."""

from twisted.internet.task import Clock

from edge_agent.engine.arrivals import ARRIVALS_A_TURN, Arrivals
from edge_agent.engine.turn import CameDue, Tidy


def waiting() -> tuple[Clock, Arrivals, list[int]]:
    """Arrivals whose turns note how many they took."""
    clock, turns = Clock(), []
    arrivals = Arrivals(clock, lambda: turns.append(len(arrivals.take())))
    return clock, arrivals, turns


def test_what_arrives_in_one_round_of_the_reactor_is_one_turn() -> None:
    clock, arrivals, turns = waiting()
    arrivals.add(Tidy())
    arrivals.add(Tidy())
    assert turns == []
    clock.advance(0)
    clock.advance(0)
    assert turns == [2]


def test_what_is_read_from_the_socket_makes_a_turn_at_its_end() -> None:
    clock, arrivals, turns = waiting()
    arrivals.add(CameDue(1))
    arrivals.gather()
    arrivals.add(Tidy())
    arrivals.add(Tidy())
    assert turns == []
    arrivals.hurry()
    assert turns == [3]
    assert clock.getDelayedCalls() == []
    arrivals.gather()
    arrivals.hurry()  # a part of a frame
    assert turns == [3]


def test_a_turn_that_was_to_wait_comes_with_the_next_arrival() -> None:
    clock, arrivals, turns = waiting()
    arrivals.turn_in(1)
    arrivals.turn_in(1)
    arrivals.add(Tidy())
    clock.advance(0)
    assert turns == [1]
    arrivals.turn_in(1)
    clock.advance(0.9)
    assert turns == [1]
    clock.advance(0.1)
    assert turns == [1, 0]


def test_a_turn_takes_so_many_and_what_is_given_back_is_first_again() -> None:
    clock, arrivals, turns = waiting()
    arrivals.give_back([CameDue(n) for n in range(ARRIVALS_A_TURN + 5)])
    assert arrivals.take() == [CameDue(n) for n in range(ARRIVALS_A_TURN)]
    arrivals.give_back([CameDue(7)])
    arrivals.add(Tidy())
    clock.advance(0)
    assert turns == [7]


def test_none_is_taken_once_they_are_closed() -> None:
    clock, arrivals, turns = waiting()
    arrivals.add(Tidy())
    arrivals.close()
    arrivals.add(Tidy())
    arrivals.turn_now()
    clock.advance(5)
    assert turns == []
