"""Engines in Docker containers, locked down: the only place that speaks to Docker.

A container gets one directory, its flow's, and nothing else: no network, no
capability, a read-only root, little memory, few processes, no user that counts. It is
Docker's to restart; the agent adopts what runs when it comes back, and replaces what
no longer is as it should be. Docker's client blocks: it lives behind a thread door.
"""

import hashlib
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias, TypeVar

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import LogConfig, Mount
from requests.exceptions import RequestException
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from edge_agent.runtime.runtime import EngineFailed, EngineState, RuntimeUnavailable
from heddle.contract.flows import Runtime as Kind
from heddle.wamp.blocking import Blocking

log = Logger()

T = TypeVar("T")
Mounts: TypeAlias = list[tuple[PurePosixPath, PurePosixPath]]
"""Inside and outside of our own container's mounts, deepest first; none on a host."""

INSIDE = "/run/heddle"
NOBODY = 65534
DEVICE_LABEL, FLOW_LABEL = "heddle.device", "heddle.flow"
HOME_LABEL, SHAPE_LABEL = "heddle.home", "heddle.shape"
API_TIMEOUT_S = 20
STOP_WITHIN_S = 5
_SECOND_NS = 1_000_000_000
_UNLESS_STOPPED: Any = {"Name": "unless-stopped"}
_OWN_CONTAINER = re.compile(r"/containers/([0-9a-f]{64})/")


@dataclass(frozen=True, slots=True)
class Place:
    """Where and as what containers run."""

    device: str
    home: Path  # the agent's data, and what tells namesakes on one machine apart
    image: str
    time_scale: float = 1.0


class Containers:
    """One container per flow."""

    kind = Kind.CONTAINER

    def __init__(self, reactor: IReactorFromThreads, place: Place) -> None:
        self._place = place
        self._door = Blocking(reactor, "docker", 1)  # one: stop waits for start
        self._engine: _Docker | None = None
        self.docker: str | None = None

    async def open(self) -> None:
        """Find the Docker Engine and the image. Raises ``RuntimeUnavailable``."""
        self._door.start()
        try:
            self._engine = await self._door(_opened, self._place)
            self.docker = self._engine.version
        except BaseException:
            self._door.stop()
            raise

    async def start(self, flow: str, directory: Path) -> EngineState:
        """Adopt the flow's container if it is as it should be, else make it anew."""
        return await self._call(lambda e: e.start(flow, directory))

    async def state(self, flow: str) -> EngineState:
        """How the container stands, with its last words if it does not run."""
        try:
            return await self._call(lambda e: e.state(flow))
        except EngineFailed as error:
            return EngineState(running=False, detail=str(error))

    async def stop(self, flow: str) -> None:
        """Stop and remove the flow's container."""
        try:
            await self._call(lambda e: e.stop(flow))
        except EngineFailed as error:
            log.warn("{error}", error=str(error))

    async def found(self) -> frozenset[str]:
        """Flows that have a container of this agent, running or not."""
        try:
            return await self._call(lambda e: e.found())
        except EngineFailed as error:
            log.warn("{error}", error=str(error))
            return frozenset()

    async def close(self, *, keep: bool) -> None:
        """Containers go on, unless they shall not."""
        if not keep:
            for flow in await self.found():
                await self.stop(flow)
        engine, self._engine = self._engine, None
        if engine is not None:
            await self._door(engine.close)
            self._door.stop()

    async def _call(self, what: "Callable[[_Docker], T]") -> T:
        engine = self._engine
        if engine is None:
            raise EngineFailed("the agent is ending")
        try:
            return await self._door(what, engine)
        except (DockerException, RequestException, OSError) as error:
            raise EngineFailed(f"Docker: {_sentence(error)}") from None


def _opened(place: Place) -> "_Docker":
    _knock()
    try:
        return _Docker(place)
    except (DockerException, RequestException, OSError) as error:
        raise RuntimeUnavailable(
            f"no Docker Engine answers: {_sentence(error)}"
        ) from None


def _knock() -> None:
    """Try the door first: Docker's client tells of a closed one at great length."""
    where = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not where.startswith("unix://"):
        return
    path = where.removeprefix("unix://")
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(API_TIMEOUT_S)
            door.connect(path)
    except OSError as error:
        raise RuntimeUnavailable(
            f"no Docker Engine answers at {path}: {error.strerror or error}"
        ) from None


def _sentence(error: Exception) -> str:
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation)
    inner: BaseException = error
    while inner.__context__ is not None and not isinstance(inner, OSError):
        inner = inner.__context__
    return f"{error}" if inner is error else f"{inner}"


