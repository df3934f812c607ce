"""Docker's client, which blocks: the only place that speaks to Docker.

A container gets one directory, its flow's, and nothing else: no network, no
capability, a read-only root, little memory, few processes, no user that counts. It is
found again by its labels: device, flow, the agent's data folder, and its mark, which
tells one that is as it should be from one that no longer is.
"""

import hashlib
import os
import re
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias, TypeVar

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import LogConfig, Mount
from requests.exceptions import RequestException
from twisted.logger import Logger

from edge_agent.runtime.runtime import (
    Condition,
    EngineFailed,
    EngineState,
    Found,
    LogLine,
    Order,
    RuntimeUnavailable,
)

log = Logger()

T = TypeVar("T")

Mounts: TypeAlias = list[tuple[PurePosixPath, PurePosixPath]]
"""Inside and outside of our own container's mounts, deepest first; none on a host."""

INSIDE = "/run/heddle"
NOBODY = 65534
DEVICE_LABEL, FLOW_LABEL = "heddle.device", "heddle.flow"
HOME_LABEL, MARK_LABEL = "heddle.home", "heddle.shape"
RELEASE_LABEL, ROLE_LABEL = "heddle.release", "heddle.role=engine"
API_TIMEOUT_S = 20
STOP_WITHIN_S = 5
DIED_WITHIN_S = 20
LAST_LINES = 5
_SECOND_NS = 1_000_000_000
_CONFLICT, _GONE_ANYWAY = 409, "already in progress"
_UNLESS_STOPPED: Any = {"Name": "unless-stopped"}
_OWN_CONTAINER = re.compile(r"/containers/([0-9a-f]{64})/")
_CONDITIONS = {
    "created": Condition.CREATED,
    "running": Condition.RUNNING,
    "paused": Condition.RUNNING,  # somebody's `docker pause`: it hangs, the pulse tells
    "restarting": Condition.RESTARTING,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where and as what containers run."""

    device: str
    home: Path  # the agent's data, and what tells namesakes on one machine apart


class Docking:
    """One Docker Engine; every method runs on a thread and returns plain values."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._client = docker.from_env(timeout=API_TIMEOUT_S)
        try:
            self.version = str(self._client.version()["Version"])
            self._mounts = self._own_mounts()
            home = host_path(place.home, self._mounts)
            self._home = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
        except BaseException:
            self._client.close()
            raise
        self._ids: dict[str, str] = {}  # of images, as last seen

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def mark(self, order: Order) -> str:
        """An image that is missing is taken for what it was when it was here last."""
        parts = (
            self._image_id(order.configuration.image),
            str(_user()),
            str(host_path(order.directory, self._mounts)),
            order.release,
            *_arguments(order),
            f"{order.configuration.memory_mb} {order.configuration.processes}",
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def images(self, names: Collection[str]) -> frozenset[str]:
        """Which of these are here."""
        return frozenset(name for name in names if self._seen(name) is not None)

    def found(self) -> tuple[Found, ...]:
        """All containers of this agent."""
        return tuple(_found(each) for each in self._mine())

    def create(self, order: Order) -> None:
        """Make the order's container, unless it is there."""
        mark = self.mark(order)
        if self._get(order.flow, mark) is not None:
            return
        if self._seen(order.configuration.image) is None:
            raise EngineFailed(f"Docker has no image {order.configuration.image!r}")
        order.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        user = _user()
        self._client.containers.create(
            self._image_id(order.configuration.image),
            [INSIDE, *_arguments(order)],
            entrypoint=["python3", "-m", "edge_agent.engine"],
            name=f"heddle-{self._place.device}-{order.flow}-{self._home}-{mark[:6]}",
            user="{}:{}".format(*user),
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            mem_limit=f"{order.configuration.memory_mb}m",
            memswap_limit=f"{order.configuration.memory_mb}m",
            pids_limit=order.configuration.processes,
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
                    str(host_path(order.directory, self._mounts)),
                    "bind",
                    read_only=False,
                )
            ],
            log_config=LogConfig(type="json-file", config={"max-size": "5m"}),
            labels={
                DEVICE_LABEL: self._place.device,
                FLOW_LABEL: order.flow,
                HOME_LABEL: self._home,
                MARK_LABEL: mark,
                RELEASE_LABEL: order.release,
            },
        )

    def run(self, order: Order) -> None:
        """Start the order's container, unless it runs."""
        container = self._get(order.flow, self.mark(order))
        if container is None:
            raise EngineFailed(f"the container of flow {order.flow!r} is gone")
        if container.status not in ("running", "restarting"):
            _give(order.directory, _user())
            container.start()

    def end(self, flow: str, mark: str) -> None:
        """Stop a container, by force if it does not heed."""
        container = self._get(flow, mark)
        if container is not None:
            container.stop(timeout=STOP_WITHIN_S)

    def remove(self, flow: str, mark: str) -> None:
        """Remove a container, if it is there."""
        container = self._get(flow, mark)
        if container is None:
            return
        try:
            if container.status in ("running", "restarting", "paused"):
                container.stop(timeout=STOP_WITHIN_S)
            container.remove(force=True)
        except NotFound:
            return
        except APIError as error:  # somebody else is removing it, too
            if error.status_code != _CONFLICT or _GONE_ANYWAY not in str(error):
                raise

    def state(self, flow: str) -> EngineState:
        """How the flow's container stands, with its last words."""
        container = self._of_flow(flow)
        if container is None:
            return EngineState(running=False, detail="its container is gone")
        runs = container.status == "running"
        words = [self._death(container)] if runs else [_why(container)]
        if words[0]:
            words += last_words(container.logs(tail=LAST_LINES))
        return EngineState(
            running=runs, label=str(container.name), detail=": ".join(words)
        )

    def _death(self, container: Container) -> str:
        """How one that runs again died a moment ago; empty if it did not."""
        if not container.attrs.get("RestartCount"):
            return ""
        now_s = time.time()  # events until then are all there: it does not wait
        span: Any = {"since": f"{now_s - DIED_WITHIN_S:.3f}", "until": f"{now_s:.3f}"}
        told = self._client.events(
            **span,
            filters={"container": container.id, "event": ["die", "oom"]},
            decode=True,
        )
        words = ""
        for event in told:
            if event["Action"] == "oom":
                words = f"container {container.name} ended: out of memory"
            elif "memory" not in words:
                code = event["Actor"]["Attributes"].get("exitCode", "?")
                words = f"container {container.name} ended: exit code {code}"
        return words

    def logs(self, flow: str, tail: int, since_s: float) -> tuple[LogLine, ...]:
        """The last lines of the flow's container."""
        container = self._of_flow(flow)
        if container is None:
            return ()
        since: dict[str, Any] = {"since": since_s} if since_s > 0 else {}
        told: bytes = container.logs(timestamps=True, tail=tail, **since)
        lines = []
        for line in told.decode(errors="replace").splitlines():
            at, _, text = line.partition(" ")
            lines.append(LogLine(_unix(at), text))
        return tuple(lines)

    def prune(self, wanted: Collection[str]) -> int:
        """Engine images are those of a wanted image's repository, and those without a
        name that carry the engine's label: a new build or pull took it from them.
        """
        ids = {self._image_id(name) for name in wanted}
        used = {
            str(container["ImageID"])
            for container in self._client.api.containers(all=True)
        }
        repositories = {_repository(name) for name in wanted}
        named = [
            each
            for each in self._client.images.list()
            if {_repository(tag) for tag in each.tags} & repositories
        ]
        nameless = self._client.images.list(
            filters={"dangling": True, "label": ROLE_LABEL}
        )
        gone = {str(i.id): i for i in (*named, *nameless)}.keys() - ids - used
        before = self._layers_bytes() if gone else 0
        for image in gone:
            try:
                self._client.images.remove(image, force=True)
            except APIError as error:  # another image is built on it
                log.info("image {image} stays: {why}", image=image, why=sentence(error))
        return max(before - self._layers_bytes(), 0) if gone else 0

    def places(self) -> tuple[Path, ...]:
        """Docker's folder, if it is on this side."""
        root = Path(self._client.info()["DockerRootDir"])
        return (root,) if not self._mounts and root.is_dir() else ()

    def _layers_bytes(self) -> int:
        return int(self._client.df()["LayersSize"] or 0)

    def _mine(self, *labels: str) -> list[Container]:
        mine = [
            f"{DEVICE_LABEL}={self._place.device}",
            f"{HOME_LABEL}={self._home}",
            *labels,
        ]
        found: list[Container] = self._client.containers.list(
            all=True, filters={"label": mine}, ignore_removed=True
        )
        return found

    def _get(self, flow: str, mark: str) -> Container | None:
        found = self._mine(f"{FLOW_LABEL}={flow}", f"{MARK_LABEL}={mark}")
        return found[0] if found else None

    def _of_flow(self, flow: str) -> Container | None:
        """The one that runs, else the one that was made last."""
        found = self._mine(f"{FLOW_LABEL}={flow}")
        running = [each for each in found if each.status == "running"]
        newest = sorted(found, key=lambda each: str(each.attrs["Created"]))
        return next(iter((*running, *newest[::-1])), None)

    def _seen(self, name: str) -> str | None:
        try:
            self._ids[name] = str(self._client.images.get(name).id)
        except ImageNotFound:
            return None
        return self._ids[name]

    def _image_id(self, name: str) -> str:
        return self._seen(name) or self._ids.get(name, name)

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


