"""Alarms in the outbox: transitions and memory in one transaction, alerts once."""

import sqlite3
from pathlib import Path

import pytest

from edge_agent.alerts import Alert
from edge_agent.budget import Budget
from edge_agent.outbox_store import OutboxStore
from heddle.contract.alarms import AlarmTransition
from heddle.contract.runs import RunEvents, WorkflowEvent
from heddle.contract.samples import Stream


def transition(alarm: str) -> AlarmTransition:
    return AlarmTransition(
        alarm=alarm,
        tag="t",
        at_us=1,
        cause="raised",
        before="normal",
        after="unacknowledged",
        severity=700,
    )


def told(*numbers: int) -> RunEvents:
    return RunEvents(
        run="r",
        flow="brew",
        version=1,
        events=tuple(
            WorkflowEvent(id=str(n), type="X", createdAt=n, number=n, data={})
            for n in numbers
        ),
    )


def alarms_in(store: OutboxStore) -> list[str]:
    batch = store.batch(Stream.ALARMS)
    return [] if batch is None else [each.alarm for each in batch.alarms or ()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


def opened(path: Path) -> OutboxStore:
    return OutboxStore(path, Budget(1 << 20))


def test_memory_is_kept_with_the_transitions(path: Path) -> None:
    store = opened(path)
    store.append_alarms((transition("a"),), {"a": b"1", "b": b"2"})
    store.append_alarms((), {"a": b"3"})
    store.append_alarms((transition("b"),), {"b": None})
    store.close()
    again = opened(path)
    assert again.alarms.rows() == {"a": b"3"}
    assert alarms_in(again) == ["a", "b"]
    again.close()


def test_either_both_are_kept_or_neither(path: Path) -> None:
    store = opened(path)
    store.append_alarms((transition("a"),), {"a": b"1"})
    with sqlite3.connect(path) as other:
        other.execute(
            "create trigger full before insert on kept begin"
            " select raise(abort, 'disk is full'); end"
        )
    other.close()
    with pytest.raises(sqlite3.Error, match="disk is full"):
        store.append_alarms((transition("b"),), {"a": b"2", "b": b"2"})
    assert store.alarms.rows() == {"a": b"1"}
    assert alarms_in(store) == ["a"]
    store.close()


def test_an_alert_comes_once_with_its_event(path: Path) -> None:
    store = opened(path)
    first = (Alert(1, transition("x")),)
    assert store.append_events(told(0, 1), first) == (told(0, 1), ())
    assert store.append_events(told(0, 1), first) == (None, ())
    both = (*first, Alert(2, transition("y")))
    assert store.append_events(told(1, 2), both) == (told(2), ())
    assert alarms_in(store) == ["x", "y"]
    assert store.waiting()[Stream.RUN_EVENTS] == 3
    store.close()


def test_a_file_from_before_the_alarms_gets_room_for_them(path: Path) -> None:
    opened(path).close()
    with sqlite3.connect(path) as old:
        old.execute("drop table alarm_row")
    old.close()
    store = opened(path)
    store.append_alarms((), {"a": b"1"})
    assert store.alarms.rows() == {"a": b"1"}
    store.close()
