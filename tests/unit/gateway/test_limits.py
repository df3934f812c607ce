"""Token buckets: a burst, then so many a minute, in bounded memory."""

import pytest

from services.gateway.limits import Buckets
from services.gateway.problems import TooManyRequests


def test_a_burst_is_followed_by_the_steady_rate() -> None:
    buckets = Buckets(per_minute=60, burst=3)

    left = [buckets.take("a", 0.0).remaining for _ in range(3)]
    with pytest.raises(TooManyRequests, match="in 1 s") as refused:
        buckets.take("a", 0.0)

    assert left == [2, 1, 0]
    assert refused.value.details["retry_in_s"] == 1
    assert buckets.take("a", 1.0).remaining == 0
    with pytest.raises(TooManyRequests):
        buckets.take("a", 1.5)


def test_one_does_not_pay_for_another() -> None:
    buckets = Buckets(per_minute=60, burst=1)
    buckets.take("a", 0.0)

    assert buckets.take("b", 0.0).headers() == {
        "ratelimit-limit": "1",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "1",
    }


def test_what_went_wrong_is_noted_and_has_to_be_waited_for() -> None:
    wrong = Buckets(per_minute=6, burst=2)
    for _ in range(3):
        wrong.note("a", 0.0)

    with pytest.raises(TooManyRequests, match="in 10 s"):
        wrong.check("a", 0.0)
    wrong.check("a", 10.0)
    wrong.check("b", 0.0)


def test_a_full_bucket_is_forgotten_and_the_rest_are_bounded() -> None:
    buckets = Buckets(per_minute=60, burst=10, most=100)

    for who in range(500):
        buckets.take(str(who), 0.0)
    assert buckets.count == 100
    buckets.take("late", 60.0)
    assert buckets.count == 1
