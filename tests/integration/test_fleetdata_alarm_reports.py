"""What a device reports of its alarms puts right what stands otherwise."""

from typing import Any

from heddle.contract.alarm_notices import NoticeTarget
from heddle.contract.alarms import (
    AlarmPlace,
    AlarmStanding,
    AlarmState,
    ReportAlarms,
)
from services.fleetdata.alarms.answers import alarm_list
from services.fleetdata.alarms.reconciling import WHY, reconcile
from services.fleetdata.store import alarms as store
from services.fleetdata.store.alarm_journal import journal
from services.fleetdata.store.notices import list_targets, put_targets
from tests.support.alarm_plant import NOW_US, Plant, edge, hot, plant, project

__all__ = ["plant", "project"]

UP = AlarmState.UNACKNOWLEDGED
EDGE = AlarmPlace.EDGE


def report(
    plant: Plant, *standing: AlarmStanding, number: int, epoch: str = "e"
) -> list[tuple[str, str, str]] | None:
    told = ReportAlarms(epoch=epoch, next_number=number, standing=standing)
    found = plant.link.perform(reconcile, plant.judge, "press", told)
    if found is None:
        return None
    some = [x.transition for x in found]
    return [(x.alarm, x.before, x.after) for x in some]


def test_what_stands_otherwise_is_put_right_and_written_down(plant: Plant) -> None:
    hook = NoticeTarget(target="hook", url="http://127.0.0.1:1/")
    plant.link.perform(put_targets, [hook])
    plant.rules(*(hot(alarm=x, place=EDGE) for x in ("lost", "over", "same", "calm")))
    plant.report(
        edge("over", "raised", "normal", UP),
        edge("same", "raised", "normal", UP),
        edge("alert_run_x", "raised", "normal", UP),
    )
    plant.judge.take_fresh()
    stands = [AlarmStanding(alarm=x, state=UP, value=9.0) for x in ("lost", "same")]
    stands.append(AlarmStanding(alarm="unknown", state=UP))
    told = report(plant, *stands, number=3)
    assert told == [("lost", "normal", UP), ("over", UP, "normal")]
    assert plant.standing() == dict.fromkeys(("lost", "same", "alert_run_x"), UP)
    assert report(plant, *stands, number=3) == []
    fresh = plant.judge.take_fresh()
    assert {(x.place, x.transition.cause) for x in fresh} == {(EDGE, "reconciled")}
    entry = plant.link.perform(journal, 0, 2**52, "press", "lost", None, 1)[0]
    assert (entry.transition.comment, entry.transition.value) == (WHY, 9.0)
    (target,) = plant.link.perform(list_targets)
    assert target.waiting == 4  # three from the device, and the one that was lost
    (listed,) = (
        x
        for x in alarm_list(plant.link.perform(store.states, "press"), [], 9).alarms
        if x.alarm == "lost"
    )
    assert listed.comment == WHY


def test_a_report_that_was_overtaken_is_not_heeded(plant: Plant) -> None:
    plant.rules(hot(place=EDGE))
    plant.report(edge("hot", "raised", "normal", UP))
    assert report(plant, number=0) is None
    assert plant.standing() == {"hot": UP}
    assert report(plant, number=0, epoch="of_a_new_disk") == [("hot", UP, "normal")]


def test_alarms_judged_here_are_none_of_the_devices(plant: Plant) -> None:
    plant.rules(hot())
    plant.put(("temp", NOW_US / 1e6 - 9, 90.0, 0))
    shelved = AlarmStanding(alarm="hot", state=AlarmState.SHELVED, until_ms=2**60)
    assert report(plant, shelved, number=0) == []
    assert plant.standing() == {"hot": UP}


def test_a_device_whose_clock_is_wrong_may_report(plant: Plant) -> None:
    plant.rules(hot(place=EDGE))
    odd: dict[str, Any] = {"raised_at_us": 2**62, "value": float("nan")}
    told = AlarmStanding(alarm="hot", state=UP, **odd)
    assert report(plant, told, number=0) == [("hot", "normal", UP)]
    (state,) = plant.link.perform(store.states, "press")
    assert (state.raised_at_us, state.value) == (None, None)
