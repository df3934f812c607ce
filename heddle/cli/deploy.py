"""``heddle deploy``: a release to many devices, in the way its options say."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import click

from heddle.cli.connect import Client, client_command
from heddle.cli.deployment_options import (
    OneOf,
    a_share,
    a_span,
    a_start,
    some_labelled_values,
    some_values,
    some_windows,
)
from heddle.cli.deployment_show import show_preview, told_made
from heddle.cli.deployment_watch import watch_to_its_end
from heddle.cli.names import device_names, flow_names
from heddle.cli.show import show_json
from heddle.cli.targets import target_options
from heddle.contract.deployments import (
    CREATE_DEPLOYMENT,
    PREVIEW_DEPLOYMENT,
    CreateDeployment,
    DeploymentReport,
    PreviewDeployment,
    StrategyConfig,
    StrategyKind,
)
from heddle.contract.device_deployments import ActiveRuns
from heddle.contract.fleet import Targets
from heddle.wamp.session import Session

CREATE_WITHIN_S = 60.0

_SETTINGS = (
    click.option(
        "--strategy",
        type=OneOf(StrategyKind),
        default="all-at-once",
        show_default=True,
        help="How it goes from device to device.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1),
        metavar="N",
        help="Rolling: devices in a wave [10].",
    ),
    click.option(
        "--batch-delay",
        callback=a_span,
        metavar="TIME",
        help="Rolling: rest after a wave [5min].",
    ),
    click.option(
        "--threshold",
        "failure_threshold",
        callback=a_share,
        metavar="PERCENT",
        help="Stop when more than this part of a wave failed, e.g. 20%.",
    ),
    click.option(
        "--canary",
        "canary_percentage",
        callback=a_share,
        metavar="PERCENT",
        help="Canary: this part of the devices goes first [10%], at least one.",
    ),
    click.option(
        "--canary-delay",
        callback=a_span,
        metavar="TIME",
        help="Canary: rest after it [30min].",
    ),
    click.option(
        "--switch-delay",
        callback=a_span,
        metavar="TIME",
        help="Blue-green: rest between all being ready and the switch [10min].",
    ),
    click.option(
        "--timeout",
        callback=a_span,
        metavar="TIME",
        help="Of each device [30min; canary 2h, blue-green 1h].",
    ),
    click.option(
        "--revert-timeout",
        callback=a_span,
        metavar="TIME",
        help="Of each device that is put back [10min].",
    ),
    click.option(
        "--watch-time",
        "watch",
        callback=a_span,
        metavar="TIME",
        help="How long a device's health is watched [30s].",
    ),
    click.option(
        "--check",
        default="",
        metavar="EXPR",
        help="Must hold of a device's tags while it is watched.",
    ),
    click.option(
        "--max-in-flight",
        type=click.IntRange(0),
        metavar="N",
        default=0,
        help="At most so many devices at a time; 0 is no limit.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0),
        metavar="N",
        help="Of a delivery that got no answer [5].",
    ),
    click.option(
        "--catch-up", is_flag=True, help="Who timed out still gets it on its return."
    ),
    click.option(
        "--window",
        "windows",
        multiple=True,
        callback=some_windows,
        metavar="DAYS FROM-TO",
        help='Deploy only then, UTC, e.g. "sat,sun 22:00-04:00"; may be repeated.',
    ),
    click.option(
        "--needs-approval", is_flag=True, help="It begins when a second person agrees."
    ),
    click.option(
        "--no-rollback",
        "auto_rollback",
        is_flag=True,
        flag_value=False,
        default=True,
        help="Do not put devices back by itself when it fails.",
    ),
    click.option(
        "--no-health-check",
        "health_check",
        is_flag=True,
        flag_value=False,
        default=True,
        help="Believe a device as soon as the release is active.",
    ),
)
_RELEASE = (
    click.option(
        "--version", type=click.IntRange(1), metavar="N", help="A release; else newest."
    ),
    click.option(
        "--set",
        "variables",
        multiple=True,
        callback=some_values,
        metavar="NAME=VALUE",
        help="A variable's value; may be repeated.",
    ),
    click.option(
        "--set-for",
        "label_variables",
        nargs=2,
        multiple=True,
        callback=some_labelled_values,
        metavar="SELECTOR NAME=VALUE",
        help="On devices whose labels fit; a later one wins.",
    ),
    click.option(
        "--set-on",
        "device_variables",
        nargs=2,
        multiple=True,
        callback=some_labelled_values,
        shell_complete=device_names,
        metavar="DEVICE NAME=VALUE",
        help="On one device; wins over all others.",
    ),
    click.option(
        "--active-runs",
        type=OneOf(ActiveRuns),
        default="finish",
        show_default=True,
        help="What becomes of runs that are active when it arrives.",
    ),
    click.option("--start-run", is_flag=True, help="Start a run of it on each device."),
)
_ITSELF = (
    click.option(
        "--dynamic", is_flag=True, help="A device that fits later joins, while it runs."
    ),
    click.option(
        "--at",
        "start_at_ms",
        callback=a_start,
        metavar="TIME",
        help="Begin then: a moment (ISO 8601; UTC without a zone), or +2h.",
    ),
    click.option("--hold", is_flag=True, help="Make it, but let it begin when told."),
    click.option("--note", default="", help="Why; kept with it."),
    click.option("--key", help="A repeat with the same key gives the same deployment."),
    click.option(
        "--preview", is_flag=True, help="Only show who would get it, in which waves."
    ),
    click.option("--watch", "follow", is_flag=True, help="Stay and show how it goes."),
)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed((*_SETTINGS, *_RELEASE, *_ITSELF)):
        command = option(command)
    return command


@click.command()
@click.argument("flow", shell_complete=flow_names)
@target_options
@_options
@client_command
def deploy(
    client: Client,
    *,
    flow: str,
    targets: Targets,
    dynamic: bool,
    hold: bool,
    start_at_ms: int | None,
    preview: bool,
    follow: bool,
    **asked: Any,
) -> None:
    """Deploy a release of the published FLOW to devices.

    Ends with 0 once it is made; with --watch with 0 if it completed, else with 1.
    Ctrl-C ends the watching, not the deployment.
    """
    if hold and start_at_ms is not None:
        raise click.UsageError("--hold waits for a word, --at for a time: choose one")
    given = {name: asked.pop(name) for name in _CONFIG if name in asked}
    config = StrategyConfig(**given)
    request = CreateDeployment(
        flow=flow,
        targets=replace(targets, dynamic=dynamic),
        config=config,
        start=not hold and start_at_ms is None,
        start_at_ms=start_at_ms,
        **asked,
    )
    if preview:
        _preview(client, request)
        return
    if follow:
        watch_to_its_end(client, lambda session: _made(session, request))
        return

    async def work(session: Session) -> None:
        made = await _made(session, request)
        if client.json:
            show_json(made)
        else:
            click.echo(told_made(made))

    client.run(work)


_CONFIG = tuple(field.name for field in fields(StrategyConfig))


async def _made(session: Session, request: CreateDeployment) -> DeploymentReport:
    return await session.call(CREATE_DEPLOYMENT, request, timeout_s=CREATE_WITHIN_S)


def _preview(client: Client, request: CreateDeployment) -> None:
    async def work(session: Session) -> None:
        asked = PreviewDeployment(
            targets=request.targets, strategy=request.strategy, config=request.config
        )
        found = await session.call(PREVIEW_DEPLOYMENT, asked)
        if client.json:
            show_json(found)
        else:
            show_preview(request.flow, request.strategy, found)

    client.run(work)
