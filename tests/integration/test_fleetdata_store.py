"""The store over both storages: the same tests, the same SQL, the same answers."""

import threading
from collections.abc import Sequence
from contextlib import closing
from math import nan
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from heddle.contract.history import HistoryQuery
from heddle.contract.samples import Ingest
from heddle.tag_values import tag_values
from services.fleetdata.batches import check
from services.fleetdata.store import reading
from services.fleetdata.store.buckets import buckets
from services.fleetdata.store.care import DAY_US, drop_days, make_days
from services.fleetdata.store.links import (
    Link,
    StoreDown,
    StoreRefused,
    StoreTooSlow,
    StoreUnreachable,
)
from services.fleetdata.store.provision import (
    MIGRATIONS,
    Server,
    database_name,
    open_project,
)
from services.fleetdata.store.raw import raw
from services.fleetdata.store.reading import Found, Most, Overflow
from services.fleetdata.store.writing import Missing, Outcome, Stored, write
from tests.support.batches import events, now_s, ramp, samples
from tests.support.databases import Server as RunningServer
from tests.support.storage import Storage, storage

__all__ = ["storage"]

NOW_S = now_s()
NOW_US = int(NOW_S * 1e6)
TODAY = NOW_US // DAY_US
DAY_S = 86_400
KEEP_FROM_US = (TODAY - 90) * DAY_US


@pytest.fixture
def link(storage: Storage) -> Link:
    return storage.link()


def put(link: Link, *told: Ingest, device: str = "press_7") -> tuple[Outcome, ...]:
    batches = [check(device, each, NOW_US) for each in told]
    return link.perform(write, batches, KEEP_FROM_US)


def query(link: Link, question: str) -> list[Any]:
    def ask(link: Link) -> list[Any]:
        cursor = link.connection.execute(question.encode())
        return cursor.fetchall() if cursor.description else []

    return link.perform(ask)


def stored(link: Link) -> list[Any]:
    return query(
        link,
        "select tag, extract(epoch from at)::float8, value, quality"
        " from sample join tag on tag.id = tag_id order by 1, 2",
    )


def history(
    link: Link, tags: Sequence[str], from_s: float, to_s: float, **more: Any
) -> Found | Overflow:
    most = Most(more.pop("most", 10_000), 900_000)
    asked = HistoryQuery(
        device="press_7",
        tags=tuple(tags),
        from_ms=int(from_s * 1000),
        to_ms=int(to_s * 1000),
        **more,
    )
    work: Any = raw if asked.bucket_ms is None else buckets
    answer = link.perform(work, asked, most)
    return answer if isinstance(answer, Overflow) else answer.found


