"""Deployments at rest: the machine's state, its summary for lists, and what happened.

A state is changed by who holds the row of it (``lock``), and ``revision`` counts. Who
drives a deployment writes a token into it; another one's writes are refused from then.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row, scalar_row, tuple_row


class DeploymentRow(NamedTuple):
    """A deployment without its state."""

    deployment: str
    flow: str
    version: int
    content_hash: str
    plan: bytes
    revision: int
    awake: bool
    status: str
    detail: str
    counts: dict[str, int]
    total: int
    wave: int
    waves: int
    created_at_ms: int
    created_by: str
    approved_by: str | None
    started_at_ms: int | None
    ended_at_ms: int | None
    next_at_ms: int | None
    happened: int


class Summary(NamedTuple):
    """What a change of the state changes of the row."""

    awake: bool
    status: str
    detail: str
    counts: Mapping[str, int]
    total: int
    wave: int
    waves: int
    approved_by: str | None
    started_at_ms: int | None
    ended_at_ms: int | None
    next_at_ms: int | None


class Stored(NamedTuple):
    """A state, and who may change it."""

    state: bytes
    revision: int
    driver: str
    happened: int


class Alive(NamedTuple):
    """A deployment that is under way, or still owes something to its devices."""

    deployment: str
    status: str
    ended: bool
    state: bytes


class Happening(NamedTuple):
    """An entry of the history."""

    at_ms: int
    device: str | None
    what: str
    detail: str
    by_whom: str


class NumberedHappening(NamedTuple):
    """An entry of the history, by its number."""

    number: int
    at_ms: int
    device: str | None
    what: str
    detail: str
    by_whom: str


_COLUMNS = """
deployment, flow, version, content_hash, plan, revision, awake, status, detail, counts,
total, wave, waves, created_at_ms, created_by, approved_by, started_at_ms, ended_at_ms,
next_at_ms, happened
"""


def lock_flow(connection: Connection[Any], project: str, flow: str) -> None:
    """Whoever else is about to deploy this flow waits until we are done."""
    connection.execute(
        """
        select pg_advisory_xact_lock(
            hashtextextended('deployment ' || %(project)s || '.' || %(flow)s, 0))
        """,
        {"project": project, "flow": flow},
    )


def insert(
    connection: Connection[Any],
    project: str,
    made: DeploymentRow,
    *,
    key: str | None,
    fingerprint: str,
    variables: bytes,
    state: bytes,
) -> None:
    """Add a deployment, and the row that who drives it will lock."""
    connection.execute(
        """
        insert into deployment
               (project, deployment, key, fingerprint, flow, version, content_hash,
                plan, variables, state, revision, awake, status, detail, counts, total,
                wave, waves, created_at_ms, created_by, approved_by, started_at_ms,
                ended_at_ms, next_at_ms, happened)
        values (%(project)s, %(deployment)s, %(key)s, %(fingerprint)s, %(flow)s,
                %(version)s, %(content_hash)s, %(plan)s, %(variables)s, %(state)s,
                %(revision)s, %(awake)s, %(status)s, %(detail)s, %(counts)s, %(total)s,
                %(wave)s, %(waves)s, %(created_at_ms)s, %(created_by)s,
                %(approved_by)s, %(started_at_ms)s, %(ended_at_ms)s, %(next_at_ms)s,
                %(happened)s)
        """,
        {
            **made._asdict(),
            "counts": json.dumps(made.counts),
            "project": project,
            "key": key,
            "fingerprint": fingerprint,
            "variables": variables,
            "state": state,
        },
    )
    connection.execute(
        """
        insert into deployment_driver (project, deployment)
        values (%(project)s, %(deployment)s)
        """,
        {"project": project, "deployment": made.deployment},
    )


def by_key(
    connection: Connection[Any], project: str, user: str, key: str
) -> tuple[str, str] | None:
    """The deployment somebody made with a key, and its request's fingerprint."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        found: tuple[str, str] | None = cursor.execute(
            """
            select deployment, fingerprint from deployment
             where project = %(project)s and created_by = %(user)s and key = %(key)s
            """,
            {"project": project, "user": user, "key": key},
        ).fetchone()
    return found


def one(
    connection: Connection[Any], project: str, deployment: str
) -> DeploymentRow | None:
    """A deployment, if the project has it."""
    with connection.cursor(row_factory=class_row(DeploymentRow)) as cursor:
        return cursor.execute(
            f"""
            select {_COLUMNS} from deployment
             where project = %(project)s and deployment = %(deployment)s
            """,  # noqa: S608 -- our own words
            {"project": project, "deployment": deployment},
        ).fetchone()


def every(
    connection: Connection[Any],
    project: str,
    *,
    flow: str | None,
    status: str | None,
    before: str,
    most: int,
) -> list[DeploymentRow]:
    """Deployments, the newest first, from the one after ``before`` on."""
    with connection.cursor(row_factory=class_row(DeploymentRow)) as cursor:
        return cursor.execute(
            f"""
            select {_COLUMNS} from deployment
             where project = %(project)s
               and flow = coalesce(%(flow)s, flow)
               and status = coalesce(%(status)s, status)
               and (%(before)s = '' or serial <
                    (select serial from deployment
                      where project = %(project)s and deployment = %(before)s))
             order by serial desc
             limit %(most)s
            """,  # noqa: S608 -- our own words
            {
                "project": project,
                "flow": flow,
                "status": status,
                "before": before,
                "most": most,
            },
        ).fetchall()


