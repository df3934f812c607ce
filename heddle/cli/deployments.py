"""``heddle deployment``: see deployments, and steer them."""

from typing import Any

import click

from heddle.cli.connect import Ambiguous, Client, client_command
from heddle.cli.deployment_show import (
    ENDED,
    devices,
    release,
    some,
    told_config,
    told_counts,
    told_next,
    told_standing,
    waves,
    words,
)
from heddle.cli.deployment_watch import watch_to_its_end, whole
from heddle.cli.names import deployment_names, flow_names
from heddle.cli.show import show_json, show_table, when
from heddle.contract.declare import Procedure
from heddle.contract.deployments import (
    APPROVE_DEPLOYMENT,
    CANCEL_DEPLOYMENT,
    DEPLOYMENT_HISTORY,
    GET_DEPLOYMENT,
    LIST_DEPLOYMENTS,
    PAUSE_DEPLOYMENT,
    RESUME_DEPLOYMENT,
    ROLL_BACK_DEPLOYMENT,
    START_DEPLOYMENT,
    DeploymentDetail,
    DeploymentRef,
    DeploymentReport,
    DeploymentStatus,
    GetDeployment,
    GetHistory,
    HistoryEntry,
    ListDeployments,
    TargetStatus,
)
from heddle.wamp.session import Session

MOST_ROWS = 100  # targets of a deployment, unless asked for by status


@click.group()
def deployment() -> None:
    """Deployments: releases on their way to devices."""


_argument = click.argument(
    "name",
    metavar="[DEPLOYMENT]",
    required=False,
    shell_complete=deployment_names,
)


async def the_deployment(
    session: Session, named: str | None, *, ended: bool = False
) -> str:
    """The deployment named; else the only one that has not ended.

    With ``ended`` the newest will do, too. Raises ``Ambiguous``.
    """
    if named is not None:
        return named
    found = (await session.call(LIST_DEPLOYMENTS, ListDeployments())).deployments
    active = [one.deployment for one in found if one.status not in ENDED]
    if len(active) > 1:
        raise Ambiguous(f"name a deployment: {some(active)} have not ended")
    if active:
        return active[0]
    if not ended or not found:
        raise Ambiguous(
            "no deployment is under way: see `heddle deployment list`, or make one "
            "with `heddle deploy`"
        )
    return found[0].deployment


@deployment.command("list")
@click.option("--flow", shell_complete=flow_names, help="Of this flow alone.")
@click.option(
    "--status",
    type=click.Choice([status.value for status in DeploymentStatus]),
    help="Only those that stand so.",
)
@click.option("--most", type=click.IntRange(1, 1000), default=20, show_default=True)
@client_command
def list_deployments(
    client: Client, flow: str | None, status: str | None, most: int
) -> None:
    """The project's deployments, newest first."""

    async def work(session: Session) -> None:
        asked = ListDeployments(
            flow=flow, status=DeploymentStatus(status) if status else None, most=most
        )
        found = await session.call(LIST_DEPLOYMENTS, asked)
        if client.json:
            show_json(found)
            return
        show_table(
            ("DEPLOYMENT", "RELEASE", "STRATEGY", "STATUS", "DEVICES", "MADE", "BY"),
            (
                (
                    one.deployment,
                    f"{one.flow} v{one.version}",
                    words(one.strategy),
                    words(one.status),
                    f"{one.counts.get('success', 0)} of {one.total}",
                    when(one.created_at_ms),
                    one.created_by,
                )
                for one in found.deployments
            ),
        )

    client.run(work)


@deployment.command("show")
@_argument
@click.option(
    "--status",
    type=click.Choice([status.value for status in TargetStatus]),
    help="Only devices that stand so.",
)
@client_command
def show(client: Client, name: str | None, status: str | None) -> None:
    """One deployment: how it stands, its settings, its devices."""

    async def work(session: Session) -> None:
        found = await whole(session, await the_deployment(session, name, ended=True))
        if status is not None:
            kept = tuple(one for one in found.targets if one.status.value == status)
            found = DeploymentDetail(report=found.report, targets=kept)
        if client.json:
            show_json(found)
        else:
            _show(found, MOST_ROWS if status is None else len(found.targets))

    client.run(work)


