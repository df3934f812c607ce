"""Dashboards of one project: saved, told, deleted; every change is audited.

Operators share them and change each other's; a save that names the revision it is based
on is refused when somebody else came first. What would change nothing changes nothing.
"""

import json

import msgspec
from typing_extensions import override

from heddle.contract.dashboards import (
    DELETE_DASHBOARD,
    GET_DASHBOARD,
    LIST_DASHBOARDS,
    SAVE_DASHBOARD,
    Dashboard,
    DashboardDeleted,
    DashboardList,
    DashboardNotFound,
    DashboardPanel,
    DashboardRef,
    DashboardSummary,
    DeleteDashboard,
    ListDashboards,
    SaveDashboard,
)
from heddle.contract.declare import InvalidRequest, check_id
from heddle.wamp.session import Caller, Session
from services.backend.audit import by, record
from services.backend.dashboards import rules
from services.backend.pages import fitting
from services.backend.realm import Part, Serve
from services.backend.store import dashboards
from services.backend.store.dashboards import Content, DashboardRow, SummaryRow
from services.backend.store.database import Connection, Database
from services.backend.text import check_name
from services.backend.times import unix_ms

MOST = 1_000  # in one reply, and in one project


class Dashboards(Part):
    """Serves the dashboards of one project."""

    def __init__(self, database: Database, project: str) -> None:
        self._database = database
        self._project = project

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(SAVE_DASHBOARD, self.save)
        await serve(GET_DASHBOARD, self.get)
        await serve(LIST_DASHBOARDS, self.every)
        await serve(DELETE_DASHBOARD, self.delete)

    async def save(self, request: SaveDashboard, caller: Caller) -> Dashboard:
        """Serve SAVE_DASHBOARD."""
        rules.check(request)
        return _told(await self._database(save, self._project, request, caller))

    async def get(self, request: DashboardRef, _caller: Caller) -> Dashboard:
        """Serve GET_DASHBOARD."""
        dashboard = check_id("dashboard", request.dashboard)
        row = await self._database(dashboards.one, self._project, dashboard)
        if row is None:
            raise _not_found(self._project, dashboard)
        return _told(row)

    async def every(self, request: ListDashboards, _caller: Caller) -> DashboardList:
        """Serve LIST_DASHBOARDS."""
        if not 1 <= request.most <= MOST:
            raise InvalidRequest(f"most must be 1 to {MOST}")
        check_name("search", request.search)
        check_name("after", request.after)
        rows = await self._database(
            dashboards.following,
            self._project,
            request.search.casefold(),
            request.after,
            request.most + 1,
        )
        fit = fitting(tuple(_listed(row) for row in rows[: request.most]))
        return DashboardList(dashboards=fit, more=len(fit) < len(rows))

    async def delete(
        self, request: DeleteDashboard, caller: Caller
    ) -> DashboardDeleted:
        """Serve DELETE_DASHBOARD."""
        check_id("dashboard", request.dashboard)
        await self._database(delete, self._project, request, caller)
        return DashboardDeleted(dashboard=request.dashboard)


def save(
    connection: Connection, project: str, wanted: SaveDashboard, caller: Caller
) -> DashboardRow:
    """Keep it; what says nothing new changes nothing."""
    content = _content(wanted)
    row = dashboards.lock(connection, project, wanted.dashboard)
    if row is None:
        row = _made(connection, project, wanted, content, caller)
        if row is not None:
            return row
        row = _locked(connection, project, wanted.dashboard)
    if _says(row, content):
        return row
    _check_revision(row, wanted.if_revision)
    dashboards.replace(connection, project, content, caller.authid)
    saved = _locked(connection, project, wanted.dashboard)
    _record(connection, project, caller, saved)
    return saved


def _made(
    connection: Connection,
    project: str,
    wanted: SaveDashboard,
    content: Content,
    caller: Caller,
) -> DashboardRow | None:
    """A new one; None if somebody else made it at the same moment."""
    if wanted.if_revision not in (None, 0):
        raise _not_found(project, wanted.dashboard)
    if dashboards.count(connection, project) >= MOST:
        raise InvalidRequest(
            f"project {project} has {MOST} dashboards already: delete some"
        )
    if not dashboards.insert(connection, project, content, caller.authid):
        return None
    row = _locked(connection, project, wanted.dashboard)
    _record(connection, project, caller, row)
    return row


def delete(
    connection: Connection, project: str, wanted: DeleteDashboard, caller: Caller
) -> None:
    """Forget it, if it is the caller's to do so."""
    row = _locked(connection, project, wanted.dashboard)
    rules.check_delete(row.dashboard, row.created_by, caller.authid, caller.role)
    _check_revision(row, wanted.if_revision)
    dashboards.delete(connection, project, wanted.dashboard)
    done = by(
        caller,
        "dashboard.delete",
        row.dashboard,
        title=row.title,
        revision=row.revision,
    )
    record(connection, project, done)


def _locked(connection: Connection, project: str, dashboard: str) -> DashboardRow:
    row = dashboards.lock(connection, project, dashboard)
    if row is None:
        raise _not_found(project, dashboard)
    return row


def _check_revision(row: DashboardRow, wanted: int | None) -> None:
    changed_ms = unix_ms(row.changed_at)
    rules.check_revision(
        row.dashboard, wanted, row.revision, row.changed_by, changed_ms
    )


def _not_found(project: str, dashboard: str) -> DashboardNotFound:
    return DashboardNotFound(
        f"project {project} has no dashboard {dashboard}: list its dashboards"
    )


def _record(
    connection: Connection, project: str, caller: Caller, row: DashboardRow
) -> None:
    done = by(
        caller,
        "dashboard.save",
        row.dashboard,
        title=row.title,
        panels=len(row.panels),
        revision=row.revision,
    )
    record(connection, project, done)


def _content(wanted: SaveDashboard) -> Content:
    texts = (wanted.dashboard, wanted.title, wanted.description)
    return Content(
        dashboard=wanted.dashboard,
        title=wanted.title,
        description=wanted.description,
        span_ms=wanted.span_ms,
        panels=rules.panels_text(wanted.panels),
        searched="\n".join(texts).casefold(),
    )


def _says(row: DashboardRow, content: Content) -> bool:
    """Whether it says that already."""
    before = (row.title, row.description, row.span_ms, row.panels)
    panels = json.loads(content.panels)
    return before == (content.title, content.description, content.span_ms, panels)


def _told(row: DashboardRow) -> Dashboard:
    return Dashboard(
        dashboard=row.dashboard,
        title=row.title,
        description=row.description,
        span_ms=row.span_ms,
        panels=msgspec.convert(row.panels, tuple[DashboardPanel, ...]),
        revision=row.revision,
        created_at_ms=unix_ms(row.created_at),
        created_by=row.created_by,
        changed_at_ms=unix_ms(row.changed_at),
        changed_by=row.changed_by,
    )


def _listed(row: SummaryRow) -> DashboardSummary:
    return DashboardSummary(
        dashboard=row.dashboard,
        title=row.title,
        description=row.description,
        panels=row.panels,
        revision=row.revision,
        created_by=row.created_by,
        changed_at_ms=unix_ms(row.changed_at),
        changed_by=row.changed_by,
    )
