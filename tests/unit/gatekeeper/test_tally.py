"""Refusals are told soon, rarely, and never forgotten for being many."""

from itertools import pairwise

from services.gatekeeper.tally import (
    BURST,
    LONGEST_WAIT_S,
    MOST_KINDS,
    ONE_MORE_EVERY_S,
    OTHERS,
    Kind,
    Tally,
)

VERA = Kind("plant", "vera", "viewer", "router.call", "heddle.x")


def stranger(n: int) -> Kind:
    return Kind(None, f"{n:064x}", "", "router.join", "system")


def test_the_first_is_told_at_once_and_its_repeats_as_a_number() -> None:
    tally = Tally()
    tally.note(VERA, "may not", 100.0)
    assert list(tally.due(100.0)) == [(VERA, "may not", 1)]
    for second in range(59):
        tally.note(VERA, f"{second}", 101.0 + second)
        assert not list(tally.due(101.0 + second))
    assert list(tally.due(160.0)) == [(VERA, "58", 59)]


def test_who_goes_on_is_told_of_more_and_more_rarely() -> None:
    tally = Tally()
    told_at = []
    for second in range(4 * 3600):
        tally.note(VERA, "", float(second))
        if list(tally.due(float(second))):
            told_at.append(second)
    waits = [b - a for a, b in pairwise(told_at)]
    assert waits == [60, 120, 240, 480, 960, 1920, LONGEST_WAIT_S, LONGEST_WAIT_S]


def test_who_stops_is_forgotten() -> None:
    tally = Tally()
    tally.note(VERA, "", 0.0)
    assert list(tally.due(0.0))
    assert tally.next_at_s() == 60.0
    assert not list(tally.due(60.0))
    assert tally.next_at_s() is None


def test_memory_and_rate_are_bounded_and_everything_is_counted() -> None:
    tally = Tally()
    for n in range(20_000):
        tally.note(stranger(n), "", 0.0)
    assert len(tally._counts) == MOST_KINDS + 1
    first = list(tally.due(0.0))
    assert len(first) == BURST
    later = list(tally.due(10 * ONE_MORE_EVERY_S))
    assert len(later) == 10
    times = sum(one.times for one in tally._counts.values())
    assert times + len(first) + len(later) == 20_000
    others = next(kind for kind in tally._counts if kind.subject == OTHERS)
    assert tally._counts[others].times == 20_000 - MOST_KINDS


def test_what_nobody_took_over_is_told_again() -> None:
    tally = Tally()
    tally.note(VERA, "may not", 0.0)
    ((kind, _, times),) = tally.due(0.0)
    tally.note(VERA, "may not", 1.0)
    tally.untold(kind, times, 5.0)
    assert tally.next_at_s() == 5.0
    assert list(tally.due(5.0)) == [(VERA, "may not", 2)]
