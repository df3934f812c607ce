"""A plan follows from its seed, and keeps its own rules."""

from itertools import pairwise

import pytest

from tests.chaos.plan import FIRST_S, SPARED, Fault, Kind, make_plan

LINKS = (Kind.CUT, Kind.FREEZE, Kind.SLOW)


def place(fault: Fault) -> tuple[bool, str]:
    return fault.kind in LINKS, fault.target


@pytest.mark.parametrize("seed", range(6))
def test_a_seed_gives_the_same_plan_again(seed: int) -> None:
    assert make_plan(seed, 3) == make_plan(seed, 3)
    assert make_plan(seed, 3).faults != make_plan(seed + 1, 3).faults


@pytest.mark.parametrize("seed", range(6))
def test_misfortunes_come_in_order_and_end_in_time(seed: int) -> None:
    plan = make_plan(seed, 10)
    begins = [fault.at_s for fault in plan.faults]
    assert begins == sorted(begins)
    assert begins[0] == FIRST_S
    assert all(fault.at_s + fault.for_s <= 600.05 for fault in plan.faults)


@pytest.mark.parametrize("seed", range(6))
def test_nobody_suffers_twice_at_once(seed: int) -> None:
    plan = make_plan(seed, 10)
    for one in {place(fault) for fault in plan.faults}:
        suffered = [fault for fault in plan.faults if place(fault) == one]
        assert all(a.at_s + a.for_s < b.at_s for a, b in pairwise(suffered))


@pytest.mark.parametrize("seed", range(6))
def test_the_spared_are_never_killed_and_all_kinds_come(seed: int) -> None:
    plan = make_plan(seed, 30)
    assert len(plan.spared) == SPARED
    killed = {fault.target for fault in plan.faults if fault.kind is Kind.KILL}
    assert not killed & set(plan.spared)
    assert {fault.kind for fault in plan.faults} == set(Kind)
