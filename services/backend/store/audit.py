"""The audit trail at rest."""

import json
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row

from heddle.contract.audit import AuditEntry


class Link(NamedTuple):
    """The newest entry, to which the next one is chained."""

    number: int
    hash: str


def lock_last(connection: Connection[Any], project: str) -> Link | None:
    """The newest entry; other writers of the project wait until we are done."""
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended('audit ' || %(project)s, 0))",
        {"project": project},
    )
    with connection.cursor(row_factory=class_row(Link)) as cursor:
        return cursor.execute(
            """
            select number, hash from audit where project = %(project)s
             order by number desc limit 1
            """,
            {"project": project},
        ).fetchone()


def append(
    connection: Connection[Any], project: str, entry: AuditEntry, hashed: str
) -> None:
    """Write an entry down."""
    connection.execute(
        """
        insert into audit (project, number, at_ms, actor, role, action, subject,
                           outcome, details, request_id, previous, hash)
        values (%(project)s, %(number)s, %(at_ms)s, %(actor)s, %(role)s, %(action)s,
                %(subject)s, %(outcome)s, %(details)s, %(request_id)s, %(previous)s,
                %(hash)s)
        """,
        {
            "project": project,
            "number": entry.number,
            "at_ms": entry.at_ms,
            "actor": entry.actor,
            "role": entry.role,
            "action": entry.action,
            "subject": entry.subject,
            "outcome": entry.outcome.value,
            "details": json.dumps(entry.details),
            "request_id": entry.request_id,
            "previous": entry.previous,
            "hash": hashed,
        },
    )
