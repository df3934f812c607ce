"""An engine that can be started, reached and killed: as a child, or in its container.

A life ends by ``kill -9`` from outside, of the process itself or of the container's
first one, or by ``docker kill``. In a container it is Docker that begins the next life
after a ``kill -9``, as on a device; after ``docker kill`` it is we, as the agent would.
"""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from edge_agent.runtime.docking import Docking, Place
from edge_agent.runtime.runtime import Configuration, Order
from tests.support.engine_process import Client, EngineProcess, knock

C = TypeVar("C", bound=Client)

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 30.0
GIVEN_IMAGE = os.environ.get("HEDDLE_ENGINE_IMAGE")
IMAGE = GIVEN_IMAGE or "heddle/engine:dev"
SHARE_OF_DOCKER = 0.25  # of the kills: ``docker kill``
KILLS_IN_A_ROW = 3  # then Docker's pause before a restart has doubled often enough


class Lives(Protocol):
    """One engine after the other in the same directory."""

    def begin(self) -> None:
        """Start an engine, or wait for the one that starts by itself."""

    def reach(self, link: Callable[[Path], C]) -> C:
        """Connect to the engine that has begun."""

    def kill(self) -> None:
        """``kill -9``, from any thread; the next life has to begin."""

    def end(self) -> str:
        """No engine is left afterwards; all that they said on stderr."""


class Children:
    """Child processes."""

    def __init__(self, directory: Path, time_scale: float) -> None:
        self._directory = directory
        self._options = [f"--time-scale={time_scale:g}"]
        self._engine: EngineProcess | None = None
        self._said: list[str] = []

    def begin(self) -> None:
        self._bury()
        self._engine = EngineProcess(self._directory, *self._options)

    def reach(self, link: Callable[[Path], C]) -> C:
        assert self._engine is not None
        return self._engine.linked(link, READY_WITHIN_S)

    def kill(self) -> None:
        assert self._engine is not None
        self._engine.kill()

    def end(self) -> str:
        self._bury()
        return "".join(self._said)

    def _bury(self) -> None:
        if self._engine is not None:
            self._engine.kill()
            self._said.append(self._engine.said())
            code = self._engine.process.returncode
            if code != -signal.SIGKILL:
                self._said.append(f"Traceback of none: exit code {code}\n")
        self._engine = None


class Contained:
    """Lives of a container, made and started as the agent makes and starts it."""

    def __init__(
        self, directory: Path, time_scale: float, chance: random.Random
    ) -> None:
        self._directory = directory
        self._docker = Docking(Place("soak", directory.parent))
        self._chance = chance
        self._container: Any = None
        self._order = Order(
            f"soak_{directory.name}",
            directory,
            configuration=Configuration(IMAGE, time_scale),
        )
        self._mark = self._docker.mark(self._order)
        self._first = 0  # PID 1 of the container, as this machine calls it
        self._restarts = 0  # by Docker, since we started it last

    def begin(self) -> None:
        if self._container is None or self._state()["Status"] == "exited":
            self._docker.create(self._order)
            self._docker.run(self._order)
            self._container = self._docker._get(self._order.flow, self._mark)
            self._restarts = 0
        give_up_at = time.monotonic() + READY_WITHIN_S
        while not self._has_begun(state := self._state()):
            if time.monotonic() > give_up_at:
                raise AssertionError(f"the container does not run: {state}")
            time.sleep(0.01)
        self._first = state["Pid"]

    def _has_begun(self, state: dict[str, Any]) -> bool:
        return state["Running"] and state["Pid"] not in (0, self._first)

    def reach(self, link: Callable[[Path], C]) -> C:
        alive = lambda: _lives(self._first)  # noqa: E731
        found = knock(self._directory, alive, READY_WITHIN_S, link)
        if found is None:
            raise AssertionError(f"the engine does not answer: {self._state()}")
        return found

    def kill(self) -> None:
        if self._restarts >= KILLS_IN_A_ROW or self._chance.random() < SHARE_OF_DOCKER:
            subprocess.run(
                ["docker", "kill", self._container.name],
                check=True,
                capture_output=True,
            )
            return
        self._restarts += 1
        victim = self._chance.choice((self._first, _child(self._first)))
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)

    def end(self) -> str:
        if self._container is None:
            return ""
        said = self._container.logs(stdout=False).decode(errors="replace")
        self._docker.remove(self._order.flow, self._mark)
        self._docker.close()
        return str(said)

    def _state(self) -> dict[str, Any]:
        self._container.reload()
        state: dict[str, Any] = self._container.attrs["State"]
        return state


def _lives(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def _child(first: int) -> int:
    """The engine itself, which the container's init started; else the init."""
    with suppress(OSError):
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        if children:
            return int(children[0])
    return first


def build_image() -> str:
    """Build the engine's image of this code, unless one is given; what went wrong."""
    if GIVEN_IMAGE:
        return ""
    built = subprocess.run(
        [ROOT / "tools/images.sh", "engine"],
        check=False,
        capture_output=True,
        text=True,
    )
    return "" if built.returncode == 0 else built.stdout + built.stderr
