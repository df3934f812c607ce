"""What a question costs with a million and with ten million rows in the table.

A stack of ``heddle up`` on embedded PostgreSQL, and one on TimescaleDB. The samples are
those of one day of a device of 1,000 tags: one of them a sample a second, the others
equally often, all interleaved in time, which is the worst order for reading one tag.
They are loaded by COPY, and rolled up by the bench and the service at once. Asked is
the store itself, and the service over WAMP as a person's session sees it.
"""

import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from heddle.contract.declare import InvalidId, project_realm
from heddle.contract.history import HISTORY, LATEST, HistoryQuery, LatestQuery
from heddle.local.folder import PROJECT, Folder
from heddle.local.postgres import Postgres, embedded_bin
from heddle.tag_values import tag_values
from heddle.wamp.heap import freeze_heap
from heddle.wamp.joining import Joined, KeyCredentials
from heddle.wamp.keys import load_key
from heddle.wamp.session import Session
from services.fleetdata.store import reading
from services.fleetdata.store.buckets import Buckets, buckets
from services.fleetdata.store.care import make_days
from services.fleetdata.store.copying import Rows, copy, sample_rows
from services.fleetdata.store.instants import at_ms
from services.fleetdata.store.links import Link
from services.fleetdata.store.marks import mark_dirty
from services.fleetdata.store.provision import Server
from services.fleetdata.store.reading import Most
from services.fleetdata.store.rollups import HOURS, MINUTES, roll_up
from tests.bench.harness import figure
from tests.support.neighbours import timescaledb_bin
from tests.support.stack import RunningStack

DEVICE, TAGS = "bench_1", 1000
MILLIONS = (1, 10)
AT_ONCE = 100_000  # rows of one COPY
ROUNDS, WARM = 300, 5
DAY_S = 86_400
POINTS_MS = DAY_S * 2  # a day in 500 buckets
MOST = Most(10_000, 900_000)
Times = list[float]  # milliseconds
AGAINST = {
    "select_1": "select 1 over the same connection",
    "by_hand": "avg, min, max and count of all its samples in one plain query",
    "bare": "the latest values of a device nobody knows, over WAMP as well",
    "empty_call": "a call that fleetdata refuses unread, the floor of a round trip",
}
FLOOR = """
    select date_bin('172.8 s', at, 'epoch'::timestamptz), avg(value), min(value),
           max(value), count(*)
      from sample where tag_id = %(id)s and at >= %(since)s and at < %(until)s
     group by 1
    """


def main() -> None:
    """Print the figures of both storages."""
    task.react(lambda reactor: Deferred.fromCoroutine(_all(reactor)))


async def _all(reactor: Any) -> None:
    kinds: dict[str, Path | None] = {"embedded": None}
    if (found := timescaledb_bin()) is not None:
        kinds["timescaledb"] = found
    for kind, programs in kinds.items():
        with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
            options = () if programs is None else ("--postgres-bin", str(programs))
            stack = RunningStack(Path(folder) / "data", *options)
            stack.start()
            try:
                await _measure(reactor, stack, programs or embedded_bin(), kind)
            finally:
                stack.stop()


def link_to(stack: RunningStack, programs: Path) -> Link:
    """A link of fleetdata's own to the database of a stack's project."""
    folder = Folder(stack.data)
    postgres = Postgres(programs, folder.postgres)
    password = folder.secret("database_password").read_text().strip()
    key = load_key(folder.key("fleetdata"))
    server = Server.at(postgres.dsn("postgres", password), None, key.encode())
    return Link(server.conninfo(PROJECT, 600))


async def _measure(
    reactor: Any, stack: RunningStack, programs: Path, kind: str
) -> None:
    owner = KeyCredentials(load_key(stack.data / "keys/admin.key"))
    link = link_to(stack, programs)
    try:
        bench = Bench(link, kind)
        for millions in MILLIONS:
            await deferToThread(bench.load, millions)
            realm = project_realm(PROJECT)
            async with Joined(reactor, stack.router, realm, owner) as session:
                await bench.ask(session, millions)
    finally:
        link.close()


