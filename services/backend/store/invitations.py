"""Invitations at rest: only the hashes of codes, each accepted by one person."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row


class InvitationRow(NamedTuple):
    """An invitation, without the code."""

    invitation: str
    project: str
    role: str
    user_name: str | None
    created_by: str
    expires_at: datetime
    expired: bool
    withdrawn: bool
    accepted_by: str | None


_COLUMNS = """
invitation, project, role, user_name, created_by, expires_at,
expires_at <= now() as expired, withdrawn_at is not null as withdrawn, accepted_by
"""


def insert(
    connection: Connection[Any],
    invitation: str,
    code_hash: bytes,
    project: str,
    role: str,
    user: str | None,
    created_by: str,
    valid_s: int,
) -> InvitationRow:
    """Keep a new invitation."""
    with connection.cursor(row_factory=class_row(InvitationRow)) as cursor:
        made = cursor.execute(
            f"""
            insert into invitation (invitation, code_hash, project, role, user_name,
                                    created_by, expires_at)
            values (%(invitation)s, %(code_hash)s, %(project)s, %(role)s, %(user)s,
                    %(created_by)s, now() + make_interval(secs => %(valid_s)s))
            returning {_COLUMNS}
            """,  # noqa: S608 -- our own words
            {
                "invitation": invitation,
                "code_hash": code_hash,
                "project": project,
                "role": role,
                "user": user,
                "created_by": created_by,
                "valid_s": valid_s,
            },
        ).fetchone()
    assert made is not None  # noqa: S101 -- just inserted
    return made


def lock(connection: Connection[Any], code_hash: bytes) -> InvitationRow | None:
    """Find an invitation by its code; others wait until the transaction ends."""
    with connection.cursor(row_factory=class_row(InvitationRow)) as cursor:
        return cursor.execute(
            f"""
            select {_COLUMNS} from invitation where code_hash = %(code_hash)s
               for update
            """,  # noqa: S608 -- our own words
            {"code_hash": code_hash},
        ).fetchone()


def accepted(connection: Connection[Any], invitation: str, user: str) -> None:
    """An invitation is used now."""
    connection.execute(
        """
        update invitation set accepted_at = now(), accepted_by = %(user)s
         where invitation = %(invitation)s
        """,
        {"invitation": invitation, "user": user},
    )


def open_ones(connection: Connection[Any], project: str) -> list[InvitationRow]:
    """Those that may still be accepted, newest first."""
    with connection.cursor(row_factory=class_row(InvitationRow)) as cursor:
        return cursor.execute(
            f"""
            select {_COLUMNS} from invitation
             where project = %(project)s and accepted_at is null
               and withdrawn_at is null and expires_at > now()
             order by created_at desc, invitation limit 1000
            """,  # noqa: S608 -- our own words
            {"project": project},
        ).fetchall()


def withdraw(connection: Connection[Any], project: str, invitation: str) -> bool:
    """Make an open invitation void; False if there is none."""
    return (
        connection.execute(
            """
            update invitation set withdrawn_at = now()
             where project = %(project)s and invitation = %(invitation)s
               and accepted_at is null and withdrawn_at is null
               and expires_at > now()
            """,
            {"project": project, "invitation": invitation},
        ).rowcount
        == 1
    )
