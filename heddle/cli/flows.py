"""Flows: save them, install them on devices, list them."""

import json
import re
from pathlib import Path
from typing import Any

import click

from heddle.cli.connect import Ambiguous, Client, client_command, device_option
from heddle.cli.connect import the_device as find_device
from heddle.cli.show import show_json, show_table, when
from heddle.contract.declare import LocalError
from heddle.contract.flows import (
    INSTALL_FLOW,
    LIST_INSTALLED,
    REMOVE_FLOW,
    InstallFlow,
    ListInstalled,
    RemoveFlow,
)
from heddle.contract.lifecycle import (
    GET_FLOW,
    LIST_FLOWS,
    SAVE_FLOW,
    FlowVersion,
    GetFlow,
    ListFlows,
    SaveFlow,
)
from heddle.contract.local_changes import LIST_LOCAL_CHANGES, ListLocalChanges
from heddle.wamp.session import Session

INSTALL_WITHIN_S = 90.0


class BadFlowFile(LocalError):
    """A workflow file is missing or no JSON object."""


def read_definition(file: Path) -> dict[str, Any]:
    """A workflow file's JSON object; raises ``BadFlowFile`` naming file and line."""
    try:
        found = json.loads(file.read_text())
    except OSError as error:
        raise BadFlowFile(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadFlowFile(f"{file} is not UTF-8 text") from None
    except json.JSONDecodeError as flaw:
        raise BadFlowFile(
            f"{file} line {flaw.lineno}, column {flaw.colno} is no JSON: {flaw.msg}"
        ) from None
    if not isinstance(found, dict):
        raise BadFlowFile(f"{file} holds no JSON object")
    return found


def _is_file(source: str) -> bool:
    return source.endswith(".json") or Path(source).is_file()


async def saved_flow(session: Session, source: str, flow: str | None) -> FlowVersion:
    """The flow that ``source`` names: a file, which is saved first, or a saved flow."""
    if not _is_file(source):
        return await session.call(GET_FLOW, GetFlow(flow=source))
    file = Path(source)
    definition = read_definition(file)
    name = flow or re.sub(r"[^a-z0-9_]+", "_", file.stem.lower()).strip("_")
    request = SaveFlow(flow=name, name=file.stem, definition=definition)
    return await session.call(SAVE_FLOW, request)


@click.command("install")
@click.argument("source", metavar="FLOW|FILE.json")
@device_option
@click.option("--flow", "flow_id", help="The flow's id; a file's own name otherwise.")
@client_command
def install(
    client: Client, source: str, device: str | None, flow_id: str | None
) -> None:
    """Install a saved flow, or save and install a workflow file, on a device."""

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        saved = await saved_flow(session, source, flow_id)
        request = InstallFlow(
            flow=saved.flow, version=saved.version, definition=saved.definition
        )
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
@client_command
def save(client: Client, file: Path, flow_id: str | None) -> None:
    """Check a workflow file and keep it as the flow's next version."""

    async def work(session: Session) -> None:
        if file.suffix != ".json":
            raise Ambiguous(f"{file} is no workflow file: its name must end with .json")
        saved = await saved_flow(session, str(file), flow_id)
        if client.json:
            show_json(saved)
            return
        click.echo(f"{saved.flow} version {saved.version} is saved")

    client.run(work)


@click.command("list")
@device_option
@client_command
def list_flows(client: Client, device: str | None) -> None:
    """The project's flows, or with --device those installed there."""

    async def saved(session: Session) -> None:
        found = await session.call(LIST_FLOWS, ListFlows())
        if client.json:
            show_json(found)
            return
        show_table(
            ("FLOW", "VERSION", "NAME", "SAVED", "BY"),
            (
                (one.flow, one.version, one.name, when(one.saved_at_ms), one.saved_by)
                for one in found.flows
            ),
        )

    async def installed(session: Session) -> None:
        target = await find_device(session, device)
        found = await session.call(LIST_INSTALLED, ListInstalled(), device=target)
        if client.json:
            show_json(found)
            return
        show_table(
            ("FLOW", "VERSION", "STATE", "RUNTIME", "ENGINE", "DETAIL"),
            (
                (one.flow, one.version, one.state, one.runtime, one.engine, one.detail)
                for one in found.flows
            ),
        )

    client.run(saved if device is None else installed)


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
