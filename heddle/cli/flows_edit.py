"""Drafts written by hand: a new flow from a template or a file, the next version in an
editor.

What was written is never lost: an edit that cannot be saved is kept in a file.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click

from heddle.cli.connect import (
    Client,
    client_command,
    find_target,
    renew,
    run_until_done,
)
from heddle.cli.findings import printable
from heddle.cli.flows_list import flow_argument
from heddle.cli.show import show_json
from heddle.contract.declare import FleetError, LocalError
from heddle.contract.lifecycle import (
    GET_FLOW,
    SAVE_FLOW,
    FlowChanged,
    FlowVersion,
    GetFlow,
    SaveFlow,
)
from heddle.files import write_whole
from heddle.wamp.blocking import Blocking
from heddle.wamp.session import Session


class BadFlowFile(LocalError):
    """A workflow file is missing or no JSON object."""


class NotSaved(LocalError):
    """The flow could not be saved; the sentence tells where the work is kept."""


class FlowThere(LocalError):
    """A flow of this id is there already."""


def read_definition(file: Path) -> dict[str, Any]:
    """A workflow file's JSON object; raises ``BadFlowFile`` naming file and line."""
    try:
        return decoded(file.read_text(), str(file))
    except OSError as error:
        raise BadFlowFile(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadFlowFile(f"{file} is not UTF-8 text") from None


def decoded(text: str, where: str) -> dict[str, Any]:
    """A text's JSON object; raises ``BadFlowFile`` naming place and line."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as flaw:
        raise BadFlowFile(
            f"{where} line {flaw.lineno}, column {flaw.colno} is no JSON: {flaw.msg}"
        ) from None
    except RecursionError:
        raise BadFlowFile(f"{where} is nested too deeply") from None
    except ValueError:  # Python's word on a number of thousands of digits
        raise BadFlowFile(f"{where} holds a number that is too long") from None
    if not isinstance(found, dict):
        raise BadFlowFile(f"{where} holds no JSON object")
    return found


def _steps(*listener: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """START, one phase that the listener ends, END."""
    return [
        {"id": "begin", "elementType": "EVENT_LISTENER", "type": "START"},
        {"id": "work", "elementType": "PHASE", "commands": []},
        *listener,
        {"id": "end", "elementType": "EVENT_DISPATCHER", "type": "END"},
        _link("begin", "work"),
        *(_link(one["id"], "end") for one in listener),
    ]


def _link(source: str, target: str) -> Mapping[str, Any]:
    return {
        "id": f"{source}_to_{target}",
        "elementType": "FLOW",
        "srcId": source,
        "destId": target,
    }


TEMPLATES: Mapping[str, Mapping[str, Any]] = {
    "approval": {
        "elements": _steps(
            {
                "id": "done",
                "elementType": "EVENT_LISTENER",
                "type": "APPROVAL",
                "phaseId": "work",
            }
        ),
    },
    "timer": {
        "variables": [{"name": "duration_ms", "type": "integer", "value": 60_000}],
        "elements": _steps(
            {
                "id": "time_is_up",
                "elementType": "EVENT_LISTENER",
                "type": "TIMER",
                "phaseId": "work",
                "durationInMS": "${duration_ms}",
            }
        ),
    },
}
"""What a new flow may begin with, but for its id and version."""


def from_template(name: str, flow: str) -> dict[str, Any]:
    """The definition of a new flow."""
    return {"id": flow, "version": "1", **TEMPLATES[name]}


def tell_saved(saved: FlowVersion) -> None:
    """Which version it is, and what is still to be done on it."""
    click.echo(f"{saved.flow} version {saved.version} is saved")
    for finding in saved.findings:
        where = finding.element or "workflow"
        line = f"  {finding.rule} at {where}: {finding.message}"
        click.echo(printable(line), err=True)


@click.command("new")
@click.argument("flow", metavar="FLOW")
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE.json",
    help="Begin with this workflow file.",
)
@click.option(
    "--template",
    type=click.Choice(sorted(TEMPLATES)),
    default="approval",
    show_default=True,
    help="Begin with this.",
)
@click.option("--name", default="", help="What people call it; else its id.")
@click.option("--description", help="What it is for.")
@click.option("--label", "labels", multiple=True, help="To find it by; any number.")
@click.option("--unfinished", is_flag=True, help="Keep it in spite of findings.")
@client_command
def new(
    client: Client,
    flow: str,
    file: Path | None,
    template: str,
    name: str,
    description: str | None,
    labels: tuple[str, ...],
    unfinished: bool,
) -> None:
    """Make a flow FLOW from a template or a file; then `heddle flow edit FLOW`."""

    async def work(session: Session) -> None:
        request = SaveFlow(
            flow=flow,
            name=name or flow,
            definition=read_definition(file) if file else from_template(template, flow),
            description=description,
            labels=labels or None,
            unfinished=unfinished,
            if_revision=0,
        )
        try:
            saved = await session.call(SAVE_FLOW, request)
        except FlowChanged:
            raise FlowThere(
                f"there is a flow {flow} already: change it with `heddle flow edit "
                f"{flow}`, or choose another id"
            ) from None
        if client.json:
            show_json(saved)
            return
        tell_saved(saved)

    client.run(work)


@click.command("edit")
@flow_argument
@click.option("--unfinished", is_flag=True, help="Keep it in spite of findings.")
@click.option("--name", default="", help="Call it so from now on.")
@click.option("--description", help="What it is for.")
@click.option("--label", "labels", multiple=True, help="Its labels from now on.")
@client_command
def edit(
    client: Client,
    flow: str,
    unfinished: bool,
    name: str,
    description: str | None,
    labels: tuple[str, ...],
) -> None:
    """Open the newest version of FLOW in $EDITOR and save the next one.

    With --name, --description or --label only these are changed.
    """
    only_told = bool(name or description is not None or labels)

    async def work(reactor: Any) -> None:
        async with joined(reactor, client) as session:
            newest = await session.call(GET_FLOW, GetFlow(flow=flow))
        definition, text = None, ""
        if not only_told:
            text = await _in_editor(reactor, newest)
            definition = decoded_or_kept(text, flow)
            if definition == newest.definition:
                _tell_unchanged(client, newest)
                return
        request = SaveFlow(
            flow=flow,
            name=name,
            definition=definition,
            description=description,
            labels=labels or None,
            unfinished=unfinished,
            revise=True,
            if_revision=newest.revision,
        )
        try:
            async with joined(reactor, client) as session:
                saved = await session.call(SAVE_FLOW, request)
        except FleetError as error:
            if text:
                click.echo(f"heddle: {_kept(text, flow)}", err=True)
            raise error from None
        if client.json:
            show_json(saved)
        else:
            tell_saved(saved)

    run_until_done(work)


def _tell_unchanged(client: Client, newest: FlowVersion) -> None:
    if client.json:
        show_json(newest)
        return
    click.echo(f"nothing changed: {newest.flow} stays at version {newest.version}")


@asynccontextmanager
async def joined(reactor: Any, client: Client) -> AsyncIterator[Session]:
    """A session while it is needed, for a person may edit for hours."""
    target = find_target(client.data)
    async with target.link(reactor) as session:
        await renew(session, target)
        yield session


async def _in_editor(reactor: Any, newest: FlowVersion) -> str:
    blocking = Blocking(reactor, "editor", 1)
    blocking.start()
    try:
        return await blocking(_edited, newest)
    finally:
        blocking.stop()


def _edited(newest: FlowVersion) -> str:
    """What the person made of it, in their editor."""
    text = json.dumps(newest.definition, ensure_ascii=False, indent=2) + "\n"
    try:
        return click.edit(text, extension=".json") or text
    except click.ClickException as flaw:
        raise NotSaved(f"{flaw.message}: set $EDITOR to one that is there") from None


def decoded_or_kept(text: str, flow: str) -> dict[str, Any]:
    """The edited definition; a text that is none is kept, and ``NotSaved`` says so."""
    try:
        return decoded(text, "the edited text")
    except BadFlowFile as flaw:
        raise NotSaved(f"{flaw}; {_kept(text, flow)}") from None


def _kept(text: str, flow: str) -> str:
    file = Path(f"{flow}.edited.json")
    write_whole(file, text.encode())
    return (
        f"what you wrote is kept in {file}: mend it, then "
        f"`heddle flow save {file} --flow {flow} --revise`"
    )
