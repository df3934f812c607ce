"""Values that come on their own, told at the tags' pace, in virtual time."""

import heapq
from collections.abc import Callable

from edge_agent.drivers.linked import Raw
from edge_agent.drivers.mqtt.pace import Paced
from heddle.contract.samples import Quality


class Timers:
    """An asyncio loop's clock, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self._due: list[tuple[float, int, Timer]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object]) -> "Timer":
        timer = Timer(callback)
        heapq.heappush(self._due, (when, id(timer), timer))
        return timer

    def run_to(self, then: float) -> None:
        while self._due and self._due[0][0] <= then:
            self.now, _, timer = heapq.heappop(self._due)
            if not timer.cancelled:
                timer.callback()
        self.now = then


class Timer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback, self.cancelled = callback, False

    def cancel(self) -> None:
        self.cancelled = True


class Bench:
    def __init__(self, **stale_s: float) -> None:
        self.timers, self.told = Timers(), []
        self.paced = Paced(self.timers, self._hear, {"a": 1.0, "b": 1.0}, stale_s)

    def _hear(self, raws) -> None:
        at = round(self.timers.now - 100, 6)
        self.told += [(at, raw.tag, raw.value) for raw in raws]

    def at(self, when: float, **values) -> None:
        self.timers.run_to(100 + when)
        self.paced.tell(
            [
                Raw(tag, value, quality=Quality.BAD if value is None else Quality.GOOD)
                for tag, value in values.items()
            ]
        )


def test_the_first_is_told_at_once_and_then_the_last_of_each_scan() -> None:
    bench = Bench()
    bench.at(0.0, a=1)
    for tenth in range(1, 10):
        bench.at(tenth / 10, a=1 + tenth)
    bench.at(0.95, b=7)
    bench.timers.run_to(110)
    assert bench.told == [(0.0, "a", 1), (0.95, "b", 7), (1.0, "a", 10)]


def test_what_is_bad_is_told_at_once_and_nothing_older_after_it() -> None:
    bench = Bench()
    bench.at(0.0, a=1)
    bench.at(0.25, a=2)
    bench.at(0.5, a=None)
    bench.timers.run_to(110)
    assert bench.told == [(0.0, "a", 1), (0.5, "a", None)]


def test_of_one_batch_the_last_counts() -> None:
    bench = Bench()
    bench.paced.tell([Raw("a", 1), Raw("a", 2), Raw("b", 3)])
    assert [(tag, value) for _, tag, value in bench.told] == [("a", 2), ("b", 3)]


def test_a_tag_that_is_not_renewed_becomes_bad_once() -> None:
    bench = Bench(a=2.0)
    bench.at(0.0, a=1, b=1)
    bench.at(1.5, a=2)
    bench.timers.run_to(110)
    assert bench.told[2:] == [(1.5, "a", 2), (3.5, "a", None)]
    bench.at(20.0, a=3)
    bench.timers.run_to(130)
    assert bench.told[4:] == [(20.0, "a", 3), (22.0, "a", None)]


def test_after_the_stop_nothing_is_told() -> None:
    bench = Bench(a=2.0)
    bench.at(0.0, a=1)
    bench.at(0.5, a=2)
    bench.paced.stop()
    bench.timers.run_to(110)
    assert bench.told == [(0.0, "a", 1)]
