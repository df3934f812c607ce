"""The journal of alarms is kept so long and no longer, but for what still stands."""

import pytest_twisted

from heddle.contract.alarm_notices import NoticeTarget
from heddle.contract.alarms import AlarmAction, AlarmKind
from services.fleetdata.database import Keep
from services.fleetdata.store.alarm_journal import drop_transitions
from services.fleetdata.store.care import DAY_US
from services.fleetdata.store.links import Link
from services.fleetdata.store.notices import put_targets
from tests.integration.test_fleetdata_history import kept_by
from tests.support.alarm_plant import NOW_US, SECOND_US, Plant, hot, plant, project
from tests.support.databases import Server
from tests.support.storage import storage_on
from tests.support.waiting import until

__all__ = ["plant", "project"]

TODAY = NOW_US // DAY_US


def some_of_each(plant: Plant) -> None:
    """Of ``hot``, which is normal, 15 transitions; of ``cold``, which is not, nine."""
    cold = hot(alarm="cold", kind=AlarmKind.LO, limit=5.0)
    plant.rules(hot(), cold)
    for second in range(5):
        begun = -900 + second * 10
        plant.put(row(begun, 90), row(begun + 1, 50))
        plant.order(AlarmAction.ACKNOWLEDGE)
    for second in range(4):
        begun = -800 + second * 10
        plant.put(row(begun, 1), row(begun + 1, 50))
    plant.put(row(-1, 1))


def row(second: float, value: float) -> tuple[str, float, float, int]:
    return ("temp", NOW_US / SECOND_US + second, value, 0)


def test_old_transitions_go_in_batches_but_not_what_still_stands(plant: Plant) -> None:
    hook = NoticeTarget(target="hook", url="http://127.0.0.1:1/")
    plant.link.perform(put_targets, [hook])
    some_of_each(plant)
    before = TODAY + 2
    assert plant.link.perform(drop_transitions, TODAY - 2) == 0
    assert len(told(plant.link)) == len(waiting(plant.link)) + 14
    gone = [plant.link.perform(drop_transitions, before, 6) for _ in range(4)]
    assert gone == [6, 6, 3, 0]
    assert told(plant.link) == [
        *[("cold", "raised", "normal")],
        *[("cold", "cleared", "unacknowledged"), ("cold", "raised", "returned")] * 4,
    ]
    assert set(waiting(plant.link)) == {"cold"}
    plant.put(row(0, 50))
    plant.order(AlarmAction.ACKNOWLEDGE)
    assert plant.link.perform(drop_transitions, before) == 11
    assert (told(plant.link), waiting(plant.link)) == ([], [])


def told(link: Link) -> list[tuple[str, str, str]]:
    found = link.connection.execute(
        "select alarm, cause, before from alarm_transition order by id"
    )
    return [(alarm, cause, before) for alarm, cause, before in found]


def waiting(link: Link) -> list[str]:
    found = link.connection.execute(
        """
        select alarm from notice n
          left join alarm_transition a on a.id = n.transition_id
        """
    )
    return [alarm for (alarm,) in found]


@pytest_twisted.ensureDeferred
async def test_the_service_drops_what_is_older_than_its_setting(
    embedded_server: Server,
) -> None:
    from twisted.internet import reactor

    with storage_on(embedded_server) as storage:
        plant = Plant(storage.link())
        some_of_each(plant)

        async def only_what_stands() -> bool:
            return len(told(plant.link)) == 9

        keep = Keep.at_least(30, 30, 30, alarms=10)
        assert len(told(plant.link)) == 24
        async with kept_by(storage, keep, days_later=15):
            await until(reactor, only_what_stands)
