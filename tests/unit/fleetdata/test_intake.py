"""The intake: batches share a commit, each gets its own answer, memory is bounded."""

from collections.abc import Sequence

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from heddle.contract.declare import StorageUnavailable
from heddle.contract.samples import (
    Receipt,
    SequenceGap,
    Stream,
)
from services.fleetdata.batches import Batch, check
from services.fleetdata.intake import Intake
from services.fleetdata.store.links import StoreRefused
from services.fleetdata.store.writing import Missing, Outcome, Stored
from tests.support.batches import ramp

NOW_S = 1_800_000_000.0


def batch(device: str = "a", count: int = 10, first: int = 0) -> Batch:
    return check(device, ramp(first, count, NOW_S), int(NOW_S * 1e6))


class Store:
    """Records the groups; each is stored when the test says so."""

    def __init__(self) -> None:
        self.groups: list[list[Batch]] = []
        self.pending: list[Deferred[Sequence[Outcome]]] = []

    async def __call__(self, batches: Sequence[Batch]) -> Sequence[Outcome]:
        self.groups.append(list(batches))
        self.pending.append(Deferred())
        return await self.pending[-1]

    def commit(self, group: int = -1) -> None:
        outcomes = [Stored(b.first + len(b), len(b)) for b in self.groups[group]]
        self.pending[group].callback(outcomes)

    def devices(self) -> list[list[str]]:
        return [[b.key.device for b in group] for group in self.groups]


class Asked:
    """A submitted batch and its answer."""

    def __init__(self, intake: Intake, what: Batch) -> None:
        self.receipt: Receipt | None = None
        self.error: Failure | None = None
        asked = Deferred.fromCoroutine(intake.submit(what))
        asked.addCallbacks(self._stored, self._failed)

    def _stored(self, receipt: Receipt) -> None:
        self.receipt = receipt

    def _failed(self, failure: Failure) -> None:
        self.error = failure


class Bench:
    def __init__(
        self,
        group_rows: int = 100,
        queue_bytes: int = 1_000_000,
        groups_at_once: int = 1,
    ) -> None:
        self.clock, self.store = Clock(), Store()
        self.intake = Intake(
            self.clock,
            self.store,
            wait_s=0.003,
            group_rows=group_rows,
            queue_bytes=queue_bytes,
            groups_at_once=groups_at_once,
        )

    def ask(self, *args: object, **kwargs: object) -> Asked:
        return Asked(self.intake, batch(*args, **kwargs))  # type: ignore[arg-type]


def test_batches_of_several_devices_share_a_commit() -> None:
    bench = Bench()
    a, b = bench.ask("a"), bench.ask("b", count=20)
    assert bench.store.groups == []
    bench.clock.advance(0.003)
    assert bench.store.devices() == [["a", "b"]]
    assert a.receipt is None
    bench.store.commit()
    assert a.receipt == Receipt(stream=Stream.SAMPLES, epoch="e1", next_number=10)
    assert b.receipt == Receipt(stream=Stream.SAMPLES, epoch="e1", next_number=20)


def test_the_next_group_gathers_while_one_is_stored() -> None:
    bench = Bench()
    bench.ask("a")
    bench.clock.advance(0.003)
    bench.ask("b")
    bench.ask("c")
    bench.clock.advance(1)
    assert bench.store.devices() == [["a"]]
    bench.store.commit()
    bench.clock.advance(0.003)
    assert bench.store.devices() == [["a"], ["b", "c"]]


def test_a_full_group_does_not_wait() -> None:
    bench = Bench(group_rows=10)
    bench.ask("a", count=10)
    assert bench.store.devices() == [["a"]]


def test_a_group_is_cut_at_its_rows_but_never_a_batch() -> None:
    bench = Bench(group_rows=25)
    bench.ask("a", count=40)  # larger than a group: goes alone
    for device in "bcd":
        bench.ask(device, count=10)
    bench.store.commit()
    bench.store.commit()
    bench.clock.advance(0.003)
    assert bench.store.devices() == [["a"], ["b", "c"], ["d"]]


def test_a_gap_is_told_to_its_sender_only() -> None:
    bench = Bench()
    a, b = bench.ask("a", first=5), bench.ask("b")
    bench.clock.advance(0.003)
    bench.store.pending[-1].callback([Missing(2), Stored(10, 10)])
    assert a.error is not None
    gap = a.error.value
    assert isinstance(gap, SequenceGap)
    assert gap.details == {"wanted": 2}
    assert b.receipt is not None


