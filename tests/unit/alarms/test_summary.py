"""The list an operator looks at, and the key figures of ISA-18.2."""

from heddle.alarms.inputs import Acknowledge, Shelve
from heddle.alarms.rule import Severity
from heddle.alarms.state import Happened, State, Transition
from heddle.alarms.summary import Flood, Frequent, active, counts, kpis
from heddle.alarms.table import AlarmTable
from tests.support.alarms import SECOND, rule

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND


def raised(name: str, at_us: int, **more: object) -> Transition:
    usual = {
        "rule": name,
        "number": 0,
        "tag": "t",
        "at_us": at_us,
        "happened": Happened.RAISED,
        "from_state": State.NORMAL,
        "to_state": State.UNACKNOWLEDGED,
        "severity": Severity.LOW,
    }
    return Transition(**(usual | more))


def cleared(name: str, at_us: int) -> Transition:
    return raised(
        name,
        at_us,
        happened=Happened.CLEARED,
        from_state=State.ACKNOWLEDGED,
        to_state=State.NORMAL,
    )


def test_the_list_is_by_severity_then_unseen_first_then_newest() -> None:
    severities = {"a": "low", "b": "high", "c": "high", "d": "high", "e": "critical"}
    table = AlarmTable(
        [rule(id=x, tag=x, severity=Severity(y)) for x, y in severities.items()]
    )
    for at_us, tag in enumerate("abcde", 1):
        table.update(table.slot(tag), at_us, 11.0)
    table.command("d", Acknowledge(9, "ann"))
    table.command("e", Shelve(9, "ann", until_us=99))
    table.update(table.slot("b"), 10, 1.0)
    standings = table.not_normal()
    assert [x.rule.id for x in active(standings)] == ["c", "b", "d", "a"]
    found = counts(standings)
    assert found.by_state == {
        State.UNACKNOWLEDGED: 2,
        State.RETURNED: 1,
        State.ACKNOWLEDGED: 1,
        State.SHELVED: 1,
    }
    assert found.by_severity == {Severity.LOW: 1, Severity.HIGH: 3}
    assert found.unacknowledged == 3


def test_only_what_calls_an_operator_counts() -> None:
    told = [
        raised("a", -1),
        raised("a", 0),
        raised("a", 1, to_state=State.SHELVED),
        raised("a", 2, happened=Happened.COMMENTED, from_state=State.UNACKNOWLEDGED),
        raised("a", 3, happened=Happened.RE_ALARMED, from_state=State.UNACKNOWLEDGED),
        raised("a", 4, happened=Happened.SHELVING_EXPIRED, from_state=State.SHELVED),
        cleared("a", 5),
        raised("a", HOUR),
    ]
    found = kpis(told, 0, HOUR)
    assert (found.annunciated, found.per_hour) == (3, (3,))
    assert found.by_severity == {Severity.LOW: 3}
    assert found.average_per_10_min == 0.5


def test_a_flood_begins_above_ten_and_ends_below_five_in_ten_minutes() -> None:
    calls = {0: 10, 1: 11, 2: 5, 3: 4, 4: 10, 5: 12}
    told = [
        raised(f"a{number}", span * 10 * MINUTE + number)
        for span, count in calls.items()
        for number in range(count)
    ]
    found = kpis(told, 0, HOUR)
    assert found.floods == (
        Flood(10 * MINUTE, 30 * MINUTE, 16),
        Flood(50 * MINUTE, HOUR, 12),
    )
    assert found.in_flood == 0.5
    assert found.peak_per_10_min == 12


def test_three_within_a_minute_chatter() -> None:
    told = sorted(
        [raised("a", x * MINUTE // 2) for x in range(3)]
        + [raised("b", x * (MINUTE // 2 + 1)) for x in range(9)],
        key=lambda x: x.at_us,
    )
    assert kpis(told, 0, HOUR).chattering == ("a",)


def test_active_for_more_than_a_day_is_stale() -> None:
    told = [raised("a", 0), raised("b", 0), cleared("b", HOUR), raised("c", 1)]
    assert kpis(told, 24 * HOUR, 24 * HOUR + 1).stale == ("a",)


def test_the_ten_that_come_most() -> None:
    told = [raised(f"a{n:02}", m) for m in range(3) for n in range(12 - m)]
    top = kpis(told, 0, HOUR).top
    assert len(top) == 10
    assert top[0] == Frequent("a00", 3, 3 / 33)
    assert [x.annunciated for x in top] == [3] * 10


def test_nothing_comes_to_nothing() -> None:
    found = kpis([], 0, 3 * HOUR + 1)
    assert (found.annunciated, found.per_hour, found.floods) == (0, (0, 0, 0, 0), ())
    assert kpis([], 5, 5).average_per_10_min == 0
