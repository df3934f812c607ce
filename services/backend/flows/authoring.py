"""Flows of one project: drafted, kept in versions, compared, copied, archived."""

from dataclasses import replace

from typing_extensions import override

from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.flows import Finding
from heddle.contract.lifecycle import (
    ARCHIVE_FLOW,
    CLONE_FLOW,
    DELETE_FLOW,
    DIFF_FLOW,
    GET_FLOW,
    LIST_FLOWS,
    LIST_VERSIONS,
    RESTORE_FLOW,
    SAVE_FLOW,
    ChangeWord,
    CloneFlow,
    Deleted,
    DiffFlow,
    FlowDiff,
    FlowList,
    FlowRef,
    FlowStage,
    FlowStanding,
    FlowSummary,
    FlowVersion,
    GetFlow,
    ListFlows,
    ListVersions,
    PartChange,
    SaveFlow,
    VersionList,
    VersionSummary,
)
from heddle.wamp.session import Caller, Session
from heddle.workflow.diff import diff
from services.backend.flows import keeping as flows_keeping
from services.backend.flows import text as flows_text
from services.backend.flows.keeping import not_found, read, standing_of
from services.backend.pages import fitting
from services.backend.realm import Part, Serve
from services.backend.store import flows
from services.backend.store.database import Connection, Database
from services.backend.store.flows import FlowRow, FlowVersionRow
from services.backend.text import check_name
from services.backend.times import unix_ms

MOST_FLOWS = 1000  # in one reply


class Flows(Part):
    """Serves the flow procedures of one project."""

    def __init__(self, database: Database, project: str) -> None:
        self._database = database
        self._project = project

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(SAVE_FLOW, self.save)
        await serve(GET_FLOW, self.get)
        await serve(LIST_FLOWS, self.some)
        await serve(LIST_VERSIONS, self.versions)
        await serve(DIFF_FLOW, self.diff)
        await serve(CLONE_FLOW, self.clone)
        await serve(ARCHIVE_FLOW, self.archive)
        await serve(RESTORE_FLOW, self.restore)
        await serve(DELETE_FLOW, self.delete)

    async def save(self, request: SaveFlow, caller: Caller) -> FlowVersion:
        """Serve SAVE_FLOW."""
        found = _check_save(request)
        if request.labels is not None:
            labels = flows_text.check_labels(request.labels)
            request = replace(request, labels=tuple(labels))
        row, version = await self._database(
            flows_keeping.save, self._project, request, caller
        )
        return _version(row, version, found)

    async def get(self, request: GetFlow, _caller: Caller) -> FlowVersion:
        """Serve GET_FLOW."""
        flow = check_id("flow", request.flow)
        return _version(
            *await self._database(read, self._project, flow, request.version)
        )

    async def some(self, request: ListFlows, _caller: Caller) -> FlowList:
        """Serve LIST_FLOWS."""
        rows = await self._database(flows.some, self._project, _wanted(request))
        asked = rows[: request.most]
        listed = fitting([_summary(row) for row in asked])
        return FlowList(flows=listed, more=len(listed) < len(rows))

    async def versions(self, request: ListVersions, _caller: Caller) -> VersionList:
        """Serve LIST_VERSIONS."""
        flow = check_id("flow", request.flow)
        rows = await self._database(flows.versions, self._project, flow)
        if not rows:
            raise not_found(self._project, flow)
        listed = fitting(
            [
                VersionSummary(
                    version=row.version,
                    saved_at_ms=unix_ms(row.saved_at),
                    saved_by=row.saved_by,
                    published=row.published,
                )
                for row in rows
            ]
        )
        return VersionList(versions=listed)

    async def diff(self, request: DiffFlow, _caller: Caller) -> FlowDiff:
        """Serve DIFF_FLOW."""
        flow = check_id("flow", request.flow)
        before, after = await self._database(
            _pair, self._project, flow, request.before, request.after
        )
        changes = diff(before.definition if before else {}, after.definition)
        return FlowDiff(
            flow=flow,
            before=before.version if before else 0,
            after=after.version,
            changes=tuple(
                PartChange(
                    what=ChangeWord(one.what.value),
                    kind=one.kind,
                    id=one.id,
                    fields=one.fields,
                    before=one.before,
                    after=one.after,
                )
                for one in changes
            ),
        )

    async def clone(self, request: CloneFlow, caller: Caller) -> FlowVersion:
        """Serve CLONE_FLOW."""
        check_id("flow", request.flow)
        check_id("to", request.to)
        check_name("name", request.name)
        return _version(
            *await self._database(flows_keeping.clone, self._project, request, caller)
        )

    async def archive(self, request: FlowRef, caller: Caller) -> FlowStanding:
        """Serve ARCHIVE_FLOW."""
        check_id("flow", request.flow)
        return await self._database(
            flows_keeping.archive, self._project, request, caller, archived=True
        )

    async def restore(self, request: FlowRef, caller: Caller) -> FlowStanding:
        """Serve RESTORE_FLOW."""
        check_id("flow", request.flow)
        return await self._database(
            flows_keeping.archive, self._project, request, caller, archived=False
        )

    async def delete(self, request: FlowRef, caller: Caller) -> Deleted:
        """Serve DELETE_FLOW."""
        check_id("flow", request.flow)
        await self._database(flows_keeping.delete, self._project, request, caller)
        return Deleted(flow=request.flow)


