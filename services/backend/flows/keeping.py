"""What is done to flows, each in one transaction with its line in the audit trail."""

from dataclasses import replace

from heddle.contract.flows import FlowNotFound
from heddle.contract.lifecycle import (
    CloneFlow,
    FlowExists,
    FlowRef,
    FlowStanding,
    SaveFlow,
)
from heddle.wamp.session import Caller
from services.backend.audit import by, record
from services.backend.flows import rules as flows_rules
from services.backend.flows.rules import Standing
from services.backend.flows.text import definition_text, equal
from services.backend.store import flows
from services.backend.store.database import Connection
from services.backend.store.flows import FlowRow, FlowVersionRow


def standing_of(row: FlowRow) -> Standing:
    """What the rules look at."""
    return Standing(row.flow, row.revision, row.newest, row.released, row.archived)


def not_found(project: str, flow: str, version: int | None = None) -> FlowNotFound:
    """The refusal."""
    which = "" if version is None else f" version {version}"
    return FlowNotFound(f"project {project} has no flow {flow}{which}: list its flows")


def read(
    connection: Connection, project: str, flow: str, version: int | None = None
) -> tuple[FlowRow, FlowVersionRow]:
    """A version of a flow, the newest if None. Raises ``FlowNotFound``."""
    row = flows.one(connection, project, flow)
    found = flows.version(connection, project, flow, version) if row else None
    if row is None or found is None:
        raise not_found(project, flow, version)
    return row, found


def locked(connection: Connection, project: str, flow: str) -> FlowRow:
    """The flow, no one else's until the transaction ends. Raises ``FlowNotFound``."""
    row = flows.lock(connection, project, flow)
    if row is None:
        raise not_found(project, flow)
    return row


def save(
    connection: Connection, project: str, wanted: SaveFlow, caller: Caller
) -> tuple[FlowRow, FlowVersionRow]:
    """Keep what is wanted; what says nothing new changes nothing."""
    row = _locked_or_made(connection, project, wanted, caller)
    newest = flows.version(connection, project, wanted.flow)
    changed = _changes(row, newest, wanted)
    if not changed:
        return read(connection, project, wanted.flow)
    flows_rules.check_save(
        standing_of(row),
        new_version="definition" in changed,
        revise=wanted.revise,
        if_revision=wanted.if_revision,
    )
    flows.describe(
        connection,
        project,
        wanted.flow,
        wanted.name or row.name,
        row.description if wanted.description is None else wanted.description,
        row.labels if wanted.labels is None else list(wanted.labels),
    )
    if wanted.definition is not None and "definition" in changed:
        text = definition_text(wanted.definition)
        flows.append(connection, project, wanted.flow, text, caller.authid)
    flows.changed(connection, project, wanted.flow)
    saved = read(connection, project, wanted.flow)
    entry = by(
        caller, "flow.save", wanted.flow, version=saved[1].version, changed=changed
    )
    record(connection, project, entry)
    return saved


def _locked_or_made(
    connection: Connection, project: str, wanted: SaveFlow, caller: Caller
) -> FlowRow:
    row = flows.lock(connection, project, wanted.flow)
    if row is not None:
        return row
    if wanted.definition is None or wanted.if_revision not in (None, 0):
        raise not_found(project, wanted.flow)
    flows.make(connection, project, wanted.flow, caller.authid)
    return locked(connection, project, wanted.flow)


def _changes(
    row: FlowRow, newest: FlowVersionRow | None, wanted: SaveFlow
) -> list[str]:
    """Which of the wanted fields say something new."""
    definition = wanted.definition
    news = {
        "name": wanted.name not in ("", row.name),
        "description": wanted.description not in (None, row.description),
        "labels": wanted.labels is not None and list(wanted.labels) != row.labels,
        "definition": definition is not None
        and (newest is None or not equal(newest.definition, definition)),
    }
    return [field for field, is_new in news.items() if is_new]


def take_from_device(
    connection: Connection, project: str, flow: str, text: str, device: str
) -> FlowVersionRow:
    """Append what a device saved; the caller holds the flow, and audits it."""
    row = locked(connection, project, flow)
    if not row.revision:
        flows.describe(connection, project, flow, row.name, row.description, row.labels)
    flows.append(connection, project, flow, text, device)
    flows.changed(connection, project, flow)
    return read(connection, project, flow)[1]


def clone(
    connection: Connection, project: str, wanted: CloneFlow, caller: Caller
) -> tuple[FlowRow, FlowVersionRow]:
    """A new flow that begins with a version of another one."""
    source, version = read(connection, project, wanted.flow, wanted.version)
    if not flows.make(connection, project, wanted.to, caller.authid):
        raise FlowExists(
            f"project {project} has a flow {wanted.to} already: choose another id"
        )
    name = wanted.name or source.name
    flows.describe(
        connection, project, wanted.to, name, source.description, source.labels
    )
    text = definition_text(version.definition)
    flows.append(connection, project, wanted.to, text, caller.authid)
    flows.changed(connection, project, wanted.to)
    entry = by(
        caller, "flow.clone", wanted.to, source=wanted.flow, version=version.version
    )
    record(connection, project, entry)
    return read(connection, project, wanted.to)


def archive(
    connection: Connection,
    project: str,
    wanted: FlowRef,
    caller: Caller,
    *,
    archived: bool,
) -> FlowStanding:
    """Put a flow into the archive, or take it out; a repeat changes nothing."""
    standing = standing_of(locked(connection, project, wanted.flow))
    if standing.archived != archived:
        flows_rules.check_revision(standing, wanted.if_revision)
        flows.archive(connection, project, wanted.flow, archived=archived)
        revision = flows.changed(connection, project, wanted.flow)
        standing = replace(standing, archived=archived, revision=revision)
        action = "flow.archive" if archived else "flow.restore"
        record(connection, project, by(caller, action, wanted.flow))
    return FlowStanding(
        flow=wanted.flow, stage=standing.stage, revision=standing.revision
    )


def delete(
    connection: Connection, project: str, wanted: FlowRef, caller: Caller
) -> None:
    """Forget a flow that was never published."""
    row = locked(connection, project, wanted.flow)
    flows_rules.check_delete(standing_of(row), wanted.if_revision)
    flows.delete(connection, project, wanted.flow)
    entry = by(caller, "flow.delete", wanted.flow, name=row.name, version=row.newest)
    record(connection, project, entry)
