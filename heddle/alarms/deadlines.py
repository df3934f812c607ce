"""When to look at which alarm again.

A heap in which outdated entries stay until they come up. An alarm has one entry that
counts, which may be too early, never too late: whoever looks finds the next one.
"""

from heapq import heapify, heappop, heappush

SPARE = 64  # entries too many before the heap is made anew


class Deadlines:
    """Deadlines by alarm index. Time has no unit here."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []
        self._wanted: dict[int, int] = {}  # alarm -> its entry that counts

    def want(self, index: int, due: int | None) -> None:
        """Have the alarm come up at ``due`` at the latest."""
        if due is None or due >= self._wanted.get(index, due + 1):
            return
        self._wanted[index] = due
        heappush(self._heap, (due, index))
        if len(self._heap) > 2 * len(self._wanted) + SPARE:
            self._heap = [(due, index) for index, due in self._wanted.items()]
            heapify(self._heap)

    def forget(self, index: int) -> None:
        """The alarm is no more."""
        self._wanted.pop(index, None)

    def first(self) -> int | None:
        """When the next one comes up; nothing may be due then."""
        return self._heap[0][0] if self._heap else None

    def take(self, until: int) -> tuple[int, int] | None:
        """The earliest deadline that is not later than ``until``, and whose it is."""
        while self._heap and self._heap[0][0] <= until:
            due, index = heappop(self._heap)
            if self._wanted.get(index) == due:
                del self._wanted[index]
                return due, index
        return None
