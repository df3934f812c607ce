"""Changes made on devices, at rest: what was offered and what was decided."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row


class LocalChangeRow(NamedTuple):
    """One decided change, without its workflow."""

    device: str
    change: str
    flow: str
    kind: str
    base: int
    outcome: str
    version: int
    changed_at: datetime
    decided_at: datetime


def lock_device(connection: Connection[Any], project: str, device: str) -> bool:
    """Have the device's other changes wait until the transaction ends; False if the
    project has no such device.
    """
    return (
        connection.execute(
            """
            select 1 from device
             where project = %(project)s and device = %(device)s
               for update
            """,
            {"project": project, "device": device},
        ).fetchone()
        is not None
    )


def one(
    connection: Connection[Any], project: str, device: str, change: str
) -> LocalChangeRow | None:
    """A change that was decided before."""
    with connection.cursor(row_factory=class_row(LocalChangeRow)) as cursor:
        return cursor.execute(
            """
            select device, change, flow, kind, base, outcome, version,
                   changed_at, decided_at
              from local_change
             where project = %(project)s and device = %(device)s
               and change = %(change)s
            """,
            {"project": project, "device": device, "change": change},
        ).fetchone()


def insert(
    connection: Connection[Any],
    project: str,
    decided: LocalChangeRow,
    definition: str | None,
) -> None:
    """Keep what was decided; ``definition`` is JSON text. It is decided at ``now``."""
    connection.execute(
        """
        insert into local_change (project, device, change, flow, kind, base,
                                  definition, outcome, version, changed_at)
        values (%(project)s, %(device)s, %(change)s, %(flow)s, %(kind)s, %(base)s,
                %(definition)s, %(outcome)s, %(version)s, %(changed_at)s)
        """,
        {**decided._asdict(), "project": project, "definition": definition},
    )


def newest(
    connection: Connection[Any],
    project: str,
    device: str | None,
    flow: str | None,
    most: int,
) -> list[LocalChangeRow]:
    """The last decided first; of all devices and flows, or of those named."""
    with connection.cursor(row_factory=class_row(LocalChangeRow)) as cursor:
        return cursor.execute(
            """
            select device, change, flow, kind, base, outcome, version,
                   changed_at, decided_at
              from local_change
             where project = %(project)s
               and device = coalesce(%(device)s, device)
               and flow = coalesce(%(flow)s, flow)
             order by decided_at desc, changed_at desc, change desc
             limit %(most)s
            """,
            {"project": project, "device": device, "flow": flow, "most": most},
        ).fetchall()
