"""The journal of alarms: every transition, in the order in which it was recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heddle.contract.alarms import AlarmEntry, AlarmPlace, AlarmTransition
from services.fleetdata.store.instants import (
    at_ms_or_none,
    at_us,
    unix_us,
    unix_us_or_none,
)
from services.fleetdata.store.links import Link


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
