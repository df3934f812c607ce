"""The ledger's rule, and that following it stores every item exactly once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fleetdata.ledger import Gap, New, Repeat, settle


@pytest.mark.parametrize(
    ("first", "count", "verdict"),
    [
        (10, 5, New(0, 15)),
        (8, 5, New(2, 13)),
        (5, 5, Repeat(10)),
        (0, 3, Repeat(10)),
        (11, 1, Gap(10)),
        (10, 0, Repeat(10)),
        (11, 0, Gap(10)),
    ],
)
def test_a_batch_is_judged_by_the_cursor(
    first: int, count: int, verdict: object
) -> None:
    assert settle(10, first, count) == verdict


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 15))))
def test_whatever_is_sent_each_item_is_stored_once_and_in_order(
    sent: list[tuple[int, int]],
) -> None:
    stored: list[int] = []
    for first, count in sent:
        match settle(len(stored), first, count):
            case New(skip, next_number):
                stored += range(first + skip, first + count)
                assert next_number == len(stored)
            case Repeat(next_number):
                assert next_number == len(stored) >= first + count
            case Gap(wanted):
                assert wanted == len(stored) < first
    assert stored == list(range(len(stored)))
