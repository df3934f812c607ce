"""The flows that shall be on this device, each in a folder of its own.

``DATA/flows/<flow>/`` holds ``flow.json`` (ours) and the engine's journal and socket.
What is on the shelf is what the agent brings up when it starts, with or without a
router.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from twisted.logger import Logger

from edge_agent.engine.protocol import FLOW_NAME
from heddle.contract.declare import ID
from heddle.files import write_whole

log = Logger()


@dataclass(frozen=True, slots=True)
class Wanted:
    """One flow version that shall run here."""

    flow: str
    version: int
    definition: Mapping[str, Any]


class Shelf:
    """Folders of wanted flows."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def directory(self, flow: str) -> Path:
        """The folder that a flow's engine gets."""
        return self._root / flow

    def put(self, wanted: Wanted) -> None:
        """Keep a flow; on disk when this returns."""
        directory = self.directory(wanted.flow)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(directory / FLOW_NAME, msgspec.json.encode(wanted))
        if os.geteuid() == 0:  # the container's user must be able to read it
            owner = directory.stat()
            os.chown(directory / FLOW_NAME, owner.st_uid, owner.st_gid)

    def remove(self, flow: str) -> None:
        """Forget a flow with all its engine wrote; first of all that it is wanted."""
        (self.directory(flow) / FLOW_NAME).unlink(missing_ok=True)
        shutil.rmtree(self.directory(flow), ignore_errors=True)

    def wanted(self) -> tuple[Wanted, ...]:
        """All flows, by id; what is unreadable is told and left alone."""
        if not self._root.is_dir():
            return ()
        found = [
            _read(directory / FLOW_NAME)
            for directory in sorted(self._root.iterdir())
            if ID.fullmatch(directory.name)
        ]
        return tuple(each for each in found if each is not None)


def _read(file: Path) -> Wanted | None:
    try:
        wanted = msgspec.json.decode(file.read_bytes(), type=Wanted)
    except FileNotFoundError:
        return None  # removed, but for what could not be deleted
    except (OSError, msgspec.MsgspecError) as flaw:
        log.warn("{file} is unreadable: {flaw}", file=str(file), flaw=str(flaw))
        return None
    if wanted.flow != file.parent.name:
        log.warn("{file} names flow {flow}", file=str(file), flow=wanted.flow)
        return None
    return wanted
