"""Many alarms: the quick paths tell what the slow one does."""

import random
from math import nan

import msgspec
import pytest
from msgspec.structs import replace

from heddle.alarms.deadlines import Deadlines
from heddle.alarms.inputs import (
    Changed,
    Removed,
    Shelve,
    Suppress,
    Unsuppress,
)
from heddle.alarms.rule import Kind, Rule
from heddle.alarms.state import Happened, State, Transition
from heddle.alarms.table import AlarmTable, Snapshot
from tests.support.alarms import (
    MS,
    assorted_rules,
    by_alarm,
    rule,
    told_at_centre,
    told_at_edge,
    told_by_each_alarm,
)

TAGS, SAMPLES, SIZE = 12, 12_000, 100


@pytest.fixture(scope="module")
def rules() -> list[Rule]:
    return assorted_rules(TAGS, seed=4)


@pytest.fixture(scope="module")
def at_edge(rules: list[Rule]) -> dict[str, list[Transition]]:
    return by_alarm(told_at_edge(rules, TAGS, SAMPLES, SIZE))


def test_the_samples_stir_everything(
    at_edge: dict[str, list[Transition]], rules: list[Rule]
) -> None:
    told = [x for each in at_edge.values() for x in each]
    others = {Happened.CHANGED, Happened.REMOVED}
    assert {x.happened for x in told} == set(Happened) - others
    assert {x.from_state for x in told} == set(State)
    assert {x.kind for x in rules if x.id in at_edge} == set(Kind)
    assert any(x.first for x in told)


def test_edge_and_centre_tell_the_same(
    at_edge: dict[str, list[Transition]], rules: list[Rule]
) -> None:
    assert by_alarm(told_at_centre(rules, TAGS, SAMPLES, SIZE)) == at_edge


def test_a_restart_changes_nothing(
    at_edge: dict[str, list[Transition]], rules: list[Rule]
) -> None:
    told = told_at_centre(rules, TAGS, SAMPLES, SIZE, restart=True)
    assert by_alarm(told) == at_edge


def test_the_quick_paths_tell_what_each_alarm_does(
    at_edge: dict[str, list[Transition]], rules: list[Rule]
) -> None:
    slowly = by_alarm(told_by_each_alarm(rules, TAGS, SAMPLES, SIZE))
    assert slowly == {
        x: [replace(y, first=False) for y in told] for x, told in at_edge.items()
    }


def test_numbers_have_no_gap_and_states_follow_each_other(
    at_edge: dict[str, list[Transition]],
) -> None:
    for told in at_edge.values():
        assert [x.number for x in told] == list(range(len(told)))
        states = [State.NORMAL, *(x.to_state for x in told)]
        assert [x.from_state for x in told] == states[:-1]


# --- deadlines ---


def test_the_table_says_when_to_look_again() -> None:
    table = AlarmTable([rule(on_delay_ms=10), rule(id="b", tag="u", on_delay_ms=5)])
    assert table.next_due() is None
    table.update(table.slot("t"), 1 * MS, 11.0)
    table.update(table.slot("u"), 2 * MS, 11.0)
    assert table.next_due() == 7 * MS
    assert [(x.rule, x.at_us) for x in table.due(99 * MS)] == [
        ("b", 7 * MS),
        ("a", 11 * MS),
    ]
    assert table.next_due() is None


def test_only_the_clock_ends_shelvings_while_samples_are_under_way() -> None:
    table = AlarmTable([rule(on_delay_ms=10), rule(Kind.STALE, id="s", after_ms=50)])
    table.update(table.slot("t"), 1 * MS, 11.0)
    table.command("a", Shelve(1 * MS, "ann", until_us=20 * MS))
    assert table.next_by_clock() == 20 * MS
    assert [x.happened for x in table.clock(30 * MS)] == [Happened.SHELVING_EXPIRED]
    assert [x.rule for x in table.clock(60 * MS)] == ["s"]
    assert table.next_by_clock() is None
    assert [x.at_us for x in table.due(60 * MS)] == [11 * MS]


def test_quiet_samples_keep_silence_away() -> None:
    table = AlarmTable([rule(Kind.STALE, after_ms=10)])
    slot = table.slot("t")
    for ms in range(1, 100, 4):
        assert not table.update(slot, ms * MS, 1.0)
    assert not table.due(100 * MS)
    assert [x.at_us for x in table.due(200 * MS)] == [107 * MS]


def test_flapping_under_a_long_shelving_does_not_pile_up_deadlines() -> None:
    deadlines = Deadlines()
    for n in range(10_000):
        deadlines.want(0, 10**9)
        deadlines.want(0, n + 1)
        assert deadlines.take(n + 1) == (n + 1, 0)
    assert len(deadlines._heap) < 200


