"""Outbox files of older versions are taken over as they are."""

import sqlite3
from pathlib import Path

import pytest

from edge_agent.budget import Budget
from edge_agent.executed import Executed
from edge_agent.outbox_store import OutboxStore
from heddle.contract.devices import TagType
from heddle.contract.samples import Loss, Receipt, SampleColumns, SampleTag, Stream
from tests.support.centre import items_of

FORMAT_1 = Path(__file__).parent / "golden" / "outbox_1.sql"
AT_US = 1_790_000_000_000_000
FULL_BUDGET = Budget(1 << 20)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file as version 0.1 left it."""
    made = tmp_path / "outbox.sqlite"
    db = sqlite3.connect(made)
    db.executescript(FORMAT_1.read_text())
    db.close()
    return made


def test_what_waited_in_format_1_is_delivered_under_its_numbers(path) -> None:
    store = OutboxStore(path, FULL_BUDGET)
    batch = store.batch(Stream.SAMPLES)
    assert (batch.epoch, batch.first) == ("4da1f3e6dbfa4956b9050df59c21b31e", 1)
    assert items_of(batch) == [("t", AT_US + n, float(n), 0) for n in (4, 5, 6)]
    assert batch.samples.tags == (SampleTag(tag="t", unit="K", type=TagType.FLOAT),)
    events = store.batch(Stream.RUN_EVENTS)
    assert [(run, event.number) for run, event in items_of(events)] == [
        ("r", 0),
        ("r", 1),
        ("r", 2),
    ]
    assert store.waiting()[Stream.SAMPLES] == 3
    store.close()


def test_what_format_1_had_lost_is_told_in_the_stream_of_losses(path) -> None:
    store = OutboxStore(path, FULL_BUDGET)
    (loss,) = store.batch(Stream.LOSSES).losses
    assert loss == Loss(
        stream=Stream.SAMPLES,
        epoch="dbefa37a27fe48539e7503cfdb4da178",
        first=0,
        count=2,
        reason="at is in the future",
        at_ms=1_795_358_961_379,
    )
    store.close()


def test_numbers_and_memories_go_on(path) -> None:
    store = OutboxStore(path, FULL_BUDGET)
    assert store.commands.outcome("r", 1) == Executed("no such tag")
    first = store.batch(Stream.SAMPLES)
    columns = SampleColumns(
        tags=(SampleTag(tag="n", type=TagType.TEXT),),
        tag=bytes(2),
        at=bytes(8),
        value=bytes(8),
        quality=b"\0",
        texts=("open",),
    )
    store.append_samples(columns)
    store.close()
    again = OutboxStore(path, FULL_BUDGET)  # now of our format
    assert again.batch(Stream.SAMPLES) == first
    receipt = Receipt(stream=Stream.SAMPLES, epoch=first.epoch, next_number=4)
    assert again.acknowledge(receipt).fits
    batch = again.batch(Stream.SAMPLES)
    assert (batch.epoch, batch.first) == (first.epoch, 4)
    assert items_of(batch) == [("n", 0, "open", 0)]
    again.close()


def test_a_crash_while_a_file_is_taken_over_costs_nothing(path) -> None:
    db = sqlite3.connect(path)  # half of it was moved
    db.executescript(
        "alter table stream add column offered integer not null default 0;"
        "create table kept (stream text not null, first integer not null,"
        " items integer not null, cost integer not null, kept_ms integer not null,"
        " from_ms integer, to_ms integer, tags integer, body blob not null,"
        " primary key (stream, first));"
        "insert into kept (stream, first, items, cost, kept_ms, body)"
        " select stream, first, items, length(body) + 64, 0, body from chunk"
        "  where stream = 'run_events';"
        "delete from chunk where stream = 'run_events';"
    )
    db.close()
    store = OutboxStore(path, FULL_BUDGET)
    assert len(items_of(store.batch(Stream.RUN_EVENTS))) == 3
    assert len(items_of(store.batch(Stream.SAMPLES))) == 3
    store.close()
