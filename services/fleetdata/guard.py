"""Keeps the database's disk from running full: warns, and then takes no more.

A PostgreSQL whose disk is full stops altogether, reads and all. So storing is refused
while there is still room: devices keep their samples in their outboxes and go on when
there is room again. It is looked at when something comes, at most once a second.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from heddle.contract.declare import StorageUnavailable

log = Logger()

LOOK_EVERY_S = 1.0
_RELIEF = 1.1  # so much of a threshold must be free before it counts as passed again


class Statvfs(Protocol):
    """What ``os.statvfs`` tells, as far as it is used."""

    @property
    def f_bavail(self) -> int:
        """Blocks that anybody but root may still take."""
        ...

    @property
    def f_frsize(self) -> int:
        """A block's bytes."""
        ...


class Guard:
    """Watches the file system that holds ``path``; without a path, nothing."""

    def __init__(
        self,
        clock: IReactorTime,
        path: Path | None,
        *,
        warn_bytes: int,
        refuse_bytes: int,
        statvfs: Callable[[Path], Statvfs] = os.statvfs,
    ) -> None:
        self._clock = clock
        self._path = path
        self._warn_bytes = warn_bytes
        self._refuse_bytes = refuse_bytes
        self._statvfs = statvfs
        self._looked_at: float | None = None
        self._blind = False
        self._low = self._full = False
        self.free_bytes: int | None = None  # unknown, where it cannot be measured

    def admit(self) -> None:
        """Let something be stored, or raise ``StorageUnavailable``."""
        self.look()
        if self._full:
            raise StorageUnavailable(
                f"the database's disk has {self.free_bytes} bytes free, less than the "
                f"{self._refuse_bytes} that are kept free: nothing was stored. Make "
                f"room on the file system of {self._path}, keep fewer days "
                "(FLEETDATA_KEEP_DAYS), or lower FLEETDATA_GUARD_REFUSE_MB",
                reason="disk_full",
                free_bytes=self.free_bytes,
                limit_bytes=self._refuse_bytes,
            )

    def look(self) -> None:
        """Measure, unless that was done just now; tell what has changed."""
        now_s = self._clock.seconds()
        if self._path is None or (
            self._looked_at is not None and now_s - self._looked_at < LOOK_EVERY_S
        ):
            return
        self._looked_at = now_s
        try:
            found = self._statvfs(self._path)
        except OSError as error:
            self._measured(None, str(error.strerror))
        else:
            self._measured(found.f_bavail * found.f_frsize)

    def _measured(self, free: int | None, flaw: str = "") -> None:
        self.free_bytes = free
        if free is None:
            if not self._blind:
                log.warn("the disk of {path}: {flaw}", path=str(self._path), flaw=flaw)
            self._blind, self._low, self._full = True, False, False
            return
        low = _is_below(free, self._warn_bytes, was=self._low)
        full = _is_below(free, self._refuse_bytes, was=self._full)
        if (low, full) != (self._low, self._full):
            _tell(free, self._path, low=low, full=full)
        self._blind, self._low, self._full = False, low, full


def _is_below(free: int, threshold: int, *, was: bool) -> bool:
    return free < (threshold * _RELIEF if was else threshold)


def _tell(free: int, path: Path | None, *, low: bool, full: bool) -> None:
    where = {"free": free, "path": str(path)}
    if full:
        log.error("{free} bytes free on the disk of {path}: storing nothing", **where)
    elif low:
        log.warn("{free} bytes free on the disk of {path}: make room", **where)
    else:
        log.info("{free} bytes free on the disk of {path}: enough again", **where)
