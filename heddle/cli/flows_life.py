"""A flow's life: published as a signed release, archived, restored, copied, deleted."""

import click

from heddle.cli.connect import Client, client_command
from heddle.cli.findings import printable
from heddle.cli.flows_list import flow_argument
from heddle.cli.show import show_json
from heddle.contract.declare import Procedure
from heddle.contract.lifecycle import (
    ARCHIVE_FLOW,
    CLONE_FLOW,
    DELETE_FLOW,
    PUBLISH_FLOW,
    RESTORE_FLOW,
    CloneFlow,
    FlowRef,
    FlowStanding,
    PublishFlow,
    Release,
)
from heddle.wamp.session import Session


@click.command("publish")
@flow_argument
@click.option("--version", type=click.IntRange(1), help="This one, not the newest.")
@click.option("--image", default="", help="The image its engines run.")
@click.option(
    "--memory-mb", type=click.IntRange(1), help="Its engines' memory limit, in MiB."
)
@click.option("--note", default="", help="What this release is about.")
@client_command
def publish(
    client: Client,
    flow: str,
    version: int | None,
    image: str,
    memory_mb: int | None,
    note: str,
) -> None:
    """Check FLOW strictly and freeze its newest version as a signed release."""

    async def work(session: Session) -> None:
        request = PublishFlow(
            flow=flow,
            version=version,
            engine_image=image,
            engine_memory_mb=memory_mb,
            note=note,
        )
        release = await session.call(PUBLISH_FLOW, request)
        if client.json:
            show_json(release)
            return
        _tell(release)

    client.run(work)


def _tell(release: Release) -> None:
    click.echo(
        f"{release.flow} version {release.version} is published: "
        f"release {release.content_hash[:12]}"
    )
    for warning in release.warnings:
        click.echo(printable(f"  {warning.rule}: {warning.message}"), err=True)


@click.command("archive")
@flow_argument
@client_command
def archive(client: Client, flow: str) -> None:
    """Hide FLOW; it can be neither changed nor deployed until it is restored."""
    _change_stage(client, ARCHIVE_FLOW, flow, "is archived")


@click.command("restore")
@flow_argument
@client_command
def restore(client: Client, flow: str) -> None:
    """Take FLOW out of the archive."""
    _change_stage(client, RESTORE_FLOW, flow, "is restored")


def _change_stage(
    client: Client, procedure: Procedure[FlowRef, FlowStanding], flow: str, done: str
) -> None:
    async def work(session: Session) -> None:
        standing = await session.call(procedure, FlowRef(flow=flow))
        if client.json:
            show_json(standing)
            return
        click.echo(f"{flow} {done}: it is {standing.stage}")

    client.run(work)


@click.command("clone")
@flow_argument
@click.argument("to", metavar="NEW")
@click.option("--version", type=click.IntRange(1), help="This one, not the newest.")
@click.option("--name", default="", help="The new flow's name; else FLOW's.")
@client_command
def clone(client: Client, flow: str, to: str, version: int | None, name: str) -> None:
    """Copy FLOW into a flow NEW, whose history begins there."""

    async def work(session: Session) -> None:
        request = CloneFlow(flow=flow, to=to, version=version, name=name)
        made = await session.call(CLONE_FLOW, request)
        if client.json:
            show_json(made)
            return
        click.echo(f"{to} version {made.version} is a copy of {flow}")

    client.run(work)


@click.command("delete")
@flow_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@client_command
def delete(client: Client, flow: str, yes: bool) -> None:
    """Delete FLOW with all its versions; one that was ever published stays."""
    if not yes:
        click.confirm(f"Delete {flow} with all its versions?", abort=True, err=True)

    async def work(session: Session) -> None:
        gone = await session.call(DELETE_FLOW, FlowRef(flow=flow))
        if client.json:
            show_json(gone)
            return
        click.echo(f"{flow} is deleted")

    client.run(work)