def _show(found: DeploymentDetail, most: int) -> None:
    report = found.report
    click.echo(told_standing(report))
    made = f"made {when(report.created_at_ms)} by {report.created_by}"
    approved = f", approved by {report.approved_by}" if report.approved_by else ""
    ended = f", ended {when(report.ended_at_ms)}" if report.ended_at_ms else ""
    click.echo(
        f"{release(report)} ({report.content_hash[:12]}) to {devices(report.total)}, "
        f"{words(report.strategy)}; {made}{approved}{ended}"
    )
    for sentence in (report.note, told_next(report)):
        if sentence:
            click.echo(sentence)
    click.echo(f"{told_config(report)}\n")
    if report.waves > 1:
        show_table(
            ("WAVE", "DEVICES", ""),
            (
                (wave + 1, sum(counts.values()), told_counts(counts))
                for wave, counts in waves(found.targets)
            ),
        )
        click.echo()
    show_table(
        ("DEVICE", "STATUS", "WAVE", "TRIES", "SINCE", "WHY"),
        (
            (
                one.device,
                words(one.status) + ", caught up" * one.caught_up,
                one.wave + 1,
                one.attempts or None,
                when(one.changed_at_ms),
                one.detail,
            )
            for one in found.targets[:most]
        ),
    )
    if (hidden := len(found.targets) - most) > 0:
        click.echo(f"and {hidden} more: choose with --status, or see all with --json")


@deployment.command("watch")
@_argument
@client_command
def watch(client: Client, name: str | None) -> None:
    """Show how a deployment goes until it ends; 0 if it completed, else 1.

    Ctrl-C ends the watching, not the deployment.
    """

    async def find(session: Session) -> DeploymentReport:
        asked = GetDeployment(
            deployment=await the_deployment(session, name, ended=True), most=1
        )
        return (await session.call(GET_DEPLOYMENT, asked)).report

    watch_to_its_end(client, find)


def _command(
    verb: str, procedure: Procedure[DeploymentRef, DeploymentReport], summary: str
) -> None:
    """Add a command that steers a deployment."""

    @deployment.command(verb, help=summary)
    @_argument
    @click.option("--reason", default="", help="Why; kept in its history.")
    @click.option("--watch", "follow", is_flag=True, help="Stay and show how it goes.")
    @client_command
    def steer(client: Client, name: str | None, reason: str, *, follow: bool) -> None:
        async def told(session: Session) -> DeploymentReport:
            found = await the_deployment(session, name)
            request = DeploymentRef(deployment=found, reason=reason)
            return await session.call(procedure, request)

        async def work(session: Session) -> None:
            report = await told(session)
            if client.json:
                show_json(report)
            else:
                click.echo(told_standing(report))

        if follow:
            watch_to_its_end(client, told)
        else:
            client.run(work)


_COMMANDS: tuple[tuple[str, Procedure[Any, DeploymentReport], str], ...] = (
    ("start", START_DEPLOYMENT, "Let a pending deployment begin."),
    ("pause", PAUSE_DEPLOYMENT, "Deploy to no further device for now."),
    ("resume", RESUME_DEPLOYMENT, "Let a paused deployment go on."),
    (
        "cancel",
        CANCEL_DEPLOYMENT,
        "End a deployment: who has the release keeps it, who has not is skipped.",
    ),
    (
        "rollback",
        ROLL_BACK_DEPLOYMENT,
        "Bring every device it reached back to its former release.",
    ),
    (
        "approve",
        APPROVE_DEPLOYMENT,
        "Let a deployment begin, as a second person: not who made it.",
    ),
)
for _one in _COMMANDS:
    _command(*_one)


@deployment.command("history")
@_argument
@click.option("--device", help="Of this device alone.")
@client_command
def history(client: Client, name: str | None, device: str | None) -> None:
    """What happened in a deployment, oldest first."""

    async def work(session: Session) -> None:
        found = await the_deployment(session, name, ended=True)
        entries = [
            entry
            for entry in await _entries(session, found)
            if device in (None, entry.device)
        ]
        if client.json:
            show_json(entries)
            return
        show_table(
            ("AT", "DEVICE", "WHAT", "WHY", "BY"),
            (
                (when(one.at_ms), one.device, words(one.what), one.detail, one.by)
                for one in entries
            ),
        )

    client.run(work)


async def _entries(session: Session, name: str) -> list[HistoryEntry]:
    """All of them, page by page."""
    every: list[HistoryEntry] = []
    while True:
        after = every[-1].number if every else -1
        asked = GetHistory(deployment=name, after=after)
        found = await session.call(DEPLOYMENT_HISTORY, asked)
        every += found.entries
        if not found.more:
            return every