def test_deadlines_come_up_once_and_in_order() -> None:
    deadlines, rng = Deadlines(), random.Random(1)  # noqa: S311 -- not a secret
    earliest: dict[int, int] = {}
    for _ in range(500):
        index, due = rng.randrange(50), rng.randrange(1000)
        deadlines.want(index, due)
        earliest[index] = min(due, earliest.get(index, due))
    found = []
    while (taken := deadlines.take(10_000)) is not None:
        found.append(taken)
    assert found == sorted((due, index) for index, due in earliest.items())


# --- first-up ---


def test_the_first_of_a_group_is_marked_until_all_are_at_rest() -> None:
    table = AlarmTable([rule(id=x, tag=x, group="pump") for x in "abc"])

    def put(tag: str, at_us: int, value: float) -> list[bool]:
        return [x.first for x in table.update(table.slot(tag), at_us, value)]

    assert put("b", 1, 11.0) == [True]
    assert put("a", 2, 11.0) == [False]
    assert put("b", 3, 1.0) == [True]
    assert put("b", 4, 11.0) == [True]
    assert table.get("b").first
    put("b", 5, 1.0), put("a", 6, 1.0)
    assert put("c", 7, 11.0) == [True]


def test_who_was_first_does_not_depend_on_when_anybody_looked() -> None:
    table = AlarmTable(
        [rule(group="g", on_delay_ms=5), rule(id="b", tag="u", group="g")]
    )
    table.update(table.slot("t"), 0, 11.0)
    told = table.update(table.slot("u"), 9 * MS, 11.0)
    assert [(x.rule, x.at_us, x.first) for x in told] == [
        ("a", 5 * MS, True),
        ("b", 9 * MS, False),
    ]


def test_a_hidden_alarm_is_not_the_first() -> None:
    table = AlarmTable([rule(group="g"), rule(id="b", tag="u", group="g")])
    table.command("a", Suppress(1))
    assert not table.update(table.slot("t"), 2, 11.0)[0].first
    assert table.update(table.slot("u"), 3, 11.0)[0].first
    assert not table.command("a", Unsuppress(4))[0].first


# --- rules come and go ---


def test_rules_come_go_and_change_while_samples_come() -> None:
    table = AlarmTable()
    assert table.slot("t") == 0
    assert not table.update(0, 1, nan, 2)
    table.add(rule(), 1)
    with pytest.raises(ValueError, match="rule a is there already"):
        table.add(rule(), 1)
    slot = table.slot("t")
    assert not table.update(slot, 2, 9.0)
    told = table.change(rule(limit=5.0), Changed(3, "ann"))
    assert [x.happened for x in told] == [Happened.CHANGED]
    assert [x.number for x in table.update(slot, 4, 9.0)] == [1]
    assert [x.state for x in table.not_normal()] == [State.UNACKNOWLEDGED]
    told = table.remove("a", Removed(5, "ann"))
    assert [x.happened for x in told] == [Happened.REMOVED]
    assert len(table) == 0
    assert not table.update(slot, 6, 99.0)
    table.add(rule(id="b"), 7)
    assert [x.rule for x in table.update(slot, 8, 99.0)] == ["b"]


def test_another_kind_is_another_alarm_with_the_numbers_going_on() -> None:
    table = AlarmTable([rule()])
    table.update(table.slot("t"), 1, 11.0)
    told = table.change(rule(Kind.LO), Changed(2, "ann"))
    assert [(x.number, x.happened) for x in told] == [(1, Happened.REMOVED)]
    assert [x.number for x in table.update(table.slot("t"), 3, 9.0)] == [2]


def test_alarms_at_rest_take_no_room() -> None:
    table = AlarmTable([rule(), rule(Kind.LO, id="b", limit=1.0)])
    table.update(table.slot("t"), 1, 5.0)
    assert table.snapshot() == Snapshot({}, {"t": 1}, {})
    assert len({id(x) for x in table._roster.alarms}) == 1


def test_a_snapshot_is_plain_data() -> None:
    table = AlarmTable([rule(group="g"), rule(Kind.RATE, id="r")])
    table.update(table.slot("t"), 1, 11.0)
    kept = table.snapshot()
    assert msgspec.convert(msgspec.to_builtins(kept), Snapshot) == kept
    again = AlarmTable([rule(group="g"), rule(Kind.RATE, id="r")], 0, kept)
    assert again.snapshot() == kept
    assert again.get("a") == table.get("a")
