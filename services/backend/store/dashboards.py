"""Dashboards at rest, and which tags devices announced."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row


class DashboardRow(NamedTuple):
    """A dashboard; ``panels`` as the contract writes them."""

    dashboard: str
    title: str
    description: str
    span_ms: int
    panels: list[dict[str, Any]]
    revision: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str


class SummaryRow(NamedTuple):
    """A dashboard without its panels."""

    dashboard: str
    title: str
    description: str
    panels: int
    revision: int
    created_by: str
    changed_at: datetime
    changed_by: str


class AnnouncedRow(NamedTuple):
    """A device and its last announcement."""

    device: str
    announcement: dict[str, Any]


class Content(NamedTuple):
    """What is saved of a dashboard; ``panels`` is JSON text."""

    dashboard: str
    title: str
    description: str
    span_ms: int
    panels: str
    searched: str


def one(
    connection: Connection[Any], project: str, dashboard: str
) -> DashboardRow | None:
    """A dashboard, if the project has it."""
    with connection.cursor(row_factory=class_row(DashboardRow)) as cursor:
        return cursor.execute(
            """
            select dashboard, title, description, span_ms, panels, revision,
                   created_at, created_by, changed_at, changed_by
              from dashboard
             where project = %(project)s and dashboard = %(dashboard)s
            """,
            {"project": project, "dashboard": dashboard},
        ).fetchone()


def lock(
    connection: Connection[Any], project: str, dashboard: str
) -> DashboardRow | None:
    """The same, no one else's until the transaction ends."""
    connection.execute(
        """
        select 1 from dashboard
         where project = %(project)s and dashboard = %(dashboard)s
           for update
        """,
        {"project": project, "dashboard": dashboard},
    )
    return one(connection, project, dashboard)


def insert(
    connection: Connection[Any], project: str, content: Content, who: str
) -> bool:
    """Keep a new one; False if there is one of this id."""
    done = connection.execute(
        """
        insert into dashboard (project, dashboard, title, description, span_ms,
                               panels, searched, created_by, changed_by)
        values (%(project)s, %(dashboard)s, %(title)s, %(description)s, %(span_ms)s,
                %(panels)s, %(searched)s, %(who)s, %(who)s)
        on conflict do nothing
        """,
        {**content._asdict(), "project": project, "who": who},
    )
    return done.rowcount == 1


def replace(
    connection: Connection[Any], project: str, content: Content, who: str
) -> None:
    """Put another one in its place."""
    connection.execute(
        """
        update dashboard
           set title = %(title)s, description = %(description)s,
               span_ms = %(span_ms)s, panels = %(panels)s, searched = %(searched)s,
               revision = revision + 1, changed_at = now(), changed_by = %(who)s
         where project = %(project)s and dashboard = %(dashboard)s
        """,
        {**content._asdict(), "project": project, "who": who},
    )


def delete(connection: Connection[Any], project: str, dashboard: str) -> None:
    """Forget it."""
    connection.execute(
        """
        delete from dashboard
         where project = %(project)s and dashboard = %(dashboard)s
        """,
        {"project": project, "dashboard": dashboard},
    )


def following(
    connection: Connection[Any], project: str, search: str, after: str, most: int
) -> list[SummaryRow]:
    """Those that hold ``search`` (case-folded) and come after ``after``, by id."""
    with connection.cursor(row_factory=class_row(SummaryRow)) as cursor:
        return cursor.execute(
            """
            select dashboard, title, description, json_array_length(panels) as panels,
                   revision, created_by, changed_at, changed_by
              from dashboard
             where project = %(project)s and dashboard > %(after)s collate "C"
               and strpos(searched, %(search)s) > 0
             order by dashboard collate "C"
             limit %(most)s
            """,
            {"project": project, "search": search, "after": after, "most": most},
        ).fetchall()


def count(connection: Connection[Any], project: str) -> int:
    """How many a project has."""
    row = connection.execute(
        "select count(*) from dashboard where project = %(project)s",
        {"project": project},
    ).fetchone()
    return int(row[0]) if row else 0


def tags(
    connection: Connection[Any], project: str, devices: Sequence[str] | None
) -> list[AnnouncedRow]:
    """What devices announced last, by device; of all devices, or of those named."""
    with connection.cursor(row_factory=class_row(AnnouncedRow)) as cursor:
        return cursor.execute(
            """
            select device, announcement
              from device
             where project = %(project)s and announcement is not null
               and (%(devices)s::text[] is null or device = any(%(devices)s))
             order by device collate "C"
            """,
            {
                "project": project,
                "devices": None if devices is None else list(devices),
            },
        ).fetchall()