def _check_save(request: SaveFlow) -> tuple[Finding, ...]:
    """Raises what is wrong with a request; tells what is unfinished."""
    check_id("flow", request.flow)
    check_name("name", request.name)
    if request.description is not None:
        flows_text.check_description(request.description)
    if request.definition is None:
        return ()
    flows_text.definition_text(request.definition)
    if request.unfinished:
        return flows_text.flaws(request.definition)
    flows_text.check_workflow(request.definition)
    return ()


def _wanted(request: ListFlows) -> flows.Wanted:
    if not 1 <= request.most <= MOST_FLOWS:
        raise InvalidRequest(f"most must be 1 to {MOST_FLOWS}")
    for field in ("search", "label", "created_by", "after"):
        check_name(field, getattr(request, field) or "")
    unarchived = [FlowStage.DRAFT, FlowStage.PUBLISHED]
    stages = unarchived if request.stage is None else [request.stage]
    return flows.Wanted(
        search=request.search.casefold(),
        label=request.label,
        stages=[stage.value for stage in stages],
        created_by=request.created_by,
        after=request.after,
        most=request.most,
    )


def _pair(
    connection: Connection,
    project: str,
    flow: str,
    before: int | None,
    after: int | None,
) -> tuple[FlowVersionRow | None, FlowVersionRow]:
    """The versions to compare; the first version is compared with nothing."""
    _, newer = read(connection, project, flow, after)
    if before is None:
        numbers = flows.versions(connection, project, flow)
        former = [one for one in numbers if one.version < newer.version]
        released = [one for one in former if one.published]
        if not former:
            return None, newer
        before = (released or former)[0].version
    return read(connection, project, flow, before)[1], newer


def _summary(row: FlowRow) -> FlowSummary:
    return FlowSummary(
        flow=row.flow,
        name=row.name,
        version=row.newest,
        saved_at_ms=unix_ms(row.saved_at or row.created_at),
        saved_by=row.saved_by,
        stage=standing_of(row).stage,
        published_version=row.released,
        description=row.description,
        labels=tuple(row.labels),
        revision=row.revision,
        created_at_ms=unix_ms(row.created_at),
        created_by=row.created_by,
    )


def _version(
    row: FlowRow, version: FlowVersionRow, found: tuple[Finding, ...] = ()
) -> FlowVersion:
    return FlowVersion(
        flow=row.flow,
        name=row.name,
        version=version.version,
        saved_at_ms=unix_ms(version.saved_at),
        saved_by=version.saved_by,
        definition=version.definition,
        stage=standing_of(row).stage,
        published=version.published,
        description=row.description,
        labels=tuple(row.labels),
        revision=row.revision,
        created_at_ms=unix_ms(row.created_at),
        created_by=row.created_by,
        findings=found,
    )
