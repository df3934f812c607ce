"""Alarms at the centre: judged in the transaction, over both storages."""

import time
from dataclasses import replace
from threading import Thread

import pytest

from heddle.alarms.inputs import Changed, Removed
from heddle.contract.alarms import (
    AlarmAction,
    AlarmKind,
    AlarmNotFound,
    AlarmOrder,
    AlarmPlace,
    AlarmRulesInvalid,
    AlarmTransition,
    WrongAlarmState,
)
from services.fleetdata.alarms.answers import alarm_list, key_figures
from services.fleetdata.alarms.ruleless import settle_reported
from services.fleetdata.alarms.rules import remove_rules, set_rules
from services.fleetdata.batches import check
from services.fleetdata.store import alarms as store
from services.fleetdata.store.alarm_journal import journal, process_journal
from services.fleetdata.store.links import Link
from services.fleetdata.store.writing import write
from tests.support.alarm_plant import (
    NOW_S,
    NOW_US,
    SECOND_US,
    Plant,
    at,
    edge,
    hot,
    plant,
    project,
)
from tests.support.batches import samples
from tests.support.databases import Server
from tests.support.storage import storage, storage_on

__all__ = ["plant", "project", "storage"]


def test_samples_move_alarms_in_the_transaction_that_stores_them(plant: Plant) -> None:
    plant.rules(hot(deadband=2.0))
    plant.put(at(1, 20), at(2, 81), at(3, 79))
    assert plant.standing() == {"hot": "unacknowledged"}
    (fresh,) = plant.judge.take_fresh()
    assert (fresh.device, fresh.place) == ("press", AlarmPlace.CENTRE)
    assert fresh.transition == AlarmTransition(
        alarm="hot",
        tag="temp",
        at_us=round((NOW_S - 998) * 1e6),
        cause="raised",
        before="normal",
        after="unacknowledged",
        severity=500,
        value=81.0,
        number=0,
    )
    plant.put(at(4, 70))
    plant.order(AlarmAction.ACKNOWLEDGE, "hot", comment="seen")
    assert plant.standing() == {}
    assert plant.journal() == [
        ("hot", "raised", "unacknowledged"),
        ("hot", "cleared", "returned"),
    ]


def test_a_failed_transaction_leaves_no_trace_in_memory(plant: Plant) -> None:
    plant.rules(hot())
    plant.put(at(1, 20))
    batch = check("press", samples(1, [at(2, 99)]), NOW_US)

    class Lost(Exception):
        pass

    def fail(link: Link) -> None:
        with link.connection.transaction():
            write(link, [batch], 0, plant.judge.judging)
            raise Lost

    with pytest.raises(Lost):
        plant.link.perform(fail)
    assert plant.standing() == {}
    plant.link.perform(write, [batch], 0, plant.judge.judging)
    assert plant.standing() == {"hot": "unacknowledged"}
    assert plant.journal() == [("hot", "raised", "unacknowledged")]


def test_memory_that_makes_no_sense_keeps_no_sample_out(plant: Plant) -> None:
    plant.rules(hot())
    plant.put(at(1, 90))

    def garble(link: Link) -> None:
        link.connection.execute("""update alarm_state set memory = '{"active": 3}'""")

    plant.link.perform(garble)
    plant.restart()
    plant.put(at(2, 91))
    assert plant.standing() == {"hot": "unacknowledged"}


def test_another_process_may_judge_at_any_time(plant: Plant) -> None:
    plant.rules(hot(latching=True))
    judges = [plant.judge, plant.fresh_judge()]
    for second, value in enumerate([20, 90, 30, 90, 30, 90]):
        plant.judge = judges[second % 2]
        plant.put(at(second, value))
    numbers = [
        x.transition.number
        for x in plant.link.perform(process_journal, 0, 2**52, None, 99)
    ]
    assert numbers == list(range(5))


def test_shelving_ends_and_silence_is_noticed_by_the_clock(plant: Plant) -> None:
    plant.now_s = NOW_S - 900
    plant.rules(
        hot(), hot(alarm="silent", kind=AlarmKind.STALE, limit=None, after_ms=9)
    )
    plant.put(at(100, 90))
    until_ms = round((NOW_S - 890) * 1000)
    plant.order(AlarmAction.SHELVE, "hot", until_ms=until_ms)
    plant.judge.take_fresh()
    plant.restart()
    due_us = plant.link.perform(plant.judge.tick)
    plant.now_s = NOW_S - 100
    assert due_us is not None
    assert due_us <= until_ms * 1000
    assert plant.link.perform(plant.judge.tick) is None
    assert plant.standing() == {"hot": "unacknowledged", "silent": "unacknowledged"}
    told = [x.transition for x in plant.judge.take_fresh()]
    assert {(x.alarm, x.cause) for x in told} >= {("hot", "shelving_expired")}
    (ended,) = [x for x in told if x.cause == "shelving_expired"]
    assert ended.at_us == until_ms * 1000


