"""Flows: save them, install them on devices, remove them there."""

import re
from pathlib import Path
from typing import Any

import click

from heddle.cli.connect import Ambiguous, Client, client_command, device_option
from heddle.cli.connect import the_device as find_device
from heddle.cli.flows_edit import read_definition, tell_saved
from heddle.cli.names import flow_names
from heddle.cli.parameters import settings
from heddle.cli.show import show_json, show_table, when
from heddle.contract.flows import (
    INSTALL_FLOW,
    REMOVE_FLOW,
    FlowInvalid,
    InstallFlow,
    RemoveFlow,
)
from heddle.contract.lifecycle import (
    GET_FLOW,
    GET_RELEASE,
    SAVE_FLOW,
    FlowVersion,
    GetFlow,
    GetRelease,
    SaveFlow,
)
from heddle.contract.local_changes import LIST_LOCAL_CHANGES, ListLocalChanges
from heddle.wamp.session import Session
from heddle.workflow.findings import WorkflowInvalid
from heddle.workflow.variables import bind

INSTALL_WITHIN_S = 90.0


def _is_file(source: str) -> bool:
    return source.endswith(".json") or Path(source).is_file()


async def saved_flow(
    session: Session,
    source: str,
    flow: str | None,
    *,
    revise: bool = False,
    unfinished: bool = False,
) -> FlowVersion:
    """The flow that ``source`` names: a file, which is saved first, or a saved flow."""
    if not _is_file(source):
        return await session.call(GET_FLOW, GetFlow(flow=source))
    file = Path(source)
    definition = read_definition(file)
    name = flow or re.sub(r"[^a-z0-9_]+", "_", file.stem.lower()).strip("_")
    request = SaveFlow(
        flow=name,
        name=file.stem,
        definition=definition,
        revise=revise,
        unfinished=unfinished,
    )
    return await session.call(SAVE_FLOW, request)


@click.command("install")
@click.argument("source", metavar="FLOW|FILE.json", shell_complete=flow_names)
@device_option
@click.option("--flow", "flow_id", help="The flow's id; a file's own name otherwise.")
@click.option(
    "--set",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    callback=settings,
    help="Give a variable this value; any number.",
)
@client_command
def install(
    client: Client,
    source: str,
    device: str | None,
    flow_id: str | None,
    variables: dict[str, str],
) -> None:
    """Install a saved flow, or save and install a workflow file, on a device.

    A published flow is installed as its signed release, a draft unsigned.
    """

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        saved = await saved_flow(session, source, flow_id)
        request = await _request(session, saved, variables)
        installed = await session.call(
            INSTALL_FLOW, request, timeout_s=INSTALL_WITHIN_S, device=target
        )
        if client.json:
            show_json(installed)
            return
        click.echo(
            f"{installed.flow} version {installed.version} is {installed.state} on "
            f"{target}, its engine in a {installed.runtime} ({installed.engine})"
        )

    client.run(work)


async def _request(
    session: Session, saved: FlowVersion, variables: dict[str, str]
) -> InstallFlow:
    """A published version with its proof; a draft has none, and that is said."""
    if saved.published:
        wanted = GetRelease(flow=saved.flow, version=saved.version)
        return InstallFlow(
            flow=saved.flow,
            version=saved.version,
            definition=saved.definition,
            release=(await session.call(GET_RELEASE, wanted)).signed,
            variables=variables,
        )
    click.echo(
        f"{saved.flow} version {saved.version} is a draft and is installed unsigned; "
        f"`heddle flow publish {saved.flow}` makes it a release",
        err=True,
    )
    definition = _bound(saved.definition, variables)
    return InstallFlow(flow=saved.flow, version=saved.version, definition=definition)


def _bound(definition: dict[str, Any], variables: dict[str, str]) -> dict[str, Any]:
    """A draft with its variables bound: only a release takes them along."""
    try:
        bound: dict[str, Any] = bind(definition, variables)
    except WorkflowInvalid as flaw:
        findings = [
            {"rule": str(one.rule), "element": one.element, "message": one.message}
            for one in flaw.findings
        ]
        raise FlowInvalid(str(flaw), findings=findings) from None
    return bound


@click.command("remove")
@click.argument("flow_id", metavar="FLOW")
@device_option
@client_command
def remove(client: Client, flow_id: str, device: str | None) -> None:
    """Remove a flow and its engine from a device."""

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        removed = await session.call(
            REMOVE_FLOW,
            RemoveFlow(flow=flow_id),
            timeout_s=INSTALL_WITHIN_S,
            device=target,
        )
        if client.json:
            show_json(removed)
            return
        click.echo(f"{removed.flow} is removed from {target}")

    client.run(work)


@click.command("save")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--flow", "flow_id", help="The flow's id; the file's own name otherwise.")
@click.option(
    "--revise", is_flag=True, help="Begin the next draft of a published flow."
)
@click.option("--unfinished", is_flag=True, help="Keep it in spite of findings.")
@client_command
def save(
    client: Client, file: Path, flow_id: str | None, revise: bool, unfinished: bool
) -> None:
    """Check a workflow file and keep it as the flow's next version."""

    async def work(session: Session) -> None:
        if file.suffix != ".json":
            raise Ambiguous(f"{file} is no workflow file: its name must end with .json")
        saved = await saved_flow(
            session, str(file), flow_id, revise=revise, unfinished=unfinished
        )
        if client.json:
            show_json(saved)
            return
        tell_saved(saved)

    client.run(work)


@click.command("changes")
@click.option("--device", help="Of this device alone.")
@click.option("--flow", "flow_id", help="Of this flow alone.")
@click.option("--most", type=click.IntRange(1, 1000), default=100, show_default=True)
@client_command
def list_changes(
    client: Client, device: str | None, flow_id: str | None, most: int
) -> None:
    """What was changed on devices themselves, and what the centre made of it."""

    async def work(session: Session) -> None:
        request = ListLocalChanges(device=device, flow=flow_id, most=most)
        found = await session.call(LIST_LOCAL_CHANGES, request)
        if client.json:
            show_json(found)
            return
        show_table(
            ("DECIDED", "DEVICE", "FLOW", "WHAT", "BASED ON", "OUTCOME", "VERSION"),
            (
                (
                    when(one.decided_at_ms),
                    one.device,
                    one.flow,
                    one.kind,
                    one.base or "",
                    one.outcome,
                    one.version or "",
                )
                for one in found.changes
            ),
        )

    client.run(work)
