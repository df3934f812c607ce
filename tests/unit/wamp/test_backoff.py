"""Waits between tries."""

import pytest

from heddle.backoff import backoff_s


@pytest.mark.parametrize(
    ("failures", "wait_s"),
    [(0, 0.5), (1, 1.0), (4, 8.0), (5, 10.0), (10_000_000, 10.0)],
)
def test_waits_double_up_to_their_bound(failures, wait_s) -> None:
    """However many: a device may be out of reach for months."""
    assert backoff_s(0.5, failures, 10.0) == wait_s