def test_a_delay_goes_by_the_samples_not_by_the_clock(plant: Plant) -> None:
    plant.rules(hot(on_delay_ms=5000))
    plant.put(at(1, 90))
    plant.link.perform(plant.judge.tick)
    plant.order(AlarmAction.COMMENT, "hot", comment="still fine")
    plant.put(at(5, 20))
    assert plant.standing() == {}
    plant.put(at(6, 90))
    plant.put(("other", NOW_S - 900, 1.0, 0))  # the device is that far
    assert plant.standing() == {"hot": "unacknowledged"}


def test_commands_are_refused_whole_with_a_reason(plant: Plant) -> None:
    plant.rules(hot(), hot(alarm="cold", kind=AlarmKind.LO, limit=5.0))
    plant.put(at(1, 90))
    with pytest.raises(WrongAlarmState, match="cold is normal: there is nothing to"):
        plant.order(AlarmAction.ACKNOWLEDGE, "hot", "cold")
    with pytest.raises(AlarmNotFound):
        plant.order(AlarmAction.ACKNOWLEDGE, "warm")
    assert plant.standing() == {"hot": "unacknowledged"}
    plant.order(AlarmAction.ACKNOWLEDGE)
    assert plant.standing() == {"hot": "acknowledged"}


def test_rules_are_refused_whole_with_every_flaw(plant: Plant) -> None:
    with pytest.raises(AlarmRulesInvalid) as refused:
        plant.rules(
            hot(),
            hot(alarm="Bad", limit=None),
            hot(device="mill", alarm="x", when=True),
        )
    flaws = refused.value.details["flaws"]
    assert isinstance(flaws, list)
    assert {(x["device"], x["alarm"], x["field"]) for x in flaws} == {
        ("press", "Bad", "alarm"),
        ("press", "Bad", "limit"),
        ("mill", "x", "when"),
    }
    assert plant.link.perform(store.rules, None) == []


def test_new_limits_are_judged_by_the_values_of_now(plant: Plant) -> None:
    plant.put(at(1, 70))
    plant.rules(hot())
    assert plant.standing() == {}
    plant.rules(hot(limit=60.0))
    assert plant.standing() == {"hot": "unacknowledged"}
    plant.rules(hot(limit=80.0, text="cool it"))
    assert plant.standing() == {"hot": "returned"}
    assert plant.link.perform(store.rules, "press") == [hot(limit=80.0, text="cool it")]


def test_an_alarm_goes_with_its_rule_and_numbers_go_on(plant: Plant) -> None:
    plant.rules(hot())
    plant.put(at(1, 90))
    change = Removed(NOW_US, "ann")
    plant.link.perform(remove_rules, plant.judge, "press", ["hot"], change)
    assert plant.standing() == {}
    plant.put(at(2, 95))
    with pytest.raises(AlarmNotFound):
        plant.link.perform(remove_rules, plant.judge, "press", ["hot"], change)
    plant.judge.take_fresh()
    plant.rules(hot())
    assert [x.transition.number for x in plant.judge.take_fresh()] == [2]
    assert plant.standing() == {"hot": "unacknowledged"}


def test_a_rule_may_move_to_the_device_and_back(plant: Plant) -> None:
    plant.rules(hot())
    plant.put(at(1, 90))
    plant.rules(hot(place=AlarmPlace.EDGE))
    assert plant.standing() == {}
    plant.put(at(2, 95))
    assert plant.standing() == {}
    plant.report(edge("hot", "raised", "normal", "unacknowledged"))
    assert plant.standing() == {"hot": "unacknowledged"}
    plant.rules(hot())
    assert plant.standing() == {"hot": "unacknowledged"}
    plant.put(at(3, 20))
    assert plant.standing() == {"hot": "returned"}


