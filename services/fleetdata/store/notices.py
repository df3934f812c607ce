"""Notices of alarms: targets, and the queue of what is to be told.

They are queued by the transaction that records a transition (``alarm_journal``). A
notice is claimed for a while, told outside of any transaction, and then settled; one
whose teller died comes up again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from heddle.alarms.rule import OPC_UA, Severity
from heddle.contract.alarm_answers import AlarmEntry
from heddle.contract.alarm_notices import NoticeTarget, NoticeTargetReport
from services.fleetdata.store.alarm_journal import entry_of
from services.fleetdata.store.links import Link

CLAIM_S = 60  # longer than an attempt may take
GIVE_UP_AFTER = timedelta(days=1)
LONGEST_WAIT_S = 600


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told to whom."""

    id: int
    target: NoticeTarget  # with its secret
    entry: AlarmEntry
    text: str  # of the alarm's rule
    key: str  # by which the receiver knows a repeat
    test: bool = False


def claim(link: Link, most: int) -> list[Notice]:
    """Notices it is time for; nobody else gets them for a minute."""
    with link.connection.transaction():
        found = link.connection.execute(
            """
            with due as (
                select id from notice
                 where given_up_at is null and next_at <= now()
                 order by next_at limit %(most)s for update skip locked
            ), claimed as (
                update notice n
                   set tries = tries + 1,
                       next_at = now() + make_interval(secs => %(claim)s)
                  from due where n.id = due.id
                returning n.id, n.target, n.transition_id
            )
            select c.id, t.wanted, t.secret, coalesce(r.rule ->> 'text', ''),
                   a.id, a.device, a.place, a.alarm, a.tag, a.at, a.cause, a.before,
                   a.after, a.severity, a.value, a.who, a.comment, a.own_number,
                   a.until, a.first
              from claimed c join notice_target t using (target)
              join alarm_transition a on a.id = c.transition_id
              left join alarm_rule r on (r.device, r.alarm) = (a.device, a.alarm)
             order by c.id
            """,
            {"most": most, "claim": CLAIM_S},
        ).fetchall()
    return [
        Notice(
            id_,
            _target(wanted, secret),
            (entry := entry_of(tuple(row))),
            text,
            str(entry.id),
        )
        for id_, wanted, secret, text, *row in found
    ]


def next_in_s(link: Link) -> float | None:
    """In how many seconds ``claim`` will find something."""
    found = link.connection.execute(
        """
        select extract(epoch from min(next_at) - now()) from notice
         where given_up_at is null
        """
    ).fetchone()
    return None if found is None or found[0] is None else float(found[0])


def told(link: Link, id_: int) -> None:
    """It was delivered."""
    link.connection.execute("delete from notice where id = %s", (id_,))


def not_told(link: Link, id_: int, error: str) -> bool:
    """It was not: try again later, ever more rarely; whether it was given up."""
    found = link.connection.execute(
        """
        update notice
           set error = %(error)s,
               next_at = now() + make_interval(
                   secs => least(power(2, least(tries, 20)), %(longest)s)),
               given_up_at = case when now() - made_at > %(patience)s then now() end
         where id = %(id)s returning given_up_at is not null
        """,
        {
            "id": id_,
            "error": error[:500],
            "longest": LONGEST_WAIT_S,
            "patience": GIVE_UP_AFTER,
        },
    ).fetchone()
    return bool(found and found[0])


def put_targets(link: Link, targets: Sequence[NoticeTarget]) -> None:
    """Make or change targets; a secret that is None stays."""
    with link.connection.transaction():
        for one in targets:
            wanted = msgspec.to_builtins(one)
            del wanted["secret"]
            link.connection.execute(
                """
                insert into notice_target
                       (target, wanted, secret, min_severity, device, cleared)
                values (%s, %s, %s, %s, %s, %s)
                on conflict (target) do update
                   set wanted = excluded.wanted,
                       secret = coalesce(excluded.secret, notice_target.secret),
                       min_severity = excluded.min_severity,
                       device = excluded.device, cleared = excluded.cleared
                """,
                (
                    one.target,
                    Jsonb(wanted),
                    one.secret,
                    OPC_UA[Severity(one.min_severity)],
                    one.device,
                    one.cleared,
                ),
            )


def remove_targets(link: Link, targets: Sequence[str]) -> None:
    """Remove targets and their notices; those that are not there are no fault."""
    link.connection.execute(
        "delete from notice_target where target = any(%s)", (list(targets),)
    )


def find_target(link: Link, name: str) -> NoticeTarget | None:
    """A target with its secret, to tell it something."""
    found = link.connection.execute(
        "select wanted, secret from notice_target where target = %s", (name,)
    ).fetchone()
    return None if found is None else _target(*found)


def _target(wanted: dict[str, Any], secret: str | None) -> NoticeTarget:
    return msgspec.convert(wanted | {"secret": secret}, NoticeTarget)


def list_targets(link: Link) -> list[NoticeTargetReport]:
    """Targets without secrets, and how their notices fare."""
    found = link.connection.execute(
        """
        select t.wanted, t.secret is not null,
               count(n.id) filter (where n.given_up_at is null),
               count(n.id) filter (where n.given_up_at is not null),
               (array_agg(n.error order by n.id desc)
                filter (where n.error is not null))[1]
          from notice_target t left join notice n using (target)
         group by t.target order by t.target
        """
    ).fetchall()
    return [
        NoticeTargetReport(
            target=msgspec.convert(wanted, NoticeTarget),
            has_secret=has_secret,
            waiting=waiting,
            given_up=given_up,
            error=error,
        )
        for wanted, has_secret, waiting, given_up, error in found
    ]
