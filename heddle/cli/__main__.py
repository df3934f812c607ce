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
        "audit": "heddle.cli.audit:audit",
        "completion": "heddle.cli.completion:completion",
        "dashboard": "heddle.cli.dashboards:dashboard",
        "deploy": "heddle.cli.deploy:deploy",
        "deployment": "heddle.cli.deployments:deployment",
        "device": "heddle.cli.devices:device",
        "fleet": "heddle.cli.fleet:fleet",
        "invitation": "heddle.cli.accounts:invitation",
        "key": "heddle.cli.accounts:key",
        "keys": "heddle.cli.keys:keys",
        "project": "heddle.cli.accounts_person:project",
        "run": "heddle.cli.runs:run",
        "session": "heddle.cli.accounts:session",
        "swarm": "heddle.cli.swarm:swarm",
        "telemetry": "heddle.cli.telemetry:telemetry",
        "user": "heddle.cli.accounts:user",
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
        "archive": "heddle.cli.flows_life:archive",
        "clone": "heddle.cli.flows_life:clone",
        "delete": "heddle.cli.flows_life:delete",
        "diff": "heddle.cli.flows_list:show_diff",
        "edit": "heddle.cli.flows_edit:edit",
        "list": "heddle.cli.flows_list:list_flows",
        "new": "heddle.cli.flows_edit:new",
        "publish": "heddle.cli.flows_life:publish",
        "releases": "heddle.cli.flows_list:list_releases",
        "restore": "heddle.cli.flows_life:restore",
        "versions": "heddle.cli.flows_list:list_versions",
        "remove": "heddle.cli.flows:remove",
        "save": "heddle.cli.flows:save",
    },
)
def flow() -> None:
    """Workflow files, flows of the project, and flows on devices."""


if __name__ == "__main__":
    main(prog_name="heddle")
