"""The list of runs: as exact as the events it is made of, and kept with them."""

from collections.abc import Iterable
from typing import Any

import pytest

from heddle.contract.declare import InvalidRequest
from heddle.contract.run_records import RunRecord, RunsQuery
from heddle.contract.runs import RunEvents, RunStatus, WorkflowEvent
from heddle.contract.samples import Ingest, Stream
from services.fleetdata.batches import check
from services.fleetdata.runs import _check
from services.fleetdata.store.links import Link
from services.fleetdata.store.provision import MIGRATIONS
from services.fleetdata.store.runs import runs
from services.fleetdata.store.writing import write
from tests.support.batches import now_s
from tests.support.storage import Storage, storage

__all__ = ["storage"]

NOW_MS = int(now_s() * 1000)
PHASE, PAUSED = "PHASE_STARTED", "WORKFLOW_PAUSED"
RESUMED, FINISHED = "WORKFLOW_RESUMED", "WORKFLOW_FINISHED"


@pytest.fixture
def link(storage: Storage) -> Link:
    return storage.link()


class Device:
    """Tells events of runs, in batches that follow each other in its stream."""

    def __init__(self, link: Link, name: str = "press_7") -> None:
        self.link = link
        self.name = name
        self.told = 0

    def tell(
        self,
        run: str,
        *types: str,
        first: int = 0,
        at_s: float = 0,
        flow: str = "bioreactor",
        epoch: str = "e1",
    ) -> Ingest:
        """Events of a run from number ``first`` on, one a second from ``at_s`` on."""
        events = tuple(
            WorkflowEvent(
                id=f"{run}-{first + i}",
                type=type_,
                createdAt=NOW_MS + int((at_s + i) * 1000),
                number=first + i,
                data={"phaseId": f"phase_{first + i}"} if type_ == PHASE else {},
            )
            for i, type_ in enumerate(types)
        )
        batch = Ingest(
            stream=Stream.RUN_EVENTS,
            epoch=epoch,
            first=0 if epoch != "e1" else self.told,
            events=(RunEvents(run=run, flow=flow, version=3, events=events),),
        )
        self.told += len(types) if epoch == "e1" else 0
        self.repeat(batch)
        return batch

    def repeat(self, batch: Ingest) -> None:
        """The same batch once more."""
        now_us = NOW_MS * 1000 + 3_600_000_000
        self.link.perform(write, [check(self.name, batch, now_us)], 0)


def listed(link: Link, **asked: Any) -> list[RunRecord]:
    found = link.perform(runs, RunsQuery(**asked), 100)
    return [one.record for one in found]


def names(found: Iterable[RunRecord]) -> list[str]:
    return [one.run for one in found]


def test_a_run_stands_as_its_events_tell(link: Link) -> None:
    device = Device(link)
    device.tell("a", "EVENT_RECEIVED", PHASE, PAUSED)
    (a,) = listed(link)
    assert a == RunRecord(
        device="press_7",
        run="a",
        flow="bioreactor",
        version=3,
        status=RunStatus.PAUSED,
        started_at_ms=NOW_MS,
        events=3,
        last_event_ms=NOW_MS + 2000,
        last_phase="phase_1",
    )
    device.tell("a", RESUMED, PHASE, FINISHED, first=3, at_s=10)
    (a,) = listed(link)
    assert (a.status, a.ended_at_ms) == (RunStatus.FINISHED, NOW_MS + 12_000)
    assert (a.events, a.last_phase, a.started_at_ms) == (6, "phase_4", NOW_MS)


def test_repeats_count_once_and_late_events_change_nothing_told_later(
    link: Link,
) -> None:
    device = Device(link)
    last = device.tell("a", PAUSED, RESUMED, PHASE, FINISHED, first=2, at_s=2)
    before = listed(link)
    device.repeat(last)
    assert listed(link) == before
    device.tell("a", PHASE, first=4, at_s=4, epoch="e2")  # told again by a new outbox
    assert listed(link) == before
    device.tell("a", PHASE, PAUSED, epoch="e3")  # 0 and 1 come last
    (a,) = listed(link)
    assert (a.status, a.ended_at_ms) == (RunStatus.FINISHED, NOW_MS + 5000)
    assert (a.events, a.last_phase) == (6, "phase_4")
    assert (a.started_at_ms, a.last_event_ms) == (NOW_MS, NOW_MS + 5000)


