"""Sessions at rest: a row from a sign-in to the end of its last ticket."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row


class SessionRow(NamedTuple):
    """A session."""

    session: str
    project: str
    user_name: str
    role: str
    client: str
    opened_at: datetime
    renewed_at: datetime
    expires_at: datetime
    ended: bool


_COLUMNS = """
session, project, user_name, role, client, opened_at, renewed_at, expires_at,
ended_at is not null as ended
"""


def insert(
    connection: Connection[Any],
    session: str,
    project: str,
    user: str,
    role: str,
    client: str,
    expires_at: datetime,
) -> None:
    """Add a session; those of last month are forgotten."""
    connection.execute(
        "delete from session where expires_at < now() - interval '30 days'"
    )
    connection.execute(
        """
        insert into session (session, project, user_name, role, client, expires_at)
        values (%(session)s, %(project)s, %(user)s, %(role)s, %(client)s,
                %(expires_at)s)
        """,
        {
            "session": session,
            "project": project,
            "user": user,
            "role": role,
            "client": client,
            "expires_at": expires_at,
        },
    )


def lock(connection: Connection[Any], session: str) -> SessionRow | None:
    """Find a session and keep others from changing it."""
    with connection.cursor(row_factory=class_row(SessionRow)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from session where session = %(session)s for update",  # noqa: S608 -- our own words
            {"session": session},
        ).fetchone()


def renew(
    connection: Connection[Any], session: str, role: str, expires_at: datetime
) -> None:
    """A session has a new ticket."""
    connection.execute(
        """
        update session
           set renewed_at = now(), role = %(role)s,
               expires_at = greatest(expires_at, %(expires_at)s)
         where session = %(session)s
        """,
        {"session": session, "role": role, "expires_at": expires_at},
    )


def every(
    connection: Connection[Any], project: str, user: str | None
) -> list[SessionRow]:
    """The open sessions of a project, or of one user in it, newest first."""
    with connection.cursor(row_factory=class_row(SessionRow)) as cursor:
        return cursor.execute(
            f"""
            select {_COLUMNS} from session
             where project = %(project)s and ended_at is null and expires_at > now()
               and user_name = coalesce(%(user)s, user_name)
             order by opened_at desc, session limit 1000
            """,  # noqa: S608 -- our own words
            {"project": project, "user": user},
        ).fetchall()


def end(
    connection: Connection[Any],
    user: str,
    *,
    project: str | None = None,
    session: str | None = None,
    but: str = "",
) -> list[SessionRow]:
    """End a user's open sessions: all, or those of a project, or a single one."""
    with connection.cursor(row_factory=class_row(SessionRow)) as cursor:
        return cursor.execute(
            f"""
            update session set ended_at = now()
             where user_name = %(user)s and ended_at is null and expires_at > now()
               and project = coalesce(%(project)s, project)
               and session = coalesce(%(session)s, session) and session <> %(but)s
            returning {_COLUMNS}
            """,  # noqa: S608 -- our own words
            {"user": user, "project": project, "session": session, "but": but},
        ).fetchall()