class Bench:
    """One storage, with more and more rows."""

    def __init__(self, link: Link, kind: str) -> None:
        self._link = link
        self._kind = kind
        self.ids: list[int] = link.perform(_make_tags)
        self.day = int(time.time()) // DAY_S - 1

    def load(self, millions: int) -> int:
        """Empty the tables and load a day's samples; how many they are."""
        self._link.perform(_empty)
        self._link.perform(make_days, [self.day])
        began = time.perf_counter()
        rows = 0
        for hour in range(24):
            made = _an_hour(self.ids, self.day * DAY_S + hour * 3600, millions)
            rows += len(made)
            for first in range(0, len(made), AT_ONCE):
                self._link.perform(_copy, _cut(made, first))
        loaded = time.perf_counter()
        while self._link.perform(_marks, (self.day + 1) * DAY_S):
            self._link.perform(roll_up, MINUTES)
            self._link.perform(roll_up, HOURS)
        rolled = time.perf_counter()
        self._link.perform(_tidy, self.ids)
        of = f"_{self._kind}_{millions}m"
        figure("history", f"load_rows_per_s{of}", round(rows / (loaded - began)), "1/s")
        figure(
            *("history", f"rolled_up_after_s{of}", round(rolled - loaded, 1), "s"),
            *(round((rolled - loaded) / (loaded - began), 2), "loading the rows"),
        )
        return rows

    async def ask(self, session: Session, millions: int) -> None:
        """Time the questions, of the store and over WAMP, by turns."""
        since = self.day * DAY_S * 1000
        day = HistoryQuery(
            device=DEVICE,
            tags=("tag_0000",),
            from_ms=since,
            to_ms=since + DAY_S * 1000,
            bucket_ms=POINTS_MS,
        )
        questions = {
            "day_to_500_points": day,
            "day_to_480_points": replace(day, bucket_ms=180_000),
            "day_to_24_points": replace(day, bucket_ms=3_600_000),
        }
        stored = await deferToThread(
            self._by_turns,
            {
                "select_1": _nothing,
                "by_hand": self._by_hand,
                "latest_1000_tags": self._latest,
                **{name: self._buckets(query) for name, query in questions.items()},
            },
        )
        freeze_heap()  # as our own processes do: a client's pauses are not ours
        called = await _calls_by_turns(
            {
                "empty_call": lambda: _refused(session),
                "bare": lambda: session.call(LATEST, LatestQuery(device="nobody")),
                "latest_1000_tags": lambda: _latest(session),
                **{
                    name: lambda query=query: session.call(HISTORY, query)
                    for name, query in questions.items()
                },
            }
        )
        for name in ("latest_1000_tags", *questions):
            floor = "select_1" if name.startswith("latest") else "by_hand"
            self._tell(f"{name}_store", millions, stored[name], stored[floor], floor)
            self._tell(name, millions, called[name], called["bare"], "bare")
        self._tell("bare", millions, called["bare"], called["empty_call"], "empty_call")
        self._tell(
            "empty_call",
            millions,
            called["empty_call"],
            called["empty_call"],
            "empty_call",
        )
        floor = "select_1"
        self._tell("by_hand_store", millions, stored["by_hand"], stored[floor], floor)

    def _tell(
        self, name: str, millions: int, took: Times, against: Times, word: str
    ) -> None:
        for part in (50, 99):
            value = float(np.percentile(took, part))
            figure(
                "history",
                f"{name}_p{part}_ms_{self._kind}_{millions}m",
                round(value, 2),
                "ms",
                round(value / float(np.percentile(against, part)), 2),
                AGAINST[word],
            )

    def _by_turns(self, works: dict[str, Callable[[Link], None]]) -> dict[str, Times]:
        times: dict[str, Times] = {name: [] for name in works}
        for n in range(WARM + ROUNDS):
            for name, work in works.items():
                began = time.perf_counter()
                self._link.perform(work)
                if n >= WARM:
                    times[name].append((time.perf_counter() - began) * 1000)
        return times

    def _latest(self, link: Link) -> None:
        if len(reading.latest(link, DEVICE, None, TAGS + 1).tags) != TAGS:
            raise RuntimeError("not every tag has a latest value")

    def _buckets(self, query: HistoryQuery) -> Callable[[Link], None]:
        def work(link: Link) -> None:
            answer = buckets(link, query, MOST)
            if not isinstance(answer, Buckets):
                raise TypeError(f"no answer: {answer}")
            if sum(row[5] for row in answer.found.rows) != DAY_S:
                raise RuntimeError("the answer does not count every sample")

        return work

    def _by_hand(self, link: Link) -> None:
        link.connection.execute(
            FLOOR,
            {
                "id": self.ids[0],
                "since": at_ms(self.day * DAY_S * 1000),
                "until": at_ms((self.day + 1) * DAY_S * 1000),
            },
        ).fetchall()