class _Docker:
    """Blocking calls; every method runs on a thread and returns plain values."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._client = docker.from_env(timeout=API_TIMEOUT_S)
        try:
            self.version = str(self._client.version()["Version"])
            self._image = self._image_id()
            self._mounts = self._own_mounts()
            home = host_path(place.home, self._mounts)
            self._mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
        except BaseException:
            self._client.close()
            raise

    def close(self) -> None:
        self._client.close()

    def start(self, flow: str, directory: Path) -> EngineState:
        user = _user()
        shape = self._shape(directory, user)
        container = self._get(flow)
        if container is not None and container.labels.get(SHAPE_LABEL) != shape:
            log.info("{name} is not as it should be; replaced", name=container.name)
            container.remove(force=True)
            container = None
        if container is None:
            container = self._create(flow, directory, user, shape)
        if container.status not in ("running", "restarting"):
            _give(directory, user)
            container.start()
            container.reload()
        return _state(container)

    def state(self, flow: str) -> EngineState:
        container = self._get(flow)
        if container is None:
            return EngineState(running=False, detail="its container is gone")
        return _state(container)

    def stop(self, flow: str) -> None:
        container = self._get(flow)
        if container is not None:
            container.stop(timeout=STOP_WITHIN_S)
            container.remove(force=True)

    def found(self) -> frozenset[str]:
        mine = [
            f"{DEVICE_LABEL}={self._place.device}",
            f"{HOME_LABEL}={self._mark}",
        ]
        containers = self._client.containers.list(
            all=True, filters={"label": mine}, ignore_removed=True
        )
        return frozenset(each.labels[FLOW_LABEL] for each in containers)

    def _get(self, flow: str) -> Container | None:
        try:
            return self._client.containers.get(self._name(flow))
        except NotFound:
            return None

    def _name(self, flow: str) -> str:
        return f"heddle-{self._place.device}-{flow}-{self._mark}"

    def _create(
        self, flow: str, directory: Path, user: tuple[int, int], shape: str
    ) -> Container:
        return self._client.containers.create(
            self._image,
            [INSIDE, *self._scale()],
            entrypoint=["python3", "-m", "edge_agent.engine"],
            name=self._name(flow),
            user="{}:{}".format(*user),
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            mem_limit="128m",
            memswap_limit="128m",
            pids_limit=64,
            init=True,
            restart_policy=_UNLESS_STOPPED,
            healthcheck={
                "test": [
                    *("CMD", "python3", "-m", "edge_agent.engine"),
                    *("health", INSIDE),
                ],
                "interval": 30 * _SECOND_NS,
                "timeout": 5 * _SECOND_NS,
                "start_period": 10 * _SECOND_NS,
                "retries": 3,
            },
            mounts=[
                Mount(
                    INSIDE,
                    str(host_path(directory, self._mounts)),
                    "bind",
                    read_only=False,
                )
            ],
            log_config=LogConfig(type="json-file", config={"max-size": "5m"}),
            labels={
                DEVICE_LABEL: self._place.device,
                FLOW_LABEL: flow,
                HOME_LABEL: self._mark,
                SHAPE_LABEL: shape,
            },
        )

    def _scale(self) -> list[str]:
        if self._place.time_scale == 1.0:
            return []
        return ["--time-scale", f"{self._place.time_scale:g}"]

    def _shape(self, directory: Path, user: tuple[int, int]) -> str:
        """Changes with whatever makes an existing container the wrong one."""
        place = str(host_path(directory, self._mounts))
        parts = (self._image, str(user), place, *self._scale())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def _image_id(self) -> str:
        try:
            return str(self._client.images.get(self._place.image).id)
        except ImageNotFound:
            raise RuntimeUnavailable(
                f"Docker has no image {self._place.image!r}: build it (`make images`) "
                "or set AGENT_ENGINE_IMAGE"
            ) from None

    def _own_mounts(self) -> Mounts:
        """Inside and outside of the mounts of the container we run in, if we do."""
        found = _OWN_CONTAINER.search(Path("/proc/self/mountinfo").read_text())
        if found is None:
            return []
        try:
            own = self._client.containers.get(found[1])
        except NotFound:  # a container, but not of this Docker Engine
            return []
        return sorted(
            (
                (PurePosixPath(m["Destination"]), PurePosixPath(m["Source"]))
                for m in own.attrs["Mounts"]
            ),
            key=lambda pair: -len(pair[0].parts),
        )


def host_path(path: Path, mounts: Mounts) -> PurePosixPath:
    """What the Docker Engine calls a path of ours.

    Raises ``RuntimeUnavailable`` for a path that only the agent's container has.
    """
    ours = PurePosixPath(path.resolve())
    for inside, outside in mounts:
        if ours.is_relative_to(inside):
            return outside / ours.relative_to(inside)
    if mounts:
        raise RuntimeUnavailable(
            f"{path} is inside the agent's container only, so no engine could "
            "share it: put AGENT_DATA on a volume or a bind mount"
        )
    return ours


def _user() -> tuple[int, int]:
    """As whom containers run: root's as nobody, an ordinary user's as that user."""
    if os.geteuid() == 0:
        return NOBODY, NOBODY
    return os.geteuid(), os.getegid()


def _give(directory: Path, user: tuple[int, int]) -> None:
    """Let the container's user write its directory, which is not running yet."""
    if os.geteuid() == 0:
        for path in (directory, *directory.iterdir()):
            os.chown(path, *user, follow_symlinks=False)


def _state(container: Container) -> EngineState:
    state: dict[str, Any] = container.attrs["State"]
    if container.status == "running":
        return EngineState(running=True, label=str(container.name))
    words = [f"container {container.name} is {container.status}"]
    if state.get("OOMKilled"):
        words.append("out of memory")
    elif state.get("ExitCode"):
        words.append(f"exit code {state['ExitCode']}")
    if state.get("Error"):
        words.append(str(state["Error"]))
    last = container.logs(tail=3).decode(errors="replace").strip()
    if last:
        words.append(" | ".join(last.splitlines()))
    return EngineState(
        running=False, label=str(container.name), detail=": ".join(words)
    )
