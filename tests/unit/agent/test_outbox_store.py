"""The outbox on disk: numbers, epochs, and nothing lost or doubled."""

import sqlite3
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.outbox_store import BATCH_ITEMS, Executed, Lost, OutboxStore, count
from heddle.contract.runs import RunEvents, WorkflowEvent
from heddle.contract.samples import (
    Ingest,
    Receipt,
    SampleColumns,
    SampleTag,
    Stream,
)

SAMPLES, EVENTS = Stream.SAMPLES, Stream.RUN_EVENTS
TAGS = (SampleTag(tag="t"),)


def samples(*values: float, tags=TAGS) -> SampleColumns:
    rows = len(values)
    return SampleColumns(
        tags=tags,
        tag=struct.pack(f"<{rows}H", *([0] * rows)),
        at=struct.pack(f"<{rows}q", *range(rows)),
        value=struct.pack(f"<{rows}d", *values),
        quality=bytes(rows),
    )


def told(run: str, *numbers: int) -> RunEvents:
    return RunEvents(
        run=run,
        flow="brew",
        version=1,
        events=tuple(
            WorkflowEvent(id=f"{run}:{n}", type="X", createdAt=n, number=n, data={})
            for n in numbers
        ),
    )


def values(batch: Ingest | None) -> list[float]:
    assert batch is not None
    assert batch.samples is not None
    return list(struct.unpack(f"<{count(batch)}d", batch.samples.value))


def receipt(batch: Ingest, more: int = 0) -> Receipt:
    return Receipt(
        stream=batch.stream,
        epoch=batch.epoch,
        next_number=batch.first + count(batch) + more,
    )


@pytest.fixture
def store(tmp_path):
    opened = OutboxStore(tmp_path / "outbox.sqlite", 1 << 20)
    yield opened
    opened.close()


def test_a_batch_is_offered_until_it_is_acknowledged(store) -> None:
    assert store.batch(SAMPLES) is None
    store.append_samples(samples(1, 2))
    store.append_samples(samples(3))
    batch = store.batch(SAMPLES)
    assert (batch.first, values(batch)) == (0, [1, 2, 3])
    assert store.batch(SAMPLES) == batch
    assert store.acknowledge(receipt(batch))
    assert store.batch(SAMPLES) is None
    store.append_samples(samples(4))
    assert (store.batch(SAMPLES).first, values(store.batch(SAMPLES))) == (3, [4])
    assert store.waiting() == {**dict.fromkeys(Stream, 0), SAMPLES: 1}


def test_a_receipt_may_end_within_a_chunk(store) -> None:
    store.append_samples(samples(1, 2, 3))
    epoch = store.batch(SAMPLES).epoch
    assert store.acknowledge(Receipt(stream=SAMPLES, epoch=epoch, next_number=2))
    batch = store.batch(SAMPLES)
    assert (batch.first, values(batch), batch.samples.at) == (
        2,
        [3],
        struct.pack("<q", 2),
    )


def test_what_waits_is_there_after_a_restart(tmp_path) -> None:
    path = tmp_path / "outbox.sqlite"
    store = OutboxStore(path, 1 << 20)
    store.append_samples(samples(1))
    store.append_events(told("r", 0, 1))
    before = store.batch(SAMPLES), store.batch(EVENTS)
    store.close()
    again = OutboxStore(path, 1 << 20)
    assert (again.batch(SAMPLES), again.batch(EVENTS)) == before
    again.close()


def test_a_batch_ends_where_the_tag_table_changes(store) -> None:
    store.append_samples(samples(1))
    store.append_samples(samples(2, tags=(SampleTag(tag="t", unit="K"),)))
    first = store.batch(SAMPLES)
    assert values(first) == [1]
    store.acknowledge(receipt(first))
    assert values(store.batch(SAMPLES)) == [2]


def test_a_batch_is_bounded_in_items_and_bytes(store) -> None:
    for _ in range(3):
        store.append_samples(samples(*range(2_000)))
    assert count(store.batch(SAMPLES)) == 4_000 <= BATCH_ITEMS[SAMPLES]


def test_repeated_events_are_kept_once(store) -> None:
    fresh, _ = store.append_events(told("r", 0, 1, 2))
    assert fresh == told("r", 0, 1, 2)
    fresh, _ = store.append_events(told("r", 1, 2, 3))
    assert fresh == told("r", 3)
    assert store.append_events(told("r", 0, 3)) == (None, None)
    store.append_events(told("other", 0))
    batch = store.batch(EVENTS)
    assert [(t.run, e.number) for t in batch.events for e in t.events] == [
        ("r", 0),
        ("r", 1),
        ("r", 2),
        ("r", 3),
        ("other", 0),
    ]
    assert count(batch) == 5


def test_a_forgotten_run_may_come_again(store) -> None:
    store.append_events(told("r", 0))
    store.record_executed("r", 0, None)
    store.forget_run("r")
    assert store.append_events(told("r", 0))[0] == told("r", 0)
    assert store.executed("r", 0) is None


