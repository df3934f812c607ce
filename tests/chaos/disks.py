"""Small disks that can be filled: of one device, and of the database.

They are file systems in memory, which only root may mount; without them the plan's
``fill`` is left out. The database lies on its disk behind a link in the stack's folder.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from heddle.local.folder import Folder
from heddle.local.postgres import Postgres, embedded_bin
from heddle.local.stack import DATABASE
from tests.support.disk import small_disk_at

DEVICE_MB, DATABASE_MB = 128, 1536
GUARD_MB = {"FLEETDATA_GUARD_WARN_MB": "96", "FLEETDATA_GUARD_REFUSE_MB": "48"}
_WAL = "max_wal_size = '64MB'\nmin_wal_size = '32MB'\n"


class SmallDisk:
    """A disk that can be filled."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self._ballast = where / "ballast"

    def fill(self, leaving_bytes: float) -> None:
        """Leave so many bytes free."""
        found = os.statvfs(self.where)
        size = int(found.f_bavail * found.f_frsize - leaving_bytes)
        with self._ballast.open("ab") as ballast, suppress(OSError):
            if size > 0:
                os.posix_fallocate(ballast.fileno(), ballast.tell(), size)
            while leaving_bytes == 0:  # until it really is full
                os.write(ballast.fileno(), bytes(4096))

    def relieve(self) -> None:
        """Make room again."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(where: Path, megabytes: int) -> Iterator[SmallDisk | None]:
    """A disk for a while; None where we may not make one."""
    with ExitStack() as held:
        try:
            found = held.enter_context(small_disk_at(where, megabytes))
        except pytest.skip.Exception:
            with suppress(FileExistsError):
                where.mkdir()
            found = None
        yield None if found is None else SmallDisk(found)


def put_database_on(disk: SmallDisk, data: Path) -> None:
    """Make the database of a stack that has never run, on a disk of its own."""
    folder = Folder(data)
    folder.prepare()
    disk.where.chmod(0o755)  # the server's user passes through
    there = disk.where / "postgres"
    password = folder.secret("database_password").read_text().strip()
    Postgres(embedded_bin(), there).initialise(password, (DATABASE,))
    (there / "postgresql.auto.conf").write_text(_WAL)
    folder.postgres.symlink_to(there)
