"""Projects at rest."""

from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row


class ProjectRow(NamedTuple):
    """A project."""

    project: str
    name: str


def insert(connection: Connection[Any], project: str, name: str) -> bool:
    """Add a project; False if it is there already."""
    return (
        connection.execute(
            """
            insert into project (project, name) values (%(project)s, %(name)s)
            on conflict do nothing
            """,
            {"project": project, "name": name},
        ).rowcount
        == 1
    )


def every(connection: Connection[Any]) -> list[ProjectRow]:
    """All projects, by id."""
    with connection.cursor(row_factory=class_row(ProjectRow)) as cursor:
        return cursor.execute(
            "select project, name from project order by project"
        ).fetchall()


def of_user(connection: Connection[Any], user: str) -> list[ProjectRow]:
    """The projects a person is in, by id."""
    with connection.cursor(row_factory=class_row(ProjectRow)) as cursor:
        return cursor.execute(
            """
            select project, name
              from project join membership using (project)
             where user_name = %(user)s
             order by project
            """,
            {"user": user},
        ).fetchall()


def exists(connection: Connection[Any], project: str) -> bool:
    """Whether there is such a project."""
    return (
        connection.execute(
            "select from project where project = %(project)s", {"project": project}
        ).fetchone()
        is not None
    )
