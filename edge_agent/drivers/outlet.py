"""The agent's own tags, for a connection that publishes them.

It stands between two threads: the reactor tells it readings and takes its orders, the
door's loop reads and gives them.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from edge_agent.drivers.driver import DriverFailed, Reading, Value
from heddle.contract.devices import Tag
from heddle.wamp.process import ConfigError

log = Logger()

Hears = Callable[[Sequence[Reading]], None]


class Write(Protocol):
    """How a tag is written."""

    def __call__(
        self, tag: str, value: Value, *, key: str
    ) -> Coroutine[Any, Any, None]:
        """Raises ``DriverFailed``. ``key`` is the same if the order comes twice."""
        ...


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody on a loop."""

    loop: asyncio.AbstractEventLoop
    hears: Hears


@dataclass(slots=True)
class Outlet:
    """What goes out, and what comes back as orders."""

    reactor: Any
    tags: Mapping[str, Tag] = field(default_factory=dict)
    write: Write | None = None
    _wanted: dict[str, Sequence[str]] = field(default_factory=dict)
    _now: dict[str, Reading] = field(default_factory=dict)
    _listeners: tuple[Listener, ...] = ()

    # --- the reactor's side ----------------------------------------------------------

    def want(self, connection: str, tags: Sequence[str]) -> None:
        """The connection will publish these."""
        self._wanted[connection] = tags

    def open(self, tags: Mapping[str, Tag], write: Write, source: str) -> None:
        """These are the tags, and so they are written. Raises ``ConfigError``."""
        for connection, wanted in self._wanted.items():
            for tag in wanted:
                if tag not in tags:
                    raise ConfigError(
                        f"{source}: connection {connection!r} publishes a tag {tag!r}; "
                        f"there are {', '.join(sorted(tags)) or 'none'}"
                    )
        self.tags, self.write = tags, write

    def heard(self, readings: Sequence[Reading]) -> None:
        """New readings of the agent's tags."""
        self._now |= {reading.tag: reading for reading in readings}
        for listener in self._listeners:
            if not listener.loop.is_closed():
                listener.loop.call_soon_threadsafe(listener.hears, readings)

    def _obey(self, tag: str, value: Value, key: str, whose: str) -> None:
        if self.write is None:
            return
        writing = Deferred.fromCoroutine(self.write(tag, value, key=key))

        def refused(failure: Any) -> None:
            failure.trap(DriverFailed)
            log.warn("{whose}: {words}", whose=whose, words=str(failure.value))

        _ = writing.addErrback(refused).addErrback(
            lambda failure: log.failure("an order of {w} failed", failure, w=whose)
        )

    # --- the loop's side -------------------------------------------------------------

    def listen(self, hears: Hears) -> Listener:
        """Hear readings on this loop from now on."""
        listener = Listener(asyncio.get_running_loop(), hears)
        self._listeners = (*self._listeners, listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Hear no more."""
        left = tuple(each for each in self._listeners if each is not listener)
        self._listeners = left

    def now(self) -> Mapping[str, Reading]:
        """The newest reading of each tag that has one."""
        return self._now.copy()

    def order(self, tag: str, value: Value, key: str, whose: str) -> None:
        """Write a tag as ``whose`` wants; what becomes of it shows in the readings."""
        self.reactor.callFromThread(self._obey, tag, value, key, whose)
