"""What is remembered of deployments, on the device's disk: a file for each flow.

``DATA/deployments/<flow>.json`` is written before anything is done for an order. A file
that is not what was kept, or holds a release that is not as signed, is put aside: what
is wanted of the flow stands elsewhere, and the deployment is unknown then.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
from twisted.logger import Logger

from edge_agent.deployments.record import Memory
from edge_agent.shelf import Unreadable, Wanted
from heddle.contract.declare import ID
from heddle.contract.flows import ReleaseRefused
from heddle.files import write_over, write_whole

log = Logger()


class Store:
    """The folder of deployments."""

    def __init__(
        self, folder: Path, prove: Callable[[Wanted], None], *, durable: bool = True
    ) -> None:
        self._folder = folder
        self._prove = prove
        self._write = write_whole if durable else write_over

    def put(self, flow: str, memory: Memory) -> None:
        """Keep it; on disk when this returns. Raises ``OSError``."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = msgspec.json.encode(memory)
        self._write(self._file(flow), content, mode=0o600)

    def load(self) -> dict[str, Memory]:
        """All, by flow."""
        found: dict[str, Memory] = {}
        for file in sorted(self._folder.glob("*.json")):
            if not ID.fullmatch(file.stem):
                continue
            try:
                found[file.stem] = self._read(file)
            except (
                OSError,
                msgspec.MsgspecError,
                RecursionError,
                Unreadable,
                ReleaseRefused,
            ) as flaw:
                log.warn("{file} is put aside: {flaw}", file=file, flaw=str(flaw))
                with suppress(OSError):
                    file.replace(file.with_suffix(".unusable"))
        return found

    def _read(self, file: Path) -> Memory:
        memory = msgspec.json.decode(file.read_bytes(), type=Memory)
        if (record := memory.record) is not None:
            if record.flow != file.stem:
                raise Unreadable(f"it names flow {record.flow!r}")
            for each in (record.release, record.former):
                if each is not None:
                    self._prove(each.wanted)
        return memory

    def _file(self, flow: str) -> Path:
        return self._folder / f"{flow}.json"