def opened(place: Place) -> Docking:
    """The Docker Engine that the environment names. Raises ``RuntimeUnavailable``."""
    _knock()
    try:
        return Docking(place)
    except (DockerException, RequestException, OSError) as error:
        raise RuntimeUnavailable(
            f"no Docker Engine answers: {sentence(error)}"
        ) from None


def asked(docking: Docking, what: Callable[[Docking], T]) -> T:
    """One question. Raises ``RuntimeUnavailable`` if nobody is at the door."""
    _knock()
    return what(docking)


def pulled(image: str) -> None:
    """Pull an image, over a connection of its own: it may take minutes."""
    client = docker.from_env(timeout=API_TIMEOUT_S)
    try:
        client.images.pull(image)
    finally:
        client.close()


def _knock() -> None:
    """Try the door first: Docker's client tells of a closed one at great length, and
    forgets to close its own end.
    """
    where = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not where.startswith("unix://"):
        return
    path = where.removeprefix("unix://")
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(API_TIMEOUT_S)
            door.connect(path)
    except FileNotFoundError:
        raise RuntimeUnavailable(
            f"there is no Docker socket {path}: start Docker, or mount its socket into "
            "the agent's container, or set AGENT_RUNTIME=process"
        ) from None
    except PermissionError:
        raise RuntimeUnavailable(_no_right(Path(path))) from None
    except ConnectionRefusedError:
        raise RuntimeUnavailable(
            f"nobody answers at the Docker socket {path}: start Docker, or set "
            "AGENT_RUNTIME=process"
        ) from None
    except OSError as error:
        raise RuntimeUnavailable(
            f"no Docker Engine answers at {path}: {error.strerror or error}"
        ) from None


