"""The program: ``make``, ``prove``, ``restore`` FOLDER; ``--help`` tells the rest.

The password comes in ``PGPASSWORD`` or libpq's password file, never in an argument.
Exit codes: 0 done, 1 not done (what was there is as it was), 2 used wrongly.
"""

import sys
from pathlib import Path
from typing import NoReturn

import click

from heddle.contract.declare import FleetError
from services.fleetdata.backup.making import back_up, prove
from services.fleetdata.backup.programs import Programs
from services.fleetdata.backup.restoring import restore
from services.fleetdata.store.archive import ArchiveFailed, Cluster

_FAILED = 1


@click.group()
@click.option(
    "--url",
    required=True,
    envvar="HEDDLE_DATABASE_URL",
    help="The backend's database, as an administrator.",
)
@click.option(
    "--postgres-bin",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of PostgreSQL's programs.",
)
@click.pass_context
def main(context: click.Context, url: str, postgres_bin: Path | None) -> None:
    """Backup and restore of Heddle's databases."""
    try:
        cluster = Cluster(url)
    except ArchiveFailed as error:
        _fail(error)
    context.obj = cluster, Programs(postgres_bin, cluster.password)


_folder = click.argument("folder", type=click.Path(path_type=Path))
_project = click.option("--project", "projects", multiple=True)
_part = click.option("--part", is_flag=True, help="Of more: the end is told by others.")


@main.command("make")
@_folder
@_project
@_part
@click.option("--no-verify", is_flag=True)
@click.pass_obj
def make_command(
    given: tuple[Cluster, Programs],
    folder: Path,
    projects: tuple[str, ...],
    part: bool,
    no_verify: bool,
) -> None:
    """Make a backup."""
    cluster, programs = given
    folder = folder.absolute()
    try:
        back_up(cluster, programs, folder, projects, click.echo, verify=not no_verify)
    except (FleetError, ArchiveFailed) as error:
        _fail(error)
    if part:
        return
    proven = "not proven by a test restore" if no_verify else "proven by a test restore"
    click.echo(f"the backup is in {folder}, {proven}")


@main.command("prove")
@_folder
@click.pass_obj
def prove_command(given: tuple[Cluster, Programs], folder: Path) -> None:
    """Prove a backup by a test restore."""
    cluster, programs = given
    try:
        prove(cluster, programs, folder.absolute(), click.echo)
    except (FleetError, ArchiveFailed) as error:
        _fail(error)


@main.command("restore")
@_folder
@_project
@_part
@click.option("--replace", is_flag=True)
@click.pass_obj
def restore_command(
    given: tuple[Cluster, Programs],
    folder: Path,
    projects: tuple[str, ...],
    part: bool,
    replace: bool,
) -> None:
    """Restore a backup."""
    cluster, programs = given
    try:
        kept = restore(
            cluster,
            programs,
            folder.absolute(),
            projects,
            click.echo,
            replace=replace,
        )
    except (FleetError, ArchiveFailed) as error:
        _fail(error)
    for name in kept:
        click.echo(f'what was there is kept: drop it with `drop database "{name}"`')
    if not part:
        click.echo("restored")


def _fail(error: Exception) -> NoReturn:
    click.echo(f"heddle: {error}", err=True)
    sys.exit(_FAILED)


if __name__ == "__main__":
    main(prog_name="python -m services.fleetdata.backup")
