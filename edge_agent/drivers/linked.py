"""A driver that talks to a peer: keeps the link up, and says how it stands.

The link is a tag, ``<connection>_connected``. While it is down every tag of the
connection is bad and without a value, for nobody knows it. It is tried again at once,
then slower and slower, up to ``MAX_RETRY_S``, for as long as it takes: what a peer does
wrong is told once, not at each try. All of a peer's own code runs behind the door.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from edge_agent.drivers.door import AsyncioDoor
from edge_agent.drivers.driver import (
    DriverFailed,
    Found,
    OnReadings,
    Reading,
    Value,
    WriteRefused,
)
from edge_agent.drivers.points import Point
from edge_agent.drivers.racing import os_words
from heddle.backoff import backoff_s
from heddle.contract.devices import Tag, TagType
from heddle.contract.samples import Quality

log = Logger()

T = TypeVar("T")

FIRST_RETRY_S, MAX_RETRY_S = 0.5, 30.0
STABLE_AFTER_S = 30.0
CONNECT_WITHIN_S = 10.0
ASK_WITHIN_S = 10.0
CLOSE_WITHIN_S = 3.0
SUFFIX = "_connected"


class LinkLost(Exception):
    """The connection is gone, or could not be made; the sentence says why."""


class PeerRefused(Exception):
    """The peer said no to this one thing; the connection goes on."""


@dataclass(frozen=True, slots=True)
class Raw:
    """What the peer says of a tag, in its own terms."""

    tag: str
    value: Value
    at_us: int | None = None  # the peer's own clock; None: it has none worth keeping
    quality: Quality = Quality.GOOD


Tell = Callable[[Sequence[Raw]], None]


class Peer(Protocol):
    """One connection to one peer, used once: connected, followed, closed.

    Runs on the door's loop only. Any ``OSError``, ``TimeoutError`` or ``LinkLost`` out
    of ``connect`` and ``follow`` means that the link is down.
    """

    async def connect(self) -> None:
        """Reach the peer. Raises ``LinkLost`` with the reason."""
        ...

    async def follow(self, tell: Tell) -> None:
        """Tell what is read until the link is lost, every tag at first. Does not
        return before.
        """
        ...

    async def read(self, tag: str) -> Raw:
        """Read one tag. Raises ``PeerRefused`` or ``LinkLost``."""
        ...

    async def write(self, tag: str, raw: Value, key: str) -> None:
        """Write one tag. Raises ``PeerRefused`` or ``LinkLost``."""
        ...

    async def browse(self, at: str) -> tuple[Found, ...]:
        """Look around. Raises ``PeerRefused`` or ``LinkLost``."""
        ...

    async def close(self) -> None:
        """Let go of everything; never raises for a link that is down."""
        ...


class Linked:
    """One connection as a driver."""

    def __init__(
        self,
        door: AsyncioDoor,
        name: str,
        points: Sequence[Point[Any]],
        make_peer: Callable[[], Peer],
        *,
        now_s: Callable[[], float],
        reads_back: bool = True,
    ) -> None:
        self._door = door
        self._name = name
        self._points = {point.name: point for point in points}
        self._make_peer = make_peer
        self._now_s = now_s
        self._reads_back = reads_back
        self._peer: Peer | None = None  # while the link is up; the loop's side
        self._keeper: asyncio.Task[None] | None = None  # the loop's side
        self._following: Deferred[None] | None = None
        self._on_readings: OnReadings = lambda _: None
        self._told = ""  # the last thing that went wrong; the loop's side

    @property
    def name(self) -> str:
        """The connection's name."""
        return self._name

    @property
    def why_down(self) -> str:
        """What went wrong last while the link is down; "" before the first try ends."""
        return self._told

    @property
    def link_tag(self) -> str:
        """The tag that says whether the link is up."""
        return self._name + SUFFIX

    def tags(self) -> tuple[Tag, ...]:
        """The connection's tags, and its link."""
        link = Tag(tag=self.link_tag, type=TagType.BOOLEAN)
        return (*(point.tag for point in self._points.values()), link)

    def subscribe(self, on_readings: OnReadings) -> None:
        """Reach for the peer, for as long as it takes."""
        self._on_readings = on_readings
        on_readings(self._down())
        self._following = self._door.run(self._keep(self._door.back(self._tell)))
        _ = self._following.addErrback(self._ended)

    async def read(self, tag: str) -> Reading:
        """Read one tag from the peer."""
        return await self._door.run(self._asked(self._read(self._point(tag))))

    async def write(self, tag: str, value: Value, *, key: str = "") -> None:
        """Write one tag and read it back."""
        if (point := self._points.get(tag)) is None:
            raise WriteRefused(f"connection {self._name} has no tag {tag!r} to write")
        wanted = point.allowed(value)
        try:
            found = await self._door.run(self._asked(self._write(point, wanted, key)))
        except WriteRefused:
            raise
        except DriverFailed as failed:
            raise WriteRefused(str(failed)) from None
        if found is not None:
            self._on_readings([found])

    async def browse(self, at: str = "") -> tuple[Found, ...]:
        """Look around at the peer."""

        async def look() -> tuple[Found, ...]:
            return await self._live().browse(at)

        return await self._door.run(self._asked(look()))

    async def stop(self) -> None:
        """Let go of the peer."""
        following, self._following = self._following, None
        self._on_readings = lambda _: None
        if following is not None:
            await self._door.run(self._end())

    def _tell(self, readings: Sequence[Reading]) -> None:
        self._on_readings(readings)  # whoever listens by now

    def _ended(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            log.failure("connection {name} ended", failure, name=self._name)

    # --- on the loop -----------------------------------------------------------------

    async def _end(self) -> None:
        if (keeper := self._keeper) is not None:
            keeper.cancel()
            await asyncio.wait([keeper], timeout=CLOSE_WITHIN_S + 1)

    async def _keep(self, tell: OnReadings) -> None:
        self._keeper = asyncio.current_task()
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._live_once(tell)
            except (LinkLost, PeerRefused, OSError, TimeoutError) as error:
                self._tell_once(_words(error))
            except Exception as error:  # noqa: BLE001 -- a library's defect ends nothing
                self._tell_once(f"a defect, {type(error).__name__}: {error}")
            if loop.time() - began > STABLE_AFTER_S:
                failures = 0
            wait_s = backoff_s(FIRST_RETRY_S, failures, MAX_RETRY_S)
            await asyncio.sleep(wait_s * random.uniform(0.8, 1.2))  # noqa: S311
            failures += 1

    async def _live_once(self, tell: OnReadings) -> None:
        peer = self._make_peer()
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await peer.connect()
            log.info("connection {name} is up", name=self._name)
            self._peer, self._told = peer, ""
            tell([Reading(self.link_tag, self._now_us(), True)])
            try:
                await peer.follow(
                    lambda raws: tell([self._reading(raw) for raw in raws])
                )
            finally:
                self._peer = None
                tell(self._down())
        finally:
            await self._close(peer)

    async def _close(self, peer: Peer) -> None:
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await peer.close()
        except (LinkLost, PeerRefused, OSError, TimeoutError):
            log.debug("connection {name} did not close well", name=self._name)

    async def _read(self, point: Point[Any]) -> Reading:
        return self._reading(await self._live().read(point.name))

    async def _write(
        self,
        point: Point[Any],
        wanted: Value,
        key: str,
    ) -> Reading | None:
        peer = self._live()
        await peer.write(point.name, point.raw(wanted), key)
        if not self._reads_back:
            return None
        found = self._reading(await peer.read(point.name))
        if not point.took(wanted, found.value):
            raise WriteRefused(
                f"{point.name} was set to {wanted!r}, but reads {found.value!r}"
            )
        return found

    async def _asked(self, asking: Coroutine[Any, Any, T]) -> T:
        """What the peer answers, in time. Raises ``DriverFailed``."""
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                return await asking
        except (LinkLost, PeerRefused, OSError, TimeoutError) as error:
            raise DriverFailed(f"{self._name}: {_words(error)}") from None

    def _live(self) -> Peer:
        if self._peer is None:
            why = f": {self._told}" if self._told else ""
            raise LinkLost(f"connection {self._name} is down{why}")
        return self._peer

    def _tell_once(self, words: str) -> None:
        if words != self._told:
            self._told = words
            log.warn(
                "connection {name} is down: {words}; trying again",
                name=self._name,
                words=words,
            )

    # --- on either side --------------------------------------------------------------

    def _point(self, tag: str) -> Point[Any]:
        if (point := self._points.get(tag)) is None:
            raise DriverFailed(
                f"connection {self._name} has no tag {tag!r}; it has "
                f"{', '.join(sorted(self._points)) or 'none'}"
            )
        return point

    def _reading(self, raw: Raw) -> Reading:
        at_us = self._now_us() if raw.at_us is None else raw.at_us
        value = self._points[raw.tag].value(raw.value)
        quality = Quality.BAD if value is None else raw.quality
        return Reading(raw.tag, at_us, value, quality)

    def _down(self) -> list[Reading]:
        at_us = self._now_us()
        bad = [Reading(tag, at_us, None, Quality.BAD) for tag in self._points]
        return [Reading(self.link_tag, at_us, False), *bad]

    def _now_us(self) -> int:
        return int(self._now_s() * 1_000_000)


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "it did not answer in time"
    if isinstance(error, OSError):
        return os_words(error)
    return str(error) or type(error).__name__
