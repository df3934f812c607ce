"""The outbox on disk: numbers, epochs, and nothing lost or doubled."""

import struct

import pytest

from edge_agent.budget import BATCH_ITEMS, Budget
from edge_agent.executed import Executed
from edge_agent.outbox_store import Lost, OutboxStore, Taken
from edge_agent.packing import count
from heddle.contract.alarms import AlarmTransition
from heddle.contract.runs import RunEvents, WorkflowEvent
from heddle.contract.samples import (
    Ingest,
    Loss,
    Receipt,
    SampleColumns,
    SampleTag,
    Stream,
)

SAMPLES, EVENTS = Stream.SAMPLES, Stream.RUN_EVENTS
TAGS = (SampleTag(tag="t"),)
DONE = Taken(fits=True, told=False)


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
    opened = OutboxStore(tmp_path / "outbox.sqlite", Budget(1 << 20))
    yield opened
    opened.close()


def test_a_batch_says_what_the_clock_said(tmp_path) -> None:
    now = [100.0]
    store = OutboxStore(tmp_path / "o.sqlite", Budget(1 << 20), lambda: now[0])
    for second in (101.0, 102.0, 50.0):
        now[0] = second
        store.append_samples(samples(second))
    first = store.batch(SAMPLES)
    assert (values(first), first.clock_us) == ([101.0, 102.0], 102_000_999)
    second = store.batch(SAMPLES, first)
    assert (values(second), second.clock_us) == ([50.0], 50_000_999)
    store.close()


def test_the_position_is_told_once_nothing_waits(store) -> None:
    epoch, number = store.position(SAMPLES)
    assert number == 0
    store.append_samples(samples(1, 2))
    assert store.position(SAMPLES) is None
    store.acknowledge(receipt(store.batch(SAMPLES)))
    assert store.position(SAMPLES) == (epoch, 2)
    store.append_unkept(SAMPLES, 5, "the disk was full", None)
    other, number = store.position(SAMPLES)
    assert (other == epoch, number) == (False, 0)


def test_a_batch_is_offered_until_it_is_acknowledged(store) -> None:
    assert store.batch(SAMPLES) is None
    store.append_samples(samples(1, 2))
    store.append_samples(samples(3))
    batch = store.batch(SAMPLES)
    assert (batch.first, values(batch)) == (0, [1, 2, 3])
    assert store.batch(SAMPLES) == batch
    assert store.acknowledge(receipt(batch)) == DONE
    assert store.batch(SAMPLES) is None
    store.append_samples(samples(4))
    assert (store.batch(SAMPLES).first, values(store.batch(SAMPLES))) == (3, [4])
    assert store.waiting() == {**dict.fromkeys(Stream, 0), SAMPLES: 1}


def test_a_receipt_may_end_within_a_chunk(store) -> None:
    store.append_samples(samples(1, 2, 3))
    epoch = store.batch(SAMPLES).epoch
    assert store.acknowledge(Receipt(stream=SAMPLES, epoch=epoch, next_number=2)).fits
    batch = store.batch(SAMPLES)
    assert (batch.first, values(batch), batch.samples.at) == (
        2,
        [3],
        struct.pack("<q", 2),
    )


def test_what_waits_is_there_after_a_restart(tmp_path) -> None:
    path = tmp_path / "outbox.sqlite"
    store = OutboxStore(path, Budget(1 << 20))
    store.append_samples(samples(1))
    store.append_events(told("r", 0, 1))
    before = store.batch(SAMPLES), store.batch(EVENTS)
    store.close()
    again = OutboxStore(path, Budget(1 << 20))
    assert (again.batch(SAMPLES), again.batch(EVENTS)) == before
    again.close()


def test_a_batch_ends_where_the_tag_table_changes(store) -> None:
    store.append_samples(samples(1))
    store.append_samples(samples(2, tags=(SampleTag(tag="t", unit="K"),)))
    first = store.batch(SAMPLES)
    assert values(first) == [1]
    store.acknowledge(receipt(first))
    assert values(store.batch(SAMPLES)) == [2]


