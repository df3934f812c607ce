"""Outbox, delivery and ledger together, whatever happens in between.

What the centre holds and what it was told is lost are what was produced, exactly. The
real store and the real delivery; only link, centre and clock are ours.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from edge_agent.budget import Budget
from edge_agent.delivery import Delivery
from edge_agent.outbox_store import OutboxStore
from heddle.contract.alarms import AlarmTransition
from heddle.contract.declare import FleetError, StorageUnavailable
from heddle.contract.samples import Ingest, Receipt, SampleColumns, SampleTag, Stream
from heddle.wamp.session import ConnectionLost
from tests.support.centre import Centre

SAMPLES, ALARMS, LOSSES = Stream.SAMPLES, Stream.ALARMS, Stream.LOSSES
TABLES = ((SampleTag(tag="t"),), (SampleTag(tag="t", unit="K"),))
BUDGET = Budget(14_000, hours=2)  # some ten chunks of samples


def samples(first: int, rows: int, unlucky: bool, tags: Any) -> SampleColumns:
    """Samples numbered through by their time; a negative value is not accepted."""
    values = [-1.0 if unlucky and n == rows // 2 else float(n) for n in range(rows)]
    return SampleColumns(
        tags=tags,
        tag=bytes(2 * rows),
        at=struct.pack(f"<{rows}q", *range(first, first + rows)),
        value=struct.pack(f"<{rows}d", *values),
        quality=bytes(rows),
    )


def alarm(number: int) -> AlarmTransition:
    return AlarmTransition(
        alarm="a" * 30, tag="t", at_us=number, cause="", before="", after="", severity=1
    )


def is_unlucky(item: Any) -> bool:
    return isinstance(item, tuple) and item[2] == -1.0


def produced(item: Any) -> int:
    """The number a stored item was produced with."""
    return item.at_us if isinstance(item, AlarmTransition) else item[1]


class World:
    """A device, its link and the centre."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.centre = Centre(refuses=is_unlucky)
        self.wire: list[tuple[Ingest, Deferred[Receipt]]] = []
        self.late: list[Ingest] = []  # of links that broke; may still arrive
        self.made = {SAMPLES: 0, ALARMS: 0}
        self.waiting: dict[Stream, Deferred[None]] = {}
        self.boot()

    # What a delivery wants of an outbox, at once.

    def filled(self, stream: Stream) -> Deferred[None]:
        self.waiting[stream] = Deferred()
        return self.waiting[stream]

    async def batch(self, *asked: Any) -> Ingest | None:
        return self.store.batch(*asked)

    async def acknowledge(self, receipt: Receipt) -> bool:
        taken = self.store.acknowledge(receipt)
        self.wake(LOSSES)
        return taken.fits

    async def resume_at(self, *asked: Any) -> None:
        self.store.resume_at(*asked)
        self.wake(LOSSES)

    async def discard(self, *asked: Any) -> None:
        self.store.discard(*asked)
        self.wake(LOSSES)

    def wake(self, *streams: Stream) -> None:
        for stream in streams:
            if stream in self.waiting:
                self.waiting.pop(stream).callback(None)

    # What it wants of a session.

    async def call(self, _: Any, batch: Ingest, timeout_s: float) -> Receipt:
        answer: Deferred[Receipt] = Deferred()
        self.wire.append((batch, answer))
        return await answer.addErrback(cancelled_is_lost)

    # What happens.

    def boot(self) -> None:
        self.store = OutboxStore(self.path, BUDGET, self.clock.seconds)
        self.waiting.clear()
        self.deliveries = [
            Delivery(self.clock, self, each)  # type: ignore[arg-type]
            for each in (SAMPLES, ALARMS, LOSSES)
        ]
        self.join()

    def join(self) -> None:
        for delivery in self.deliveries:
            delivery.start(self)  # type: ignore[arg-type]

    def append(self, rows: int, unlucky: bool, table: int) -> None:
        columns = samples(self.made[SAMPLES], rows, unlucky, TABLES[table])
        self.store.append_samples(columns)
        self.made[SAMPLES] += rows
        self.wake(SAMPLES, LOSSES)

    def alarms(self, items: int) -> None:
        first = self.made[ALARMS]
        self.store.append_alarms([alarm(first + n) for n in range(items)])
        self.made[ALARMS] += items
        self.wake(ALARMS, LOSSES)

    def unkept(self, items: int) -> None:
        self.store.append_unkept(SAMPLES, items, "the disk was full", None)
        self.made[SAMPLES] += items
        self.wake(SAMPLES, LOSSES)

    def arrive(self, place: int, answered: bool = True) -> None:
        """A batch arrives; those of one stream come in order."""
        if not self.wire:
            return
        stream = self.wire[place % len(self.wire)][0].stream
        batch, answer = next(one for one in self.wire if one[0].stream is stream)
        try:
            receipt = self.centre.take(batch)
        except FleetError as error:
            self.wire.remove((batch, answer))
            answer.errback(error)
            return
        if answered:
            self.wire.remove((batch, answer))
            answer.callback(receipt)

    def overtake(self) -> None:
        """The second batch of samples is judged before the first."""
        samples = [one for one in self.wire if one[0].stream is SAMPLES]
        if len(samples) > 1:
            batch, answer = samples[1]
            self.wire.remove(samples[1])
            try:
                receipt = self.centre.take(batch)
            except FleetError as error:
                answer.errback(error)
            else:
                answer.callback(receipt)

    def busy(self) -> None:
        if self.wire:
            _, answer = self.wire.pop(0)
            answer.errback(StorageUnavailable("busy", retry_in_ms=100))

    def cut(self, lingering: bool) -> None:
        wire, self.wire = self.wire, []
        self.late += [batch for batch, _ in wire] if lingering else []
        for delivery in self.deliveries:
            delivery.stop()
        for _, answer in wire:
            if not answer.called:
                answer.errback(ConnectionLost("the link broke"))

    def arrive_late(self) -> None:
        if self.late:
            try:
                self.centre.take(self.late.pop(0))
            except FleetError:
                return

    def restart(self) -> None:
        self.cut(lingering=True)
        self.store.close()
        self.boot()

    def restore(self, lost: int) -> None:
        """The centre's newest samples come from a backup."""
        self.append(1, unlucky=False, table=0)  # of the life that goes on
        self.settle()
        self.cut(lingering=False)
        lives = [life for life in self.centre.stored if life[0] is SAMPLES]
        items = self.centre.stored[lives[-1]]
        del items[max(len(items) - lost, 0) :]
        self.join()
        self.append(1, unlucky=False, table=0)  # by which it is noticed

    def settle(self) -> None:
        """Until nothing waits any longer."""
        for _ in range(10_000):
            while self.wire:
                self.arrive(0)
            if not any(self.store.waiting().values()):
                return
            self.clock.advance(1)
        raise AssertionError(self.store.waiting())


