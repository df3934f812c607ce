"""A peer whose moves a test makes, for what every connection has in common."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from edge_agent.drivers.driver import Found, Value
from edge_agent.drivers.linked import LinkLost, PeerRefused, Raw, Tell


@dataclass
class World:
    """What the peers of one connection share; set from any thread."""

    values: dict[str, Value] = field(default_factory=dict)
    refuses: str = ""  # the connection, with this reason
    stuck: bool = False  # takes no setpoint, but says nothing
    hangs: bool = False  # answers no request
    fault: BaseException | None = None  # ends following
    written: list[tuple[str, Value, str]] = field(default_factory=list)
    tries: int = 0
    open: int = 0


class ScriptedPeer:
    """One connection of that world."""

    def __init__(self, world: World) -> None:
        self._world = world
        world.open += 1  # until it is closed

    async def connect(self) -> None:
        """In, unless the world refuses."""
        self._world.tries += 1
        if self._world.refuses:
            raise LinkLost(self._world.refuses)

    async def follow(self, tell: Tell) -> None:
        """Tell every change."""
        told: dict[str, Any] = {}
        while True:
            if (fault := self._world.fault) is not None:
                raise fault
            now = dict(self._world.values)
            if moved := {k: v for k, v in now.items() if told.get(k, ...) != v}:
                tell([Raw(tag, value) for tag, value in moved.items()])
                told = now
            await asyncio.sleep(0.01)

    async def read(self, tag: str) -> Raw:
        """What it is now."""
        if self._world.hangs:
            await asyncio.Event().wait()
        return Raw(tag, self._world.values[tag])

    async def write(self, tag: str, raw: Value, key: str) -> None:
        """Take it."""
        if raw == 13:
            raise PeerRefused("13 is out of range: BadOutOfRange")
        self._world.written.append((tag, raw, key))
        if not self._world.stuck:
            self._world.values[tag] = raw

    async def browse(self, at: str) -> tuple[Found, ...]:
        """Its values."""
        return tuple(Found(tag, tag, is_tag=True) for tag in self._world.values)

    async def close(self) -> None:
        """Leave."""
        self._world.open -= 1