def state_of(connection: Connection[Any], project: str, deployment: str) -> bytes:
    """The state of a deployment that there is."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        found: bytes | None = cursor.execute(
            """
            select state from deployment
             where project = %(project)s and deployment = %(deployment)s
            """,
            {"project": project, "deployment": deployment},
        ).fetchone()
    assert found is not None, "asked of one that there is"  # noqa: S101
    return found


def lock(
    connection: Connection[Any], project: str, deployment: str, known: int = 0
) -> Stored | None:
    """The state, to be changed in this transaction; "" if it is the known revision.

    None if there is no such deployment.
    """
    with connection.cursor(row_factory=class_row(Stored)) as cursor:
        return cursor.execute(
            """
            select case when revision = %(known)s then ''::bytea else state end
                       as state,
                   revision, driver, happened
              from deployment
             where project = %(project)s and deployment = %(deployment)s
               for update
            """,
            {"project": project, "deployment": deployment, "known": known},
        ).fetchone()


def change(
    connection: Connection[Any],
    project: str,
    deployment: str,
    state: bytes,
    summary: Summary,
    happened: Iterable[Happening],
    first: int,
) -> None:
    """Replace the state by the next, and write down what happened, from a number on."""
    entries = list(happened)
    connection.execute(
        """
        update deployment
           set state = %(state)s, revision = revision + 1, awake = %(awake)s,
               status = %(status)s, detail = %(detail)s, counts = %(counts)s,
               total = %(total)s, wave = %(wave)s, waves = %(waves)s,
               approved_by = %(approved_by)s, started_at_ms = %(started_at_ms)s,
               ended_at_ms = %(ended_at_ms)s, next_at_ms = %(next_at_ms)s,
               happened = %(happened)s
         where project = %(project)s and deployment = %(deployment)s
        """,
        {
            **summary._asdict(),
            "counts": json.dumps(summary.counts),
            "project": project,
            "deployment": deployment,
            "state": state,
            "happened": first + len(entries),
        },
    )
    append(connection, project, deployment, entries, first)


def append(
    connection: Connection[Any],
    project: str,
    deployment: str,
    entries: list[Happening],
    first: int,
) -> None:
    """Add to the history; the entries are numbered from ``first`` on."""
    if not entries:
        return
    columns = list(zip(*entries, strict=True))
    connection.execute(
        """
        insert into deployment_history
               (project, deployment, number, at_ms, device, what, detail, by_whom)
        select %(project)s, %(deployment)s, %(first)s + row_number() over () - 1, each.*
          from unnest(%(at)s::bigint[], %(device)s::text[], %(what)s::text[],
                      %(detail)s::text[], %(by)s::text[]) as each
        """,
        {
            "project": project,
            "deployment": deployment,
            "first": first,
            **dict(
                zip(
                    ("at", "device", "what", "detail", "by"),
                    map(list, columns),
                    strict=True,
                )
            ),
        },
    )


def take(
    connection: Connection[Any], project: str, deployment: str, token: str
) -> DeploymentRow | None:
    """Drive it from now on, by this token; None if it is gone."""
    connection.execute(
        """
        update deployment set driver = %(token)s
         where project = %(project)s and deployment = %(deployment)s
        """,
        {"project": project, "deployment": deployment, "token": token},
    )
    return one(connection, project, deployment)


def driver_of(connection: Connection[Any], project: str, deployment: str) -> str | None:
    """The token of who drives it."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(
            """
            select driver from deployment
             where project = %(project)s and deployment = %(deployment)s
            """,
            {"project": project, "deployment": deployment},
        ).fetchone()


def variables_of(connection: Connection[Any], project: str, deployment: str) -> bytes:
    """The values each device gets."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        found: bytes | None = cursor.execute(
            """
            select variables from deployment
             where project = %(project)s and deployment = %(deployment)s
            """,
            {"project": project, "deployment": deployment},
        ).fetchone()
    assert found is not None, "asked of one that there is"  # noqa: S101
    return found


def set_variables(
    connection: Connection[Any], project: str, deployment: str, variables: bytes
) -> None:
    """Replace the values each device gets: more of them joined."""
    connection.execute(
        """
        update deployment set variables = %(variables)s
         where project = %(project)s and deployment = %(deployment)s
        """,
        {"project": project, "deployment": deployment, "variables": variables},
    )


def alive(
    connection: Connection[Any], project: str, flow: str, *, but: str
) -> list[Alive]:
    """The others of a flow that are under way or still owe something."""
    with connection.cursor(row_factory=class_row(Alive)) as cursor:
        return cursor.execute(
            """
            select deployment, status, ended_at_ms is not null as ended, state
              from deployment
             where project = %(project)s and flow = %(flow)s
               and deployment <> %(but)s and (ended_at_ms is null or awake)
             order by serial
            """,
            {"project": project, "flow": flow, "but": but},
        ).fetchall()


def history(
    connection: Connection[Any], project: str, deployment: str, after: int, most: int
) -> list[NumberedHappening]:
    """What happened after an entry, the oldest first."""
    with connection.cursor(row_factory=class_row(NumberedHappening)) as cursor:
        return cursor.execute(
            """
            select number, at_ms, device, what, detail, by_whom
              from deployment_history
             where project = %(project)s and deployment = %(deployment)s
               and number > %(after)s
             order by number
             limit %(most)s
            """,
            {
                "project": project,
                "deployment": deployment,
                "after": after,
                "most": most,
            },
        ).fetchall()


def last_changes(
    connection: Connection[Any], project: str, deployment: str, devices: list[str]
) -> dict[str, int]:
    """When something happened last to each of these devices."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return dict(
            cursor.execute(
                """
                select device, max(at_ms) from deployment_history
                 where project = %(project)s and deployment = %(deployment)s
                   and device = any(%(devices)s)
                 group by device
                """,
                {"project": project, "deployment": deployment, "devices": devices},
            ).fetchall()
        )
