"""The command line: its groups, and the boundary where errors become sentences.

Exit codes: 0 done, 1 refused or failed, 2 used wrongly or misconfigured, 3 not
connected or not signed in, 130 interrupted.
"""

import click

from heddle import __version__
from heddle.cli.lazy import LazyGroup

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(
    cls=LazyGroup,
    lazy={
        "backup": "heddle.cli.backup:backup",
        "restore": "heddle.cli.backup:restore",
        "up": "heddle.cli.up:up",
        "setup": "heddle.cli.up:setup",
        "login": "heddle.cli.login:login",
        "logout": "heddle.cli.login:logout",
        "alarm": "heddle.cli.alarms:alarm",
        "device": "heddle.cli.devices:device",
        "run": "heddle.cli.runs:run",
        "swarm": "heddle.cli.swarm:swarm",
        "telemetry": "heddle.cli.telemetry:telemetry",
    },
    context_settings=_SETTINGS,
)
@click.version_option(__version__, prog_name="heddle")
def main() -> None:
    """Run workflows on fleets of edge devices.

    Start a whole stack on this machine with `heddle up`. The other commands talk to the
    stack of --data DIR (or $HEDDLE_DATA), else to the one you signed in to with
    `heddle login`, else to the stack in ./.heddle.
    """


@main.group(
    cls=LazyGroup,
    lazy={
        "check": "heddle.cli.offline:check",
        "draw": "heddle.cli.offline:draw",
        "schema": "heddle.cli.offline:schema",
        "simulate": "heddle.cli.simulate:simulate",
        "changes": "heddle.cli.flows:list_changes",
        "install": "heddle.cli.flows:install",
        "list": "heddle.cli.flows:list_flows",
        "remove": "heddle.cli.flows:remove",
        "save": "heddle.cli.flows:save",
    },
)
def flow() -> None:
    """Workflow files, flows of the project, and flows on devices."""


if __name__ == "__main__":
    main(prog_name="heddle")
