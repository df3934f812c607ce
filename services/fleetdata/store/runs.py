"""How runs stand by their events: kept as events are stored, and read in pages.

Told twice an event counts once, and one that comes late changes nothing that a later
one told: of each fact the number of the event that told it is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heddle.contract.run_records import RunRecord, RunsQuery
from heddle.contract.runs import RunStatus
from services.fleetdata.reports import RunEvent
from services.fleetdata.store.instants import (
    at_ms,
    at_ms_or_none,
    unix_ms,
    unix_ms_or_none,
)
from services.fleetdata.store.links import Link


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run, and its place in a list."""

    id: int
    record: RunRecord


def insert_events(connection: Connection, told: Sequence[tuple[str, RunEvent]]) -> None:
    """Events by run and number; one that is there already stays as it is."""
    _insert_runs(connection, told)
    connection.execute(
        """
        with stored as (
            insert into run_event (run_id, number, id, type, at, data)
            select run.id, e.number, e.id, e.type, e.at, e.data
              from unnest(%(device)s::text[], %(run)s::text[], %(number)s::bigint[],
                          %(id)s::text[], %(type)s::text[], %(at)s::timestamptz[],
                          %(data)s::jsonb[])
                   as e (device, run, number, id, type, at, data)
              join run using (device, run)
             order by 1, 2
            on conflict do nothing
            returning run_id, number, type, at, data
        ), told as (
            select *, case type when 'WORKFLOW_PAUSED' then 'paused'
                                when 'WORKFLOW_RESUMED' then 'running'
                                when 'WORKFLOW_FINISHED' then 'finished'
                                when 'WORKFLOW_TERMINATED' then 'terminated'
                      end as status,
                   case type when 'PHASE_STARTED' then data ->> 'phaseId' end as phase
              from stored
        ), news as (
            select run_id, count(*) as events, min(at) as started_at,
                   max(number) as last_number,
                   (array_agg(at order by number desc))[1] as last_event_at,
                   coalesce(max(number) filter (where status is not null), -2)
                       as status_number,
                   (array_agg(status order by number desc)
                       filter (where status is not null))[1] as status,
                   (array_agg(at order by number desc)
                       filter (where status is not null))[1] as status_at,
                   coalesce(max(number) filter (where phase is not null), -2)
                       as phase_number,
                   (array_agg(phase order by number desc)
                       filter (where phase is not null))[1] as phase
              from told group by run_id
        )
        update run r
           set events = r.events + n.events,
               started_at = least(r.started_at, n.started_at),
               last_event_at = case when n.last_number > r.last_number
                   then n.last_event_at else r.last_event_at end,
               last_number = greatest(r.last_number, n.last_number),
               status = case when n.status_number > r.status_number
                   then n.status else r.status end,
               ended_at = case when n.status_number < r.status_number then r.ended_at
                   when n.status in ('finished', 'terminated') then n.status_at end,
               status_number = greatest(r.status_number, n.status_number),
               phase = case when n.phase_number > r.phase_number
                   then n.phase else r.phase end,
               phase_number = greatest(r.phase_number, n.phase_number)
          from news n where n.run_id = r.id
        """,
        {
            "device": [device for device, _ in told],
            "run": [event.run for _, event in told],
            "number": [event.number for _, event in told],
            "id": [event.id for _, event in told],
            "type": [event.type for _, event in told],
            "at": [at_ms(event.at_ms) for _, event in told],
            "data": [event.data for _, event in told],
        },
    )


def _insert_runs(connection: Connection, told: Sequence[tuple[str, RunEvent]]) -> None:
    runs = sorted({(device, e.run): (e.flow, e.version) for device, e in told}.items())
    connection.execute(
        """
        insert into run (device, run, flow, version)
        select * from unnest(%(device)s::text[], %(run)s::text[],
                             %(flow)s::text[], %(version)s::int[])
        on conflict do nothing
        """,
        {
            "device": [device for (device, _), _ in runs],
            "run": [run for (_, run), _ in runs],
            "flow": [flow for _, (flow, _) in runs],
            "version": [version for _, (_, version) in runs],
        },
    )


# A flow has one active run on a device: one that began before another has ended.
_OVERTAKEN = b"""
       (r.ended_at is null and exists (
           select from run later
            where later.device = r.device and later.flow = r.flow
              and (later.started_at, later.id) > (r.started_at, r.id)))
"""


def runs(link: Link, query: RunsQuery, most: int) -> list[ListedRun]:
    """Runs that fit, the newest first, older than the run ``before``."""
    found = link.connection.execute(
        b"select * from (select r.id, r.device, r.run, r.flow, r.version, r.status,"
        b" r.started_at, r.ended_at, r.events, r.last_event_at, r.phase,"
        + _OVERTAKEN
        + b"""
               as overtaken
          from run r
         where r.events > 0
           and (%(device)s::text is null or r.device = %(device)s)
           and (%(flow)s::text is null or r.flow = %(flow)s)
           and (%(statuses)s::text[] is null or r.status = any(%(statuses)s))
           and (%(active)s::boolean is not true or r.ended_at is null)
           and (%(to)s::timestamptz is null or r.started_at < %(to)s)
           and (%(from)s::timestamptz is null
                or r.ended_at is null or r.ended_at >= %(from)s)
           and (%(before)s::int is null or (r.started_at, r.id) < (
                   select p.started_at, p.id from run p where p.id = %(before)s))
               ) as fitting
         where %(active)s::boolean is null
            or %(active)s = (ended_at is null and not overtaken)
         order by started_at desc, id desc limit %(most)s
        """,
        {
            "device": query.device,
            "flow": query.flow,
            "statuses": None if query.statuses is None else list(query.statuses),
            "active": query.active,
            "from": at_ms_or_none(query.from_ms),
            "to": at_ms_or_none(query.to_ms),
            "before": query.before,
            "most": most,
        },
    ).fetchall()
    return [_found(*row) for row in found]


def _found(id_: int, device: str, run: str, *row: Any) -> ListedRun:
    flow, version, status, started, ended, events, last_event, phase, overtaken = row
    return ListedRun(
        id_,
        RunRecord(
            device=device,
            run=run,
            flow=flow,
            version=version,
            status=RunStatus(status),
            started_at_ms=unix_ms(started),
            ended_at_ms=unix_ms_or_none(ended),
            events=events,
            last_event_ms=unix_ms(last_event),
            last_phase=phase,
            overtaken=overtaken,
        ),
    )
