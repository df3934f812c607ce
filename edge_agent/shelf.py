"""What is wanted on this device, on its disk: a file for each flow.

``DATA/wanted/<flow>.json`` is the agent's alone: which release, run as what, its engine
up or at rest. ``DATA/flows/<flow>/`` is shared with the engine: ``flow.json``, laid out
anew whenever an engine is started, and the engine's journal and socket. An engine that
went mad can spoil its folder, but not what is wanted.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from twisted.logger import Logger

from edge_agent.engine.protocol import FLOW_NAME
from edge_agent.runtime.runtime import Configuration, Order
from heddle.contract.declare import ID
from heddle.contract.flows import Runtime
from heddle.files import write_whole

log = Logger()

_DIGEST_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Wanted:
    """One flow version that shall be here, and how."""

    flow: str
    version: int
    definition: Mapping[str, Any]
    running: bool = True
    runtime: Runtime | None = None  # where its engine was put first
    configuration: Configuration = field(default_factory=Configuration)

    @property
    def digest(self) -> str:
        """Tells definitions apart."""
        content = msgspec.json.encode(self.definition)
        return sha256(content).hexdigest()[:_DIGEST_CHARACTERS]

    @property
    def release(self) -> str:
        """Tells releases apart, for people too."""
        return f"{self.version}-{self.digest}"


class _File(msgspec.Struct, frozen=True, omit_defaults=False):
    """How it lies on the disk."""

    flow: str
    version: int
    digest: str
    running: bool
    runtime: Runtime | None
    configuration: Configuration
    definition: dict[str, Any]


class _FlowJson(msgspec.Struct, frozen=True):
    """What an engine reads."""

    flow: str
    version: int
    definition: dict[str, Any]


class Unreadable(Exception):
    """A file that does not tell what is wanted; the sentence names it and says why."""


class Shelf:
    """The wanted state, and the folders of the flows."""

    def __init__(self, flows: Path, wanted: Path | None = None) -> None:
        self._flows = flows
        self._wanted = wanted or flows.with_name("wanted")

    def directory(self, flow: str) -> Path:
        """The folder that a flow's engine gets."""
        return self._flows / flow

    def file(self, flow: str) -> Path:
        """Where it stands what is wanted of a flow."""
        return self._wanted / f"{flow}.json"

    def order(self, wanted: Wanted) -> Order:
        """The engine that a wanted flow needs."""
        return Order(
            wanted.flow,
            self.directory(wanted.flow),
            wanted.release,
            wanted.configuration,
        )

    def put(self, wanted: Wanted) -> None:
        """Keep what is wanted; on disk when this returns."""
        self._wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = _File(
            flow=wanted.flow,
            version=wanted.version,
            digest=wanted.digest,
            running=wanted.running,
            runtime=wanted.runtime,
            configuration=wanted.configuration,
            definition=dict(wanted.definition),
        )
        write_whole(self.file(wanted.flow), msgspec.json.encode(content), mode=0o600)

    def forget(self, flow: str) -> None:
        """The flow is wanted no longer; its folder stays until it is cleared."""
        self.file(flow).unlink(missing_ok=True)

    def clear(self, flow: str) -> None:
        """Remove a flow's folder with all its engine wrote."""
        shutil.rmtree(self.directory(flow), ignore_errors=True)

    def lay_out(self, wanted: Wanted) -> None:
        """Put what the engine reads into its folder, which no engine uses now."""
        directory = self.directory(wanted.flow)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = directory / FLOW_NAME
        content = msgspec.json.encode(
            _FlowJson(wanted.flow, wanted.version, dict(wanted.definition))
        )
        if file.is_file() and file.read_bytes() == content:
            return
        write_whole(file, content)
        if os.geteuid() == 0:  # the container's user must be able to read it
            owner = directory.stat()
            os.chown(file, owner.st_uid, owner.st_gid)

    def wanted(self) -> tuple[Wanted, ...]:
        """All flows, by id, but for what is unreadable."""
        return tuple(each for each in self._read() if isinstance(each, Wanted))

    def unreadable(self) -> dict[str, str]:
        """By flow, what is wrong with its file, which is left alone."""
        return {
            flow: str(each)
            for flow, each in zip(self._names(), self._read(), strict=True)
            if isinstance(each, Unreadable)
        }

    def left_over(self) -> tuple[str, ...]:
        """Flows that are wanted no longer, but still have a folder."""
        if not self._flows.is_dir():
            return ()
        folders = {each.name for each in self._flows.iterdir() if each.is_dir()}
        known = set(self._names())
        return tuple(sorted(f for f in folders - known if ID.fullmatch(f)))

    def take_over(self) -> None:
        """Bring here what an agent of version 0.1 wanted, once."""
        if self._wanted.is_dir() or not self._flows.is_dir():
            return
        fresh = Shelf(self._flows, self._wanted.with_name("wanted.new"))
        shutil.rmtree(fresh._wanted, ignore_errors=True)
        fresh._wanted.mkdir(mode=0o700, parents=True)
        for folder in sorted(self._flows.iterdir()):
            file = folder / FLOW_NAME
            if not ID.fullmatch(folder.name) or not file.is_file():
                continue
            try:
                former = msgspec.json.decode(file.read_bytes(), type=_FlowJson)
                fresh.put(Wanted(folder.name, former.version, former.definition))
            except msgspec.MsgspecError:  # to be told of, as any other
                write_whole(fresh.file(folder.name), file.read_bytes(), mode=0o600)
        fresh._wanted.rename(self._wanted)

    def _names(self) -> list[str]:
        if not self._wanted.is_dir():
            return []
        files = self._wanted.glob("*.json")
        return sorted(each.stem for each in files if ID.fullmatch(each.stem))

    def _read(self) -> Iterator[Wanted | Unreadable]:
        for flow in self._names():
            try:
                yield _wanted(self.file(flow))
            except Unreadable as flaw:
                yield flaw


def _wanted(file: Path) -> Wanted:
    try:
        found = msgspec.json.decode(file.read_bytes(), type=_File)
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, RecursionError) as flaw:
        raise Unreadable(f"{file} is unreadable: {flaw}") from None
    wanted = Wanted(
        found.flow,
        found.version,
        found.definition,
        found.running,
        found.runtime,
        found.configuration,
    )
    if wanted.flow != file.stem:
        raise Unreadable(f"{file} is unreadable: it names flow {wanted.flow!r}")
    if wanted.digest != found.digest:
        raise Unreadable(f"{file} is unreadable: the definition is not what was kept")
    return wanted
