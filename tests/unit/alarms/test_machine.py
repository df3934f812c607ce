"""One alarm, against the states ISA-18.2 and IEC 62682 publish."""

import pytest

from heddle.alarms.inputs import (
    Acknowledge,
    Changed,
    Clock,
    Comment,
    Due,
    Input,
    Removed,
    Reset,
    ReturnToService,
    Sample,
    Shelve,
    Suppress,
    TakeOutOfService,
    Unshelve,
    Unsuppress,
)
from heddle.alarms.machine import begin, next_by_clock, next_due, step
from heddle.alarms.refusal import refusal
from heddle.alarms.rule import Kind, Rule
from heddle.alarms.state import NEW, Alarm, Happened, State, Transition, state_of
from tests.support.alarms import MS, rule

NAN = float("nan")
LATER = 10**15

# ISA-18.2's states by its letters; small g, h, i: the same while the condition holds.
LETTERS = {
    "A": State.NORMAL,
    "B": State.UNACKNOWLEDGED,
    "C": State.ACKNOWLEDGED,
    "D": State.RETURNED,
    "E": State.LATCHED_UNACKNOWLEDGED,
    "F": State.LATCHED_ACKNOWLEDGED,
    "G": State.SHELVED,
    "H": State.SUPPRESSED,
    "I": State.OUT_OF_SERVICE,
}
INPUTS: dict[str, Input] = {
    "occurs": Sample(0, 11.0),
    "returns": Sample(0, 9.0),
    "re-alarm": Due(0),  # given when it is due
    "ack": Acknowledge(0, "ann"),
    "reset": Reset(0, "ann"),
    "shelve": Shelve(0, "ann", until_us=LATER),
    "unshelve": Unshelve(0, "ann"),
    "suppress": Suppress(0),
    "unsuppress": Unsuppress(0),
    "remove": TakeOutOfService(0, "ann"),
    "return": ReturnToService(0, "ann"),
}
# The published table: the state after each input, by the state before. Dots: no change.
PUBLISHED = """
     occurs returns re-alarm ack reset shelve unshelve suppress unsuppress remove return
A    B      .       .        .   .     G      .        H        .          I      .
B    .      D       .        C   .     g      .        h        .          i      .
C    .      A       B        .   .     g      .        h        .          i      .
D    B      .       .        A   .     G      .        H        .          I      .
G    g      .       .        .   .     .      A        H        .          I      .
g    .      G       .        .   .     .      B        h        .          i      .
H    h      .       .        .   .     H      .        .        A          I      .
h    .      H       .        .   .     h      .        .        B          i      .
I    i      .       .        .   .     I      .        I        .          .      A
i    .      I       .        .   .     i      .        i        .          .      B
"""
# The same for a latching alarm, where it differs.
LATCHING = """
     occurs returns re-alarm ack reset shelve unshelve suppress unsuppress remove return
B    .      E       .        C   .     g      .        h        .          i      .
C    .      F       B        .   .     g      .        h        .          i      .
E    B      .       .        F   .     G      .        H        .          I      .
F    B      .       .        .   A     G      .        H        .          I      .
"""
WAYS = {
    "A": [],
    "B": ["occurs"],
    "C": ["occurs", "ack"],
    "D": ["occurs", "returns"],
    "E": ["occurs", "returns"],
    "F": ["occurs", "ack", "returns"],
    "G": ["shelve"],
    "g": ["occurs", "shelve"],
    "H": ["suppress"],
    "h": ["occurs", "suppress"],
    "I": ["remove"],
    "i": ["occurs", "remove"],
}


def cases(table: str) -> list[tuple[str, str, str]]:
    head, *rows = table.strip().splitlines()
    found = []
    for row in rows:
        before, *after = row.split()
        for given, then in zip(head.split(), after, strict=True):
            found.append((before, given, before if then == "." else then))
    return found


def at(given: Input, at_us: int) -> Input:
    fields = {x: getattr(given, x) for x in given.__struct_fields__}
    return type(given)(**(fields | {"at_us": at_us}))


def run(of: Rule, *given: Input, alarm: Alarm | None = None) -> list[Transition]:
    return drive(of, *given, alarm=alarm)[1]


def drive(
    of: Rule, *given: Input, alarm: Alarm | None = None
) -> tuple[Alarm, list[Transition]]:
    alarm, told = alarm or begin(of, 0), []
    for one in given:
        alarm, transitions = step(of, alarm, one)
        told += transitions
    return alarm, told


