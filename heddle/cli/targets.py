"""How a command says which devices it is for: ``--to``, ``--device`` or ``--all``."""

import functools
from collections.abc import Callable
from typing import Any

import click

from heddle.cli.names import device_names
from heddle.contract.fleet import Targets


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options, and pass it ``targets``."""

    @click.option("--all", "every", is_flag=True, help="Every device of the project.")
    @click.option(
        "--device",
        "devices",
        multiple=True,
        shell_complete=device_names,
        help="This device; may be repeated, and joined with --to.",
    )
    @click.option(
        "--to",
        "labels",
        metavar="SELECTOR",
        help='Devices whose labels fit, e.g. "site=graz and not spare".',
    )
    @functools.wraps(command)
    def wrapped(
        *, labels: str | None, devices: tuple[str, ...], every: bool, **arguments: Any
    ) -> None:
        if not (labels is not None or devices or every):
            raise click.UsageError(
                'say which devices: --to "site=graz", --device press_1 or --all'
            )
        if every and (labels is not None or devices):
            raise click.UsageError("--all is all: leave --to and --device out")
        command(targets=Targets(devices=devices, labels=labels, all=every), **arguments)

    return wrapped
