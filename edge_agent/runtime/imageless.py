"""What a place owes the protocol that needs no images and has no disk of its own."""

from collections.abc import Collection
from pathlib import Path

from heddle.contract.flows import Runtime as Kind


class Imageless:
    """Engines run from the code that the agent itself is made of."""

    kind = Kind.PROCESS
    docker: str | None = None

    async def images(self, names: Collection[str]) -> frozenset[str]:
        """None are needed."""
        return frozenset(names)

    async def fetch(self, image: str) -> None:
        """None are needed."""

    async def prune(self, wanted: Collection[str]) -> int:
        """There is nothing."""
        return 0

    async def places(self) -> tuple[Path, ...]:
        """None but the flows' own."""
        return ()
