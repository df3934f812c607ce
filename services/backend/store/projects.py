"""Projects at rest, and what the gatekeeper must know of them."""

from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row, scalar_row


class ProjectRow(NamedTuple):
    """A project."""

    project: str
    name: str


class DeviceKeyRow(NamedTuple):
    """A device's public key."""

    project: str
    device: str
    public_key: str


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


def directory(
    connection: Connection[Any],
) -> tuple[list[str], list[DeviceKeyRow]]:
    """All project ids and all device keys, at one moment."""
    connection.execute("set transaction isolation level repeatable read, read only")
    with connection.cursor(row_factory=scalar_row) as projects:
        ids = projects.execute("select project from project order by 1").fetchall()
    with connection.cursor(row_factory=class_row(DeviceKeyRow)) as cursor:
        keys = cursor.execute(
            "select project, device, public_key from device order by 1, 2"
        ).fetchall()
    return ids, keys
