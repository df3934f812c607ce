"""Questions to a project's database: latest values, history, events of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import sql

from heddle.contract.history import HistoryQuery, TagValue
from heddle.contract.runs import WorkflowEvent
from services.fleetdata.store.links import Link

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Overflow:
    """The answer has more rows than allowed."""

    rows: int


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of history, by series and time; ``series`` are id, tag and unit."""

    series: tuple[tuple[int, str, str], ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run and events of it."""

    flow: str
    version: int
    events: tuple[WorkflowEvent, ...]


def latest(
    link: Link, device: str, tags: Sequence[str] | None, most: int
) -> tuple[TagValue, ...]:
    """The newest value of each tag, whatever its unit was; at most ``most``."""
    found = link.connection.execute(
        """
        select distinct on (t.tag) t.tag, t.unit, c.at, c.value, c.quality
          from tag t join current_value c on c.tag_id = t.id
         where t.device = %(device)s
           and (%(tags)s::text[] is null or t.tag = any(%(tags)s::text[]))
         order by t.tag, c.at desc
         limit %(most)s
        """,
        {
            "device": device,
            "tags": None if tags is None else list(tags),
            "most": most,
        },
    )
    return tuple(
        TagValue(tag=tag, unit=unit, at_ms=unix_ms(at), value=value, quality=quality)
        for tag, unit, at, value, quality in found
    )


_SAMPLES = sql.SQL(
    """
    select tag_id, at, value, quality from sample
     where tag_id = any(%(ids)s) and at >= %(since)s and at < %(until)s
    """
)
_BUCKETS = sql.SQL(
    """
    select tag_id, date_bin(%(width)s, at, timestamptz 'epoch') as at,
           avg(value), min(value), max(value), count(*)
      from sample
     where tag_id = any(%(ids)s) and at >= %(since)s and at < %(until)s
       and quality < 2 and value is not null
     group by 1, 2
    """
)


def history(link: Link, query: HistoryQuery, most: int) -> Found | Overflow:
    """Rows of a time range: (id, at, value, quality), or for buckets
    (id, start, mean, low, high, count). ``Overflow`` if there are more than ``most``.
    """
    series = link.connection.execute(
        """
        select id, tag, unit from tag
         where device = %(device)s and tag = any(%(tags)s)
         order by id
        """,
        {"device": query.device, "tags": list(query.tags)},
    ).fetchall()
    arguments = {
        "ids": [id_ for id_, _, _ in series],
        "since": at_ms(query.from_ms),
        "until": at_ms(query.to_ms),
        "width": timedelta(milliseconds=query.bucket_ms or 1),
        "most": most + 1,
    }
    rows = _SAMPLES if query.bucket_ms is None else _BUCKETS
    found = link.connection.execute(
        sql.SQL("{} order by 1, 2 limit %(most)s").format(rows), arguments
    ).fetchall()
    if len(found) > most:
        counted = link.connection.execute(
            sql.SQL("select count(*) from ({}) as found").format(rows), arguments
        ).fetchone()
        return Overflow(counted[0] if counted else len(found))
    return Found(tuple(series), tuple(found))


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


def unix_ms(at: datetime) -> int:
    """Unix milliseconds, rounded down."""
    return (at - _EPOCH) // _MS


def at_ms(unix: int) -> datetime:
    """The instant of unix milliseconds."""
    return _EPOCH + timedelta(milliseconds=unix)
