"""How often what moves is told: live, to engines, and to the disk."""

import math

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from edge_agent.drivers.driver import Reading
from edge_agent.engine.protocol import Readings, Welcome
from edge_agent.live import Live
from edge_agent.outbox import OutboxFailed
from edge_agent.recorder import UNKEPT, Recorder
from edge_agent.tags import TagTable
from edge_agent.watched import Watched
from heddle.contract.devices import Tag, TagType
from heddle.contract.samples import Quality, Stream
from tests.support.centre import rows_of

TAGS = (Tag(tag="a"), Tag(tag="b", node="node-b"), Tag(tag="text", type=TagType.TEXT))


def reading(tag: str, value, quality=Quality.GOOD) -> Reading:
    return Reading(tag, 1_000_000, value, quality)


def test_live_tells_at_once_then_ten_times_a_second_the_last_of_each_tag() -> None:
    clock, told = Clock(), []
    clock.advance(100)
    live = Live(clock, clock.seconds, told.append)
    live.heard([reading("a", 1), reading("b", 2)])
    clock.advance(0)
    for n in range(100):
        live.heard([reading("a", n)])
        clock.advance(0.01)
    assert 10 <= len(told) <= 11
    assert (told[0].at_ms, told[0].tags, told[0].values) == (
        100_000,
        ("a", "b"),
        (1, 2),
    )
    assert told[1].tags == ("a",)
    live.stop()
    assert clock.getDelayedCalls() == []


class Kept:
    """An outbox that keeps in memory, or fails."""

    def __init__(self):
        self.columns, self.lost, self.broken = [], [], False
        self.at_ms = []

    async def keep_samples(self, columns, at_ms) -> None:
        if self.broken:
            raise OutboxFailed("the disk is full")
        self.columns.append(columns)
        self.at_ms.append(at_ms)

    async def keep_loss(self, stream, items, reason, span_ms) -> None:
        if self.broken:
            raise OutboxFailed("the disk is full")
        self.lost.append((stream, items, reason, span_ms))

    def rows(self):
        return [
            (tag, value, quality)
            for columns in self.columns
            for tag, _, value, quality in rows_of(columns)
        ]


def test_a_moment_of_samples_is_one_append() -> None:
    clock, kept = Clock(), Kept()
    recorder = Recorder(clock, kept, TAGS, commit_ms=1000)
    for n in range(30):
        recorder.record([reading("a", n)])
        clock.advance(0.1)
    clock.advance(1)
    assert len(kept.columns) == 3
    assert [value for _, value, _ in kept.rows()] == list(range(30))


def test_up_to_when_was_read_goes_along_however_late_it_is_written() -> None:
    """Or silence would be seen where readings are still on their way."""
    clock, kept = Clock(), Kept()
    recorder = Recorder(clock, kept, TAGS, commit_ms=1000, now_s=clock.seconds)
    kept.broken = True
    recorder.record([reading("a", 1)])
    clock.advance(1)
    recorder.record([reading("a", 2)])
    clock.advance(1)
    kept.broken = False
    clock.advance(5)
    assert kept.at_ms == [1000, 2000]


def test_what_is_no_number_is_kept_as_far_as_it_can_be() -> None:
    clock, kept = Clock(), Kept()
    recorder = Recorder(clock, kept, TAGS)
    recorder.record(
        [
            reading("a", True),
            reading("a", None),
            reading("a", math.inf),
            reading("b", 5, Quality.UNCERTAIN),
            reading("text", "open"),
        ]
    )
    clock.advance(1)
    (yes, missing, infinite, fair, text) = kept.rows()
    assert yes == ("a", 1.0, Quality.GOOD)
    for bad in (missing, infinite):
        assert math.isnan(bad[1])
        assert bad[2] == Quality.BAD
    assert fair == ("b", 5.0, Quality.UNCERTAIN)
    assert text == ("text", "open", Quality.GOOD)


def test_equal_texts_of_a_chunk_are_kept_once() -> None:
    clock, kept = Clock(), Kept()
    recorder = Recorder(clock, kept, TAGS)
    recorder.record([reading("text", each) for each in ("on", "off", "on")])
    clock.advance(1)
    assert kept.columns[0].texts == ("on", "off")
    assert [value for _, value, _ in kept.rows()] == ["on", "off", "on"]


