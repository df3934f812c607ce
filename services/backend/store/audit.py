"""The audit trail at rest."""

import json
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row

from heddle.contract.audit import AuditEntry


class Row(NamedTuple):
    """An entry as it was written."""

    number: int
    at_ms: int
    actor: str
    role: str
    action: str
    subject: str
    outcome: str
    details: dict[str, Any]
    request_id: str
    previous: str
    hash: str


_ROW = """
number, at_ms, actor, role, action, subject, outcome, details, request_id, previous,
hash
"""


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


def newest(
    connection: Connection[Any],
    project: str,
    *,
    actor: str | None,
    action: str | None,
    subject: str | None,
    outcome: str | None,
    before: int | None,
    most: int,
) -> list[Row]:
    """Entries that fit, newest first; an action that ends in a dot is a beginning."""
    begins = action if action is not None and action.endswith(".") else None
    with connection.cursor(row_factory=class_row(Row)) as cursor:
        return cursor.execute(
            f"""
            select {_ROW} from audit
             where project = %(project)s
               and (%(actor)s::text is null or actor = %(actor)s)
               and (%(action)s::text is null or action = %(action)s)
               and (%(begins)s::text is null or starts_with(action, %(begins)s))
               and (%(subject)s::text is null or subject = %(subject)s)
               and (%(outcome)s::text is null or outcome = %(outcome)s)
               and (%(before)s::bigint is null or number < %(before)s)
             order by number desc limit %(most)s
            """,  # noqa: S608 -- our own words
            {
                "project": project,
                "actor": actor,
                "action": None if begins else action,
                "begins": begins,
                "subject": subject,
                "outcome": outcome,
                "before": before,
                "most": most,
            },
        ).fetchall()


def following(
    connection: Connection[Any], project: str, number: int, most: int
) -> list[Row]:
    """The entries after a number, oldest first."""
    with connection.cursor(row_factory=class_row(Row)) as cursor:
        return cursor.execute(
            f"""
            select {_ROW} from audit
             where project = %(project)s and number > %(number)s
             order by number limit %(most)s
            """,  # noqa: S608 -- our own words
            {"project": project, "number": number, "most": most},
        ).fetchall()
