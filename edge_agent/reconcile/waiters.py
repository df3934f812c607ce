"""Who waits for something of a flow, each with a Deferred of its own."""

from typing import Generic, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


class Waiters(Generic[T]):
    """By flow, in the order they came."""

    def __init__(self) -> None:
        self._of: dict[str, list[Deferred[T]]] = {}

    def flows(self) -> tuple[str, ...]:
        """The flows somebody waits for."""
        return tuple(flow for flow, waiting in self._of.items() if waiting)

    def wait(self, flow: str) -> Deferred[T]:
        """One more who waits; no more once it is cancelled."""

        def forget(cancelled: Deferred[T]) -> None:
            there = self._of.get(flow, [])
            if cancelled in there:
                there.remove(cancelled)

        one: Deferred[T] = Deferred(forget)
        self._of.setdefault(flow, []).append(one)
        return one

    def fire(self, flow: str, result: T) -> None:
        """What they wait for has come."""
        for one in self._of.pop(flow, []):
            if not one.called:  # who heard first may have sent the others away
                one.callback(result)

    def fail(self, flow: str, error: Exception) -> None:
        """It has not."""
        for one in self._of.pop(flow, []):
            if not one.called:
                one.errback(error)
