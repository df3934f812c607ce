"""What is wanted on this device, on its disk: a file for each flow.

``DATA/wanted/<flow>.json`` is the agent's alone: which release, run as what, its engine
up or at rest. ``DATA/flows/<flow>/`` is shared with the engine: ``flow.json``, laid out
anew whenever an engine is started, and the engine's journal and socket. An engine that
went mad can spoil its folder, but not what is wanted. A signed release is proved again
whenever it is read.
"""

import enum
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from twisted.logger import Logger

from edge_agent.engine.protocol import FLOW_NAME
from edge_agent.runtime.runtime import Configuration, Order
from heddle.contract.declare import ID
from heddle.contract.flows import ReleaseRefused, Runtime, SignedRelease
from heddle.files import write_over, write_whole

log = Logger()

TRIAL = ".trial"  # ends the name of what is tried out beside a flow: no flow's does
_DIGEST_CHARACTERS = 16


class HandOver(enum.StrEnum):
    """What becomes of active runs of another version when the engine starts."""

    NO = ""  # they go on as they began
    MUST = "must"  # they go on as this version, or the engine does not start
    MAY = "may"  # as this version, where they can


@dataclass(frozen=True)
class Wanted:
    """One flow version that shall be here, and how."""

    flow: str
    version: int
    definition: Mapping[str, Any]
    running: bool = True
    runtime: Runtime | None = None  # where its engine was put first
    configuration: Configuration = field(default_factory=Configuration)
    signed: SignedRelease | None = None  # what the definition comes from
    variables: Mapping[str, Any] = field(default_factory=dict)  # bound in it
    hand_over: HandOver = field(default=HandOver.NO, compare=False)

    @property
    def content_hash(self) -> str:
        """The signed release's; empty for one that is not signed."""
        return "" if self.signed is None else self.signed.content_hash

    @cached_property
    def digest(self) -> str:
        """Tells definitions apart."""
        content = msgspec.json.encode(self.definition)
        return sha256(content).hexdigest()[:_DIGEST_CHARACTERS]

    @property
    def release(self) -> str:
        """Tells releases apart, for people too."""
        return f"{self.version}-{self.digest}"


class Kept(msgspec.Struct, frozen=True, omit_defaults=False):
    """How it lies on the disk."""

    flow: str
    version: int
    digest: str
    running: bool
    runtime: Runtime | None
    configuration: Configuration
    definition: dict[str, Any]
    signed: SignedRelease | None = None
    variables: dict[str, Any] = {}
    hand_over: HandOver = HandOver.NO

    @property
    def wanted(self) -> Wanted:
        """What is wanted. Raises ``Unreadable`` if it is not what was kept."""
        wanted = Wanted(
            self.flow,
            self.version,
            self.definition,
            self.running,
            self.runtime,
            self.configuration,
            self.signed,
            self.variables,
            self.hand_over,
        )
        if wanted.digest != self.digest:
            raise Unreadable("the definition is not what was kept")
        return wanted


def kept(wanted: Wanted) -> Kept:
    """What is wanted, for the disk."""
    return Kept(
        flow=wanted.flow,
        version=wanted.version,
        digest=wanted.digest,
        running=wanted.running,
        runtime=wanted.runtime,
        configuration=wanted.configuration,
        definition=dict(wanted.definition),
        signed=wanted.signed,
        variables=dict(wanted.variables),
        hand_over=wanted.hand_over,
    )


class _FlowJson(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an engine reads."""

    flow: str
    version: int
    definition: dict[str, Any]
    hand_over: HandOver = HandOver.NO


class Unreadable(Exception):
    """A file that does not tell what is wanted; the sentence names it and says why."""


class Shelf:
    """The wanted state, and the folders of the flows."""

    def __init__(
        self,
        flows: Path,
        wanted: Path | None = None,
        *,
        prove: Callable[[Wanted], None] = lambda _: None,
        durable: bool = True,
    ) -> None:
        """``prove`` raises ``ReleaseRefused`` for what is not as it was signed; without
        ``durable``, what is kept outlives the process, but no power cut.
        """
        self._flows = flows
        self._wanted = wanted or flows.with_name("wanted")
        self._prove = prove
        self._write = write_whole if durable else write_over

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
        content = msgspec.json.encode(kept(wanted))
        file = self.file(wanted.flow)
        self._write(file, content, mode=0o600)

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
            _FlowJson(
                wanted.flow,
                wanted.version,
                dict(wanted.definition),
                wanted.hand_over,
            )
        )
        if file.is_file() and file.read_bytes() == content:
            return
        self._write(file, content)
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

    def trials(self) -> tuple[str, ...]:
        """Folders of what is, or was, tried out."""
        return tuple(sorted(each.name for each in self._flows.glob("*" + TRIAL)))

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
                yield self._one(self.file(flow))
            except Unreadable as flaw:
                yield flaw

    def _one(self, file: Path) -> Wanted:
        wanted = _wanted(file)
        try:
            self._prove(wanted)
        except ReleaseRefused as refusal:
            raise Unreadable(f"{file} is not to be run: {refusal}") from None
        return wanted


def _wanted(file: Path) -> Wanted:
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Kept).wanted
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, RecursionError, Unreadable) as flaw:
        raise Unreadable(f"{file} is unreadable: {flaw}") from None
    if found.flow != file.stem:
        raise Unreadable(f"{file} is unreadable: it names flow {found.flow!r}")
    return found