def test_a_command_is_remembered_with_its_outcome(store) -> None:
    assert store.executed("r", 0) is None
    store.record_executed("r", 0, None)
    store.record_executed("r", 1, "no such tag")
    assert store.executed("r", 0) == Executed(None)
    assert store.executed("r", 1) == Executed("no such tag")


def test_a_gap_behind_us_is_filled_from_where_it_is_wanted(store) -> None:
    store.append_samples(samples(1, 2, 3))
    epoch = store.batch(SAMPLES).epoch
    assert store.resume_at(SAMPLES, epoch, 1) is None
    assert (store.batch(SAMPLES).epoch, values(store.batch(SAMPLES))) == (epoch, [2, 3])


def test_a_number_we_forgot_begins_a_new_epoch(store) -> None:
    store.append_samples(samples(1, 2))
    first = store.batch(SAMPLES)
    store.acknowledge(receipt(first))
    store.append_samples(samples(3))
    lost = store.resume_at(SAMPLES, first.epoch, 0)  # the database was restored
    assert lost == Lost(SAMPLES, 2, "acknowledged, but missing at the other end")
    batch = store.batch(SAMPLES)
    assert batch.epoch != first.epoch
    assert (batch.first, values(batch)) == (0, [3])


def test_a_receipt_for_numbers_we_never_gave_is_no_receipt(store) -> None:
    store.append_samples(samples(1))
    batch = store.batch(SAMPLES)
    assert not store.acknowledge(receipt(batch, more=5))
    store.resume_at(SAMPLES, batch.epoch, 6)  # we lost something: begin anew
    again = store.batch(SAMPLES)
    assert again.epoch != batch.epoch
    assert values(again) == [1]


def test_a_receipt_of_a_former_epoch_changes_nothing(store) -> None:
    store.append_samples(samples(1))
    batch = store.batch(SAMPLES)
    store.discard(batch, "refused")
    store.append_samples(samples(2))
    assert store.acknowledge(receipt(batch))
    assert values(store.batch(SAMPLES)) == [2]


def test_a_discarded_batch_is_a_recorded_fact(tmp_path) -> None:
    path = tmp_path / "outbox.sqlite"
    store = OutboxStore(path, 1 << 20)
    store.append_samples(samples(1, 2))
    batch = store.batch(SAMPLES)
    store.append_samples(samples(3))
    assert store.discard(batch, "at is in the future") == Lost(
        SAMPLES, 2, "at is in the future"
    )
    again = store.batch(SAMPLES)
    assert (again.first, values(again)) == (0, [3])
    assert again.epoch != batch.epoch
    store.close()
    rows = sqlite3.connect(path)
    kept = rows.execute("select stream, epoch, first, items, why from lost").fetchall()
    rows.close()
    assert kept == [("samples", batch.epoch, 0, 2, "at is in the future")]


def test_a_full_outbox_drops_the_oldest_and_never_what_may_be_under_way(
    tmp_path,
) -> None:
    store = OutboxStore(tmp_path / "outbox.sqlite", 400_000)  # 200,000 for samples
    lost, under_way = [], None
    for n in range(20):
        dropped = store.append_samples(samples(*([float(n)] * 1_000)))
        under_way = under_way or store.batch(SAMPLES)
        if dropped is not None:
            lost.append(dropped)
    assert lost
    batch = store.batch(SAMPLES)
    assert batch.epoch != under_way.epoch
    assert batch.first == 0
    dropped_items = sum(each.items for each in lost)
    assert dropped_items >= BATCH_ITEMS[SAMPLES]
    assert values(batch)[0] == dropped_items / 1_000
    assert store.waiting()[SAMPLES] == 20_000 - dropped_items
    store.close()


class Other:
    """The other end: stores what is new, in order, as fleetdata does."""

    def __init__(self) -> None:
        self.cursors: dict[str, int] = {}
        self.stored: list[float] = []

    def take(self, batch: Ingest) -> Receipt:
        cursor = self.cursors.get(batch.epoch, 0)
        assert batch.first <= cursor
        new = values(batch)[cursor - batch.first :]
        self.stored += new
        self.cursors[batch.epoch] = cursor + len(new)
        return Receipt(
            stream=SAMPLES, epoch=batch.epoch, next_number=self.cursors[batch.epoch]
        )


STEPS = st.lists(
    st.sampled_from(["append", "deliver", "lose receipt", "restart"]), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whatever_happens_everything_arrives_once_and_in_order(
    tmp_path_factory, steps
) -> None:
    path: Path = tmp_path_factory.mktemp("outbox") / "outbox.sqlite"
    store, other, given_out = OutboxStore(path, 1 << 20), Other(), 0
    for step in [*steps, "deliver"]:
        match step:
            case "append":
                store.append_samples(samples(*range(given_out, given_out + 3)))
                given_out += 3
            case "deliver" | "lose receipt":
                batch = store.batch(SAMPLES)
                if batch is not None:
                    got = other.take(batch)
                    if step == "deliver":
                        assert store.acknowledge(got)
            case "restart":
                store.close()
                store = OutboxStore(path, 1 << 20)
    store.close()
    assert other.stored == [float(n) for n in range(given_out)]
