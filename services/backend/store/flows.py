"""Flows at rest: every version ever saved, as its author wrote it."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row


class FlowRow(NamedTuple):
    """One version of a flow, without its workflow."""

    flow: str
    name: str
    version: int
    saved_at: datetime
    saved_by: str


class FlowVersionRow(NamedTuple):
    """One version of a flow; ``definition`` keeps the author's order of keys."""

    flow: str
    name: str
    version: int
    saved_at: datetime
    saved_by: str
    definition: dict[str, Any]


def upsert(connection: Connection[Any], project: str, flow: str, name: str) -> None:
    """Make the flow, or rename it if ``name`` is not empty.

    Other savers of this flow wait until the transaction ends.
    """
    connection.execute(
        """
        insert into flow (project, flow, name)
        values (%(project)s, %(flow)s, %(name)s)
        on conflict (project, flow) do update
           set name = coalesce(nullif(excluded.name, ''), flow.name)
        """,
        {"project": project, "flow": flow, "name": name},
    )


def append(
    connection: Connection[Any], project: str, flow: str, definition: str, user: str
) -> None:
    """Add the flow's next version; ``definition`` is JSON text."""
    connection.execute(
        """
        insert into flow_version (project, flow, version, definition, saved_by)
        select %(project)s, %(flow)s, coalesce(max(version), 0) + 1,
               %(definition)s, %(user)s
          from flow_version
         where project = %(project)s and flow = %(flow)s
        """,
        {"project": project, "flow": flow, "definition": definition, "user": user},
    )


def get(
    connection: Connection[Any], project: str, flow: str, version: int | None = None
) -> FlowVersionRow | None:
    """A version of a flow, the newest if ``version`` is None; None if there is none."""
    with connection.cursor(row_factory=class_row(FlowVersionRow)) as cursor:
        return cursor.execute(
            """
            select flow, name, version, saved_at, saved_by, definition
              from flow join flow_version using (project, flow)
             where project = %(project)s and flow = %(flow)s
               and version = coalesce(%(version)s, version)
             order by version desc
             limit 1
            """,
            {"project": project, "flow": flow, "version": version},
        ).fetchone()


def every(connection: Connection[Any], project: str) -> list[FlowRow]:
    """The project's flows with their newest version, by id."""
    with connection.cursor(row_factory=class_row(FlowRow)) as cursor:
        return cursor.execute(
            """
            select distinct on (flow) flow, name, version, saved_at, saved_by
              from flow join flow_version using (project, flow)
             where project = %(project)s
             order by flow, version desc
            """,
            {"project": project},
        ).fetchall()
