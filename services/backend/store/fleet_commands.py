"""Commands to fleets that may be repeated, at rest for a day with their answers."""

import json
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Json

KEPT = "1 day"


class Name(NamedTuple):
    """What a command is known by: a key is its caller's own."""

    project: str
    actor: str
    key: str


class CommandRow(NamedTuple):
    """A command, and its answer if there is one yet."""

    fingerprint: str
    attempt: int
    begun_at: datetime
    overdue: bool  # whoever carries it out should have answered by now
    answer: dict[str, Any] | None


def forget_old(connection: Connection[Any]) -> None:
    """Delete what is older than a day."""
    connection.execute(
        "delete from fleet_command where begun_at < now() - %(kept)s::interval",
        {"kept": KEPT},
    )


def insert(
    connection: Connection[Any], name: Name, fingerprint: str, due_in_s: float
) -> bool:
    """Begin a command; False if it is known already."""
    return (
        connection.execute(
            """
            insert into fleet_command (project, actor, key, fingerprint, due_at)
            values (%(project)s, %(actor)s, %(key)s, %(fingerprint)s,
                    now() + %(due_in_s)s * interval '1 second')
            on conflict do nothing
            """,
            {**name._asdict(), "fingerprint": fingerprint, "due_in_s": due_in_s},
        ).rowcount
        == 1
    )


def lock(connection: Connection[Any], name: Name) -> CommandRow | None:
    """A command; others who want to take it over wait for this transaction."""
    with connection.cursor(row_factory=class_row(CommandRow)) as cursor:
        return cursor.execute(
            """
            select fingerprint, attempt, begun_at, due_at < now() as overdue, answer
              from fleet_command
             where project = %(project)s and actor = %(actor)s and key = %(key)s
               for update
            """,
            name._asdict(),
        ).fetchone()


def take_over(connection: Connection[Any], name: Name, due_in_s: float) -> None:
    """Count another attempt: the former one's answer is void from now on."""
    connection.execute(
        """
        update fleet_command
           set attempt = attempt + 1,
               due_at = now() + %(due_in_s)s * interval '1 second'
         where project = %(project)s and actor = %(actor)s and key = %(key)s
        """,
        {**name._asdict(), "due_in_s": due_in_s},
    )


def answer(
    connection: Connection[Any], name: Name, attempt: int, answer: dict[str, Any]
) -> None:
    """Keep the answer of an attempt, if it is the last."""
    connection.execute(
        """
        update fleet_command set answer = %(answer)s
         where project = %(project)s and actor = %(actor)s and key = %(key)s
           and attempt = %(attempt)s
        """,
        {
            **name._asdict(),
            "attempt": attempt,
            "answer": Json(answer, dumps=json.dumps),
        },
    )
