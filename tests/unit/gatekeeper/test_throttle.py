"""How long a guesser of passwords has to wait."""

import pytest

from heddle.contract.gate import TooManyAttempts
from services.gatekeeper.throttle import LONGEST_WAIT_S, Throttle


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
