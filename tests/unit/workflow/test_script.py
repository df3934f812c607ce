"""Scripts: what they say, and every way they can be wrong."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.workflow.inputs import (
    Approve,
    Pause,
    Quality,
    Reading,
    Resume,
    Sampled,
    Stop,
    StopMode,
    Trigger,
)
from heddle.workflow.script import BadScript, parse_script
from tests.unit.workflow.drawing import approval, condition, one_phase, timer

WORKFLOW = one_phase(approval("ok", "p"), timer("t", "p"), condition("c", "p"))

STEPS = [
    {"at_s": 0, "tags": {"T": 36.5}},
    {"at_s": 1.5, "tags": {"T": None}},
    {"at_s": 2, "approve": "ok", "by": "ada", "comment": "fine"},
    {"at_s": 3, "approve": True},
    {"at_s": 4, "trigger": "t", "by": "ada"},
    {"at_s": 5, "pause": True},
    {"at_s": 6, "resume": True},
    {"at_s": 7, "stop": "hard"},
    {"at_s": 8, "stop": True},
]
INPUTS = [
    Sampled(1000, {"T": Reading(36.5)}),
    Sampled(2500, {"T": Reading(None, Quality.BAD)}),
    Approve(3000, "ok", by="ada", comment="fine"),
    Approve(4000),
    Trigger(5000, "t", by="ada"),
    Pause(6000),
    Resume(7000),
    Stop(8000, StopMode.HARD),
    Stop(9000, StopMode.SOFT),
]


def parsed(text: str):
    return parse_script(text, WORKFLOW, 1000)


def test_a_list_and_lines_say_the_same() -> None:
    lines = "\n".join(json.dumps(step) for step in STEPS)
    assert parsed(json.dumps(STEPS)) == parsed(f"{lines}\r\n\n") == INPUTS
    assert parsed(json.dumps(STEPS[::-1], indent=2)) == INPUTS


def test_an_empty_script_does_nothing() -> None:
    assert parsed("") == parsed(" \n") == parsed("[]") == []


@pytest.mark.parametrize(
    ("step", "flaw"),
    [
        ("[1]", "a step is an object, not a list"),
        ("7", "a step is an object, not 7"),
        ("{", "column 2 is no JSON: Expecting property name"),
        ('{"at_s": 1}', "a step does exactly one of tags, approve, trigger, pause"),
        ('{"pause": true}', "at_s must be the seconds since the start"),
        ('{"at_s": true, "pause": true}', "at_s must be the seconds"),
        ('{"at_s": -0.1, "pause": true}', "at_s must be the seconds"),
        ('{"at_s": 1e99, "pause": true}', "at_s must be the seconds"),
        ('{"at_s": 1e999, "pause": true}', "at_s must be the seconds"),
        ('{"at_s": NaN, "pause": true}', "NaN is no JSON"),
        ('{"at_s": "1", "pause": true}', "at_s must be the seconds"),
        ('{"at_s": 1, "pause": false}', "pause must be true, not False"),
        ('{"at_s": 1, "resume": 1}', "resume must be true, not 1"),
        ('{"at_s": 1, "pause": true, "resume": true}', "not pause and resume"),
        ('{"at_s": 1, "pause": true, "by": "x"}', "with pause has no field 'by'"),
        ('{"at_s": 1, "trigger": "t", "comment": "x"}', "has no field 'comment'"),
        ('{"at_s": 1, "aprove": true}', "not none"),
        ('{"at_s": 1, "approve": false}', "there is no listener False; there are "),
        ('{"at_s": 1, "approve": "x"}', "no listener 'x'; there are start, ok, t, c"),
        ('{"at_s": 1, "approve": "t"}', "listener t awaits no approval"),
        ('{"at_s": 1, "approve": true, "by": 7}', "by must be a string, not 7"),
        ('{"at_s": 1, "trigger": true}', "there is no listener True"),
        ('{"at_s": 1, "stop": "now"}', "stop must be one of soft, hard, not 'now'"),
        ('{"at_s": 1, "tags": {}}', "tags must be an object"),
        ('{"at_s": 1, "tags": {"X": 1}}', "no condition looks at 'X'; they look at T"),
        ('{"at_s": 1, "tags": {"T": []}}', "T cannot be a list"),
        ('{"at_s": 1, "tags": {"T": 1e999}}', "T cannot be inf"),
        ('{"at_s": 1, "at_s": 2, "pause": true}', "has the key 'at_s' more than once"),
        ("1" * 5000, "Exceeds the limit"),
        ('{"a":' * 100_000, "is nested too deeply"),
    ],
    ids=lambda value: value[:40],
)
def test_a_flaw_is_told_with_its_line(step, flaw) -> None:
    with pytest.raises(BadScript) as told:
        parsed('{"at_s": 1, "pause": true}\n\n' + step)
    (only,) = told.value.flaws
    assert only.startswith("line 3: ")
    assert flaw in only


def test_all_flaws_are_told_at_once() -> None:
    with pytest.raises(BadScript) as told:
        parsed(json.dumps([{"at_s": -1}, STEPS[0], {"at_s": 1}]))
    assert [flaw.partition(":")[0] for flaw in told.value.flaws] == ["step 1", "step 3"]


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ('[\n {"at_s": 1,\n', "line 3, column 1 is no JSON"),
        ("[" * 100_000, "is nested too deeply"),
        ("[] []", "line 1, column 4 is no JSON: Extra data"),
    ],
    ids=["unfinished", "deep", "two lists"],
)
def test_a_list_that_is_no_json_is_told_with_the_place(text, flaw) -> None:
    with pytest.raises(BadScript, match=flaw):
        parsed(text)


@settings(deadline=None)
@given(
    st.text(max_size=30) | st.sampled_from([json.dumps(s) for s in STEPS]), st.data()
)
def test_no_text_breaks_the_reader(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    with suppress(BadScript):
        parsed(text[:at] + data.draw(st.text(max_size=3)) + text[at:])
