"""Keys of programs at rest: only the hashes of their secrets."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row


class KeyRow(NamedTuple):
    """A key that is not revoked."""

    key: str
    project: str
    name: str
    role: str
    secret_hash: bytes
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    expired: bool


_COLUMNS = """
key, project, name, role, secret_hash, created_by, created_at, last_used_at, expires_at,
coalesce(expires_at <= now(), false) as expired
"""


def insert(
    connection: Connection[Any],
    key: str,
    project: str,
    name: str,
    role: str,
    secret_hash: bytes,
    created_by: str,
    valid_s: int | None,
) -> KeyRow:
    """Keep a new key."""
    with connection.cursor(row_factory=class_row(KeyRow)) as cursor:
        made = cursor.execute(
            f"""
            insert into api_key (key, project, name, role, secret_hash, created_by,
                                 expires_at)
            values (%(key)s, %(project)s, %(name)s, %(role)s, %(secret_hash)s,
                    %(created_by)s, now() + make_interval(secs => %(valid_s)s))
            returning {_COLUMNS}
            """,  # noqa: S608 -- our own words
            {
                "key": key,
                "project": project,
                "name": name,
                "role": role,
                "secret_hash": secret_hash,
                "created_by": created_by,
                "valid_s": valid_s,
            },
        ).fetchone()
    assert made is not None  # noqa: S101 -- just inserted
    return made


def one(connection: Connection[Any], key: str, *, lock: bool = False) -> KeyRow | None:
    """A key neither revoked nor expired; locked, it stays so till we are done."""
    with connection.cursor(row_factory=class_row(KeyRow)) as cursor:
        found = cursor.execute(
            f"""
            select {_COLUMNS} from api_key
             where key = %(key)s and revoked_at is null {"for update" if lock else ""}
            """,  # noqa: S608 -- our own words
            {"key": key},
        ).fetchone()
    return None if found is None or found.expired else found


def project_of(connection: Connection[Any], key: str) -> str | None:
    """The project that a key is or was good for."""
    found = connection.execute(
        "select project from api_key where key = %(key)s", {"key": key}
    ).fetchone()
    return None if found is None else str(found[0])


def every(connection: Connection[Any], project: str) -> list[KeyRow]:
    """A project's keys that are not revoked, by name."""
    with connection.cursor(row_factory=class_row(KeyRow)) as cursor:
        return cursor.execute(
            f"""
            select {_COLUMNS} from api_key
             where project = %(project)s and revoked_at is null
             order by name, created_at limit 1000
            """,  # noqa: S608 -- our own words
            {"project": project},
        ).fetchall()


def used(connection: Connection[Any], key: str) -> None:
    """A key has opened a session."""
    connection.execute(
        "update api_key set last_used_at = now() where key = %(key)s", {"key": key}
    )


def revoke(connection: Connection[Any], project: str, key: str) -> str | None:
    """Make a key void; its name, or None if there is no such key."""
    with connection.cursor() as cursor:
        found = cursor.execute(
            """
            update api_key set revoked_at = now()
             where project = %(project)s and key = %(key)s and revoked_at is null
            returning name
            """,
            {"project": project, "key": key},
        ).fetchone()
    return None if found is None else str(found[0])
