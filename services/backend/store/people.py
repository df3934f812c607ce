"""People at rest: password hashes and who is in which project."""

from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row, scalar_row


class Member(NamedTuple):
    """A person in a project."""

    user_name: str
    role: str


def password_hash(connection: Connection[Any], user: str) -> str | None:
    """The argon2 hash of a person's password; None if there is no such person."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(
            "select password_hash from app_user where user_name = %(user)s",
            {"user": user},
        ).fetchone()


def replace_hash(connection: Connection[Any], user: str, old: str, new: str) -> bool:
    """Store another hash in place of ``old``; False if it was changed meanwhile."""
    return (
        connection.execute(
            """
            update app_user set password_hash = %(new)s
             where user_name = %(user)s and password_hash = %(old)s
            """,
            {"user": user, "old": old, "new": new},
        ).rowcount
        == 1
    )


def is_administrator(connection: Connection[Any], user: str) -> bool:
    """Whether a person may make projects."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return bool(
            cursor.execute(
                "select administrator from app_user where user_name = %(user)s",
                {"user": user},
            ).fetchone()
        )


def anyone(connection: Connection[Any]) -> bool:
    """Whether there is any person at all."""
    return connection.execute("select 1 from app_user limit 1").fetchone() is not None


def insert(
    connection: Connection[Any], user: str, hashed: str, *, administrator: bool = False
) -> bool:
    """Add a person; False if the name is taken."""
    return (
        connection.execute(
            """
            insert into app_user (user_name, password_hash, administrator)
            values (%(user)s, %(hashed)s, %(administrator)s)
            on conflict do nothing
            """,
            {"user": user, "hashed": hashed, "administrator": administrator},
        ).rowcount
        == 1
    )


def join(connection: Connection[Any], project: str, user: str, role: str) -> bool:
    """Put a person into a project; False if they are in it already."""
    return (
        connection.execute(
            """
            insert into membership (project, user_name, role)
            values (%(project)s, %(user)s, %(role)s)
            on conflict do nothing
            """,
            {"project": project, "user": user, "role": role},
        ).rowcount
        == 1
    )


def role_in(
    connection: Connection[Any], project: str, user: str, *, lock: bool = False
) -> str | None:
    """A person's role in a project; None if they are not in it.

    Locked, it stays so until the transaction ends.
    """
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(
            f"""
            select role from membership
             where project = %(project)s and user_name = %(user)s
                   {"for share" if lock else ""}
            """,  # noqa: S608 -- our own words
            {"project": project, "user": user},
        ).fetchone()


def lock_members(connection: Connection[Any], project: str) -> dict[str, str]:
    """The role of each person of a project; nobody else changes them meanwhile."""
    with connection.cursor(row_factory=class_row(Member)) as cursor:
        found = cursor.execute(
            """
            select user_name, role from membership
             where project = %(project)s order by user_name for update
            """,
            {"project": project},
        ).fetchall()
    return {member.user_name: member.role for member in found}


def set_role(connection: Connection[Any], project: str, user: str, role: str) -> None:
    """Give a person of a project another role."""
    connection.execute(
        """
        update membership set role = %(role)s
         where project = %(project)s and user_name = %(user)s
        """,
        {"project": project, "user": user, "role": role},
    )


def leave(connection: Connection[Any], project: str, user: str) -> None:
    """Take a person out of a project."""
    connection.execute(
        "delete from membership where project = %(project)s and user_name = %(user)s",
        {"project": project, "user": user},
    )


def members(connection: Connection[Any], project: str) -> list[Member]:
    """The people of a project, by name."""
    with connection.cursor(row_factory=class_row(Member)) as cursor:
        return cursor.execute(
            """
            select user_name, role from membership
             where project = %(project)s order by user_name
            """,
            {"project": project},
        ).fetchall()