def test_runs_are_filtered_and_paged_newest_first(link: Link) -> None:
    press, mixer = Device(link), Device(link, "mixer_1")
    press.tell("a", PHASE, FINISHED, at_s=0)
    mixer.tell("b", PHASE, PAUSED, at_s=10)
    press.tell("c", PHASE, at_s=20, flow="wash")
    press.tell("d", PHASE, at_s=30)
    assert names(listed(link)) == ["d", "c", "b", "a"]
    assert names(listed(link, device="press_7")) == ["d", "c", "a"]
    assert names(listed(link, flow="bioreactor")) == ["d", "b", "a"]
    assert names(listed(link, statuses=(RunStatus.PAUSED,))) == ["b"]
    assert names(listed(link, active=True)) == ["d", "c", "b"]
    assert names(listed(link, active=False)) == ["a"]
    span = {"from_ms": NOW_MS + 1001, "to_ms": NOW_MS + 30_000}
    assert names(listed(link, **span)) == ["c", "b"]
    assert names(listed(link, to_ms=NOW_MS + 1)) == ["a"]
    first = link.perform(runs, RunsQuery(), 2)
    rest = link.perform(runs, RunsQuery(before=first[-1].id), 9)
    assert [one.record.run for one in (*first, *rest)] == ["d", "c", "b", "a"]


def test_a_run_is_overtaken_by_the_next_one_of_its_flow_on_its_device(
    link: Link,
) -> None:
    press, mixer = Device(link), Device(link, "mixer_1")
    press.tell("lost", PHASE)  # the device's disk is replaced
    press.tell("next", PHASE, at_s=60)
    press.tell("other", PHASE, at_s=61, flow="wash")
    mixer.tell("there", PHASE, at_s=62)
    assert names(listed(link, active=True)) == ["there", "other", "next"]
    (lost,) = listed(link, active=False)
    assert (lost.run, lost.overtaken) == ("lost", True)
    press.tell("lost", FINISHED, first=1, at_s=5)  # its outbox was found after all
    (lost,) = listed(link, active=False)
    assert (lost.status, lost.overtaken) == (RunStatus.FINISHED, False)


def test_runs_stored_before_there_was_a_list_are_in_it(link: Link) -> None:
    device = Device(link)
    device.tell("a", PHASE, PAUSED, RESUMED, PHASE, FINISHED)
    device.tell("b", PHASE, PAUSED, at_s=60, flow="wash")
    device.tell("c", "EVENT_RECEIVED", at_s=70, flow="rinse")
    before = listed(link)
    sql = (MIGRATIONS / "0006_runs.sql").read_text()

    def migrate(link: Link) -> None:
        link.connection.execute(
            "alter table run drop status, drop status_number, drop started_at,"
            " drop ended_at, drop events, drop last_number, drop last_event_at,"
            " drop phase, drop phase_number"
        )
        for _ in range(2):  # every statement may be repeated
            link.connection.execute(sql.encode())

    link.perform(migrate)
    assert listed(link) == before
    device.tell("b", RESUMED, first=2, at_s=80, flow="wash")
    assert [one.status for one in listed(link)] == ["running", "running", "finished"]


@pytest.mark.parametrize(
    "query",
    [
        RunsQuery(from_ms=5, to_ms=5),
        RunsQuery(limit=0),
        RunsQuery(limit=1001),
        RunsQuery(before=-1),
    ],
)
def test_what_makes_no_sense_is_refused(query: RunsQuery) -> None:
    with pytest.raises(InvalidRequest):
        _check(query)
