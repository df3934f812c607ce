"""Batches: taken as they are, or refused whole with the element named."""

from array import array
from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from heddle.contract.declare import FleetError, InvalidId, InvalidRequest
from heddle.contract.runs import RunEvents
from heddle.contract.samples import Ingest, Stream
from services.fleetdata.batches import EventBatch, SampleBatch, TagKey, check
from tests.support.batches import events, samples

NOW_S = 1_800_000_000.0
NOW_US = int(NOW_S * 1e6)
GOOD = samples(
    7, [("temp", NOW_S, 20.5, 0), ("ph", NOW_S, 7.0, 1), ("temp", NOW_S + 1, 21.0, 0)]
)
TOLD = events(3, [0, 1], NOW_S)


def test_samples_are_unpacked() -> None:
    batch = check("press_7", GOOD, NOW_US)
    assert isinstance(batch, SampleBatch)
    assert batch.key == ("press_7", "samples", "e1")
    assert (batch.first, len(batch)) == (7, 3)
    assert batch.tags == (
        TagKey("press_7", "temp", "K"),
        TagKey("press_7", "ph", "K"),
    )
    columns = batch.columns
    assert columns.tag.tolist() == [0, 1, 0]
    assert columns.at.tolist() == [NOW_US, NOW_US, NOW_US + 1_000_000]
    assert columns.value.tolist() == [20.5, 7.0, 21.0]
    assert columns.quality.tobytes() == b"\0\1\0"


def test_events_are_numbered_one_by_one_over_all_runs() -> None:
    both = replace(
        TOLD,
        events=(
            *(TOLD.events or ()),
            *(events(0, [5], NOW_S, run="run_2").events or ()),
        ),
    )
    batch = check("press_7", both, NOW_US)
    assert isinstance(batch, EventBatch)
    assert [(e.run, e.number) for e in batch.events] == [
        ("run_1", 0),
        ("run_1", 1),
        ("run_2", 5),
    ]
    assert batch.events[0].data == '{"phaseId":"phase_0"}'


def test_no_value_is_nan_of_bad_quality() -> None:
    batch = check("press_7", samples(0, [("temp", NOW_S, nan, 2)]), NOW_US)
    assert len(batch) == 1


DAY_US = 86_400_000_000


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (None, None),
        (NOW_US - DAY_US, NOW_US - DAY_US),
        (NOW_US + DAY_US, NOW_US + DAY_US),
        (NOW_US + DAY_US + 1, None),
        (0, None),
        (-(2**62), None),
    ],
)
def test_a_clock_that_cannot_be_counts_as_not_told(
    said: int | None, heard: int | None
) -> None:
    batch = check("press_7", replace(GOOD, clock_us=said), NOW_US)
    assert isinstance(batch, SampleBatch)
    assert batch.clock_us == heard


def test_an_empty_batch_is_a_question() -> None:
    assert len(check("press_7", samples(9, []), NOW_US)) == 0


def packed(**changes: Any) -> Ingest:
    assert GOOD.samples is not None
    return replace(GOOD, samples=replace(GOOD.samples, **changes))


def event(**changes: Any) -> Ingest:
    assert TOLD.events is not None
    told = TOLD.events[0]
    wrong = replace(told.events[1], **changes)
    return replace(TOLD, events=(replace(told, events=(told.events[0], wrong)),))


DEEP: dict[str, Any] = {}
_place = DEEP
for _ in range(3000):
    _place["in"] = {}
    _place = _place["in"]


@pytest.mark.parametrize(
    ("batch", "named"),
    [
        (packed(value=b"\0" * 16), "samples.value has 2 rows"),
        (packed(tag=b"\0\0"), "samples.tag has 1 rows"),
        (packed(quality=b""), "samples.quality has 0 rows"),
        (packed(at=b"\0" * 23), "samples.at has 23 bytes"),
        (packed(tag=array("H", [0, 2, 0]).tobytes()), "samples.tag\\[1\\] is 2"),
        (packed(tags=()), "samples.tags has 0 entries"),
        (packed(quality=b"\0\0\3"), "samples.quality\\[2\\] is 3"),
        (samples(0, [("t", NOW_S, nan, 0)]), "samples.value\\[0\\] is nan"),
        (samples(0, [("t", NOW_S, inf, 2)]), "samples.value\\[0\\] is inf"),
        (samples(0, [("t", NOW_S, -inf, 0)]), "samples.value\\[0\\] is -inf"),
        (samples(0, [("t", NOW_S + 90_000, 1.0, 0)]), "samples.at\\[0\\].* ahead"),
        (samples(0, [("t", 9e8, 1.0, 0)]), "samples.at\\[0\\].* before the year"),
        (samples(0, [("", NOW_S, 1.0, 0)]), "samples.tags\\[0\\].tag"),
        (samples(0, [("a\0b", NOW_S, 1.0, 0)]), "samples.tags\\[0\\].tag"),
        (samples(0, [("t\ud800", NOW_S, 1.0, 0)]), "samples.tags\\[0\\].tag"),
        (samples(0, [("t" * 201, NOW_S, 1.0, 0)]), "samples.tags\\[0\\].tag"),
        (samples(0, [("t", NOW_S, 1.0, 0)], unit="\n"), "samples.tags\\[0\\].unit"),
        (samples(0, [("t", NOW_S, 1.0, 0)] * 10_001), "10001 rows: send at most"),
        (replace(GOOD, first=-1), "first is -1"),
        (replace(GOOD, first=2**63), "first is"),
        (replace(GOOD, epoch="e-1"), "epoch 'e-1' is not an id"),
        (replace(GOOD, stream=Stream.RUN_EVENTS), "run_events carries `events`"),
        (replace(GOOD, events=()), "samples carries `samples`"),
        (replace(GOOD, samples=None), "samples carries `samples`"),
        (replace(TOLD, events=None), "run_events carries `events`"),
        (events(0, [0], NOW_S, run="Run 1"), "events\\[0\\].run 'Run 1' is not an id"),
        (events(0, list(range(10_001)), NOW_S), "10001 events: send at most"),
        (event(number=-1), "events\\[0\\].events\\[1\\].number"),
        (event(createdAt=5), "events\\[0\\].events\\[1\\].createdAt"),
        (event(createdAt=int(NOW_S * 2000)), "events\\[0\\].events\\[1\\].createdAt"),
        (event(type=""), "events\\[0\\].events\\[1\\].type"),
        (event(data={"a": ["b\0"]}), "events\\[0\\].events\\[1\\].data .*U\\+0000"),
        (event(data={"a": "\ud800"}), "events\\[0\\].events\\[1\\].data is no JSON"),
        (event(data=DEEP), "events\\[0\\].events\\[1\\].data is nested"),
    ],
)
def test_a_flaw_is_refused_and_named(batch: Ingest, named: str) -> None:
    with pytest.raises((InvalidRequest, InvalidId), match=named):
        check("press_7", batch, NOW_US)


def test_a_backslash_before_u0000_is_not_that_character() -> None:
    check("press_7", event(data={"a": "\\u0000"}), NOW_US)


@pytest.mark.parametrize("make", [lambda: GOOD, lambda: TOLD])
def test_a_batch_weighs_at_least_what_it_carries(make: Callable[[], Ingest]) -> None:
    assert check("press_7", make(), NOW_US).weight > 1000


def test_a_bad_version_is_refused() -> None:
    wrong = replace(TOLD, events=(RunEvents(run="r", flow="f", version=-1, events=()),))
    with pytest.raises(FleetError, match=r"events\[0\].version is -1"):
        check("press_7", wrong, NOW_US)
