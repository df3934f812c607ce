"""How long a guesser of passwords waits, and how often somebody may come in vain."""

import pytest

from heddle.contract.gate import TooManyAttempts
from services.gatekeeper.throttle import (
    LONGEST_WAIT_S,
    Arrivals,
    Pace,
    Throttle,
    place_of,
)


def tries(throttle: Throttle, seconds: range | list[float], key: str = "ann") -> int:
    """How many attempts at these times get through."""
    through = 0
    for now_s in seconds:
        try:
            throttle.attempt(key, float(now_s))
            through += 1
        except TooManyAttempts:
            pass
    return through


def test_a_few_attempts_are_free_and_then_one_waits() -> None:
    assert tries(Throttle(5), [0.0] * 20) == 5


def test_the_wait_doubles_up_to_a_minute() -> None:
    throttle = Throttle(1)
    now_s, waits = 0.0, []
    for _ in range(9):
        throttle.attempt("ann", now_s)
        with pytest.raises(TooManyAttempts) as caught:
            throttle.attempt("ann", now_s)
        waits.append(caught.value.details["retry_in_s"] - 1)
        now_s += float(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_an_hour_of_guessing_gives_few_guesses() -> None:
    assert tries(Throttle(5), range(3600)) < 3600 / LONGEST_WAIT_S + 12


def test_trying_while_waiting_does_not_prolong_the_wait() -> None:
    throttle = Throttle(1)
    throttle.attempt("ann", 0)
    assert tries(throttle, [0.5, 0.9, 1.0]) == 1


def test_others_do_not_wait() -> None:
    throttle = Throttle(1)
    assert tries(throttle, [0.0] * 3) == 1
    assert tries(throttle, [0.0] * 3, "bob") == 1


def test_the_right_password_cleans_the_slate() -> None:
    throttle = Throttle(2)
    throttle.attempt("ann", 0)
    throttle.attempt("ann", 0)
    throttle.forgive("ann")
    assert tries(throttle, [0.0] * 5) == 2


def test_an_attempt_that_nobody_could_judge_does_not_count() -> None:
    throttle = Throttle(2)
    for _ in range(50):
        throttle.attempt("ann", 0)
        throttle.undo("ann")
    assert tries(throttle, [0.0] * 5) == 2


def test_old_failures_are_forgotten() -> None:
    throttle = Throttle(2)
    assert tries(throttle, [0.0, 0.0, 0.0]) == 2
    assert tries(throttle, [700.0] * 3) == 2


def test_memory_is_bounded() -> None:
    throttle = Throttle(1)
    for n in range(20_000):
        throttle.attempt(f"user{n}", 0)
    assert len(throttle._tries) <= 10_000


# Connections that come to nothing

PACE = Pace(at_once=3, per_s=1.0, home_per_s=10.0, home_for_s=100.0)
STRANGER, PLANT = "198.51.100.7", "203.0.113.1"


def let_in(arrivals: Arrivals, host: str, now_s: float, times: int = 20) -> int:
    """How many of so many connections at that moment get in."""
    return sum(arrivals.comes(host, now_s) for _ in range(times))


def test_of_one_address_some_come_at_once_and_then_so_many_a_second() -> None:
    arrivals = Arrivals(PACE)
    assert [let_in(arrivals, STRANGER, at_s) for at_s in (0.0, 0.0, 2.0)] == [3, 0, 2]
    assert let_in(arrivals, PLANT, 2.0) == 3


def test_trying_all_the_time_does_not_prolong_the_wait_for_the_next() -> None:
    arrivals = Arrivals(PACE)
    through = sum(let_in(arrivals, STRANGER, n / 100, times=5) for n in range(1_001))
    assert 12 <= through <= 13  # three at once, and one a second for ten seconds


def test_a_fleet_behind_one_address_comes_as_fast_as_it_joins() -> None:
    arrivals = Arrivals(PACE)
    for _ in range(1_000):
        assert arrivals.comes(PLANT, 0.0)
        arrivals.joined(PLANT, 0.0)


def test_a_stranger_beside_a_fleet_slows_it_down_but_does_not_lock_it_out() -> None:
    arrivals = Arrivals(PACE)
    arrivals.joined(PLANT, 0.0)
    let_in(arrivals, PLANT, 0.0)
    assert let_in(arrivals, PLANT, 0.2) == 2
    assert let_in(arrivals, PLANT, 90.0) == 3
    assert let_in(arrivals, PLANT, 101.0) == 3
    assert let_in(arrivals, PLANT, 102.0) == 1  # nobody of the fleet came for long


def test_what_is_beside_the_router_is_not_counted() -> None:
    arrivals = Arrivals(PACE)
    for here in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert let_in(arrivals, here, 0.0) == 20


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a socket", "a socket"),
    ],
)
def test_of_ipv6_a_customers_network_counts_as_one(host: str, place: str) -> None:
    assert place_of(host) == place


def test_the_memory_of_addresses_is_bounded() -> None:
    arrivals = Arrivals(PACE)
    for n in range(20_000):
        arrivals.comes(f"10.0.{n // 256}.{n % 256}", 0.0)
        arrivals.joined(f"10.1.{n // 256}.{n % 256}", 0.0)
    assert len(arrivals._of) <= 10_000
    assert len(arrivals._homes) <= 10_000
