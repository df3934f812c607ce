"""Typed samples, losses and alarms: taken as told, or refused by name."""

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from heddle.contract.declare import FleetError
from heddle.contract.devices import TagType
from heddle.contract.samples import Ingest, SampleTag, Stream
from services.fleetdata.batches import (
    MAX_TEXT_BYTES,
    AlarmBatch,
    LossBatch,
    SampleBatch,
    TagKey,
    check,
)
from services.fleetdata.reports import MAX_REASON
from tests.support.batches import (
    TypedRow,
    Value,
    alarms,
    loss,
    losses,
    samples,
    transition,
    typed_samples,
)

NOW_S = 1_800_000_000.0
NOW_US = int(NOW_S * 1e6)
FLOAT, INTEGER, BOOLEAN = TagType.FLOAT, TagType.INTEGER, TagType.BOOLEAN
TEXT, JSON = TagType.TEXT, TagType.JSON
MIXED: list[TypedRow] = [
    ("temp", FLOAT, NOW_S, 20.5, 0),
    ("parts", INTEGER, NOW_S, float(-(2**53)), 0),
    ("open", BOOLEAN, NOW_S, True, 0),
    ("open", BOOLEAN, NOW_S + 1, None, 2),
    ("state", TEXT, NOW_S, "heizen 🔥", 0),
    ("state", TEXT, NOW_S + 1, None, 2),
    ("recipe", JSON, NOW_S, '{"steps": [1, null, "ä"]}', 1),
]


def one(kind: TagType, value: Value, quality: int = 0) -> Ingest:
    return typed_samples(0, [("t", kind, NOW_S, value, quality)])


def changed(batch: Ingest, **changes: Any) -> Ingest:
    assert batch.samples is not None
    return replace(batch, samples=replace(batch.samples, **changes))


def test_values_of_every_type_are_taken() -> None:
    batch = check("press_7", typed_samples(3, MIXED), NOW_US)
    assert isinstance(batch, SampleBatch)
    assert batch.tags == (
        TagKey("press_7", "temp", "", "float"),
        TagKey("press_7", "parts", "", "integer"),
        TagKey("press_7", "open", "", "boolean"),
        TagKey("press_7", "state", "", "text"),
        TagKey("press_7", "recipe", "", "json"),
    )
    assert batch.texts == ("heizen 🔥", '{"steps": [1, null, "ä"]}')
    assert batch.columns.value[[0, 1, 2, 4, 6]].tolist() == [20.5, -(2**53), 1, 0, 1]


@pytest.mark.parametrize(
    ("batch", "named"),
    [
        (one(INTEGER, 1.5), r"samples.value\[0\] is 1.5: an integer"),
        (one(INTEGER, 2.0**53 + 2), r"samples.value\[0\] is 9007199254740994.0"),
        (one(INTEGER, -(2.0**60)), r"samples.value\[0\].* at most 9007199254740992"),
        (one(INTEGER, nan), r"samples.value\[0\] is nan"),
        (one(INTEGER, inf, 2), r"samples.value\[0\] is inf"),
        (one(BOOLEAN, 2.0), r"samples.value\[0\] is 2.0: a boolean is 0 or 1"),
        (one(BOOLEAN, 0.5), r"samples.value\[0\] is 0.5: a boolean"),
        (one(TEXT, 0.0), r"samples.value\[0\] is 0.0: .* has 0 entries"),
        (changed(one(TEXT, "a"), texts=()), r"samples.value\[0\].* has 0 entries"),
        (one(TEXT, -1.0), r"samples.value\[0\] is -1.0: a text is an index"),
        (one(JSON, 1e300), r"samples.value\[0\] is 1e\+300: a text is an index"),
        (one(TEXT, "a\0b"), r"samples.texts\[0\] holds the character U\+0000"),
        (one(TEXT, "\ud800"), r"samples.texts\[0\] is no text"),
        (one(TEXT, "é" * 8193), r"samples.texts\[0\] has 16386 bytes"),
        (one(JSON, ""), r"samples.texts\[0\] is no JSON"),
        (one(JSON, "{'a': 1}"), r"samples.texts\[0\] is no JSON"),
        (one(JSON, "NaN"), r"samples.texts\[0\] is no JSON"),
        (one(JSON, "[" * 9000), r"samples.texts\[0\] is n"),
        (one(JSON, "[" * 90 + "]" * 90), r"samples.texts\[0\] is nested"),
        (one(JSON, '["\\u0000"]'), r"samples.texts\[0\] holds the character U\+0000"),
        (
            typed_samples(0, [("t", TEXT, NOW_S, "x" * 16_000, 0)] * 26),
            "samples.texts has 416000 bytes",
        ),
        (
            changed(one(TEXT, "a"), texts=("",) * 10_001),
            "samples.texts has 10001 entries",
        ),
    ],
)
def test_a_value_that_is_not_of_its_type_is_refused(batch: Ingest, named: str) -> None:
    with pytest.raises(FleetError, match=named):
        check("press_7", batch, NOW_US)


