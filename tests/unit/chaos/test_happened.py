"""A flaw is told with the misfortunes about its time."""

import pytest

from tests.chaos.happened import Happened, Happening
from tests.chaos.plan import Fault, Kind


def happened(*spans: tuple[str, float, float]) -> Happened:
    found = Happened()
    for target, began_at, ended_at in spans:
        fault = Fault(began_at, Kind.STOP, target, ended_at - began_at)
        found.faults.append(Happening(fault, began_at, ended_at))
    return found


def test_only_what_was_near_is_told() -> None:
    found = happened(("router", 1000, 1010), ("works_1", 1100, 1101))
    assert [line.split()[-4] for line in found.around(1030)] == ["router"]
    assert len(found.around(1085)) == 1
    assert found.around(1055) == found.around(None) == []


@pytest.mark.parametrize(
    ("spans", "covered_s"),
    [
        ([], 0),
        ([("works_1", 10, 20)], 0),  # a device is not the centre
        ([("backend", 10, 20)], 15),
        ([("backend", 10, 20), ("router", 15, 22)], 17),
        ([("backend", 10, 20), ("router", 40, 45)], 25),
        ([("backend", -30, 2), ("database", 95, 200)], 12),
    ],
)
def test_the_centre_s_absence_is_counted_once(spans, covered_s: float) -> None:
    assert happened(*spans).without_centre_s(0, 100, 5.0) == covered_s


def test_a_flaw_is_noted_once() -> None:
    found = Happened()
    found.flaw("a")
    found.flaw("a")
    found.flaw("b", 3.0)
    assert [one.what for one in found.flaws] == ["a", "b"]
