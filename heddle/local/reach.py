"""The database of a stack on this machine, whether the stack runs or not.

If it runs, its own server is used. If not, a server is started on the data for as long
as it is needed, and the folder is held meanwhile, so that no stack starts beside it.
"""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heddle.local.folder import Folder, FolderInUse
from heddle.local.postgres import Postgres, PostgresUnusable, embedded_bin
from heddle.local.stack import DATABASE, DatabaseUnusable

START_WITHIN_S = 60.0
SETTLE_WITHIN_S = 15.0
LOOK_EVERY_S = 0.05


@contextmanager
def reached(root: Path, bin_dir: Path | None, *, make: bool) -> Iterator["Reached"]:
    """The database of the installation in ``root``; ``make`` makes what is missing.

    Raises ``DatabaseUnusable`` and ``FolderInUse``.
    """
    folder = Folder(root)
    if not make and not (folder.postgres / "PG_VERSION").exists():
        raise DatabaseUnusable(
            f"{folder.root} holds no database: name the folder of an installation with "
            "--data, or a database with --url"
        )
    try:
        postgres = Postgres(bin_dir or embedded_bin(), folder.postgres)
        folder.prepare()
        password = folder.secret("database_password").read_text().strip()
        found = Reached(postgres.dsn(DATABASE), password, postgres.bin_dir)
        if _is_served(folder, postgres):
            yield found
            return
        with _running(postgres, password, folder.logs / "database.log"):
            yield found
    except PostgresUnusable as flaw:
        raise DatabaseUnusable(str(flaw)) from None


class Reached:
    """Where the database is, how to get in, and the programs that fit it."""

    def __init__(self, url: str, password: str, bin_dir: Path) -> None:
        self.url = url
        self.password = password
        self.bin_dir = bin_dir


def _is_served(folder: Folder, postgres: Postgres) -> bool:
    """Whether a running stack's server answers; if not, the folder is held for us.

    A stack that is just starting or stopping is waited for. Raises ``FolderInUse``.
    """
    deadline = time.monotonic() + SETTLE_WITHIN_S
    while True:
        try:
            folder.lock()
        except FolderInUse:
            if postgres.answers():
                return True
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_EVERY_S)  # another process's doing: nothing to wait on
        else:
            return False


@contextmanager
def _running(postgres: Postgres, password: str, log: Path) -> Iterator[None]:
    postgres.initialise(password, (DATABASE,))
    argv, env = postgres.command()
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 -- our own argv, no shell
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # Ctrl-C is for us: it is still needed to clean up
        )
    try:
        deadline = time.monotonic() + START_WITHIN_S
        while not postgres.ready(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                raise DatabaseUnusable(f"PostgreSQL did not start: its log is {log}")
            time.sleep(LOOK_EVERY_S)  # its file, not ours: nothing to wait on
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait()
