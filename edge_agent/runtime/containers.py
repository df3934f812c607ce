"""Engines in Docker containers, which go on whatever becomes of the agent.

A container is Docker's to restart, also after a reboot. A Docker Engine that does not
answer is knocked at again with every call, so that an agent may start before it does.
Docker's client blocks: it lives behind a thread door, in ``docking``.
"""

from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from docker.errors import DockerException
from requests.exceptions import RequestException
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from edge_agent.runtime.docking import (
    Docking,
    Place,
    asked,
    host_path,
    opened,
    pulled,
    sentence,
)
from edge_agent.runtime.runtime import (
    EngineFailed,
    EngineState,
    Found,
    LogLine,
    Order,
    RuntimeUnavailable,
)
from heddle.contract.flows import Runtime as Kind
from heddle.wamp.blocking import Blocking

__all__ = ["Containers", "Place", "host_path"]

log = Logger()

T = TypeVar("T")


class Containers:
    """One container per flow, and its successor while it is being made."""

    kind = Kind.CONTAINER

    def __init__(self, reactor: IReactorFromThreads, place: Place) -> None:
        self._place = place
        self._door = Blocking(reactor, "docker", 1)  # one: end waits for run
        self._fetching = Blocking(reactor, "docker-pull", 1)  # takes minutes
        self._docking: Docking | None = None
        self._closed = False
        self.docker: str | None = None
        self._door.start()
        self._fetching.start()

    async def open(self) -> None:
        """Find the Docker Engine. Raises ``RuntimeUnavailable``; with the next call it
        is tried again.
        """
        if self._docking is None:
            self._docking = await self._door(opened, self._place)
            self.docker = self._docking.version

    async def mark(self, order: Order) -> str:
        """Changes with whatever makes a container the wrong one."""
        return await self._call(lambda d: d.mark(order))

    async def found(self) -> tuple[Found, ...]:
        """Every container of this agent's data folder."""
        return await self._call(lambda d: d.found())

    async def images(self, names: Collection[str]) -> frozenset[str]:
        """Which of these images Docker has."""
        return await self._call(lambda d: d.images(names))

    async def fetch(self, image: str) -> None:
        """Have Docker pull an image."""
        try:
            await self._fetching(pulled, image)
        except (DockerException, RequestException, OSError) as error:
            raise EngineFailed(
                f"Docker has no image {image!r}, and it cannot be fetched "
                f"({sentence(error)}): build it (`make images`), load it "
                "(`docker load`), or set AGENT_ENGINE_IMAGE"
            ) from None

    async def create(self, order: Order) -> None:
        """Make the order's container."""
        await self._call(lambda d: d.create(order))

    async def run(self, order: Order) -> None:
        """Start the order's container."""
        await self._call(lambda d: d.run(order))

    async def end(self, flow: str, mark: str) -> None:
        """Stop a container; Docker leaves it so, also after a reboot."""
        await self._call(lambda d: d.end(flow, mark))

    async def remove(self, flow: str, mark: str) -> None:
        """Remove a container."""
        await self._call(lambda d: d.remove(flow, mark))

    async def state(self, flow: str) -> EngineState:
        """How the container stands, with its last words if it does not run."""
        try:
            return await self._call(lambda d: d.state(flow))
        except EngineFailed as error:
            return EngineState(running=False, detail=str(error))

    async def logs(
        self, flow: str, *, tail: int, since_s: float = 0.0
    ) -> tuple[LogLine, ...]:
        """What the flow's container wrote, as far as Docker keeps it: 5 MB."""
        return await self._call(lambda d: d.logs(flow, tail, since_s))

    async def prune(self, wanted: Collection[str]) -> int:
        """Remove engine images that no container uses."""
        return await self._call(lambda d: d.prune(wanted))

    async def places(self) -> tuple[Path, ...]:
        """Docker's own folder, if we see it."""
        return await self._call(lambda d: d.places())

    async def close(self, *, keep: bool) -> None:
        """Containers go on, unless they shall not."""
        if not keep and self._docking is not None:
            with suppress(EngineFailed):
                for each in await self.found():
                    await self.remove(each.flow, each.mark)
        self._closed = True
        docking, self._docking = self._docking, None
        if docking is not None:
            await self._door(docking.close)
        self._door.stop()
        self._fetching.stop()

    async def _call(self, what: Callable[[Docking], T]) -> T:
        if self._closed:
            raise EngineFailed("the agent is ending")
        try:
            await self.open()
            docking = self._docking
            if docking is None:
                raise EngineFailed("the agent is ending")
            return await self._door(asked, docking, what)
        except RuntimeUnavailable as why:
            raise EngineFailed(str(why)) from None
        except (DockerException, RequestException, OSError) as error:
            raise EngineFailed(f"Docker: {sentence(error)}") from None