def test_a_chunk_never_exceeds_a_batch() -> None:
    clock, kept = Clock(), Kept()
    recorder = Recorder(clock, kept, TAGS)
    recorder.record([reading("a", n) for n in range(22_000)])
    clock.advance(1)
    assert [len(c.quality) for c in kept.columns] == [10_000, 10_000, 2_000]
    recorder.record([reading("text", f"{n:010000}") for n in range(100)])
    clock.advance(1)
    sizes = [sum(map(len, c.texts)) for c in kept.columns[3:]]
    assert sizes == [250_000] * 4


def test_stopping_keeps_what_is_open() -> None:
    clock, kept = Clock(), Kept()
    recorder = Recorder(clock, kept, TAGS)
    recorder.record([reading("a", 1)])
    _ = Deferred.fromCoroutine(recorder.stop())
    assert len(kept.rows()) == 1
    assert clock.getDelayedCalls() == []


def test_while_the_disk_is_full_samples_wait_in_memory() -> None:
    clock, kept = Clock(), Kept()
    recorder = Recorder(clock, kept, TAGS)
    kept.broken = True
    recorder.record([reading("a", 1)])
    clock.advance(1)
    recorder.record([reading("a", 2)])
    clock.advance(1)
    kept.broken = False
    clock.advance(1)
    assert kept.rows() == [("a", 1.0, 0), ("a", 2.0, 0)]
    assert clock.getDelayedCalls() == []


def test_what_finds_no_room_in_memory_is_told_as_lost(monkeypatch) -> None:
    monkeypatch.setattr("edge_agent.recorder.MAX_HELD", 2)
    clock, kept = Clock(), Kept()
    recorder = Recorder(clock, kept, TAGS)
    kept.broken = True
    for n in range(5):
        recorder.record([Reading("a", 1_000_000 * n, n)])
        clock.advance(1)
    kept.broken = False
    clock.advance(1)
    assert [value for _, value, _ in kept.rows()] == [3.0, 4.0]
    assert kept.lost == [(Stream.SAMPLES, 3, UNKEPT, (0, 2_000))]


def welcome(*nodes: str) -> Welcome:
    return Welcome(
        flow="f",
        version=1,
        engine_version="1",
        nodes=nodes,
        inputs=(),
        stale_after_ms=9_000,
    )


class Engine:
    """What an engine hears of its tags."""

    def __init__(self):
        self.clock, self.heard = Clock(), []
        self.clock.advance(50)
        self.tags = TagTable(TAGS)
        self.watched = Watched(
            self.clock, self.clock.seconds, self.tags, self.heard.append
        )
        self.tags.hear(self.watched.heard)


def test_an_engine_hears_of_its_own_nodes_by_their_names() -> None:
    engine = Engine()
    engine.watched.want(welcome("node-b", "a", "nobody"))
    engine.tags.update([reading("b", 2)])
    engine.clock.advance(0.1)
    assert engine.watched.all() == Readings(
        at_ms=50_100, values={"node-b": (2, 0), "a": (None, 2)}
    )
    assert engine.heard == [Readings(at_ms=50_100, values={"node-b": (2, 0)})]


def test_an_engine_hears_at_most_ten_times_a_second() -> None:
    engine = Engine()
    engine.watched.want(welcome("a"))
    for n in range(100):
        engine.tags.update([reading("a", n)])
        engine.clock.advance(0.01)
    assert 9 <= len(engine.heard) <= 11


def test_silence_is_vouched_for() -> None:
    engine = Engine()
    engine.watched.want(welcome("a"))
    for _ in range(9):
        engine.clock.advance(1)
    assert [each.values for each in engine.heard] == [{}, {}, {}]


def test_a_lost_engine_hears_no_more() -> None:
    engine = Engine()
    engine.watched.want(welcome("a"))
    engine.tags.update([reading("a", 1)])
    engine.watched.stop()
    assert engine.clock.getDelayedCalls() == []
    engine.tags.update([reading("a", 2)])
    engine.clock.advance(10)
    assert engine.heard == []