def brief(told: list[Transition]) -> list[tuple[int, str, str]]:
    return [(x.at_us // MS, str(x.happened), str(x.to_state)) for x in told]


def seen(alarm: Alarm) -> str:
    letter = next(x for x, state in LETTERS.items() if state is state_of(alarm))
    hidden_and_active = letter in "GHI" and alarm.active
    return letter.lower() if hidden_and_active else letter


@pytest.mark.parametrize(("before", "given", "after"), cases(PUBLISHED))
def test_an_alarm_does_what_is_published(before: str, given: str, after: str) -> None:
    check(rule(re_alarm_ms=1), before, given, after)


@pytest.mark.parametrize(("before", "given", "after"), cases(LATCHING))
def test_so_does_a_latching_one(before: str, given: str, after: str) -> None:
    check(rule(re_alarm_ms=1, latching=True), before, given, after)


def check(of: Rule, before: str, given: str, after: str) -> None:
    alarm, _ = drive(of, *(at(INPUTS[x], n) for n, x in enumerate(WAYS[before])))
    assert seen(alarm) == before
    when_us = 2 * MS if given == "re-alarm" else 10
    alarm, told = drive(of, at(INPUTS[given], when_us), alarm=alarm)
    assert seen(alarm) == after
    for transition in told:
        assert (transition.rule, transition.tag) == (of.id, of.tag)
        assert transition.to_state is LETTERS[after.upper()]


def test_every_transition_is_a_numbered_record() -> None:
    told = run(
        rule(latching=True),
        Sample(1, 12.0),
        Acknowledge(2, "ann", "on my way"),
        Sample(3, 9.0),
        Reset(4, "bob"),
    )
    assert [x.number for x in told] == [0, 1, 2, 3]
    assert told[0] == Transition(
        rule="a",
        number=0,
        tag="t",
        at_us=1,
        happened=Happened.RAISED,
        from_state=State.NORMAL,
        to_state=State.UNACKNOWLEDGED,
        severity=rule().severity,
        value=12.0,
    )
    assert (told[1].who, told[1].comment, told[1].value) == ("ann", "on my way", None)
    assert told[2].value == 9.0
    assert (told[3].who, told[3].to_state) == ("bob", State.NORMAL)


# --- conditions ---


@pytest.mark.parametrize(
    ("of", "values", "raised"),
    [
        (rule(Kind.HI), [9.9, 10, 10.1], [0, 1, 1]),
        (rule(Kind.HIHI, deadband=2), [10, 8, 7.9, 9.9], [1, 1, 0, 0]),
        (rule(Kind.LO), [10.1, 10, 10.1], [0, 1, 0]),
        (rule(Kind.LOLO, deadband=2), [10, 12, 12.1, 10.1], [1, 1, 0, 0]),
        (rule(Kind.BOOLEAN), [0, 1, 0], [0, 1, 0]),
        (rule(Kind.BOOLEAN, when=False), [1, 0, 1], [0, 1, 0]),
        (rule(Kind.DEVIATION, setpoint=50), [59, 60, 59, 40, 41], [0, 1, 0, 1, 0]),
        (rule(Kind.DEVIATION, setpoint=50, deadband=3), [40, 43, 44], [1, 1, 0]),
        (rule(Kind.RATE), [0, 9, 19, 28, 18, 17], [0, 0, 1, 0, 1, 0]),
        (rule(Kind.RATE, deadband=4), [0, 10, 16, 21], [0, 1, 1, 0]),
    ],
)
def test_a_value_fulfils_a_condition(
    of: Rule, values: list[float], raised: list[int]
) -> None:
    alarm, found = begin(of, 0), []
    for second, value in enumerate(values):
        alarm = step(of, alarm, Sample(second * 1_000_000, value)).alarm
        found.append(int(alarm.active))
    assert found == raised


@pytest.mark.parametrize("value", [NAN, float("inf"), float("-inf")])
@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_no_number_never_alarms(kind: Kind, value: float) -> None:
    of = rule(kind, after_ms=1_000_000, when=False)
    assert not run(of, Sample(1, value), Sample(2, value))


@pytest.mark.parametrize("unknown", [(NAN, 0), (5.0, 2), (99.0, 2)])
def test_bad_quality_leaves_the_condition_as_it_was(unknown: tuple[float, int]) -> None:
    up, _ = drive(rule(), Sample(1, 11.0))
    assert run(rule(), Sample(2, *unknown), alarm=up) == []
    assert run(rule(), Sample(2, *unknown)) == []
    waiting = [Sample(1, 11.0), Sample(2, *unknown), Due(5 * MS)]
    assert brief(run(rule(on_delay_ms=4), *waiting)) == [
        (4, "raised", "unacknowledged")
    ]


def test_quality_alarms_on_bad_and_on_uncertain_if_asked() -> None:
    bad = [Sample(1, 1.0, 1), Sample(2, NAN, 2), Sample(3, 1.0, 1)]
    assert [x.at_us for x in run(rule(Kind.QUALITY), *bad)] == [2, 3]
    strict = run(rule(Kind.QUALITY, uncertain=True), *bad, Sample(4, 1.0))
    assert [x.at_us for x in strict] == [1, 4]


def test_silence_alarms_by_itself_and_a_bad_sample_is_no_word() -> None:
    of = rule(Kind.STALE, after_ms=10)
    told = run(
        of,
        Sample(5 * MS, 1.0),
        Sample(8 * MS, 1.0, 2),
        Due(99 * MS),
        Sample(99 * MS, 1),
    )
    assert brief(told) == [
        (15, "raised", "unacknowledged"),
        (99, "cleared", "returned"),
    ]


def test_a_tag_that_never_came_is_absent() -> None:
    of = rule(Kind.STALE, after_ms=10)
    assert next_due(begin(of, 7 * MS)) == 17 * MS
    assert brief(run(of, Clock(10 * MS))) == [(10, "raised", "unacknowledged")]


def test_a_gap_between_samples_alarms_though_nobody_looked() -> None:
    of = rule(Kind.STALE, after_ms=10)
    told = run(of, Sample(5 * MS, 1.0), Sample(60 * MS, 1.0), Due(65 * MS))
    assert brief(told) == [
        (15, "raised", "unacknowledged"),
        (60, "cleared", "returned"),
    ]


# --- delays ---


def test_an_on_delay_is_sat_out_and_tells_its_own_end() -> None:
    of = rule(on_delay_ms=10)
    told = run(of, Sample(1 * MS, 11.0), Sample(5 * MS, 12.0), Due(60 * MS))
    assert brief(told) == [(11, "raised", "unacknowledged")]
    assert told[0].value == 11.0
    assert run(of, Sample(1 * MS, 11.0), Sample(10 * MS, 9.0), Due(60 * MS)) == []
    assert run(of, Sample(1 * MS, 11.0), Due(10 * MS)) == []
    late = run(of, Sample(1 * MS, 11.0), Sample(70 * MS, 9.0))
    assert brief(late) == [
        (11, "raised", "unacknowledged"),
        (70, "cleared", "returned"),
    ]


def test_an_off_delay_likewise() -> None:
    of = rule(off_delay_ms=10)
    up, _ = drive(of, Sample(0, 11.0))
    told = run(of, Sample(2 * MS, 9.0), Due(50 * MS), alarm=up)
    assert brief(told) == [(12, "cleared", "returned")]
    assert (
        run(of, Sample(2 * MS, 9.0), Sample(9 * MS, 10.0), Due(50 * MS), alarm=up) == []
    )


def test_the_deadband_holds_during_the_on_delay_too() -> None:
    of = rule(on_delay_ms=10, deadband=2)
    told = run(of, Sample(0, 11.0), Sample(5 * MS, 8.5), Due(10 * MS))
    assert brief(told) == [(10, "raised", "unacknowledged")]


def test_re_alarm_calls_again_and_again_while_active() -> None:
    of = rule(re_alarm_ms=10)
    told = run(
        of, Sample(0, 11.0), Acknowledge(3 * MS), Due(25 * MS), Sample(26 * MS, 1)
    )
    assert brief(told) == [
        (0, "raised", "unacknowledged"),
        (3, "acknowledged", "acknowledged"),
        (10, "re_alarmed", "unacknowledged"),
        (20, "re_alarmed", "unacknowledged"),
        (26, "cleared", "returned"),
    ]


# --- time ---


def test_a_late_sample_is_ignored() -> None:
    assert run(rule(), Sample(5, 1.0), Sample(4, 11.0)) == []
    waited = [Sample(0, 11.0), Due(10 * MS), Sample(9 * MS, 1.0)]
    assert len(run(rule(on_delay_ms=10), *waited)) == 1


def test_of_equal_times_the_later_one_counts() -> None:
    assert len(run(rule(), Sample(5, 1.0), Sample(5, 11.0))) == 1


def test_a_delay_waits_for_samples_not_for_the_clock() -> None:
    of = rule(on_delay_ms=10)
    waiting, _ = drive(of, Sample(0, 11.0))
    told = run(of, Clock(99 * MS), Comment(99 * MS), Sample(5 * MS, 1.0), alarm=waiting)
    assert brief(told) == [(99, "commented", "normal")]
    assert next_by_clock(of, waiting) is None
    assert next_due(waiting) == 10 * MS


# --- hidden ---


def test_shelving_ends_on_time_not_with_the_next_sample() -> None:
    shelved, _ = drive(rule(), Sample(0, 11.0), Shelve(1, "ann", until_us=20 * MS))
    assert next_due(shelved) == next_by_clock(rule(), shelved) == 20 * MS
    for late in (Due(90 * MS), Clock(90 * MS), Sample(90 * MS, 11.0)):
        told = run(rule(), late, alarm=shelved)
        assert brief(told) == [(20, "shelving_expired", "unacknowledged")]
        assert told[0].who == ""


def test_shelving_again_sets_another_time() -> None:
    told = run(
        rule(),
        Shelve(1, "ann", until_us=9 * MS),
        Shelve(2, "bob", until_us=5 * MS),
        Due(99 * MS),
    )
    assert [(x.at_us, x.until_us) for x in told] == [
        (1, 9 * MS),
        (2, 5 * MS),
        (5 * MS, None),
    ]


def test_what_happens_in_hiding_is_told_but_calls_nobody() -> None:
    told = run(rule(), Suppress(1), Sample(2, 11.0), Sample(3, 9.0), Unsuppress(4))
    assert [str(x.to_state) for x in told] == ["suppressed"] * 3 + ["normal"]


def test_a_latch_outlasts_hiding() -> None:
    of = rule(latching=True)
    told = run(
        of, Suppress(1), Sample(2, 11.0), Sample(3, 9.0), Unsuppress(4), Reset(5)
    )
    assert [str(x.to_state) for x in told][-2:] == ["latched_acknowledged", "normal"]


def test_out_of_service_hides_suppression_and_that_hides_shelving() -> None:
    told = run(
        rule(),
        Shelve(1, until_us=LATER),
        Suppress(2),
        TakeOutOfService(3),
        ReturnToService(4),
        Unsuppress(5),
        Unshelve(6),
    )
    assert [str(x.to_state) for x in told] == [
        "shelved",
        "suppressed",
        "out_of_service",
        "suppressed",
        "shelved",
        "normal",
    ]


def test_a_hidden_alarm_does_not_re_alarm_and_starts_anew_when_it_comes_to_light() -> (
    None
):
    of = rule(re_alarm_ms=10)
    told = run(of, Sample(0, 11.0), Shelve(1, until_us=35 * MS), Due(50 * MS))
    assert brief(told)[2:] == [
        (35, "shelving_expired", "unacknowledged"),
        (45, "re_alarmed", "unacknowledged"),
    ]


# --- commands out of season ---


@pytest.mark.parametrize(
    ("alarm", "given", "why"),
    [
        (NEW, Acknowledge(5), "alarm a is normal: there is nothing to acknowledge"),
        (NEW, Reset(5), "alarm a is normal: it is not latched"),
        (Alarm(active=True, latched=True), Reset(5), "condition still holds"),
        (Alarm(latched=True, acknowledged=False), Reset(5), "acknowledge it before"),
        (NEW, Shelve(5, until_us=5), "a time that has passed"),
        (NEW, Unshelve(5), "not shelved"),
        (NEW, Unsuppress(5), "not suppressed"),
        (Alarm(suppressed=True), Suppress(5), "suppressed already"),
        (NEW, ReturnToService(5), "in service"),
        (Alarm(out_of_service=True), TakeOutOfService(5), "out of service already"),
    ],
)
def test_a_command_out_of_season_changes_nothing_and_says_why(
    alarm: Alarm, given: Acknowledge, why: str
) -> None:
    assert step(rule(), alarm, given) == (alarm, ())
    assert why in (refusal(rule(), alarm, given) or "")


@pytest.mark.parametrize("given", [Comment(5), Suppress(5), Shelve(5, until_us=6)])
def test_one_in_season_has_no_refusal(given: Comment) -> None:
    assert refusal(rule(), NEW, given) is None
    assert step(rule(), NEW, given).transitions


# --- rules that change ---


def test_an_alarm_outlives_a_change_of_its_rule() -> None:
    up, _ = drive(rule(), Sample(0, 11.0))
    higher = rule(limit=20.0)
    told = run(higher, Changed(1, "ann", "too low"), Sample(2, 11.0), alarm=up)
    assert [str(x.happened) for x in told] == ["changed", "cleared"]
    assert told[0].comment == "too low"


def test_a_delay_under_way_ends_with_the_old_rule() -> None:
    waiting, _ = drive(rule(on_delay_ms=10), Sample(0, 11.0))
    slower = rule(on_delay_ms=50)
    told = run(slower, Changed(1), Sample(2 * MS, 11.0), Due(60 * MS), alarm=waiting)
    assert brief(told)[1:] == [(52, "raised", "unacknowledged")]


def test_a_shorter_patience_with_silence_counts_from_now_at_the_earliest() -> None:
    alarm, _ = drive(rule(Kind.STALE, after_ms=90), Sample(0, 1.0))
    sooner = rule(Kind.STALE, after_ms=10)
    told = run(sooner, Changed(50 * MS), Due(60 * MS), alarm=alarm)
    assert brief(told)[1:] == [(50, "raised", "unacknowledged")]


def test_a_removed_alarm_is_normal_whatever_it_was() -> None:
    told = run(rule(), Sample(0, 11.0), Shelve(1, until_us=LATER), Removed(2, "ann"))
    assert (told[-1].from_state, told[-1].to_state) == (State.SHELVED, State.NORMAL)