async def _latest(session: Session) -> None:
    """Ask, and unpack the answer to a value for each tag."""
    found = await session.call(LATEST, LatestQuery(device=DEVICE))
    if sum(value.quality == 0 for value in tag_values(found.values)) != TAGS:
        raise RuntimeError("not every tag has a latest value")


async def _refused(session: Session) -> None:
    try:
        await session.call(LATEST, LatestQuery(device=""))
    except InvalidId:
        return
    raise RuntimeError("a device without a name was known")


async def _calls_by_turns(
    calls: dict[str, Callable[[], Awaitable[object]]],
) -> dict[str, Times]:
    times: dict[str, Times] = {name: [] for name in calls}
    for n in range(WARM + ROUNDS):
        for name, call in calls.items():
            began = time.perf_counter()
            await call()
            if n >= WARM:
                times[name].append((time.perf_counter() - began) * 1000)
    return times


def _nothing(link: Link) -> None:
    link.connection.execute("select 1").fetchone()


def _marks(link: Link, until_s: int) -> int:
    found = link.connection.execute(
        "select count(*) from dirty where since < to_timestamp(%s)", [until_s]
    ).fetchone()
    return 0 if found is None else int(found[0])


def _make_tags(link: Link) -> list[int]:
    link.connection.execute(
        """
        insert into tag (device, tag, unit)
        select %(device)s, 'tag_' || lpad(n::text, 4, '0'), 'K'
          from generate_series(0, %(tags)s - 1) as n
        """,
        {"device": DEVICE, "tags": TAGS},
    )
    found = link.connection.execute(
        "select id from tag where device = %s order by tag", [DEVICE]
    ).fetchall()
    return [id_ for (id_,) in found]


def _empty(link: Link) -> None:
    link.connection.execute("truncate sample, dirty, rollup_minute, rollup_hour")


def _an_hour(ids: list[int], start_s: int, millions: int) -> Rows:
    """Of the first tag a sample a second, of the others what is left, by time."""
    each = round((millions * 1_000_000 - DAY_S) / (TAGS - 1) / 24)
    others = np.arange(each * (TAGS - 1)) * (3600 / (each * (TAGS - 1)))
    at = np.concatenate([np.arange(3600.0), others])
    tag_id = np.concatenate([np.full(3600, ids[0]), np.resize(ids[1:], len(others))])
    order = np.argsort(at, kind="stable")
    at_us = (at[order] * 1e6).astype(np.int64) + start_s * 1_000_000
    return Rows(
        tag_id[order].astype(np.int32),
        at_us,
        np.sin(at_us / 1e9) * 100,
        np.zeros(len(at), np.uint8),
    )


def _cut(rows: Rows, first: int) -> Rows:
    some = slice(first, first + AT_ONCE)
    return Rows(rows.tag_id[some], rows.at[some], rows.value[some], rows.quality[some])


def _copy(link: Link, rows: Rows) -> None:
    with link.connection.transaction():
        mark_dirty(link.connection, [rows], rows)
        copy(link.connection, "sample", sample_rows(rows))


def _tidy(link: Link, ids: list[int]) -> None:
    """What autovacuum does by itself after a while."""
    link.connection.execute(
        """
        insert into current_value (tag_id, at, value, quality)
        select id, now(), 1, 0 from unnest(%s::int[]) as id on conflict do nothing
        """,
        [ids],
    )
    link.connection.execute("vacuum analyze sample")
    link.connection.execute("vacuum analyze rollup_minute, rollup_hour, current_value")
