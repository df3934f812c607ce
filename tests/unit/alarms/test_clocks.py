"""Clocks that are wrong or were set: no delay ends early, and no alarm is blind."""

from heddle.alarms.clocks import AHEAD_US, judged_at
from heddle.alarms.inputs import Shelve
from heddle.alarms.rule import Kind
from heddle.alarms.state import Happened
from heddle.alarms.table import AlarmTable
from tests.support.alarms import SECOND, rule

HOUR = 3_600 * SECOND


def test_a_sample_counts_at_its_time_unless_that_is_ahead_of_the_clock() -> None:
    clock = 1_000 * SECOND
    assert judged_at(clock - HOUR, clock) == clock - HOUR
    assert judged_at(clock + AHEAD_US, clock) == clock + AHEAD_US
    assert judged_at(clock + AHEAD_US + 1, clock) == clock


def test_what_is_older_is_late_unless_the_clock_was_set_back() -> None:
    table = AlarmTable([rule()])
    slot = table.slot("t")
    table.update(slot, HOUR, 1.0, 0, HOUR)
    assert not table.update(slot, 5, 11.0, 0, HOUR - AHEAD_US)
    assert not table.update(slot, 5, 11.0)
    assert [x.at_us for x in table.update(slot, 5, 11.0, 0, HOUR - AHEAD_US - 1)] == [5]
    assert (table.set_backs, table.seen(slot)) == (1, 5)


def test_delays_of_tags_that_say_nothing_end_by_the_new_time_too() -> None:
    delayed = rule(id="b", tag="u", on_delay_ms=30_000)
    stale = rule(Kind.STALE, id="s", tag="u", after_ms=60_000)
    table = AlarmTable([rule(), delayed, stale])
    table.update(table.slot("t"), HOUR, 1.0, 0, HOUR)
    table.update(table.slot("u"), HOUR, 11.0, 0, HOUR)
    table.update(table.slot("t"), 10 * SECOND, 1.0, 0, 10 * SECOND)
    assert [(x.rule, x.at_us) for x in table.due(100 * SECOND)] == [
        ("b", 40 * SECOND),
        ("s", 70 * SECOND),
    ]


def test_a_deadline_that_happened_makes_no_sample_late_for_ever() -> None:
    table = AlarmTable([rule(on_delay_ms=3_600_000)])
    slot = table.slot("t")
    table.update(slot, 1, 11.0, 0, 1)
    assert [x.happened for x in table.due(2 * HOUR)] == [Happened.RAISED]
    told = table.update(slot, HOUR // 2, 1.0, 0, HOUR // 2)
    assert [(x.happened, x.at_us) for x in told] == [(Happened.CLEARED, HOUR // 2)]


def test_numbers_and_what_people_did_outlast_a_clock_that_was_set_back() -> None:
    table = AlarmTable([rule(Kind.RATE, limit=1.0)])
    slot = table.slot("t")
    for second, value in ((HOUR, 1.0), (HOUR + SECOND, 9.0)):
        table.update(slot, second, value, 0, second)
    assert not table.update(slot, SECOND, 99.0, 0, SECOND)  # a rate needs two
    told = table.update(slot, 2 * SECOND, 99.0, 0, 2 * SECOND)
    assert [(x.number, x.happened) for x in told] == [(1, Happened.CLEARED)]


def test_silence_goes_by_the_clock_of_the_samples_and_shelving_by_ours() -> None:
    hot, stale = rule(), rule(Kind.STALE, id="s", after_ms=60_000)
    for behind in (HOUR, -HOUR, 0):
        now = 2 * HOUR
        table = AlarmTable([hot, stale], now - behind)
        table.behind_us = behind
        table.update(table.slot("t"), now - behind, 11.0, 0, now - behind)
        table.command("a", Shelve(now, until_us=now + 90 * SECOND))
        assert table.next_by_clock() == now + 60 * SECOND
        assert not table.clock(now + 60 * SECOND - 1)
        assert [(x.rule, x.at_us) for x in table.clock(now + 90 * SECOND)] == [
            ("s", now - behind + 60 * SECOND),
            ("a", now + 90 * SECOND),
        ]
        assert table.next_by_clock() is None
