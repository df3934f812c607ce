"""Alarms in the database: rules, and how alarms stand.

Whoever judges the alarms of a device first locks its row of ``alarm_bank``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.types.json import Jsonb
from twisted.logger import Logger

from heddle.alarms.state import Alarm
from heddle.alarms.table import Snapshot
from heddle.contract.alarms import (
    AlarmPlace,
    AlarmRule,
)
from services.fleetdata.store.instants import (
    at_us,
    at_us_or_none,
    unix_us,
    unix_us_or_none,
)
from services.fleetdata.store.links import Link

log = Logger()


@dataclass(frozen=True, slots=True)
class Bank:
    """A device whose alarms are judged here; the row is locked."""

    device: str
    token: UUID
    next_by_clock_us: int | None


@dataclass(frozen=True, slots=True)
class State:
    """How an alarm stands, as a row."""

    device: str
    alarm: str
    place: AlarmPlace
    tag: str
    state: str
    severity: int
    at_us: int
    raised_at_us: int | None = None
    value: float | None = None
    first: bool = False
    who: str | None = None
    comment: str | None = None
    until_us: int | None = None
    memory: Alarm | None = None
    moved: bool = True  # else ``at_us`` stays as it was, if it was there
    anew: bool = True  # else who and comment stay, if there are no new ones


# --- banks ---


def lock_banks(connection: Connection, devices: Iterable[str]) -> list[Bank]:
    """The banks among these devices, locked until the end of the transaction."""
    found = connection.execute(
        """
        select device, token, next_by_clock from alarm_bank
         where device = any(%s) order by device for update
        """,
        (sorted(set(devices)),),
    ).fetchall()
    return [Bank(device, token, unix_us_or_none(due)) for device, token, due in found]


def open_bank(connection: Connection, device: str) -> Bank:
    """The bank of a device, made if need be, locked likewise."""
    connection.execute(
        """
        insert into alarm_bank (device, token, first)
        values (%s, gen_random_uuid(), '{}') on conflict do nothing
        """,
        (device,),
    )
    return lock_banks(connection, [device])[0]


def lock_due(connection: Connection, now_us: int, most: int) -> list[Bank]:
    """Banks for which it is time, locked; those others have locked are left out."""
    found = connection.execute(
        """
        select device, token, next_by_clock from alarm_bank
         where next_by_clock <= %s order by device limit %s for update skip locked
        """,
        (at_us(now_us), most),
    ).fetchall()
    return [Bank(device, token, unix_us_or_none(due)) for device, token, due in found]


def next_by_clock(link: Link) -> int | None:
    """When ``lock_due`` will find something."""
    found = link.connection.execute(
        "select min(next_by_clock) from alarm_bank"
    ).fetchone()
    return unix_us_or_none(found[0]) if found else None


def save_bank(
    connection: Connection,
    device: str,
    token: UUID,
    next_by_clock_us: int | None,
    first: Mapping[str, str],
) -> None:
    """Tell what a locked bank is from now on."""
    due = None if next_by_clock_us is None else at_us(next_by_clock_us)
    connection.execute(
        """
        update alarm_bank set token = %s, next_by_clock = %s, first = %s
         where device = %s
        """,
        (token, due, Jsonb(dict(first)), device),
    )


def load_snapshot(connection: Connection, device: str, now_us: int) -> Snapshot:
    """What was remembered of the alarms of a device, with the times of its samples.

    No time is later than now, however wrong the clock was that it comes from.
    """
    memories = connection.execute(
        """
        select alarm, memory from alarm_state
         where device = %s and place = 'centre' and memory is not null
        """,
        (device,),
    ).fetchall()
    seen = connection.execute(
        """
        select t.tag, max(c.at) from tag t join current_value c on c.tag_id = t.id
         where t.device = %s and t.type not in ('text', 'json') group by t.tag
        """,
        (device,),
    ).fetchall()
    first = connection.execute(
        "select first from alarm_bank where device = %s", (device,)
    ).fetchone()
    return Snapshot(
        alarms=dict(_remembered(device, memories)),
        seen_us={tag: min(unix_us(at), now_us) for tag, at in seen},
        first=first[0] if first else {},
    )


def _remembered(
    device: str, memories: Iterable[tuple[Any, ...]]
) -> Iterator[tuple[str, Alarm]]:
    """What can be understood: an alarm that cannot begins anew, and stops nobody."""
    for alarm, memory in memories:
        try:
            yield alarm, msgspec.convert(memory, Alarm)
        except msgspec.ValidationError as flaw:
            log.warn(
                "alarm {alarm} of {device} begins anew, what was stored of it makes no "
                "sense: {flaw}",
                alarm=alarm,
                device=device,
                flaw=str(flaw),
            )


def current(
    connection: Connection, device: str, tags: Sequence[str], now_us: int
) -> list[tuple[str, int, float, int]]:
    """The newest (tag, time, value, quality) of tags with numbers; NaN is no value.

    No time is later than now.
    """
    found = connection.execute(
        """
        select distinct on (t.tag) t.tag, c.at, coalesce(c.value, 'NaN'), c.quality
          from tag t join current_value c on c.tag_id = t.id
         where t.device = %s and t.tag = any(%s) and t.type not in ('text', 'json')
         order by t.tag, c.at desc
        """,
        (device, list(tags)),
    ).fetchall()
    return [
        (tag, min(unix_us(at), now_us), value, quality)
        for tag, at, value, quality in found
    ]


# --- rules ---


def select_rules(
    connection: Connection, device: str | None, place: AlarmPlace | None = None
) -> list[AlarmRule]:
    """Rules of a device, or of all."""
    found = connection.execute(
        """
        select rule from alarm_rule
         where (%(device)s::text is null or device = %(device)s)
           and (%(place)s::text is null or place = %(place)s)
         order by device, alarm
        """,
        {"device": device, "place": place and place.value},
    ).fetchall()
    return [msgspec.convert(rule, AlarmRule) for (rule,) in found]


def put_rules(connection: Connection, rules: Sequence[AlarmRule]) -> None:
    """Insert rules, or replace those that are there."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into alarm_rule (device, alarm, place, rule)
            values (%s, %s, %s, %s)
            on conflict (device, alarm) do update
               set place = excluded.place, rule = excluded.rule
            """,
            [
                (x.device, x.alarm, x.place.value, Jsonb(msgspec.to_builtins(x)))
                for x in rules
            ],
        )


def delete_rules(connection: Connection, device: str, alarms: Sequence[str]) -> None:
    """Remove rules, and how their alarms stand."""
    for table in ("alarm_rule", "alarm_state"):
        connection.execute(
            f"delete from {table} where device = %s and alarm = any(%s)".encode(),  # noqa: S608 -- two names of ours
            (device, list(alarms)),
        )


def next_number(connection: Connection, device: str, alarm: str) -> int:
    """With which number an alarm's transitions go on that had others before."""
    found = connection.execute(
        """
        select max(own_number) + 1 from alarm_transition
         where device = %s and alarm = %s and place = 'centre'
        """,
        (device, alarm),
    ).fetchone()
    return int(found[0]) if found and found[0] is not None else 0


