"""Room on the disks that engines, journals and images fill.

Below the first mark it is told, as a warning and as an alarm; below the second, what
would fill the disk further is refused. Stopping and removing never is.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from heddle.contract.runs import StorageFull

_MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Room:
    """The fullest of some disks, and the marks it is judged by."""

    place: Path
    free_mb: int
    warn_mb: int
    least_mb: int

    @property
    def is_low(self) -> bool:
        """Whether it is worth a warning."""
        return self.free_mb < self.warn_mb

    @property
    def is_tight(self) -> bool:
        """Whether nothing may be added."""
        return self.free_mb < self.least_mb

    @property
    def sentence(self) -> str:
        """The figures."""
        return (
            f"the disk of {self.place} has {self.free_mb} MB free; "
            f"AGENT_DISK_WARN_MB is {self.warn_mb}, AGENT_DISK_LEAST_MB {self.least_mb}"
        )

    def check(self, what: str) -> None:
        """Refuse what would fill the disk further. Raises ``StorageFull``."""
        if self.is_tight:
            raise StorageFull(
                f"{what} is refused: the disk of {self.place} has {self.free_mb} MB "
                f"free, and {self.least_mb} MB (AGENT_DISK_LEAST_MB) are kept free: "
                "remove flows, prune images, or make room there, then ask again",
                free_mb=self.free_mb,
                least_mb=self.least_mb,
            )


def free_mb(place: Path) -> int:
    """What an ordinary user may still write there."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize // _MEGABYTE


class Disks:
    """Looks at some folders' disks; the marks are the settings'."""

    def __init__(
        self,
        home: Path,
        *,
        warn_mb: int,
        least_mb: int,
        free_mb: Callable[[Path], int] = free_mb,
    ) -> None:
        self._home = home
        self._warn_mb = warn_mb
        self._least_mb = least_mb
        self._free_mb = free_mb

    def room(self, places: Iterable[Path] = ()) -> Room:
        """The least room among these and the agent's own folder."""
        free = {self._home: self._free_mb(self._home)}
        for place in places:
            with suppress(OSError):  # it is gone
                free[place] = self._free_mb(place)
        least = min(free, key=lambda place: free[place])
        return Room(least, free[least], self._warn_mb, self._least_mb)
