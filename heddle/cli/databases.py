"""Runs fleetdata's program of backups against the databases of an installation."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from heddle.local.reach import reached

Way = tuple[list[str], dict[str, str]]
"""The options and the environment by which the program reaches the databases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """Those of the installation in a folder, or on a server elsewhere."""

    data: Path
    url: str | None = None
    postgres_bin: Path | None = None

    def of(self, data: Path) -> "Databases":
        """The same, of an installation in another folder."""
        return replace(self, data=data)

    def work(self, work: str, folder: Path, *arguments: str, make: bool = False) -> int:
        """``make`` or ``restore`` a backup; the exit code.

        Raises ``DatabaseUnusable`` and ``FolderInUse``.
        """
        with self.reached(make=make) as way:
            return self.run(way, work, folder, *arguments)

    def run(self, way: Way, work: str, folder: Path, *arguments: str) -> int:
        """The same, while the databases are reached."""
        options, env = way
        program = [sys.executable, "-m", "services.fleetdata.backup", *options, work]
        return _wait([*program, *arguments, str(folder)], {**os.environ, **env})

    @contextmanager
    def reached(self, *, make: bool) -> Iterator[Way]:
        """Reach them; a stopped stack stays stopped as long as that lasts."""
        if self.url is not None:
            bin_dir = self.postgres_bin
            options = [] if bin_dir is None else [f"--postgres-bin={bin_dir}"]
            yield options, {"HEDDLE_DATABASE_URL": self.url}
            return
        with reached(self.data, self.postgres_bin, make=make) as found:
            yield (
                [f"--postgres-bin={found.bin_dir}"],
                {"HEDDLE_DATABASE_URL": found.url, "PGPASSWORD": found.password},
            )


def _wait(argv: list[str], env: dict[str, str]) -> int:
    """Run to the end; Ctrl-C reaches the child, too, which then cleans up."""
    with subprocess.Popen(argv, env=env) as child:  # noqa: S603 -- our own argv
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return child.wait()
        finally:
            signal.signal(signal.SIGINT, before)
