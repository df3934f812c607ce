"""The journal of alarms: every transition, in the order in which it was recorded.

Old ones are dropped; of an alarm that is not normal, not those since it last was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heddle.contract.alarm_answers import AlarmEntry
from heddle.contract.alarms import AlarmPlace, AlarmTransition
from services.fleetdata.store.care import DAY_US
from services.fleetdata.store.instants import (
    at_ms_or_none,
    at_us,
    unix_us,
    unix_us_or_none,
)
from services.fleetdata.store.links import Link

ROWS_PER_DELETE = 20_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """A transition on its way into the journal; epoch and number: of its stream."""

    device: str
    place: AlarmPlace
    transition: AlarmTransition
    epoch: str | None = None
    number: int | None = None


_ENTRIES = b"""
        select id, device, place, alarm, tag, at, cause, before, after, severity,
               value, who, comment, own_number, until, first
          from alarm_transition
"""


def record(connection: Connection, told: Sequence[Recorded]) -> list[AlarmEntry]:
    """Write transitions into the journal, in order."""
    if not told:
        return []
    rows = [
        (
            *(x.device, x.epoch, x.number, x.place.value, x.transition.alarm),
            *(x.transition.tag, at_us(x.transition.at_us), x.transition.cause),
            *(x.transition.before, x.transition.after, x.transition.severity),
            *(x.transition.value, x.transition.who, x.transition.comment),
            *(x.transition.number, at_ms_or_none(x.transition.until_ms)),
            x.transition.first,
        )
        for x in told
    ]
    found = connection.execute(
        """
        insert into alarm_transition
               (device, epoch, number, place, alarm, tag, at, cause, before, after,
                severity, value, who, comment, own_number, until, first)
        select device, epoch, number, place, alarm, tag, at, cause, before, after,
               severity, value, who, comment, own_number, until, first
          from unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[],
                      %s::text[], %s::timestamptz[], %s::text[], %s::text[],
                      %s::text[], %s::smallint[], %s::float8[], %s::text[],
                      %s::text[], %s::bigint[], %s::timestamptz[], %s::boolean[])
               with ordinality
               as t (device, epoch, number, place, alarm, tag, at, cause, before, after,
                     severity, value, who, comment, own_number, until, first, nth)
         order by nth
        returning id
        """,
        [list(column) for column in zip(*rows, strict=True)],
    ).fetchall()
    ids = sorted(row[0] for row in found)  # given in the order of insertion
    _enqueue_notices(connection, ids)
    return [
        AlarmEntry(id=id_, device=x.device, place=x.place, transition=x.transition)
        for id_, x in zip(ids, told, strict=True)
    ]


def _enqueue_notices(connection: Connection, ids: Sequence[int]) -> None:
    """Queue a notice of each transition for every target that wants to know."""
    connection.execute(
        """
        insert into notice (target, transition_id)
        select t.target, a.id from alarm_transition a join notice_target t
            on a.severity >= t.min_severity
           and (t.device is null or t.device = a.device)
         where a.id = any(%s)
           and (a.after = 'unacknowledged'
                and (a.before <> 'unacknowledged' or a.cause = 're_alarmed')
                or t.cleared and a.cause = 'cleared')
         order by a.id
        """,
        (list(ids),),
    )


def journal(
    link: Link,
    from_us: int,
    to_us: int,
    device: str | None,
    alarm: str | None,
    before: int | None,
    most: int,
) -> list[AlarmEntry]:
    """Transitions of [from, to), the newest first, older than the entry ``before``."""
    found = link.connection.execute(
        _ENTRIES
        + b"""
         where at >= %(from)s and at < %(to)s
           and (%(device)s::text is null or device = %(device)s)
           and (%(alarm)s::text is null or alarm = %(alarm)s)
           and (%(before)s::bigint is null or (at, id) < (
                   select p.at, p.id from alarm_transition p where p.id = %(before)s))
         order by at desc, id desc limit %(most)s
        """,
        {
            "from": at_us(from_us),
            "to": at_us(to_us),
            "device": device,
            "alarm": alarm,
            "before": before,
            "most": most,
        },
    ).fetchall()
    return [entry_of(row) for row in found]


def process_journal(
    link: Link, from_us: int, to_us: int, device: str | None, most: int
) -> list[AlarmEntry]:
    """Transitions that key figures are made of, the oldest first."""
    found = link.connection.execute(
        _ENTRIES
        + b"""
         where at >= %(from)s and at < %(to)s
           and (%(device)s::text is null or device = %(device)s)
           and cause not in ('acknowledged', 'commented')
         order by at, id limit %(most)s
        """,
        {"from": at_us(from_us), "to": at_us(to_us), "device": device, "most": most},
    ).fetchall()
    return [entry_of(row) for row in found]


def entry_of(row: tuple[Any, ...]) -> AlarmEntry:
    """A row of the journal."""
    id_, device, place, alarm, tag, at, cause, before, after, severity, *more = row
    value, who, comment, number, until, first = more
    until_us = unix_us_or_none(until)
    return AlarmEntry(
        id=id_,
        device=device,
        place=AlarmPlace(place),
        transition=AlarmTransition(
            alarm=alarm,
            tag=tag,
            at_us=unix_us(at),
            cause=cause,
            before=before,
            after=after,
            severity=severity,
            value=value,
            who=who,
            comment=comment,
            number=number,
            until_ms=None if until_us is None else until_us // 1000,
            first=first,
        ),
    )


def drop_transitions(link: Link, before: int, most: int = ROWS_PER_DELETE) -> int:
    """Drop some transitions of days before a day, with their notices; how many."""
    (dropped,) = link.connection.execute(
        """
        with standing as (
            select s.device, s.alarm, (
                       select max(a.id) from alarm_transition a
                        where (a.device, a.alarm) = (s.device, s.alarm)
                          and a.before = 'normal' and a.after <> 'normal'
                   ) as since
              from alarm_state s where s.state <> 'normal'
        ), old as (
            select t.id from alarm_transition t
             where t.at < %(before)s
               and not exists (
                   select from standing s
                    where (s.device, s.alarm) = (t.device, t.alarm)
                      and t.id >= coalesce(s.since, 0))
             order by t.at, t.id limit %(most)s
        ), gone as (
            delete from alarm_transition where id in (select id from old) returning id
        ), untold as (
            delete from notice where transition_id in (select id from gone)
        )
        select count(*) from gone
        """,
        {"before": at_us(before * DAY_US), "most": most},
    ).fetchone() or (0,)
    return int(dropped)
