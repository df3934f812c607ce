"""What there is of flows: the project's or a device's, versions, releases, changes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click

from heddle.cli.connect import Client, client_command, device_option
from heddle.cli.connect import the_device as find_device
from heddle.cli.findings import printable
from heddle.cli.names import flow_names
from heddle.cli.show import show_json, show_table, when
from heddle.contract.flows import LIST_INSTALLED, ListInstalled
from heddle.contract.lifecycle import (
    DIFF_FLOW,
    LIST_FLOWS,
    LIST_RELEASES,
    LIST_VERSIONS,
    ChangeWord,
    DiffFlow,
    FlowDiff,
    FlowList,
    FlowStage,
    ListFlows,
    ListReleases,
    ListVersions,
    PartChange,
)
from heddle.wamp.session import Session

LONGEST_SHOWN = 60
_SIGNS = {ChangeWord.ADDED: "+", ChangeWord.REMOVED: "-", ChangeWord.CHANGED: "~"}

flow_argument = click.argument("flow", metavar="FLOW", shell_complete=flow_names)


@click.command("list")
@device_option
@click.option("--search", default="", help="In id, name, description and labels.")
@click.option("--label", help="Only flows with this label.")
@click.option(
    "--stage",
    type=click.Choice([stage.value for stage in FlowStage]),
    help="Only flows in this stage; without it, all but the archived.",
)
@click.option("--created-by", help="Only flows that this person or device made.")
@client_command
def list_flows(
    client: Client,
    device: str | None,
    search: str,
    label: str | None,
    stage: str | None,
    created_by: str | None,
) -> None:
    """The project's flows, or with --device those installed there."""
    wanted = ListFlows(
        search=search,
        label=label,
        stage=None if stage is None else FlowStage(stage),
        created_by=created_by,
    )

    async def saved(session: Session) -> None:
        found = await _every(session, wanted)
        if client.json:
            show_json(found)
            return
        show_table(
            ("FLOW", "VERSION", "STAGE", "RELEASE", "NAME", "LABELS", "SAVED", "BY"),
            (
                (
                    one.flow,
                    one.version,
                    one.stage,
                    one.published_version,
                    one.name,
                    ", ".join(one.labels),
                    when(one.saved_at_ms),
                    one.saved_by,
                )
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
            ("FLOW", "VERSION", "STATE", "RUNTIME", "ENGINE", "SIGNED", "DETAIL"),
            (
                (
                    one.flow,
                    one.version,
                    one.state,
                    one.runtime,
                    one.engine,
                    one.content_hash[:12] or None,
                    one.detail,
                )
                for one in found.flows
            ),
        )

    client.run(saved if device is None else installed)


async def _every(session: Session, wanted: ListFlows) -> FlowList:
    """All pages as one."""
    flows = list((page := await session.call(LIST_FLOWS, wanted)).flows)
    while page.more:
        after = flows[-1].flow
        page = await session.call(LIST_FLOWS, replace(wanted, after=after))
        flows += page.flows
    return FlowList(flows=tuple(flows))


@click.command("versions")
@flow_argument
@client_command
def list_versions(client: Client, flow: str) -> None:
    """All versions of FLOW, newest first."""

    async def work(session: Session) -> None:
        found = await session.call(LIST_VERSIONS, ListVersions(flow=flow))
        if client.json:
            show_json(found)
            return
        show_table(
            ("VERSION", "SAVED", "BY", "RELEASE"),
            (
                (
                    one.version,
                    when(one.saved_at_ms),
                    one.saved_by,
                    "yes" if one.published else "",
                )
                for one in found.versions
            ),
        )

    client.run(work)


@click.command("releases")
@flow_argument
@client_command
def list_releases(client: Client, flow: str) -> None:
    """The releases of FLOW, newest first."""

    async def work(session: Session) -> None:
        found = await session.call(LIST_RELEASES, ListReleases(flow=flow))
        if client.json:
            show_json(found)
            return
        show_table(
            ("VERSION", "PUBLISHED", "BY", "HASH", "ENGINE", "WARNINGS", "NOTE"),
            (
                (
                    one.version,
                    when(one.published_at_ms),
                    one.published_by,
                    one.content_hash[:12],
                    one.engine_image or "the device's own",
                    len(one.warnings) or "",
                    one.note,
                )
                for one in found.releases
            ),
        )

    client.run(work)


@click.command("diff")
@flow_argument
@click.argument("before", type=click.IntRange(1), required=False)
@click.argument("after", type=click.IntRange(1), required=False)
@client_command
def show_diff(client: Client, flow: str, before: int | None, after: int | None) -> None:
    """What changed in FLOW from version BEFORE to version AFTER.

    Without AFTER, up to the newest version; without BEFORE, since the release before
    it, or the version before it if none is published.
    """

    async def work(session: Session) -> None:
        request = DiffFlow(flow=flow, before=before, after=after)
        found = await session.call(DIFF_FLOW, request)
        if client.json:
            show_json(found)
            return
        for line in diff_lines(found):
            click.echo(printable(line))

    client.run(work)


def diff_lines(found: FlowDiff) -> Iterator[str]:
    """The changes for people: a line for each part, one for each field of it."""
    since = f"version {found.before}" if found.before else "nothing"
    count = len(found.changes)
    noun = "change" if count == 1 else "changes"
    yield f"{found.flow}: from {since} to version {found.after}, {count} {noun}"
    for change in found.changes:
        yield f"{_SIGNS[change.what]} {change.kind} {change.id}"
        yield from _field_lines(change)


def _field_lines(change: PartChange) -> Iterator[str]:
    if change.kind == "field" and change.what is not ChangeWord.CHANGED:
        return
    for path in change.fields:
        if path == "order":
            yield "    order"
            continue
        inner = path.split(".")
        if change.kind == "field":
            inner = inner[1:]
        before, after = (_at(whole, inner) for whole in (change.before, change.after))
        yield f"    {path}: {_short(before)} → {_short(after)}"


_ABSENT = object()


def _at(whole: Any, path: list[str]) -> Any:
    """What is at a path; a name may have dots itself, and then nothing is found."""
    for name in path:
        if isinstance(whole, dict) and name in whole:
            whole = whole[name]
        elif isinstance(whole, list) and name.isdigit() and int(name) < len(whole):
            whole = whole[int(name)]
        else:
            return _ABSENT
    return whole


def _short(value: Any) -> str:
    if value is _ABSENT:
        return "-"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