def test_a_group_the_database_refuses_is_stored_singly() -> None:
    bench = Bench()
    good, bad, other = bench.ask("a"), bench.ask("b"), bench.ask("c")
    bench.clock.advance(0.003)
    bench.store.pending[-1].errback(StoreRefused("no"))
    bench.store.commit()
    bench.store.pending[-1].errback(StoreRefused("not this one"))
    bench.store.commit()
    assert bench.store.devices() == [["a", "b", "c"], ["a"], ["b"], ["c"]]
    assert good.receipt is not None
    assert other.receipt is not None
    assert bad.error is not None
    assert bad.error.check(StoreRefused)


def test_when_the_database_is_down_everyone_is_told_and_it_goes_on() -> None:
    bench = Bench()
    a, b = bench.ask("a"), bench.ask("b")
    bench.clock.advance(0.003)
    bench.store.pending[-1].errback(StorageUnavailable("down"))
    for one in (a, b):
        assert one.error is not None
        assert one.error.check(StorageUnavailable)
    again = bench.ask("a")
    bench.clock.advance(0.003)
    bench.store.commit()
    assert again.receipt is not None


def test_a_backlog_of_one_device_does_not_hold_up_another() -> None:
    bench = Bench(group_rows=30)
    bench.ask("a", count=30)  # on its way
    for n in range(1, 8):
        bench.ask("a", first=10 * n)
    bench.ask("b")
    bench.ask("c")
    for _ in range(3):
        bench.store.commit()
        bench.clock.advance(0.003)
    assert bench.store.devices() == [
        ["a"],
        ["b", "c", "a"],
        ["a", "a", "a"],
        ["a", "a", "a"],
    ]


def test_who_had_a_turn_goes_to_the_end() -> None:
    bench = Bench(group_rows=20)
    for n in range(2):
        for device in "abc":
            bench.ask(device, first=10 * n)
    for _ in range(2):
        bench.store.commit()
    assert bench.store.devices() == [["a", "b"], ["c", "a"], ["b", "c"]]


def test_a_second_group_goes_only_when_it_is_full_and_of_other_devices() -> None:
    bench = Bench(group_rows=20, groups_at_once=2)
    bench.ask("a", count=20)
    bench.ask("a", count=20, first=20)
    b = bench.ask("b")
    bench.clock.advance(1)
    assert bench.store.devices() == [["a"]]
    bench.ask("c")
    assert bench.store.devices() == [["a"], ["b", "c"]]
    bench.ask("d", count=20)
    bench.store.commit(1)
    assert b.receipt is not None
    bench.store.commit(0)
    assert bench.store.devices()[2:] == [["d"], ["a"]]


def test_what_waits_is_bounded() -> None:
    bench = Bench(queue_bytes=8 * batch().weight)
    asked = [bench.ask("a", first=10 * n) for n in range(5)]
    refused = asked.pop()
    assert refused.error is not None, "one device has at most half of the room"
    assert refused.error.check(StorageUnavailable)
    assert "busy" in refused.error.getErrorMessage()
    assert refused.error.value.details["retry_in_ms"] >= 100
    asked += [bench.ask("b"), bench.ask("b", first=10)]
    assert bench.ask("b", first=20).error is not None, "a quarter is for newcomers"
    asked += [bench.ask("c"), bench.ask("d")]
    assert bench.ask("e").error is not None, "the room is full"
    assert bench.intake.queued_bytes == 8 * batch().weight
    bench.clock.advance(0.003)
    bench.store.commit()
    assert all(one.receipt for one in asked)
    assert bench.intake.queued_bytes == 0
    assert bench.ask("a").error is None


def test_a_receipt_asks_for_a_pause_while_much_is_waiting() -> None:
    bench = Bench(group_rows=10, queue_bytes=20 * batch().weight)
    asked = [bench.ask(device) for device in "abcdefghijklmno"]
    for _ in asked:
        bench.clock.advance(1)
        bench.store.commit()
    receipts = [one.receipt for one in asked]
    pauses = [receipt.pause_ms for receipt in receipts if receipt is not None]
    assert len(pauses) == 15
    assert all(pause > 0 for pause in pauses[:4])
    assert pauses[4:] == [0] * 11
    assert receipts[0] is not None
    assert receipts[0].most_items == 100
    assert receipts[-1] == Receipt(stream=Stream.SAMPLES, epoch="e1", next_number=10)


@pytest.mark.parametrize("rounds", [1000])
def test_the_room_is_given_back_whatever_happens(rounds: int) -> None:
    bench = Bench(queue_bytes=2 * batch().weight)
    for n in range(rounds):
        one = bench.ask("a")
        bench.clock.advance(0.003)
        match n % 3:
            case 0:
                bench.store.commit()
            case 1:
                bench.store.pending[-1].callback([Missing(0)])
            case _:
                bench.store.pending[-1].errback(StoreRefused("no"))
        assert one.receipt or one.error
