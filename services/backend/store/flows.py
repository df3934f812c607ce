"""Flows at rest: every version ever saved, as its author wrote it."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row, scalar_row


class FlowRow(NamedTuple):
    """A flow with its newest version, without its workflow."""

    flow: str
    name: str
    description: str
    labels: list[str]
    revision: int
    archived: bool
    created_at: datetime
    created_by: str
    newest: int  # 0: none yet
    released: int | None  # the newest release
    saved_at: datetime | None
    saved_by: str


class FlowVersionRow(NamedTuple):
    """One version of a flow; ``definition`` keeps the author's order of keys."""

    version: int
    saved_at: datetime
    saved_by: str
    published: bool
    definition: dict[str, Any]


class VersionRow(NamedTuple):
    """One version of a flow, without its workflow."""

    version: int
    saved_at: datetime
    saved_by: str
    published: bool


class Wanted(NamedTuple):
    """Which flows are asked for; None and "" ask for all."""

    search: str  # case-folded
    label: str | None
    stages: list[str]
    created_by: str | None
    after: str
    most: int


_SELECT = """
select flow.flow, name, description, labels, revision,
       archived_at is not null as archived, created_at, created_by,
       coalesce(newest.version, 0) as newest, released.version as released,
       newest.saved_at, coalesce(newest.saved_by, '') as saved_by
  from flow
       left join lateral (
         select version, saved_at, saved_by from flow_version as v
          where v.project = flow.project and v.flow = flow.flow
          order by version desc limit 1) as newest on true
       cross join lateral (
         select max(version) as version from release as r
          where r.project = flow.project and r.flow = flow.flow) as released
 where flow.project = %(project)s
"""


def one(connection: Connection[Any], project: str, flow: str) -> FlowRow | None:
    """A flow, if the project has it."""
    with connection.cursor(row_factory=class_row(FlowRow)) as cursor:
        return cursor.execute(
            _SELECT + " and flow.flow = %(flow)s", {"project": project, "flow": flow}
        ).fetchone()


def lock(connection: Connection[Any], project: str, flow: str) -> FlowRow | None:
    """The same; others who change it wait until the transaction ends."""
    connection.execute(
        """
        select from flow where project = %(project)s and flow = %(flow)s for update
        """,
        {"project": project, "flow": flow},
    )
    return one(connection, project, flow)  # after the lock: what the others did is seen


def make(connection: Connection[Any], project: str, flow: str, user: str) -> bool:
    """Make a flow without a version, at revision 0; False if there is one already."""
    return (
        connection.execute(
            """
            insert into flow (project, flow, name, created_by)
            values (%(project)s, %(flow)s, '', %(user)s)
            on conflict do nothing
            """,
            {"project": project, "flow": flow, "user": user},
        ).rowcount
        == 1
    )


def describe(
    connection: Connection[Any],
    project: str,
    flow: str,
    name: str,
    description: str,
    labels: list[str],
) -> None:
    """Keep what is told about a flow."""
    searched = "\n".join((flow, name, description, *labels)).casefold()
    connection.execute(
        """
        update flow
           set name = %(name)s, description = %(description)s, labels = %(labels)s,
               searched = %(searched)s
         where project = %(project)s and flow = %(flow)s
        """,
        {
            "project": project,
            "flow": flow,
            "name": name,
            "description": description,
            "labels": labels,
            "searched": searched,
        },
    )


def append(
    connection: Connection[Any], project: str, flow: str, definition: str, user: str
) -> int:
    """Add the flow's next version and tell its number; ``definition`` is JSON text."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        version: int | None = cursor.execute(
            """
            insert into flow_version (project, flow, version, definition, saved_by)
            select %(project)s, %(flow)s, coalesce(max(version), 0) + 1,
                   %(definition)s, %(user)s
              from (select version from flow_version
                     where project = %(project)s and flow = %(flow)s
                     union all
                    select version from flow_deleted
                     where project = %(project)s and flow = %(flow)s) as used
            returning version
            """,
            {"project": project, "flow": flow, "definition": definition, "user": user},
        ).fetchone()
    assert version is not None  # noqa: S101 -- one row was inserted
    return version


def changed(connection: Connection[Any], project: str, flow: str) -> int:
    """Count a change; tells the flow's revision."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        revision: int | None = cursor.execute(
            """
            update flow set revision = revision + 1
             where project = %(project)s and flow = %(flow)s
            returning revision
            """,
            {"project": project, "flow": flow},
        ).fetchone()
    assert revision is not None  # noqa: S101 -- the caller holds the flow's lock
    return revision


def archive(
    connection: Connection[Any], project: str, flow: str, *, archived: bool
) -> None:
    """Put a flow into the archive, or take it out."""
    connection.execute(
        """
        update flow set archived_at = case when %(archived)s then now() end
         where project = %(project)s and flow = %(flow)s
        """,
        {"project": project, "flow": flow, "archived": archived},
    )


def delete(connection: Connection[Any], project: str, flow: str) -> None:
    """Forget a flow and its versions, but not how far it had counted."""
    row = {"project": project, "flow": flow}
    connection.execute(
        """
        insert into flow_deleted (project, flow, version)
        select project, flow, max(version) from flow_version
         where project = %(project)s and flow = %(flow)s
         group by project, flow
        on conflict (project, flow) do update set version = excluded.version
        """,
        row,
    )
    for table in ("flow_version", "flow"):
        connection.execute(
            f"delete from {table} where project = %(project)s and flow = %(flow)s",  # noqa: S608
            row,
        )


def version(
    connection: Connection[Any], project: str, flow: str, number: int | None = None
) -> FlowVersionRow | None:
    """A version of a flow, the newest if ``number`` is None; None if there is none."""
    with connection.cursor(row_factory=class_row(FlowVersionRow)) as cursor:
        return cursor.execute(
            """
            select version, saved_at, saved_by,
                   exists (select from release
                            where (release.project, release.flow, release.version) =
                                  (v.project, v.flow, v.version)) as published,
                   definition
              from flow_version as v
             where project = %(project)s and flow = %(flow)s
               and version = coalesce(%(version)s, version)
             order by version desc
             limit 1
            """,
            {"project": project, "flow": flow, "version": number},
        ).fetchone()


def versions(connection: Connection[Any], project: str, flow: str) -> list[VersionRow]:
    """All versions of a flow, newest first."""
    with connection.cursor(row_factory=class_row(VersionRow)) as cursor:
        return cursor.execute(
            """
            select version, saved_at, saved_by, content_hash is not null as published
              from flow_version left join release using (project, flow, version)
             where project = %(project)s and flow = %(flow)s
             order by version desc
            """,
            {"project": project, "flow": flow},
        ).fetchall()


def some(connection: Connection[Any], project: str, wanted: Wanted) -> list[FlowRow]:
    """The project's flows that are asked for, by id; one more than ``most``."""
    with connection.cursor(row_factory=class_row(FlowRow)) as cursor:
        return cursor.execute(
            _SELECT
            + """
               and flow.flow > %(after)s collate "C"
               and position(%(search)s in searched) > 0
               and (%(label)s::text is null or %(label)s = any(labels))
               and (%(created_by)s::text is null or created_by = %(created_by)s)
               and case when archived_at is not null then 'archived'
                        when released.version = newest.version then 'published'
                        else 'draft' end = any(%(stages)s)
             order by flow.flow collate "C"
             limit %(most)s + 1
            """,
            {"project": project, **wanted._asdict()},
        ).fetchall()
