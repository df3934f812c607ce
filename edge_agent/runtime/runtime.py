"""What the agent asks of a place where engines run.

A place makes, starts, ends and removes engines, and tells which it has; it decides
nothing. Every call can be repeated: what is already so is left so.
"""

import enum
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from heddle.contract.declare import LocalError
from heddle.contract.flows import Runtime as Kind


class RuntimeUnavailable(LocalError):
    """Engines cannot run here: no Docker Engine, no image, no right."""


class EngineFailed(LocalError):
    """An engine could not be made or started; the sentence says why."""


class Condition(enum.StrEnum):
    """How an engine that was found stands."""

    CREATED = "created"  # never started
    RUNNING = "running"
    RESTARTING = "restarting"  # it ended, and the runtime is about to start it again
    EXITED = "exited"


AWAKE = frozenset({Condition.RUNNING, Condition.RESTARTING})


@dataclass(frozen=True, slots=True)
class Configuration:
    """What an engine runs as; a container may need all of it, a process the scale."""

    image: str = ""
    time_scale: float = 1.0
    memory_mb: int = 128
    processes: int = 64


@dataclass(frozen=True, slots=True)
class Order:
    """An engine that shall be there."""

    flow: str
    directory: Path
    release: str = ""  # flow version and the digest of its definition
    configuration: Configuration = field(default_factory=Configuration)


@dataclass(frozen=True, slots=True)
class Found:
    """An engine that is there, of this life of the agent or a former one."""

    flow: str
    mark: str  # of the order it was made for; equal marks are interchangeable
    condition: Condition
    label: str = ""  # container name, or "pid 123"
    detail: str = ""  # why it does not run, if known
    release: str = ""  # of the order
    restarts: int = 0  # by the runtime itself
    since_s: float = 0.0  # unix time at which it was started, or ended; 0: unknown


@dataclass(frozen=True, slots=True)
class EngineState:
    """How a flow's engine stands. ``detail`` is why it does not run, if known, or how
    one that runs again ended a moment ago.
    """

    running: bool
    label: str = ""  # container name, or "pid 123"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line an engine wrote."""

    at_s: float  # unix time at which it came
    text: str


class Runtime(Protocol):
    """Makes, finds and ends engines; of a flow at most one runs.

    Every method may raise ``EngineFailed``, but for ``state`` and ``close``.
    """

    kind: Kind
    docker: str | None  # version of the Docker Engine that answered

    async def mark(self, order: Order) -> str:
        """What an engine carries that is as ordered."""
        ...

    async def found(self) -> tuple[Found, ...]:
        """Every engine of this agent, running or not."""
        ...

    async def images(self, names: Collection[str]) -> frozenset[str]:
        """Which of these images are here; all, where none are needed."""
        ...

    async def fetch(self, image: str) -> None:
        """Bring an image here. May take minutes."""
        ...

    async def create(self, order: Order) -> None:
        """Make an engine of the order's mark, and don't start it."""
        ...

    async def run(self, order: Order) -> None:
        """Start the engine of the order's mark."""
        ...

    async def end(self, flow: str, mark: str) -> None:
        """End an engine, which stays; nothing starts it by itself. It may resume from
        its journal.
        """
        ...

    async def remove(self, flow: str, mark: str) -> None:
        """Remove an engine; it is ended if need be."""
        ...

    async def state(self, flow: str) -> EngineState:
        """How the flow's engine stands, with its last words if it does not run."""
        ...

    async def logs(
        self, flow: str, *, tail: int, since_s: float = 0.0
    ) -> tuple[LogLine, ...]:
        """The last lines a flow's engine wrote, oldest first, after a unix time."""
        ...

    async def prune(self, wanted: Collection[str]) -> int:
        """Remove engine images that no container uses, but for those wanted. Returns
        the bytes freed.
        """
        ...

    async def places(self) -> tuple[Path, ...]:
        """Folders on whose disks engines and images are, as far as seen from here."""
        ...

    async def close(self, *, keep: bool) -> None:
        """The agent ends; ``keep`` leaves engines that can live without it."""
        ...
