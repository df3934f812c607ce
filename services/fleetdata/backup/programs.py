"""PostgreSQL's own programs, ``pg_dump`` and ``pg_restore``, run and understood."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from heddle.contract.declare import LocalError

LOOK_EVERY_S = 0.2
TELL_EVERY_S = 2.0
_LAST_LINES = 5


class BackupFailed(LocalError):
    """A backup or a restore came to nothing; what was there is as it was."""


Tell = Callable[[str], None]


class Programs:
    """The programs in a folder; without one, those on the path."""

    def __init__(self, bin_dir: Path | None, password: str | None = None) -> None:
        self._bin_dir = bin_dir
        self._secret = {} if password is None else {"PGPASSWORD": password}

    def fit(self, server_version: int) -> None:
        """See that the programs are as new as the server. Raises ``BackupFailed``."""
        server = server_version // 10_000
        for name in ("pg_dump", "pg_restore"):
            said = self._run([self._path(name), "--version"])
            found = re.search(r"\(PostgreSQL\) (\d+)", said)
            if found is None or int(found[1]) != server:
                raise BackupFailed(
                    f"the server is PostgreSQL {server}, but {self._path(name)} is "
                    f"version {found[1] if found else 'unknown'}: name a folder of "
                    f"PostgreSQL {server}'s programs with --postgres-bin"
                )

    def dump(self, conninfo: str, snapshot: str, file: Path, tell: Tell) -> None:
        """Dump a database as of a snapshot. Raises ``BackupFailed``."""
        argv = [self._path("pg_dump"), "--format=custom", f"--snapshot={snapshot}"]
        argv += ["--no-password", f"--file={file}", f"--dbname={conninfo}"]

        def told() -> str:
            written = file.stat().st_size if file.exists() else 0
            return f"{size_of(written)} written"

        self._run(argv, told, tell, room=file.parent.parent)

    def restore(self, conninfo: str, file: Path, tell: Tell) -> None:
        """Restore a file into an empty database. Raises ``BackupFailed``."""
        argv = [self._path("pg_restore"), "--exit-on-error", "--no-password"]
        argv += [f"--dbname={conninfo}", str(file)]
        began = time.monotonic()
        self._run(argv, lambda: f"{time.monotonic() - began:.0f} s", tell)

    def _path(self, name: str) -> str:
        if self._bin_dir is not None:
            return str(self._bin_dir / name)
        return shutil.which(name) or name

    def _run(
        self,
        argv: Sequence[str],
        progress: Callable[[], str] = str,
        tell: Tell = lambda _: None,
        *,
        room: Path | None = None,
    ) -> str:
        """What a program says; it finds the password in its environment."""
        with tempfile.TemporaryFile("w+") as out:
            try:
                process = subprocess.Popen(  # noqa: S603 -- our own argv, no shell
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **self._secret, "LC_ALL": "C"},
                )
            except OSError as error:
                raise BackupFailed(
                    f"{argv[0]} cannot be run ({error.strerror}): name the folder of "
                    "PostgreSQL's programs with --postgres-bin"
                ) from None
            with process:
                try:
                    _watch(process, progress, tell)
                except BaseException:
                    process.kill()
                    raise
            out.seek(0)
            said = out.read()
        if process.returncode != 0:
            raise BackupFailed(_why(Path(argv[0]).name, said, room))
        return said


def _watch(
    process: subprocess.Popen[bytes], progress: Callable[[], str], tell: Tell
) -> None:
    told_at = time.monotonic()
    while True:
        try:
            process.wait(LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            if time.monotonic() - told_at >= TELL_EVERY_S:
                told_at = time.monotonic()
                tell(progress())
        else:
            return


def _why(program: str, said: str, room: Path | None) -> str:
    last = " ".join(" ".join(said.splitlines()[-_LAST_LINES:]).split())
    if "No space left on device" not in said:
        return f"{program} failed: {last}"
    if room is not None and "pg_dump: error: could not" in said:
        free = shutil.disk_usage(room).free
        return f"there is no room left in {room} ({size_of(free)} free): {last}"
    return (
        "the database server has no room left on its disk; a restore, and the test "
        f"restore of a backup, need as much again as the database has: {last}"
    )


def size_of(count: int) -> str:
    """A number of bytes for people."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.1f} kB"