def test_a_batch_is_bounded_in_items_and_bytes(tmp_path) -> None:
    store = OutboxStore(tmp_path / "outbox.sqlite", Budget(100 << 20))
    for _ in range(4):
        store.append_samples(samples(*range(4_000)))
    assert count(store.batch(SAMPLES)) == 8_000 <= BATCH_ITEMS[SAMPLES]
    assert count(store.batch(SAMPLES, most=5_000)) == 4_000  # whole chunks
    assert count(store.batch(SAMPLES, most=3)) == 3  # but for the first
    store.close()
    small = OutboxStore(tmp_path / "small.sqlite", Budget(1 << 20))
    for _ in range(4):
        small.append_samples(samples(*range(4_000)))
    assert count(small.batch(SAMPLES)) == 4_000  # an eighth of the share holds no more
    small.close()


def test_batches_follow_each_other_while_they_are_on_their_way(store) -> None:
    for n in range(4):
        store.append_samples(samples(n))
    first = store.batch(SAMPLES, most=1)
    second = store.batch(SAMPLES, first, most=2)
    third = store.batch(SAMPLES, second)
    assert [values(each) for each in (first, second, third)] == [[0], [1, 2], [3]]
    assert store.batch(SAMPLES, third) is None
    store.acknowledge(receipt(second))  # which tells of the first, too
    assert store.batch(SAMPLES) == third


def test_repeated_events_are_kept_once(store) -> None:
    fresh, _ = store.append_events(told("r", 0, 1, 2))
    assert fresh == told("r", 0, 1, 2)
    fresh, _ = store.append_events(told("r", 1, 2, 3))
    assert fresh == told("r", 3)
    assert store.append_events(told("r", 0, 3)) == (None, ())
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
    store.commands.record("r", 0, None)
    store.forget_run("r")
    assert store.append_events(told("r", 0))[0] == told("r", 0)
    assert store.commands.outcome("r", 0) is None


def test_a_command_is_remembered_with_its_outcome(store) -> None:
    assert store.commands.outcome("r", 0) is None
    store.commands.record("r", 0, None)
    store.commands.record("r", 1, "no such tag")
    assert store.commands.outcome("r", 0) == Executed(None)
    assert store.commands.outcome("r", 1) == Executed("no such tag")


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
    assert not store.acknowledge(receipt(batch, more=5)).fits
    store.resume_at(SAMPLES, batch.epoch, 6)  # we lost something: begin anew
    again = store.batch(SAMPLES)
    assert again.epoch != batch.epoch
    assert values(again) == [1]


def test_a_receipt_of_a_former_epoch_changes_nothing(store) -> None:
    store.append_samples(samples(1))
    batch = store.batch(SAMPLES)
    store.discard(batch, "refused")
    store.append_samples(samples(2))
    assert store.acknowledge(receipt(batch)).fits
    assert values(store.batch(SAMPLES)) == [2]


def losses(store: OutboxStore) -> list[Loss]:
    """What the stream of losses holds."""
    batch = store.batch(Stream.LOSSES)
    return [] if batch is None else list(batch.losses)


def test_a_discarded_batch_is_a_recorded_fact(store) -> None:
    store.append_samples(samples(1, 2))
    batch = store.batch(SAMPLES)
    store.append_samples(samples(3))
    assert store.discard(batch, "unlucky") == Lost(SAMPLES, 2, "refused: unlucky")
    again = store.batch(SAMPLES)
    assert (again.first, values(again)) == (0, [3])
    assert again.epoch != batch.epoch
    (loss,) = losses(store)
    assert (loss.stream, loss.epoch, loss.first) == (SAMPLES, batch.epoch, 0)
    assert (loss.count, loss.reason) == (2, "refused: unlucky")
    assert (loss.from_ms, loss.to_ms) == (0, 0)


def test_one_item_can_be_discarded_from_within_a_chunk(store) -> None:
    store.append_samples(samples(1, 2, 3))
    epoch = store.batch(SAMPLES, most=1).epoch
    store.acknowledge(Receipt(stream=SAMPLES, epoch=epoch, next_number=1))
    bad = store.batch(SAMPLES, most=1)
    assert values(bad) == [2]
    store.discard(bad, "unlucky")
    assert values(store.batch(SAMPLES)) == [3]
    assert [(each.first, each.count) for each in losses(store)] == [(1, 1)]


def test_what_the_other_end_lost_is_told_by_the_losses(store) -> None:
    store.append_samples(samples(1, 2, 3))
    batch = store.batch(SAMPLES)
    store.acknowledge(receipt(batch))
    store.resume_at(SAMPLES, batch.epoch, 1)
    (loss,) = losses(store)
    assert (loss.epoch, loss.first, loss.count) == (batch.epoch, 1, 2)