def _no_right(door: Path) -> str:
    try:
        found = door.stat()
        whose = f"it is of group {found.st_gid}, mode {found.st_mode & 0o777:o}"
    except OSError:
        whose = f"nor may it look into {door.parent}"
    return (
        f"the agent (user {os.geteuid()}, groups "
        f"{' '.join(map(str, sorted(os.getgroups()))) or 'none'}) may not use the "
        f"Docker socket {door}; {whose}: give the agent that group "
        "(`usermod -aG`, `docker run --group-add`), or set AGENT_RUNTIME=process"
    )


def sentence(error: Exception) -> str:
    """What Docker's client means, without its layers."""
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation)
    inner: BaseException = error
    while inner.__context__ is not None and not isinstance(inner, OSError):
        inner = inner.__context__
    return f"{error}" if inner is error else f"{inner}"


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


def _arguments(order: Order) -> list[str]:
    scale = order.configuration.time_scale
    return [] if scale == 1.0 else ["--time-scale", f"{scale:g}"]


def _repository(name: str) -> str:
    """The image's name without its tag or digest."""
    path, _, last = name.partition("@")[0].rpartition("/")
    return f"{path}/{last.partition(':')[0]}"


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


def _found(container: Container) -> Found:
    condition = _CONDITIONS.get(container.status, Condition.EXITED)
    state: dict[str, Any] = container.attrs["State"]
    runs = condition is Condition.RUNNING
    return Found(
        flow=container.labels[FLOW_LABEL],
        mark=container.labels.get(MARK_LABEL, ""),
        condition=condition,
        label=str(container.name),
        detail="" if runs else _why(container),
        release=container.labels.get(RELEASE_LABEL, ""),
        restarts=int(container.attrs.get("RestartCount") or 0),
        since_s=_unix(state["StartedAt" if runs else "FinishedAt"]),
    )


def _why(container: Container) -> str:
    state: dict[str, Any] = container.attrs["State"]
    words = [f"container {container.name} is {container.status}"]
    if state.get("OOMKilled"):
        words.append("out of memory")
    elif state.get("ExitCode"):
        words.append(f"exit code {state['ExitCode']}")
    if state.get("Error"):
        words.append(str(state["Error"]))
    return ": ".join(words)


def last_words(log: bytes) -> list[str]:
    """What an engine said at its end, each line once; records of its log say nothing
    of it.
    """
    lines = log.decode(errors="replace").splitlines()
    said = [line.strip() for line in lines if not line.startswith("{")]
    told = " | ".join(dict.fromkeys(filter(None, said)))
    return [told] if told else []


def _unix(rfc3339: str) -> float:
    """Docker's time, which has nanoseconds; 0 for none."""
    whole = re.sub(r"(\.\d{6})\d+", r"\1", rfc3339)
    try:
        return max(datetime.fromisoformat(whole).timestamp(), 0.0)
    except (ValueError, OverflowError):
        return 0.0