# --- states ---


def put_states(connection: Connection, states: Sequence[State]) -> None:
    """Insert or replace how alarms stand, in an order all writers keep: no deadlock."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into alarm_state
                   (device, alarm, place, tag, state, severity, at, raised_at, value,
                    first, who, comment, until, memory)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (device, alarm) do update
               set place = excluded.place, tag = excluded.tag, state = excluded.state,
                   severity = excluded.severity,
                   at = case when %s then excluded.at else alarm_state.at end,
                   raised_at = coalesce(excluded.raised_at, alarm_state.raised_at),
                   value = coalesce(excluded.value, alarm_state.value),
                   first = excluded.first,
                   who = case when %s then excluded.who
                              else coalesce(excluded.who, alarm_state.who) end,
                   comment = case when %s then excluded.comment
                         else coalesce(excluded.comment, alarm_state.comment) end,
                   until = case when excluded.state = 'shelved'
                                then coalesce(excluded.until, alarm_state.until)
                                else excluded.until end,
                   memory = excluded.memory
            """,
            [
                (
                    *(x.device, x.alarm, x.place.value, x.tag, x.state, x.severity),
                    *(at_us(x.at_us), at_us_or_none(x.raised_at_us), x.value, x.first),
                    *(x.who, x.comment, at_us_or_none(x.until_us)),
                    None if x.memory is None else Jsonb(msgspec.to_builtins(x.memory)),
                    *(x.moved, x.anew, x.anew),
                )
                for x in sorted(states, key=lambda x: (x.device, x.alarm))
            ],
        )


def select_states(
    connection: Connection,
    device: str | None = None,
    alarms: Sequence[str] | None = None,
    *,
    standing: bool = False,
) -> list[State]:
    """How alarms stand; ``standing``: only those that are not normal."""
    found = connection.execute(
        """
        select device, alarm, place, tag, state, severity, at, raised_at, value, first,
               who, comment, until
          from alarm_state
         where (%(device)s::text is null or device = %(device)s)
           and (%(alarms)s::text[] is null or alarm = any(%(alarms)s))
           and (state <> 'normal' or not %(standing)s)
         order by device, alarm
        """,
        {
            "device": device,
            "alarms": None if alarms is None else list(alarms),
            "standing": standing,
        },
    ).fetchall()
    return [_state(row) for row in found]


def _state(row: tuple[Any, ...]) -> State:
    device, alarm, place, tag, state, severity, at, raised_at, value, *more = row
    first, who, comment, until = more
    return State(
        device=device,
        alarm=alarm,
        place=AlarmPlace(place),
        tag=tag,
        state=state,
        severity=severity,
        at_us=unix_us(at),
        raised_at_us=unix_us_or_none(raised_at),
        value=value,
        first=first,
        who=who,
        comment=comment,
        until_us=unix_us_or_none(until),
    )


def delete_states(connection: Connection, device: str, alarms: Sequence[str]) -> None:
    """Forget how alarms stand that are judged elsewhere from now on."""
    connection.execute(
        "delete from alarm_state where device = %s and alarm = any(%s)",
        (device, list(alarms)),
    )


def rules(
    link: Link, device: str | None, place: AlarmPlace | None = None
) -> list[AlarmRule]:
    """Rules of a device, or of all; a question."""
    return select_rules(link.connection, device, place)


def states(
    link: Link,
    device: str | None,
    alarms: Sequence[str] | None = None,
    *,
    standing: bool = False,
) -> list[State]:
    """How alarms stand; a question."""
    return select_states(link.connection, device, alarms, standing=standing)
