"""What was changed on this device, kept until the centre has decided on it, and after.

Each change is a file of ``DATA/changes``, written before the flow is touched; a crash
in between is seen at the next start, where what is installed tells whether it was
done. Decided changes stay as results, the newest of them.
"""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from twisted.logger import Logger

from edge_agent.local.change import (
    Change,
    ChangeState,
    Installed,
    base_of,
    digest,
)
from heddle.contract.declare import LocalError
from heddle.contract.local_changes import ChangeKind
from heddle.contract.runs import StorageFull
from heddle.files import write_whole

log = Logger()

MOST_WAITING = 500
MOST_WAITING_BYTES = 4_000_000
MOST_DECIDED = 50


class TooManyChanges(LocalError):
    """So many changes wait for the centre that no more are taken."""


class Changes:
    """The files, and what is in them."""

    def __init__(self, folder: Path, now_s: Callable[[], float]) -> None:
        self._folder = folder
        self._now_s = now_s
        self._changes: dict[int, Change] = {}

    def load(self, is_done: Callable[[Change], bool]) -> None:
        """Read what a former life has left; what it had begun was done or was not."""
        if self._folder.is_dir():
            for file in sorted(self._folder.glob("*.json")):
                if (read := _read(file)) is not None:
                    self._changes[read.number] = read
        for change in [c for c in self if c.state is ChangeState.BEGUN]:
            if is_done(change):
                self.done(change)
            else:
                self.undone(change)

    def __iter__(self) -> Iterator[Change]:
        """All, oldest first."""
        return iter([self._changes[number] for number in sorted(self._changes)])

    def newest(self, flow: str) -> Change | None:
        """The last change of a flow."""
        return next((c for c in reversed(list(self)) if c.flow == flow), None)

    def waiting(self) -> Change | None:
        """The oldest that the centre has not decided."""
        return next((c for c in self if c.state is ChangeState.WAITING), None)

    def due(self) -> tuple[Change, ...]:
        """Those after which the centre's version is still to be installed."""
        return tuple(change for change in self if change.is_due)

    def begin(
        self,
        flow: str,
        kind: ChangeKind,
        installed: Installed | None,
        definition: dict[str, Any] | None = None,
    ) -> Change:
        """Write down what is about to be done; ``installed`` is how the flow is here.

        Raises ``TooManyChanges`` and ``StorageFull``.
        """
        last = self.newest(flow)
        base = base_of(last, installed)
        builds_on = last if last is not None and last.is_open else None
        if builds_on is not None and installed and not builds_on.made(installed):
            builds_on = None  # something else was installed since
        change = Change(
            number=max(self._changes, default=0) + 1,
            change=f"c_{int(self._now_s() * 1000):012x}{secrets.token_hex(4)}",
            flow=flow,
            kind=kind,
            base=base,
            version=base if kind is ChangeKind.REMOVED else base + 1,
            at_ms=int(self._now_s() * 1000),
            after=None if builds_on is None else builds_on.number,
            digest="" if definition is None else digest(definition),
            definition=definition,
        )
        self._check_room(change)
        try:
            self._write(change)
        except OSError as error:
            raise StorageFull(
                f"the change of flow {flow!r} cannot be written down in "
                f"{self._folder}: {error.strerror}; nothing was changed"
            ) from None
        self._changes[change.number] = change
        return change

    def done(self, change: Change) -> None:
        """It was carried out: from now on it waits for the centre."""
        now = self._changes[change.number]  # its base may have been named meanwhile
        self.put(replace(now, state=ChangeState.WAITING))

    def undone(self, change: Change) -> None:
        """It was not carried out."""
        self._changes.pop(change.number, None)
        self._file(change.number).unlink(missing_ok=True)

    def put(self, change: Change) -> None:
        """Keep a change as it now is; on disk, if the disk takes it. What is there then
        is older, and harmless: the next life finds out or offers it again.
        """
        if not change.is_open and not change.is_due:
            change = replace(change, definition=None, centre_definition=None)
        self._changes[change.number] = change
        try:
            self._write(change)
        except OSError as error:
            file = self._file(change.number)
            log.warn("{file} is not up to date: {why}", file=file, why=error.strerror)

    def decided(self, change: Change) -> None:
        """Keep the centre's word; the change that builds on this one builds on that."""
        self.put(change)
        for later in [c for c in self if c.after == change.number]:
            self.put(replace(later, base=change.known, after=None))
        self._prune()

    def _check_room(self, change: Change) -> None:
        waiting = [each for each in self if each.is_open]
        size = sum(len(msgspec.json.encode(each)) for each in (*waiting, change))
        if len(waiting) >= MOST_WAITING or size > MOST_WAITING_BYTES:
            raise TooManyChanges(
                f"{len(waiting)} changes of this device wait for the centre: "
                "connect it before changing more"
            )

    def _write(self, change: Change) -> None:
        write_whole(self._file(change.number), msgspec.json.encode(change), mode=0o600)

    def _prune(self) -> None:
        over = [c for c in self if not c.is_open and not c.is_due]
        for change in over[:-MOST_DECIDED]:
            self.undone(change)

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:09}.json"


def _read(file: Path) -> Change | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Change)
    except (OSError, msgspec.MsgspecError) as flaw:
        log.warn("{file} is unreadable: {flaw}", file=str(file), flaw=str(flaw))
        return None