def test_a_report_does_not_overtake_a_rule_that_moves_here(
    embedded_server: Server,
) -> None:
    """The rule's new place is not committed yet when the report comes."""
    with storage_on(embedded_server) as storage:
        plant = Plant(storage.link())
        other, watching = (storage.link(storage.projects[0]) for _ in range(2))
        plant.rules(hot(place=AlarmPlace.EDGE))
        plant.put(at(1, 90))
        told = edge("hot", "cleared", "unacknowledged", "returned")
        reporting = Thread(target=plant.report, args=(told,))

        def move_then_report(link: Link) -> None:
            with link.connection.transaction():
                change = Changed(NOW_US, "ann")
                set_rules(link, plant.fresh_judge(), [hot()], change)
                reporting.start()
                while reporting.is_alive() and not watching.perform(somebody_waits):
                    time.sleep(0.01)

        other.perform(move_then_report)
        reporting.join()
        assert plant.standing() == {"hot": "unacknowledged"}
        plant.restart()
        plant.put(at(2, 20))
        assert plant.standing() == {"hot": "returned"}
        found = plant.link.perform(process_journal, 0, 2**52, None, 99)
        here = [x for x in found if x.place is AlarmPlace.CENTRE]
        assert [x.transition.number for x in here] == [0, 1]


def somebody_waits(link: Link) -> bool:
    """For a lock of somebody else, in this database."""
    found = link.connection.execute(
        """
        select from pg_stat_activity
         where wait_event_type = 'Lock' and datname = current_database()
        """
    )
    return found.rowcount > 0


def test_what_a_device_judged_stands_and_is_in_the_journal(plant: Plant) -> None:
    plant.report(
        edge("e1", "raised", "normal", "unacknowledged", value=9.0, first=True),
        edge("e2", "raised", "normal", "unacknowledged"),
        edge("e1", "acknowledged", "unacknowledged", "acknowledged", who="bob"),
        edge("e2", "cleared", "unacknowledged", "returned"),
    )
    found = plant.link.perform(store.states, "press", standing=True)
    listed = alarm_list(found, [], 10).alarms
    assert [(x.alarm, x.state, x.value, x.first, x.who) for x in listed] == [
        ("e2", "returned", None, False, None),
        ("e1", "acknowledged", 9.0, False, "bob"),
    ]
    assert [x.place for x in plant.judge.take_fresh()] == [AlarmPlace.EDGE] * 4


def test_an_alert_of_a_run_stands_until_it_is_acknowledged(plant: Plant) -> None:
    plant.report(edge("alert_f_done", "raised", "normal", "unacknowledged"))
    order = AlarmOrder(action=AlarmAction.RESET, who="ann", alarms=("alert_f_done",))
    with pytest.raises(WrongAlarmState, match="has no rule"):
        plant.link.perform(settle_reported, plant.judge, "press", order)
    order = replace(order, action=AlarmAction.ACKNOWLEDGE, comment="fine")
    (told,) = plant.link.perform(settle_reported, plant.judge, "press", order)
    assert (told.transition.who, told.transition.after) == ("ann", "normal")
    assert plant.standing() == {}
    with pytest.raises(WrongAlarmState, match="nothing to acknowledge"):
        plant.link.perform(settle_reported, plant.judge, "press", order)


def test_what_is_settled_here_stays_so_when_the_device_clears_it(plant: Plant) -> None:
    """A link that was lost, acknowledged, and came back."""
    raised = edge("press_connected", "raised", "normal", "unacknowledged")
    cleared = edge("press_connected", "cleared", "unacknowledged", "returned")
    plant.report(raised)
    plant.report(cleared)
    assert plant.standing() == {"press_connected": "returned"}
    plant.report(raised)
    order = AlarmOrder(
        action=AlarmAction.ACKNOWLEDGE, who="ann", alarms=("press_connected",)
    )
    plant.link.perform(settle_reported, plant.judge, "press", order)
    plant.report(cleared)
    assert plant.standing() == {}
    plant.report(raised, cleared)
    assert plant.standing() == {"press_connected": "returned"}


def test_key_figures_come_from_the_journal(plant: Plant) -> None:
    plant.rules(hot())
    plant.put(*(at(n, 90 if n % 2 else 20) for n in range(12)))
    from_us = round((NOW_S - 1000) * 1e6)
    told = plant.link.perform(process_journal, 0, 2**52, "press", 99)
    found = key_figures(told, from_us, from_us + 3600 * SECOND_US)
    assert (found.annunciated, found.per_hour, found.by_severity) == (
        6,
        (6,),
        {"medium": 6},
    )
    assert [(x.device, x.alarm) for x in found.chattering] == [("press", "hot")]
    assert found.top[0].share == 1.0


def test_the_journal_is_read_page_by_page(plant: Plant) -> None:
    plant.rules(hot())
    plant.put(*(at(n, 90 if n % 2 else 20) for n in range(20)))
    ids: list[int] = []
    before = None
    while True:
        found = plant.link.perform(journal, 0, 2**52, "press", "hot", before, 8)
        if not found:
            break
        ids += [x.id for x in found]
        before = ids[-1]
    assert len(ids) == 19
    assert ids == sorted(ids, reverse=True)