def cancelled_is_lost(failure: Any) -> Any:
    return failure if failure.check(FleetError) else ConnectionLost("left")


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("append"),
            st.integers(1, 60),
            st.sampled_from([False] * 9 + [True]),
            st.sampled_from([0, 0, 0, 1]),
        ),
        st.tuples(st.just("alarms"), st.integers(1, 30)),
        st.tuples(st.just("unkept"), st.integers(1, 5)),
        st.tuples(st.just("arrive"), st.integers(0, 5)),
        st.tuples(st.just("arrive"), st.integers(0, 5), st.just(False)),
        st.tuples(st.just("overtake")),
        st.tuples(st.just("busy")),
        st.tuples(st.just("cut"), st.booleans()),
        st.tuples(st.just("join")),
        st.tuples(st.just("arrive_late")),
        st.tuples(st.just("restart")),
        st.tuples(st.just("advance"), st.sampled_from([0.1, 1.0, 30.0, 9_000.0])),
    ),
    max_size=60,
)


def live(world: World, steps: Any) -> None:
    for name, *arguments in steps:
        if name == "advance":
            world.clock.advance(*arguments)
        else:
            getattr(world, name)(*arguments)
    world.join()
    world.settle()
    while world.late:
        world.arrive_late()
    world.settle()


def check(world: World, stream: Stream) -> None:
    stored = [produced(item) for item in world.centre.of(stream)]
    assert len(set(stored)) == len(stored), "an item is stored twice"
    lost = sum(loss.count for loss in world.centre.losses(stream))
    assert len(stored) + lost == world.made[stream]
    assert len(world.centre.unexplained(stream)) <= 1  # the life that goes on
    assert runs(sorted(stored)) <= 1 + len(world.centre.losses(stream))
    for items in of_lives(world.centre, stream):
        assert items == list(range(items[0], items[0] + len(items)))


def of_lives(centre: Centre, stream: Stream) -> Iterator[list[int]]:
    for (of, _), items in centre.stored.items():
        if of is stream and items:
            yield [produced(item) for item in items]


def runs(stored: list[int]) -> int:
    """How many stretches without a hole."""
    return sum(1 for a, b in zip([-9, *stored], stored, strict=False) if b != a + 1)


@contextmanager
def a_world() -> Iterator[World]:
    """In memory where there is such a folder: a sync of the disk costs most here."""
    memory = Path("/dev/shm")  # noqa: S108
    where = memory if memory.is_dir() else None
    with TemporaryDirectory(prefix="heddle-world-", dir=where) as folder:
        world = World(Path(folder) / "outbox.sqlite")
        try:
            yield world
        finally:
            world.cut(lingering=False)
            world.store.close()


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_stored_and_lost_are_what_was_produced(steps) -> None:
    with a_world() as world:
        live(world, steps)
        check(world, SAMPLES)
        check(world, ALARMS)
        assert world.centre.losses(LOSSES) == []


def test_a_gap_behind_a_batch_on_its_way_says_nothing_of_what_is_missing() -> None:
    with a_world() as world:
        world.append(1, unlucky=False, table=0)
        world.arrive(0)
        world.append(60, unlucky=False, table=0)
        world.append(60, unlucky=False, table=1)
        assert len(world.wire) == 1  # what was appended while the first was awaited
        world.append(60, unlucky=False, table=0)
        world.arrive(0)
        assert len(world.wire) == 2
        world.overtake()  # "1 is wanted" is old by the time it is heard
        live(world, [("arrive", 0)])
        check(world, SAMPLES)
        assert world.centre.losses(SAMPLES) == []


@settings(max_examples=40, deadline=None)
@given(STEPS, st.integers(1, 100), STEPS)
def test_what_a_restored_database_lacks_is_a_loss(before, lost, after) -> None:
    with a_world() as world:
        live(world, before)
        world.restore(lost)
        live(world, after)
        stored = [produced(item) for item in world.centre.of(SAMPLES)]
        told = sum(loss.count for loss in world.centre.losses(SAMPLES))
        assert len(set(stored)) == len(stored)
        assert len(stored) + told == world.made[SAMPLES]
