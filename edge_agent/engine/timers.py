"""Deadlines, found without scanning: a heap, and one call of the clock for its head.

A key has at most one deadline. A deadline never comes early: it is judged by steady
time at the moment the clock calls, and waited for again if it is not there yet. The
clock is asked at least once a second while any is set, so that a machine that slept
or a clock that stood still costs a second at most.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from edge_agent.engine.steady import SLACK_MS

WAKE_AT_LEAST_S = 1.0
_SPARE = 64  # how many outdated entries the heap may hold beside the good ones


class Timers:
    """Calls ``fire`` with the keys whose deadline has come, the earliest first."""

    def __init__(
        self,
        clock: IReactorTime,
        now_ms: Callable[[], float],
        fire: Callable[[list[int]], None],
    ) -> None:
        self._clock = clock
        self._now_ms = now_ms
        self._fire = fire
        self._due: dict[int, int] = {}
        self._heap: list[tuple[int, int]] = []
        self._call: IDelayedCall | None = None
        self._call_at_ms = 0.0

    def __len__(self) -> int:
        """How many deadlines are set."""
        return len(self._due)

    def set(self, key: int, due_at_ms: int) -> None:
        """Give ``key`` this deadline instead of its former one; it may be past."""
        if self._due.get(key) == due_at_ms:
            return
        self._due[key] = due_at_ms
        heappush(self._heap, (due_at_ms, key))
        if len(self._heap) > 2 * len(self._due) + _SPARE:
            self._heap = [(due, key) for key, due in self._due.items()]
            heapify(self._heap)
        self._wake()

    def come_now(self) -> None:
        """Fire what is due already, without waiting for the clock to call."""
        if self._call is not None:
            self._call.cancel()
        self._come()

    def clear(self, key: int) -> None:
        """Forget the deadline of ``key``, if it has one."""
        self._due.pop(key, None)

    def stop(self) -> None:
        """Forget every deadline."""
        self._due.clear()
        self._heap.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _wake(self) -> None:
        """See to it that the clock calls when the head of the heap is due."""
        heap = self._heap
        while heap and self._due.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        if not heap:
            return
        due_at_ms = heap[0][0]
        if self._call is not None:
            if due_at_ms >= self._call_at_ms:
                return
            self._call.cancel()
        now_ms = self._now_ms()
        wait_ms = max(due_at_ms - now_ms - SLACK_MS / 2, 0)
        delay_s = min(wait_ms / 1000, WAKE_AT_LEAST_S)
        self._call_at_ms = min(due_at_ms, now_ms + WAKE_AT_LEAST_S * 1000)
        self._call = self._clock.callLater(delay_s, self._come)

    def _come(self) -> None:
        self._call = None
        now_ms = self._now_ms() + SLACK_MS
        come: list[int] = []
        while self._heap and self._heap[0][0] <= now_ms:
            due_at_ms, key = heappop(self._heap)
            if self._due.get(key) == due_at_ms:
                del self._due[key]
                come.append(key)
        if come:
            self._fire(come)
        if self._call is None:
            self._wake()
