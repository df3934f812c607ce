"""A burst, then now and then; each key for itself."""

from services.backend.accounts.limits import Limit


def taken(limit: Limit, seconds: list[float], key: str = "a") -> list[bool]:
    return [limit.take(key, now_s) for now_s in seconds]


def test_a_burst_and_then_one_now_and_then() -> None:
    limit = Limit(3, 10.0)
    assert taken(limit, [0.0] * 5) == [True, True, True, False, False]
    assert taken(limit, [9.9, 10.0, 10.1, 20.0]) == [False, True, False, True]
    assert taken(limit, [100.0] * 4) == [True, True, True, False]


def test_others_are_not_held_up_and_memory_is_bounded() -> None:
    limit = Limit(1, 10.0)
    assert taken(limit, [0.0, 0.0]) == [True, False]
    assert taken(limit, [0.0], "b") == [True]
    for n in range(20_000):
        limit.take(f"{n}", 0.0)
    assert len(limit._used_until) <= 10_000
