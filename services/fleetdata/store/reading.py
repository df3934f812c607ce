"""Questions to a project's database: latest values, events of a run; and what those
of history have in common.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from psycopg import Connection, sql

from heddle.contract.devices import TagType
from heddle.contract.history import HistoryQuery, ValueColumns
from heddle.contract.runs import WorkflowEvent
from services.fleetdata.columns import TEXTUAL
from services.fleetdata.packing import pack
from services.fleetdata.store.instants import unix_ms
from services.fleetdata.store.links import Link

_TYPES = {kind.value: kind for kind in TagType}
_EPOCH_US = 946_684_800_000_000  # PostgreSQL's, 2000-01-01, in unix microseconds
_FETCHED_AT_ONCE = 200  # texts of up to 16 KiB


class SeriesKey(NamedTuple):
    """A series: its id, and what it is called."""

    id: int
    tag: str
    unit: str
    type: TagType

    @property
    def is_textual(self) -> bool:
        """Whether it holds text, or JSON as text."""
        return self.type in TEXTUAL


@dataclass(frozen=True, slots=True)
class Most:
    """What an answer may hold."""

    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Overflow:
    """The answer has more rows than allowed, or (None) more bytes of text."""

    rows: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of history, those of a series together and in order of time."""

    series: tuple[SeriesKey, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run and events of it."""

    flow: str
    version: int
    events: tuple[WorkflowEvent, ...]


def latest(
    link: Link, device: str, tags: Sequence[str] | None, most: int
) -> ValueColumns:
    """The newest value of each tag, whatever its unit was; at most ``most``.

    Moments come as PostgreSQL sends them and are unpacked together: as ``datetime``,
    or by ``extract``, they cost as much as all else.
    """
    with link.connection.cursor(binary=True) as cursor:
        found = cursor.execute(
            """
            select distinct on (t.tag)
                   t.tag, t.unit, t.type, timestamptz_send(c.at),
                   coalesce(c.value, 'NaN'), c.quality, c.text
              from tag t join current_value c on c.tag_id = t.id
             where t.device = %(device)s
               and (%(tags)s::text[] is null or t.tag = any(%(tags)s::text[]))
             order by t.tag, c.at desc, t.id desc
             limit %(most)s
            """,
            {
                "device": device,
                "tags": None if tags is None else list(tags),
                "most": most,
            },
        ).fetchall()
    names, units, types, at, value, quality, texts = (
        zip(*found, strict=True) if found else ((),) * 7
    )
    return pack(
        names,
        units,
        types,
        np.frombuffer(b"".join(at), ">i8") + _EPOCH_US,
        np.array(value, np.float64),
        np.array(quality, np.uint8),
        {row: text for row, text in enumerate(texts) if text is not None},
    )


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """All statements within see the database at one moment."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read read only")
        yield


def series_of(connection: Connection, query: HistoryQuery) -> tuple[SeriesKey, ...]:
    """The series of the tags asked for, oldest first."""
    found = connection.execute(
        """
        select id, tag, unit, type from tag
         where device = %(device)s and tag = any(%(tags)s)
         order by id
        """,
        {"device": query.device, "tags": list(query.tags)},
    )
    return tuple(
        SeriesKey(id_, tag, unit, _TYPES[type_]) for id_, tag, unit, type_ in found
    )


def run_events(
    link: Link, device: str, run: str, first: int, limit: int
) -> FoundRun | None:
    """Events of a run from a number on, in order; None if the run is unknown."""
    found = link.connection.execute(
        """
        select id, flow, version from run
         where device = %(device)s and run = %(run)s
        """,
        {"device": device, "run": run},
    ).fetchone()
    if found is None:
        return None
    run_id, flow, version = found
    events = link.connection.execute(
        """
        select id, type, at, number, data from run_event
         where run_id = %(run_id)s and number >= %(first)s
         order by number
         limit %(limit)s
        """,
        {"run_id": run_id, "first": first, "limit": limit},
    )
    return FoundRun(
        flow,
        version,
        tuple(
            WorkflowEvent(
                id=id_, type=type_, createdAt=unix_ms(at), number=number, data=data
            )
            for id_, type_, at, number, data in events
        ),
    )


def fetch_texts(
    connection: Connection, question: sql.SQL | sql.Composed, arguments: dict[str, Any]
) -> Iterator[tuple[Any, ...]]:
    """Rows of a question inside a transaction, a few at a time: some are long."""
    with connection.cursor("texts", binary=True) as cursor:
        cursor.execute(question, arguments)
        while some := cursor.fetchmany(_FETCHED_AT_ONCE):
            yield from some
