"""Generated schedules; ``python -m tests.rollout`` plays many more of them."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rollout.schedules import plan, play


@given(st.integers(0, 2**64))
@settings(max_examples=1_500)
def test_small_fleets(seed: int) -> None:
    play(plan(Random(seed), most=6))  # noqa: S311


@given(st.integers(0, 2**64))
@settings(max_examples=50)
def test_larger_fleets(seed: int) -> None:
    play(plan(Random(seed), most=40))  # noqa: S311


@given(st.randoms(use_true_random=False))
@settings(max_examples=500)
def test_strange_plans(random: Random) -> None:
    """Hypothesis prefers what is extreme, and finds the smallest plan that fails."""
    play(plan(random, most=6))
