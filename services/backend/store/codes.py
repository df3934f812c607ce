"""Enrolment codes at rest: only their hashes, each redeemed by at most one key."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row


class CodeRow(NamedTuple):
    """An enrolment code, without the code."""

    project: str
    device: str
    kind: str
    expires_at: datetime
    expired: bool
    redeemed_key: str | None


def insert(
    connection: Connection[Any],
    code_hash: bytes,
    project: str,
    device: str,
    kind: str,
    created_by: str,
    valid_s: int,
) -> datetime:
    """Keep a new code, the only open one for its device; returns when it expires.

    The same code again, not redeemed yet, becomes valid anew.
    """
    row = {
        "code_hash": code_hash,
        "project": project,
        "device": device,
        "kind": kind,
        "created_by": created_by,
        "valid_s": valid_s,
    }
    connection.execute(
        """
        update enrolment_code set expires_at = now()
         where project = %(project)s and device = %(device)s
           and redeemed_at is null and expires_at > now()
        """,
        row,
    )
    with connection.cursor(row_factory=class_row(CodeRow)) as cursor:
        cursor.execute(
            """
            insert into enrolment_code
                   (code_hash, project, device, kind, created_by, expires_at)
            values (%(code_hash)s, %(project)s, %(device)s, %(kind)s, %(created_by)s,
                    now() + make_interval(secs => %(valid_s)s))
            on conflict (code_hash) do update
               set project = excluded.project, device = excluded.device,
                   kind = excluded.kind, expires_at = excluded.expires_at
             where enrolment_code.redeemed_at is null
            """,
            row,
        )
    found = lock(connection, code_hash)
    assert found is not None  # noqa: S101 -- inserted above, in this transaction
    return found.expires_at


def lock(connection: Connection[Any], code_hash: bytes) -> CodeRow | None:
    """Find a code and keep every other redeemer waiting until the transaction ends."""
    with connection.cursor(row_factory=class_row(CodeRow)) as cursor:
        return cursor.execute(
            """
            select project, device, kind, expires_at, expires_at <= now() as expired,
                   redeemed_key
              from enrolment_code
             where code_hash = %(code_hash)s
               for update
            """,
            {"code_hash": code_hash},
        ).fetchone()


def redeemed(connection: Connection[Any], code_hash: bytes, public_key: str) -> None:
    """The code is used now, by this key."""
    connection.execute(
        """
        update enrolment_code
           set redeemed_at = now(), redeemed_key = %(public_key)s
         where code_hash = %(code_hash)s
        """,
        {"code_hash": code_hash, "public_key": public_key},
    )
