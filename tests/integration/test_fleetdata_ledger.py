"""The ledger's other kinds, over both storages: typed samples, losses, alarms, gaps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heddle.contract.devices import TagType
from heddle.contract.samples import EpochState, Gaps, GapsQuery, Ingest, Stream
from services.fleetdata.batches import check
from services.fleetdata.gaps import judge
from services.fleetdata.store.care import DAY_US, drop_days, make_days
from services.fleetdata.store.chunks import fit_chunks, fitting_hours, pack_a_chunk
from services.fleetdata.store.gaps import ledger_of
from services.fleetdata.store.links import Link
from services.fleetdata.store.provision import MIGRATIONS, open_project
from services.fleetdata.store.writing import Missing, Outcome, Stored, write
from tests.support.batches import (
    TypedRow,
    alarms,
    events,
    loss,
    losses,
    now_s,
    ramp,
    transition,
    typed_samples,
)
from tests.support.storage import Storage, storage

__all__ = ["storage"]

NOW_S = now_s()
NOW_US = int(NOW_S * 1e6)
TODAY = NOW_US // DAY_US
KEEP_FROM_US = (TODAY - 90) * DAY_US
FLOAT, INTEGER, BOOLEAN = TagType.FLOAT, TagType.INTEGER, TagType.BOOLEAN
TEXT, JSON = TagType.TEXT, TagType.JSON


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


def gaps(link: Link, device: str = "press_7") -> Gaps:
    return judge(GapsQuery(device=device), link.perform(ledger_of, device))


MIXED: list[TypedRow] = [
    ("temp", FLOAT, NOW_S, 20.5, 0),
    ("parts", INTEGER, NOW_S, 7.0, 0),
    ("open", BOOLEAN, NOW_S, True, 1),
    ("state", TEXT, NOW_S, "heizen 🔥", 0),
    ("state", TEXT, NOW_S + 1, None, 2),
    ("temp", FLOAT, NOW_S + 1, None, 2),
    ("recipe", JSON, NOW_S, '{"a": [1]}', 0),
    ("state", TEXT, NOW_S - 1, "", 0),
]


def test_samples_of_every_type_are_stored_in_their_tables(link: Link) -> None:
    assert put(link, typed_samples(0, MIXED)) == (Stored(8, 8),)
    rows = "select tag, type, extract(epoch from at)::float8, value, quality from"
    assert query(link, f"{rows} sample join tag on id = tag_id order by 1, 3") == [
        ("open", "boolean", NOW_S, 1.0, 1),
        ("parts", "integer", NOW_S, 7.0, 0),
        ("temp", "float", NOW_S, 20.5, 0),
        ("temp", "float", NOW_S + 1, None, 2),
    ]
    assert query(link, f"{rows} sample_text join tag on id = tag_id order by 1, 3") == [
        ("recipe", "json", NOW_S, '{"a": [1]}', 0),
        ("state", "text", NOW_S - 1, "", 0),
        ("state", "text", NOW_S, "heizen 🔥", 0),
        ("state", "text", NOW_S + 1, None, 2),
    ]
    assert query(
        link,
        "select tag, value, text, quality from current_value join tag on id = tag_id"
        " order by 1",
    ) == [
        ("open", 1.0, None, 1),
        ("parts", 7.0, None, 0),
        ("recipe", None, '{"a": [1]}', 0),
        ("state", None, None, 2),
        ("temp", None, None, 2),
    ]


def test_part_of_a_repeated_batch_keeps_its_texts(link: Link) -> None:
    put(link, typed_samples(0, MIXED[:4]))
    assert put(link, typed_samples(0, MIXED)) == (Stored(8, 4),)
    assert query(link, "select count(*) from sample_text") == [(4,)]
    assert query(link, "select count(*) from sample") == [(4,)]


def test_a_change_of_type_begins_another_series(link: Link) -> None:
    put(link, typed_samples(0, [("x", FLOAT, NOW_S, 1.0, 0)]))
    put(link, typed_samples(1, [("x", TEXT, NOW_S + 1, "one", 0)]))
    assert query(link, "select tag, type from tag order by id") == [
        ("x", "float"),
        ("x", "text"),
    ]


def test_the_newest_text_stays_current(link: Link) -> None:
    put(link, typed_samples(0, [("state", TEXT, NOW_S, "b", 0)]))
    put(link, typed_samples(1, [("state", TEXT, NOW_S - 5, "a", 0)]))
    assert query(link, "select text from current_value") == [("b",)]


def test_texts_are_dropped_with_their_days(link: Link) -> None:
    for first, ago in ((0, 20), (1, 0)):
        at_s = (TODAY - ago) * 86_400.0
        put(link, typed_samples(first, [("state", TEXT, at_s, str(ago), 0)]))
    link.perform(drop_days, TODAY - 10)
    assert query(link, "select value from sample_text") == [("0",)]


def test_losses_are_stored_once(link: Link) -> None:
    told = losses(0, loss("e1", 10, 5, NOW_S), loss("e2", 0, 9, NOW_S))
    assert put(link, told, told) == (Stored(2, 2), Stored(2))
    assert put(link, losses(3, loss("e3", 0, 1, NOW_S))) == (Missing(2),)
    assert query(
        link,
        "select device, stream, epoch, first, count, reason,"
        " extract(epoch from to_at - from_at)::int from loss order by id",
    ) == [
        ("press_7", "samples", "e1", 10, 5, "the outbox was full", 60),
        ("press_7", "samples", "e2", 0, 9, "the outbox was full", 60),
    ]


def test_alarm_transitions_are_stored_once_with_their_numbers(link: Link) -> None:
    told = alarms(0, transition(NOW_S), transition(NOW_S + 1, "active", "normal"))
    assert put(link, told) == (Stored(2, 2),)
    more = alarms(1, transition(NOW_S + 1), transition(NOW_S + 2))
    assert put(link, more) == (Stored(3, 1),)
    assert query(
        link,
        "select device, epoch, number, alarm, tag, extract(epoch from at)::float8,"
        " cause, before, after, severity, value, who, comment, place"
        " from alarm_transition where number > 0 order by number",
    ) == [
        *(
            ("press_7", "a1", number, "temp_hi", "temp", at, "sample", *states)
            for number, at, states in (
                (1, NOW_S + 1, ("active", "normal", 700, 81.5, None, None, "edge")),
                (2, NOW_S + 2, ("normal", "active", 700, 81.5, None, None, "edge")),
            )
        )
    ]


def test_the_order_of_epochs_is_that_of_their_first_item(link: Link) -> None:
    put(link, ramp(0, 3, NOW_S, epoch="z"), ramp(0, 3, NOW_S, epoch="a"))
    put(link, ramp(0, 3, NOW_S, epoch="m"))
    put(link, ramp(3, 3, NOW_S, epoch="z"))
    put(link, events(0, [0], NOW_S, epoch="b"))
    put(link, ramp(0, 3, NOW_S, epoch="q"), device="press_8")
    found = link.perform(ledger_of, "press_7")
    assert [(e.stream.value, e.epoch, e.next_number) for e in found.epochs] == [
        ("run_events", "b", 1),
        ("samples", "z", 6),
        ("samples", "a", 3),
        ("samples", "m", 3),
    ]


def test_gaps_are_told_and_explained(link: Link) -> None:
    assert gaps(link) == Gaps(device="press_7", complete=True, epochs=(), losses=())
    put(link, ramp(0, 30, NOW_S, epoch="one"))
    assert gaps(link).complete
    put(link, ramp(0, 5, NOW_S, epoch="two"))
    assert not gaps(link).complete, "an end without a word"
    gone = loss("one", 30, 12, NOW_S)
    put(link, losses(0, gone))
    found = gaps(link)
    assert [(e.stream, e.epoch, e.state, e.next_number) for e in found.epochs] == [
        (Stream.LOSSES, "l1", EpochState.OPEN, 1),
        (Stream.SAMPLES, "one", EpochState.CLOSED, 30),
        (Stream.SAMPLES, "two", EpochState.OPEN, 5),
    ]
    assert (found.losses, found.complete) == ((gone,), False)
    assert gaps(link, "press_8").complete


def test_a_database_with_data_is_migrated(storage: Storage) -> None:
    """As it was before types, losses and alarms: the statements undone, then run."""
    link = storage.link()
    put(link, ramp(0, 5, NOW_S, epoch="b"))
    put(link, ramp(0, 3, NOW_S, epoch="a"))
    query(link, "drop table sample_text")
    query(
        link,
        """
        drop table loss, alarm_transition;
        drop index tag_by_series;
        alter table tag add unique (device, tag, unit), drop column type;
        alter table current_value drop column text;
        alter table stream drop column id;
        update stream set changed_at = now() - interval '1 hour' where epoch = 'b';
        delete from _yoyo_migration where migration_id not like '0001%';
        """,
    )
    link.close()
    open_project(storage.server, storage.projects[0])
    assert query(link, "select count(*) from _yoyo_migration") == [
        (len(list(MIGRATIONS.glob("*.sql"))),)
    ]
    assert query(link, "select tag, unit, type from tag") == [("temp", "K", "float")]
    assert put(link, ramp(3, 5, NOW_S, epoch="a")) == (Stored(8, 5),)
    assert put(link, ramp(0, 1, NOW_S, epoch="c")) == (Stored(1, 1),)
    assert put(link, typed_samples(0, MIXED, epoch="d")) == (Stored(8, 8),)
    known = link.perform(ledger_of, "press_7").epochs
    assert [(e.epoch, e.next_number) for e in known] == [
        ("b", 5),
        ("a", 8),
        ("c", 1),
        ("d", 8),
    ]
    assert query(link, "select count(*) from sample") == [(5 + 3 + 5 + 1 + 4,)]


def test_days_are_made_for_numbers_and_texts(link: Link) -> None:
    link.perform(make_days, range(TODAY + 1, TODAY + 4))
    made = query(
        link,
        "select inhparent::regclass::text, count(*)"
        "  from pg_inherits join pg_class on oid = inhrelid"
        " where relname ~ '^sample' and relkind = 'r' group by 1 order by 1",
    )
    assert made == ([("sample", 3), ("sample_text", 3)] if link.partitioned else [])


GB = 2**30


@pytest.mark.parametrize(
    ("index_bytes_a_day", "memory", "hours"),
    [
        (0, GB, 24),
        (GB // 4, GB, 24),
        (GB // 4 + 1, GB, 12),
        (3 * GB, GB, 1),
        (2 * GB, GB, 3),
        (900 * GB, GB, 1),
    ],
)
def test_a_chunk_lasts_as_long_as_its_index_fits(
    index_bytes_a_day: float, memory: int, hours: int
) -> None:
    assert fitting_hours(index_bytes_a_day, memory) == hours


def test_chunks_are_cut_by_the_rate(link: Link) -> None:
    put(link, ramp(0, 500, NOW_S - 500))
    assert link.perform(fit_chunks) == {}
    if link.partitioned:
        return
    query(link, "select set_chunk_time_interval('sample', interval '1 hour')")
    assert link.perform(fit_chunks) == {"sample": 24}
    assert link.perform(fit_chunks) == {}
    put(link, ramp(500, 5, NOW_S))


def test_chunks_are_packed_only_under_the_licence_for_it(link: Link) -> None:
    put(link, ramp(0, 5, (TODAY - 20) * 86_400.0))
    before = datetime.fromtimestamp(NOW_S, UTC) - timedelta(days=7)
    licence = [("",)] if link.partitioned else query(link, "show timescaledb.license")
    expected = True if licence == [("timescale",)] else None
    assert link.perform(pack_a_chunk, before) is expected
    assert query(link, "select count(*) from sample") == [(5,)]