def test_the_row_at_fault_is_named_among_others() -> None:
    rows = [*MIXED, ("parts", INTEGER, NOW_S, 0.25, 0)]
    with pytest.raises(FleetError, match=r"samples.value\[7\] is 0.25"):
        check("press_7", typed_samples(0, rows), NOW_US)


def test_a_text_that_no_row_uses_may_be_anything_but_unstorable() -> None:
    batch = changed(one(JSON, "1"), texts=("1", "no json"))
    checked = check("press_7", batch, NOW_US)
    assert isinstance(checked, SampleBatch)
    assert checked.weight > 1000


def test_a_row_of_a_json_tag_needs_json_though_a_text_tag_shares_it() -> None:
    both = typed_samples(
        0, [("note", TEXT, NOW_S, "no json", 0), ("recipe", JSON, NOW_S, "1", 0)]
    )
    check("press_7", both, NOW_US)
    with pytest.raises(FleetError, match=r"samples.texts\[0\] is no JSON"):
        check("press_7", changed(both, value=b"\0" * 16), NOW_US)


def test_two_entries_of_the_tag_table_may_name_one_series() -> None:
    twice = (SampleTag(tag="temp", unit="K"), SampleTag(tag="temp", unit="K"))
    batch = changed(
        samples(0, [("a", NOW_S, 1.0, 0), ("b", NOW_S, 2.0, 0)]), tags=twice
    )
    checked = check("press_7", batch, NOW_US)
    assert isinstance(checked, SampleBatch)
    assert len(set(checked.tags)) == 1


def test_the_longest_text_is_taken() -> None:
    assert len(check("press_7", one(TEXT, "x" * MAX_TEXT_BYTES), NOW_US)) == 1


LOSS = loss("e1", 500, 100, NOW_S)
MOVED = transition(NOW_S)


def test_losses_are_taken_whatever_they_say() -> None:
    odd = replace(LOSS, reason="too\nlong\0" + "x" * 600, from_ms=None, to_ms=0)
    batch = check("press_7", losses(4, LOSS, odd), NOW_US)
    assert isinstance(batch, LossBatch)
    assert (batch.first, len(batch), batch.losses[0]) == (4, 2, LOSS)
    assert batch.losses[1].reason == ("too long " + "x" * 600)[:MAX_REASON]
    assert batch.weight > 2000


def test_alarm_transitions_are_taken() -> None:
    by_hand = replace(MOVED, value=None, who="anna", comment="looked\nat it")
    batch = check("press_7", alarms(0, MOVED, by_hand), NOW_US)
    assert isinstance(batch, AlarmBatch)
    assert batch.transitions == (MOVED, by_hand)
    assert batch.weight > 3000


@pytest.mark.parametrize(
    ("batch", "named"),
    [
        (losses(0, replace(LOSS, epoch="E")), r"losses\[0\].epoch 'E' is not an id"),
        (losses(0, LOSS, replace(LOSS, first=-1)), r"losses\[1\].first is -1"),
        (losses(0, replace(LOSS, count=2**62)), r"losses\[0\].count is"),
        (losses(0, replace(LOSS, at_ms=-1)), r"losses\[0\].at_ms is -1"),
        (losses(0, replace(LOSS, to_ms=2**60)), r"losses\[0\].to_ms is"),
        (losses(0, *[LOSS] * 10_001), "losses has 10001"),
        (replace(losses(0, LOSS), alarms=(MOVED,)), "carries `losses`, and nothing"),
        (replace(losses(0, LOSS), stream=Stream.ALARMS), "carries `alarms`"),
        (alarms(0, replace(MOVED, alarm="")), r"alarms\[0\].alarm"),
        (alarms(0, replace(MOVED, tag="t" * 201)), r"alarms\[0\].tag"),
        (alarms(0, MOVED, replace(MOVED, after="\n")), r"alarms\[1\].after"),
        (alarms(0, replace(MOVED, severity=1001)), r"alarms\[0\].severity is 1001"),
        (alarms(0, replace(MOVED, value=nan)), r"alarms\[0\].value is nan"),
        (alarms(0, replace(MOVED, who="a\0")), r"alarms\[0\].who"),
        (alarms(0, replace(MOVED, comment="a\0")), r"alarms\[0\].comment .*U\+0000"),
        (alarms(0, replace(MOVED, comment="a" * 4001)), r"alarms\[0\].comment has"),
        (alarms(0, replace(MOVED, at_us=5)), r"alarms\[0\].at_us is 5"),
        (alarms(0, replace(MOVED, at_us=2 * NOW_US)), r"alarms\[0\].at_us"),
    ],
)
def test_a_bad_report_is_refused_and_named(batch: Ingest, named: str) -> None:
    with pytest.raises(FleetError, match=named):
        check("press_7", batch, NOW_US)