def test_a_full_outbox_drops_the_oldest_but_never_what_may_be_under_way(
    tmp_path,
) -> None:
    store = OutboxStore(tmp_path / "outbox.sqlite", Budget(400_000))
    lost, under_way = [], None
    for n in range(20):
        lost += store.append_samples(samples(*([float(n)] * 1_000)))
        under_way = under_way or store.batch(SAMPLES)
    assert {each.why for each in lost} == {"the outbox was full"}
    assert store.batch(SAMPLES) == under_way  # renumbered, it could be stored twice
    assert losses(store) == []  # not before all that came before is acknowledged
    assert store.acknowledge(receipt(under_way)) == Taken(fits=True, told=True)
    (loss,) = losses(store)
    assert (loss.epoch, loss.first) == (under_way.epoch, 1_000)
    assert loss.count == sum(each.items for each in lost)
    rest = store.batch(SAMPLES)
    assert (rest.first, values(rest)[0]) == (0, 1 + loss.count / 1_000)
    assert store.waiting()[SAMPLES] == 19_000 - loss.count
    store.close()


def test_a_flood_of_samples_costs_no_event_and_no_alarm(tmp_path) -> None:
    store = OutboxStore(tmp_path / "outbox.sqlite", Budget(400_000))
    store.append_events(told("r", 0))
    store.append_alarms([transition("a")])
    for n in range(40):
        store.append_samples(samples(*([float(n)] * 1_000)))
    assert store.batch(EVENTS).events == (told("r", 0),)
    assert store.batch(Stream.ALARMS).alarms == (transition("a"),)
    store.close()


def transition(alarm: str) -> AlarmTransition:
    return AlarmTransition(
        alarm=alarm,
        tag="t",
        at_us=5_000,
        cause="sample",
        before="normal",
        after="unacknowledged",
        severity=500,
    )


def test_alarm_transitions_are_a_stream(store) -> None:
    store.append_alarms([transition("a"), transition("b")])
    store.append_alarms([transition("c")])
    batch = store.batch(Stream.ALARMS)
    assert [each.alarm for each in batch.alarms] == ["a", "b", "c"]
    store.acknowledge(receipt(batch, more=-1))
    batch = store.batch(Stream.ALARMS)
    assert (batch.first, batch.alarms) == (2, (transition("c"),))


def test_what_is_too_old_is_dropped(tmp_path) -> None:
    now = [1_800_000_000.0]
    path, budget = tmp_path / "outbox.sqlite", Budget(400_000, hours=2)
    store = OutboxStore(path, budget, lambda: now[0])
    for n in range(12):
        store.append_samples(samples(*([float(n)] * 1_000)))
    first = store.batch(SAMPLES)
    now[0] += 3 * 3600
    (lost,) = store.append_samples(samples(99.0))
    assert lost.why == "older than the outbox keeps"
    assert store.batch(SAMPLES) == first  # it may be on its way
    store.acknowledge(receipt(first))
    assert values(store.batch(SAMPLES)) == [99.0]
    assert store.waiting()[SAMPLES] == 1
    store.close()


def test_what_never_came_to_the_disk_is_a_loss_in_its_place(store) -> None:
    store.append_samples(samples(1, 2))
    store.append_unkept(SAMPLES, 7, "no room", (10, 20))
    store.append_samples(samples(3))
    first = store.batch(SAMPLES)
    assert values(first) == [1, 2]
    assert store.batch(SAMPLES, first) is None  # another epoch
    store.acknowledge(receipt(first))
    assert values(store.batch(SAMPLES)) == [3]
    (loss,) = losses(store)
    assert (loss.epoch, loss.first, loss.count) == (first.epoch, 2, 7)
    assert (loss.reason, loss.from_ms, loss.to_ms) == ("no room", 10, 20)


def test_the_file_stays_within_its_budget_and_shrinks_again(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("edge_agent.outbox_store._FREE_PAGES", 32)
    path, budget = tmp_path / "outbox.sqlite", Budget(2 << 20)
    store = OutboxStore(path, budget)

    def size() -> int:
        return sum(each.stat().st_size for each in tmp_path.iterdir())

    for n in range(400):
        store.append_samples(samples(*([float(n)] * (1 + n * 37 % 1_200))))
        assert size() <= budget.bytes
    assert size() > budget.bytes / 2
    while (batch := store.batch(SAMPLES)) is not None:
        store.acknowledge(receipt(batch))
    store.close()
    assert size() < budget.bytes / 2
