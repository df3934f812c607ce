"""Devices at rest: keys, labels, what they told last, when they were seen."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Json, Jsonb


class DeviceRow(NamedTuple):
    """A device and its last announcement."""

    device: str
    kind: str
    enrolled_at: datetime
    last_seen_at: datetime | None
    announcement: dict[str, Any] | None
    labels: dict[str, str]


class Labelled(NamedTuple):
    """A device as selectors see it."""

    device: str
    labels: dict[str, str]


def those(
    connection: Connection[Any], project: str, devices: Iterable[str]
) -> list[DeviceRow]:
    """Those of the devices that the project has, by id."""
    with connection.cursor(row_factory=class_row(DeviceRow)) as cursor:
        return cursor.execute(
            """
            select device, kind, enrolled_at, last_seen_at, announcement, labels
              from device
             where project = %(project)s and device = any(%(devices)s)
             order by device collate "C"
            """,
            {"project": project, "devices": list(devices)},
        ).fetchall()


def one(connection: Connection[Any], project: str, device: str) -> DeviceRow | None:
    """One device, if the project has it."""
    found = those(connection, project, [device])
    return found[0] if found else None


def labelled(
    connection: Connection[Any], project: str, search: str = "", after: str = ""
) -> list[Labelled]:
    """The project's devices with their labels, by id: whose id holds ``search`` and
    comes after ``after``.
    """
    with connection.cursor(row_factory=class_row(Labelled)) as cursor:
        return cursor.execute(
            """
            select device, labels from device
             where project = %(project)s and device > %(after)s collate "C"
               and strpos(device, lower(%(search)s)) > 0
             order by device collate "C"
            """,
            {"project": project, "search": search, "after": after},
        ).fetchall()


def label(
    connection: Connection[Any],
    project: str,
    device: str,
    add: Mapping[str, str],
    remove: Iterable[str],
) -> dict[str, str] | None:
    """Change a device's labels; all it has then, None if there is no such device."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(
            """
            update device
               set labels = (labels - %(remove)s::text[]) || %(add)s
             where project = %(project)s and device = %(device)s
            returning labels
            """,
            {
                "project": project,
                "device": device,
                "add": Jsonb(dict(add)),
                "remove": list(remove),
            },
        ).fetchone()


def exists(connection: Connection[Any], project: str, device: str) -> bool:
    """Whether the project has such a device."""
    return one(connection, project, device) is not None


def insert(
    connection: Connection[Any], project: str, device: str, kind: str, public_key: str
) -> bool:
    """Add a device; False if its id or its key is taken."""
    return (
        connection.execute(
            """
            insert into device (project, device, kind, public_key)
            values (%(project)s, %(device)s, %(kind)s, %(public_key)s)
            on conflict do nothing
            """,
            {
                "project": project,
                "device": device,
                "kind": kind,
                "public_key": public_key,
            },
        ).rowcount
        == 1
    )


def key_of(connection: Connection[Any], project: str, device: str) -> str | None:
    """The public key of a device."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(
            """
            select public_key from device
             where project = %(project)s and device = %(device)s
            """,
            {"project": project, "device": device},
        ).fetchone()


def announce(
    connection: Connection[Any],
    project: str,
    device: str,
    kind: str,
    announcement: dict[str, Any],
) -> bool:
    """Keep what a device told; False if the project has no such device."""
    return (
        connection.execute(
            """
            update device
               set kind = %(kind)s, announcement = %(announcement)s,
                   last_seen_at = now()
             where project = %(project)s and device = %(device)s
            """,
            {
                "project": project,
                "device": device,
                "kind": kind,
                "announcement": Json(announcement, dumps=json.dumps),
            },
        ).rowcount
        == 1
    )


def seen(connection: Connection[Any], project: str, devices: Iterable[str]) -> None:
    """These devices are, or were until now, online."""
    connection.execute(
        """
        update device set last_seen_at = now()
         where project = %(project)s and device = any(%(devices)s)
        """,
        {"project": project, "devices": sorted(devices)},
    )


def is_anothers(
    connection: Connection[Any], project: str, device: str, public_key: str
) -> bool:
    """Whether a key is a device's, but not this one's."""
    return (
        connection.execute(
            """
            select from device
             where public_key = %(public_key)s
               and (project, device) <> (%(project)s, %(device)s)
            """,
            {"project": project, "device": device, "public_key": public_key},
        ).fetchone()
        is not None
    )


def rekey(
    connection: Connection[Any], project: str, device: str, public_key: str
) -> bool:
    """Replace a device's key; False if there is no such device."""
    return (
        connection.execute(
            """
            update device set public_key = %(public_key)s
             where project = %(project)s and device = %(device)s
            """,
            {"project": project, "device": device, "public_key": public_key},
        ).rowcount
        == 1
    )


def delete(connection: Connection[Any], project: str, device: str) -> bool:
    """Forget a device; False if there was none."""
    return (
        connection.execute(
            "delete from device where project = %(project)s and device = %(device)s",
            {"project": project, "device": device},
        ).rowcount
        == 1
    )
