"""Live values: conflated, newest only, never backwards, cut to what a message holds."""

from math import nan

from twisted.internet.task import Clock

from heddle.contract.devices import TagType
from heddle.contract.history import LiveValues, ValueColumns
from heddle.tag_values import tag_values
from services.fleetdata.batches import check
from services.fleetdata.live import EVERY_S, MESSAGE_BYTES, Live
from services.fleetdata.store.writing import Missing, Outcome, Stored
from tests.support.batches import events, ramp, samples, typed_samples

AT_S = 1_790_000_000.0
NOW_US = int(AT_S * 1e6)


class Watchers:
    """Devices that are watched; None: all of them."""

    def __init__(self, *devices: str) -> None:
        self.devices: set[str] | None = set(devices) or None

    def listens(self, device: str) -> bool:
        return self.devices is None or device in self.devices

    async def follow(self, session: object) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        """There is nothing to end."""


class Watched:
    """Live values, and what of them was published."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.watchers = Watchers()
        self.live = Live(self.clock, self.watchers)
        self.told: list[LiveValues] = []
        self.live.start()
        self.live.publish_by(self.told.append)

    def store(self, *told: object, device: str = "press_7", outcome: Outcome) -> None:
        batches = [check(device, one, NOW_US) for one in told]  # type: ignore[arg-type]
        self.live.stored(batches, [outcome] * len(batches))

    def next(self) -> list[tuple[str, list[tuple[str, object]]]]:
        self.told.clear()
        self.clock.advance(EVERY_S)
        return [(one.device, bits(one.values)) for one in self.told]


def bits(values: ValueColumns) -> list[tuple[str, object]]:
    return [(value.tag, value.value) for value in tag_values(values)]


NEW = Stored(9, 9)


def test_many_samples_become_one_value_a_second() -> None:
    watched = Watched()
    watched.store(ramp(0, 100, AT_S), ramp(100, 100, AT_S + 100), outcome=NEW)
    watched.store(ramp(0, 5, AT_S), device="press_8", outcome=NEW)
    assert watched.next() == [
        ("press_7", [("temp", 199.0)]),
        ("press_8", [("temp", 4.0)]),
    ]
    assert watched.next() == []


def test_repeats_gaps_and_other_streams_are_no_news() -> None:
    watched = Watched()
    watched.store(ramp(0, 5, AT_S), outcome=Stored(5))
    watched.store(ramp(9, 5, AT_S), outcome=Missing(5))
    watched.store(events(0, [0, 1], AT_S), outcome=Stored(2, 2))
    assert watched.next() == []


def test_late_samples_do_not_take_a_value_back() -> None:
    watched = Watched()
    watched.store(samples(0, [("temp", AT_S, 5.0, 0)]), outcome=NEW)
    assert watched.next() == [("press_7", [("temp", 5.0)])]
    late = [("temp", AT_S - 60, 1.0, 0), ("ph", AT_S - 60, 7.0, 0)]
    watched.store(samples(1, late), outcome=NEW)
    assert watched.next() == [("press_7", [("ph", 7.0)])]


def test_within_a_batch_out_of_order_the_newest_counts() -> None:
    watched = Watched()
    rows = [("temp", AT_S, 5.0, 0), ("temp", AT_S - 1, 4.0, 0)]
    watched.store(samples(0, rows), outcome=NEW)
    assert watched.next() == [("press_7", [("temp", 5.0)])]


def test_values_are_typed() -> None:
    watched = Watched()
    rows = [
        ("n", TagType.INTEGER, AT_S, 7, 0),
        ("on", TagType.BOOLEAN, AT_S, True, 0),
        ("step", TagType.TEXT, AT_S - 1, "heating", 0),
        ("step", TagType.TEXT, AT_S, "holding", 0),
        ("gone", TagType.FLOAT, AT_S, None, 2),
    ]
    watched.store(typed_samples(0, rows), outcome=NEW)
    ((_, told),) = watched.next()
    assert dict(told) == {"n": 7, "on": True, "step": "holding", "gone": None}
    assert {type(value) for _, value in told} == {int, bool, str, type(None)}
    (live,) = watched.told
    kinds = [value.type for value in tag_values(live.values)]
    assert kinds == [row[1] for row in (*rows[:3], rows[4])]
    lost = [("step", TagType.TEXT, AT_S + 1, None, 2)]
    watched.store(typed_samples(5, lost), outcome=NEW)
    assert watched.next() == [("press_7", [("step", None)])]


def test_a_tag_of_another_unit_is_another_series() -> None:
    watched = Watched()
    watched.store(samples(0, [("temp", AT_S, 20.0, 0)], unit="°C"), outcome=NEW)
    watched.store(samples(1, [("temp", AT_S + 1, nan, 2)], unit="K"), outcome=NEW)
    ((_, told),) = watched.next()
    assert told == [("temp", 20.0), ("temp", None)]


def test_more_than_a_message_holds_is_told_in_several() -> None:
    watched = Watched()
    rows = [(f"log_{n}", TagType.TEXT, AT_S, "x" * 16_000, 0) for n in range(25)]
    for n in range(3):
        named = [(f"{tag}_{n}", *rest) for tag, *rest in rows]
        watched.store(typed_samples(n * 25, named), outcome=NEW)
    told = watched.next()
    assert sum(len(values) for _, values in told) == 75
    assert len(told) == 3
    assert all(16_000 * len(values) <= MESSAGE_BYTES for _, values in told)


def test_a_device_is_told_of_while_it_is_watched() -> None:
    watched = Watched()
    watched.watchers.devices = {"press_8"}
    watched.store(ramp(0, 5, AT_S), outcome=NEW)
    watched.store(ramp(0, 3, AT_S), device="press_8", outcome=NEW)
    assert watched.next() == [("press_8", [("temp", 2.0)])]
    watched.store(ramp(3, 3, AT_S + 3), device="press_8", outcome=NEW)
    watched.watchers.devices = {"press_7"}  # and press_8 is forgotten
    assert watched.next() == []
    watched.watchers.devices = None
    watched.store(ramp(5, 1, AT_S + 5), outcome=NEW)
    assert watched.next() == [("press_7", [("temp", 5.0)])]


def test_nothing_is_told_before_somebody_publishes() -> None:
    clock = Clock()
    live = Live(clock, Watchers())
    live.start()
    live.stored([check("press_7", ramp(0, 1, AT_S), NOW_US)], [NEW])
    clock.advance(EVERY_S)
    told: list[LiveValues] = []
    live.publish_by(told.append)
    clock.advance(EVERY_S)
    assert [bits(one.values) for one in told] == [[("temp", 0.0)]]
    live.stop()
    assert clock.getDelayedCalls() == []
