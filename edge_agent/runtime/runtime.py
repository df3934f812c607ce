"""What the agent asks of a place where engines run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from heddle.contract.declare import LocalError
from heddle.contract.flows import Runtime as Kind


class RuntimeUnavailable(LocalError):
    """Engines cannot run here: no Docker Engine, no image, no right."""


class EngineFailed(LocalError):
    """An engine could not be started; the sentence says why."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """How a flow's engine stands. ``detail`` is why it does not run, if known."""

    running: bool
    label: str = ""  # container name, or "pid 123"
    detail: str = ""


class Runtime(Protocol):
    """Starts, finds and stops engines; a flow has at most one."""

    kind: Kind
    docker: str | None  # version of the Docker Engine that answered

    async def start(self, flow: str, directory: Path) -> EngineState:
        """Have an engine on ``directory``: adopt one that runs, else start one.

        Raises ``EngineFailed``.
        """
        ...

    async def state(self, flow: str) -> EngineState:
        """How the flow's engine stands."""
        ...

    async def stop(self, flow: str) -> None:
        """End the flow's engine, if there is one. It may resume from its journal."""
        ...

    async def found(self) -> frozenset[str]:
        """Flows that have an engine here, of this life of the agent or a former."""
        ...

    async def close(self, *, keep: bool) -> None:
        """The agent ends; ``keep`` leaves engines that can live without it."""
        ...
