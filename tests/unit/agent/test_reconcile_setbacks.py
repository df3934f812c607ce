"""How long a failure puts off the next attempt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.reconcile.setbacks import delay_s, span


def test_the_first_repeat_is_at_once_the_others_ever_later_up_to_an_hour() -> None:
    delays = [delay_s(n, 0.5) for n in range(1, 40)]
    assert delays[:6] == [0, 5, 20, 45, 80, 125]
    assert delays[26] == 3380
    assert delays[27:] == [3600] * 12


@given(st.integers(2, 10_000), st.floats(0, 1))
def test_a_fifth_more_or_less(failures: int, chance: float) -> None:
    plain = delay_s(failures, 0.5)
    assert 0.8 * plain <= delay_s(failures, chance) <= 1.2 * plain * (1 + 1e-9)
    assert delay_s(failures, 0.0) == pytest.approx(0.8 * plain)
    assert delay_s(failures, 1.0) == pytest.approx(1.2 * plain)


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.2, "1 s"), (45, "45 s"), (121, "2 min"), (3600, "60 min")]
)
def test_a_time_for_people(seconds: float, told: str) -> None:
    assert span(seconds) == told
