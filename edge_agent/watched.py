"""What an engine's conditions read: told on change, and often enough to vouch for it.

A flow names its tags once, when its engine says welcome. From then on the engine hears
of every change, at most ten times a second, and at least three times in the span after
which it would hold a value to be stale.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.task import LoopingCall

from edge_agent.drivers.driver import Reading
from edge_agent.engine.protocol import Readings, Welcome
from edge_agent.tags import TagTable

READINGS_EVERY_S = 0.1


class Watched:
    """The tags one engine wants to know of."""

    def __init__(
        self,
        clock: Any,
        now_s: Callable[[], float],
        tags: TagTable,
        send: Callable[[Readings], None],
    ) -> None:
        self._clock = clock
        self._now_s = now_s
        self._tags = tags
        self._send = send
        self._nodes: dict[str, list[str]] = {}  # tag -> what the workflow calls it
        self._moved: set[str] = set()
        self._sent_at = 0.0
        self._timer: Any = None
        self._vouch: LoopingCall | None = None

    def want(self, welcome: Welcome) -> None:
        """These nodes from now on."""
        self._nodes = {}
        for node in welcome.nodes:
            tag = self._tags.of_node(node)
            if tag is not None:
                self._nodes.setdefault(tag.tag, []).append(node)
        self._vouch = LoopingCall(lambda: self._send(self._of(self._moved)))
        self._vouch.clock = self._clock
        _ = self._vouch.start(welcome.stale_after_ms / 3000, now=False)

    def all(self) -> Readings:
        """Everything the engine wants to know."""
        return self._of(set(self._nodes))

    def heard(self, readings: Sequence[Reading]) -> None:
        """Take what moved; at most ten times a second it is told."""
        moved = {r.tag for r in readings if r.tag in self._nodes}
        if not moved:
            return
        self._moved |= moved
        if self._timer is None:
            since_s = self._clock.seconds() - self._sent_at
            self._timer = self._clock.callLater(
                max(READINGS_EVERY_S - since_s, 0.0), self._due
            )

    def stop(self) -> None:
        """Nobody wants to know any more."""
        self._nodes, self._moved = {}, set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._vouch is not None and self._vouch.running:
            self._vouch.stop()

    def _due(self) -> None:
        self._timer = None
        self._sent_at = self._clock.seconds()
        self._send(self._of(self._moved))
        self._moved = set()

    def _of(self, tags: set[str]) -> Readings:
        values = {}
        for tag in tags:
            now = self._tags.now(tag)
            for node in self._nodes.get(tag, ()):
                values[node] = (now.value, int(now.quality))
        return Readings(at_ms=int(self._now_s() * 1000), values=values)
