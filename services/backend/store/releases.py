"""Releases and the projects' keys at rest; neither ever changes."""

import json
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Json

from heddle.contract.flows import SignedRelease


class ReleaseRow(NamedTuple):
    """A release as it was published."""

    flow: str
    version: int
    document: bytes
    content_hash: str
    signature: str
    key: str
    engine_image: str
    engine_memory_mb: int | None
    note: str
    warnings: list[dict[str, Any]]
    published_by: str
    published_at_ms: int

    @property
    def signed(self) -> SignedRelease:
        """What travels to devices."""
        return SignedRelease(
            document=self.document,
            content_hash=self.content_hash,
            signature=self.signature,
            key=self.key,
        )


class KeyRow(NamedTuple):
    """A project's release key; the private half is sealed."""

    public_key: str
    sealed: bytes


_COLUMNS = """
flow, version, document, content_hash, signature, key, engine_image, engine_memory_mb,
note, warnings, published_by, published_at_ms
"""


def insert(connection: Connection[Any], project: str, row: ReleaseRow) -> None:
    """Keep a release."""
    values = row._asdict() | {"warnings": Json(row.warnings, dumps=json.dumps)}
    connection.execute(
        f"""
        insert into release (project, {_COLUMNS})
        values (%(project)s, {", ".join(f"%({name})s" for name in values)})
        """,  # noqa: S608 -- our own names
        {"project": project, **values},
    )


def get(
    connection: Connection[Any], project: str, flow: str, version: int | None = None
) -> ReleaseRow | None:
    """A release, the newest if ``version`` is None; None if there is none."""
    with connection.cursor(row_factory=class_row(ReleaseRow)) as cursor:
        return cursor.execute(
            f"""
            select {_COLUMNS} from release
             where project = %(project)s and flow = %(flow)s
               and version = coalesce(%(version)s, version)
             order by version desc
             limit 1
            """,  # noqa: S608 -- our own names
            {"project": project, "flow": flow, "version": version},
        ).fetchone()


def every(connection: Connection[Any], project: str, flow: str) -> list[ReleaseRow]:
    """A flow's releases, newest first, without their documents."""
    columns = _COLUMNS.replace("document", "''::bytea as document")
    with connection.cursor(row_factory=class_row(ReleaseRow)) as cursor:
        return cursor.execute(
            f"""
            select {columns} from release
             where project = %(project)s and flow = %(flow)s
             order by version desc
            """,  # noqa: S608 -- our own names
            {"project": project, "flow": flow},
        ).fetchall()


def key_of(connection: Connection[Any], project: str) -> KeyRow | None:
    """A project's key, if it has one already."""
    with connection.cursor(row_factory=class_row(KeyRow)) as cursor:
        return cursor.execute(
            "select public_key, sealed from release_key where project = %(project)s",
            {"project": project},
        ).fetchone()


def keep_key(connection: Connection[Any], project: str, key: KeyRow) -> None:
    """Keep a project's first key; a later one is not kept."""
    connection.execute(
        """
        insert into release_key (project, public_key, sealed)
        values (%(project)s, %(public_key)s, %(sealed)s)
        on conflict do nothing
        """,
        {"project": project, **key._asdict()},
    )