def test_the_storage_is_what_the_server_offers(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    link = storage.link()
    found = query(link, "select count(*) from pg_extension where extname ~ 'timescale'")
    assert found == [(1 if "timescaledb" in request.node.name else 0,)]
    assert link.partitioned == ("embedded" in request.node.name)


def test_samples_are_stored_with_the_cursor(link: Link) -> None:
    rows = [
        ("temp", NOW_S, 20.5, 0),
        ("ph", NOW_S + 0.25, 7.0, 1),
        ("temp", NOW_S + 1, nan, 2),
    ]
    assert put(link, samples(0, rows)) == (Stored(3, 3),)
    assert stored(link) == [
        ("ph", NOW_S + 0.25, 7.0, 1),
        ("temp", NOW_S, 20.5, 0),
        ("temp", NOW_S + 1, None, 2),
    ]
    assert query(link, "select device, stream, epoch, next_number from stream") == [
        ("press_7", "samples", "e1", 3)
    ]


def test_a_repeat_is_acknowledged_and_an_overlap_stored_in_part(link: Link) -> None:
    assert put(link, ramp(0, 10, NOW_S)) == (Stored(10, 10),)
    assert put(link, ramp(0, 10, NOW_S)) == (Stored(10),)
    assert put(link, ramp(2, 3, NOW_S)) == (Stored(10),)
    assert put(link, ramp(5, 10, NOW_S)) == (Stored(15, 5),)
    assert [value for _, _, value, _ in stored(link)] == [float(n) for n in range(15)]


def test_a_gap_is_refused_with_the_number_wanted(link: Link) -> None:
    assert put(link, ramp(3, 2, NOW_S)) == (Missing(0),)
    put(link, ramp(0, 2, NOW_S))
    assert put(link, ramp(3, 2, NOW_S)) == (Missing(2),)
    assert len(stored(link)) == 2
    assert query(link, "select count(*) from stream") == [(1,)]


def test_one_group_holds_streams_repeats_and_gaps(link: Link) -> None:
    outcomes = put(
        link,
        ramp(0, 5, NOW_S),
        ramp(5, 5, NOW_S),
        ramp(0, 5, NOW_S),
        ramp(12, 5, NOW_S),
        ramp(0, 4, NOW_S, tag="ph", epoch="e2"),
        samples(10, []),
    )
    assert outcomes == (
        Stored(5, 5),
        Stored(10, 5),
        Stored(10),
        Missing(10),
        Stored(4, 4),
        Stored(10),
    )
    assert len(stored(link)) == 14


def test_an_empty_batch_asks_for_the_cursor(link: Link) -> None:
    assert put(link, samples(0, [])) == (Stored(0),)
    assert query(link, "select count(*) from stream") == [(0,)]
    put(link, ramp(0, 5, NOW_S))
    assert put(link, samples(0, [])) == (Stored(5),)


def test_devices_and_epochs_have_cursors_of_their_own(link: Link) -> None:
    put(link, ramp(0, 5, NOW_S))
    assert put(link, ramp(0, 3, NOW_S), device="press_8") == (Stored(3, 3),)
    assert put(link, ramp(0, 3, NOW_S, epoch="e2")) == (Stored(3, 3),)
    assert put(link, events(0, [0, 1], NOW_S)) == (Stored(2, 2),)


def test_late_data_land_in_their_place(link: Link) -> None:
    old_s = (TODAY - 40) * DAY_S
    put(link, ramp(0, 3, NOW_S))
    assert put(link, ramp(3, 3, old_s)) == (Stored(6, 3),)
    found = history(link, ["temp"], old_s, NOW_S + 100, bucket_ms=DAY_S * 1000)
    assert isinstance(found, Found)
    assert [(mean, n) for _, _, mean, _, _, n, _, _ in found.rows] == [
        (4.0, 3),
        (1.0, 3),
    ]


def test_a_batch_may_span_days(link: Link) -> None:
    start_s = (TODAY - 9) * DAY_S - 5
    rows = [("temp", start_s + n * DAY_S, float(n), 0) for n in range(9)]
    assert put(link, samples(0, rows)) == (Stored(9, 9),)
    assert len(stored(link)) == 9


def test_samples_older_than_what_is_kept_are_counted_not_stored(link: Link) -> None:
    too_old_s = KEEP_FROM_US / 1e6 - 1
    rows = [
        ("temp", too_old_s, 1.0, 0),
        ("temp", too_old_s + 1, 2.0, 0),
        ("temp", 1_000_000_000.0, 3.0, 0),
    ]
    assert put(link, samples(0, rows)) == (Stored(3, 1, 2),)
    assert [value for _, _, value, _ in stored(link)] == [2.0]
    assert query(link, "select next_number, expired from stream") == [(3, 2)]


def test_retention_drops_whole_days(link: Link) -> None:
    for first, ago in ((0, 20), (3, 10), (6, 0)):
        put(link, ramp(first, 3, (TODAY - ago) * DAY_S))
    assert link.perform(drop_days, TODAY - 10) == 1
    assert [value for _, _, value, _ in stored(link)] == [3, 4, 5, 6, 7, 8]
    assert link.perform(drop_days, TODAY - 10) == 0
    put(link, ramp(9, 3, (TODAY - 20) * DAY_S))  # comes back on demand
    assert len(stored(link)) == 9


def test_a_day_dropped_behind_a_links_back_is_made_again(
    storage: Storage, link: Link
) -> None:
    old_s = (TODAY - 20) * DAY_S
    put(link, ramp(0, 3, old_s))
    other = storage.link(storage.projects[0])
    other.perform(drop_days, TODAY)
    assert put(link, ramp(3, 3, old_s)) == (Stored(6, 3),)


def test_tags_lost_behind_a_links_back_are_made_again(link: Link) -> None:
    put(link, ramp(0, 3, NOW_S))
    query(link, "truncate tag, current_value, sample")
    assert put(link, ramp(3, 3, NOW_S)) == (Stored(6, 3),)
    assert [value for _, _, value, _ in stored(link)] == [3.0, 4.0, 5.0]


def test_work_the_database_refuses_leaves_the_link_usable(link: Link) -> None:
    with pytest.raises(StoreRefused, match="division by zero"):
        query(link, "select 1 / 0")
    assert put(link, ramp(0, 3, NOW_S)) == (Stored(3, 3),)


def test_days_are_made_ahead_and_twice_at_once(storage: Storage, link: Link) -> None:
    others = [storage.link(storage.projects[0]) for _ in range(4)]
    threads = [
        threading.Thread(target=each.perform, args=(make_days, range(TODAY, TODAY + 5)))
        for each in others
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = query(
        link,
        "select count(*) from pg_inherits where inhparent = 'sample'::regclass"
        " and inhrelid::regclass::text ~ '^sample_2'",
    )
    assert made == [(5 if link.partitioned else 0,)]


def test_current_values_never_go_backwards(link: Link) -> None:
    put(link, samples(0, [("temp", NOW_S, 5.0, 0), ("temp", NOW_S - 9, 4.0, 0)]))
    put(link, samples(2, [("temp", NOW_S - 1, 3.0, 0), ("ph", NOW_S, 7.0, 0)]))
    put(link, samples(4, [("ph", NOW_S, 7.5, 1)]))
    latest = list(tag_values(link.perform(reading.latest, "press_7", None, 10)))
    assert [(v.tag, v.unit, v.value, v.quality) for v in latest] == [
        ("ph", "K", 7.5, 1),
        ("temp", "K", 5.0, 0),
    ]
    assert latest[1].at_ms == NOW_S * 1000
    only = link.perform(reading.latest, "press_7", ("temp", "gone"), 10)
    assert only.tags == ("temp",)
    assert link.perform(reading.latest, "press_8", None, 10).tags == ()


def test_one_group_keeps_the_newest_of_several_batches(link: Link) -> None:
    put(
        link,
        samples(0, [("temp", NOW_S, 5.0, 0)]),
        samples(1, [("temp", NOW_S - 5, 4.0, 0)]),
    )
    (value,) = tag_values(link.perform(reading.latest, "press_7", None, 10))
    assert value.value == 5.0


def test_a_change_of_unit_begins_another_series(link: Link) -> None:
    put(link, samples(0, [("temp", NOW_S, 20.0, 0)], unit="°C"))
    put(link, samples(1, [("temp", NOW_S + 1, 293.0, 0)], unit="K"))
    found = history(link, ["temp"], NOW_S, NOW_S + 10)
    assert isinstance(found, Found)
    assert [(tag, unit) for _, tag, unit, _ in found.series] == [
        ("temp", "°C"),
        ("temp", "K"),
    ]
    (value,) = tag_values(link.perform(reading.latest, "press_7", None, 10))
    assert (value.value, value.unit) == (293.0, "K")


def test_history_is_raw_or_in_buckets_of_unix_time(link: Link) -> None:
    start_s = NOW_S // 10 * 10 - 1000
    put(link, ramp(0, 20, start_s))
    put(link, samples(20, [("temp", start_s + 4, 999.0, 2)]))  # bad: does not count
    as_stored = history(link, ["temp"], start_s + 5, start_s + 8)
    assert isinstance(as_stored, Found)
    assert [(reading.unix_ms(at), v, q) for _, at, v, q in as_stored.rows] == [
        ((start_s + n) * 1000, n, 0) for n in (5, 6, 7)
    ]
    in_buckets = history(link, ["temp"], start_s, start_s + 100, bucket_ms=10_000)
    assert isinstance(in_buckets, Found)
    assert [(reading.unix_ms(b[1]), *b[2:6]) for b in in_buckets.rows] == [
        (start_s * 1000, 4.5, 0.0, 9.0, 10),
        ((start_s + 10) * 1000, 14.5, 10.0, 19.0, 10),
    ]


@pytest.mark.parametrize("bucket_ms", [None, 1000])
def test_too_many_rows_are_counted(link: Link, bucket_ms: int | None) -> None:
    put(link, ramp(0, 20, NOW_S))
    span = (["temp"], NOW_S, NOW_S + 100)
    assert history(link, *span, bucket_ms=bucket_ms, most=19) == Overflow(20)
    whole = history(link, *span, bucket_ms=bucket_ms, most=20)
    assert isinstance(whole, Found)
    assert len(whole.rows) == 20


def test_events_are_kept_by_run_and_number(link: Link) -> None:
    put(link, events(0, [2, 3], NOW_S), events(2, [0, 1], NOW_S))
    put(link, events(0, [1, 2], NOW_S, epoch="e2"))  # told again by a new outbox
    found = link.perform(reading.run_events, "press_7", "run_1", 1, 2)
    assert found is not None
    assert (found.flow, found.version) == ("bioreactor", 3)
    assert [(e.number, e.id, e.data) for e in found.events] == [
        (1, "event-1", {"phaseId": "phase_1"}),
        (2, "event-2", {"phaseId": "phase_2"}),
    ]
    assert found.events[0].createdAt == NOW_S * 1000 + 1
    assert link.perform(reading.run_events, "press_7", "run_9", 0, 9) is None
    assert link.perform(reading.run_events, "press_8", "run_1", 0, 9) is None


def test_writers_of_one_stream_store_each_sample_once(
    storage: Storage, link: Link
) -> None:
    def send(writer: Link) -> None:
        first = 0
        while first < 200:
            try:
                (outcome,) = put(writer, ramp(first, 7, NOW_S))
            except StoreDown:
                continue
            match outcome:
                case Stored(next_number):
                    first = next_number
                case Missing(wanted):
                    first = wanted

    put(link, ramp(0, 1, NOW_S))
    writers = [storage.link(storage.projects[0]) for _ in range(4)]
    threads = [threading.Thread(target=send, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    values = [value for _, _, value, _ in stored(link)]
    assert len(values) >= 200
    assert values == [float(n) for n in range(len(values))]


def test_a_statement_that_takes_too_long_is_told_as_such(storage: Storage) -> None:
    storage.link()
    slow = storage.link(storage.projects[0], timeout_s=2)
    with pytest.raises(StoreTooSlow):
        query(slow, "select pg_sleep(60)")
    assert query(slow, "select 1") == [(1,)]


def test_a_link_comes_back_after_its_connection_was_cut(
    storage: Storage, link: Link
) -> None:
    put(link, ramp(0, 3, NOW_S))
    with closing(psycopg.connect(storage.running.dsn(), autocommit=True)) as admin:
        admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = %s",
            [database_name(storage.projects[0])],
        )
    assert put(link, ramp(3, 3, NOW_S)) == (Stored(6, 3),)


def test_opening_again_changes_nothing(storage: Storage, link: Link) -> None:
    put(link, ramp(0, 3, NOW_S))
    open_project(storage.server, storage.projects[0])
    assert len(stored(link)) == 3


def test_a_migration_half_done_by_a_crash_is_completed(storage: Storage) -> None:
    link = storage.link()
    put(link, ramp(0, 3, NOW_S))
    query(link, "delete from _yoyo_migration")
    query(
        link,
        "insert into yoyo_lock (locked, ctime, pid) values (1, now(), 1)",
    )
    open_project(storage.server, storage.projects[0])
    assert query(link, "select count(*) from _yoyo_migration") == [
        (len(list(MIGRATIONS.glob("*.sql"))),)
    ]
    assert len(stored(link)) == 3


def test_projects_are_opened_at_the_same_time(storage: Storage) -> None:
    project = storage.project()
    failures: list[Exception] = []

    def open_it() -> None:
        try:
            open_project(storage.server, project)
        except Exception as error:  # noqa: BLE001 -- any failure fails the test
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert put(storage.link(project), ramp(0, 1, NOW_S)) == (Stored(1, 1),)


def test_one_projects_login_cannot_reach_anothers_database(storage: Storage) -> None:
    mine, theirs = storage.project(), storage.project()
    for project in (mine, theirs):
        open_project(storage.server, project)
    login = {
        "user": database_name(mine),
        "password": storage.server.password(mine),
    }
    here = psycopg.connect(storage.running.dsn(), dbname=database_name(mine), **login)
    with closing(here):
        assert here.execute("select count(*) from sample").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(storage.running.dsn(), dbname=database_name(theirs), **login)
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(
            storage.running.dsn(),
            dbname=database_name(theirs),
            **(login | {"user": database_name(theirs)}),
        )


def test_an_administrator_need_not_be_superuser(storage: Storage) -> None:
    role = Identifier(f"admin_{storage.project()}")
    with closing(psycopg.connect(storage.running.dsn(), autocommit=True)) as admin:
        admin.execute(
            SQL("create role {} login createdb createrole password {}").format(
                role, Literal("pw")
            )
        )
        try:
            dsn = psycopg.conninfo.make_conninfo(
                storage.running.dsn(), user=role._obj[0], password="pw"
            )
            server = Server.at(dsn, None, storage.server.secret)
            project = storage.project()
            open_project(server, project)
            open_project(server, project)
            link = storage.link(project)
            assert put(link, ramp(0, 3, NOW_S)) == (Stored(3, 3),)
            link.close()
        finally:
            storage.close()
            admin.execute(SQL("drop role {}").format(role))


def test_a_server_that_is_not_there_is_unreachable(
    embedded_server: RunningServer,
) -> None:
    dsn = psycopg.conninfo.make_conninfo(embedded_server.dsn(), port=1)
    with pytest.raises(StoreUnreachable):
        open_project(Server.at(dsn, None, b"key"), "plant")
    with pytest.raises(StoreUnreachable):
        query(Link(dsn), "select 1")


def test_a_wrong_password_is_unreachable(embedded_server: RunningServer) -> None:
    server = Server.at(embedded_server.dsn(), "wrong", b"key")
    with pytest.raises(StoreUnreachable, match="password authentication failed"):
        open_project(server, "plant")
