"""The queue of notices in virtual time: nothing that goes wrong ends the telling."""

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock

from heddle.contract.alarm_answers import AlarmEntry
from heddle.contract.alarm_notices import NoticeTarget
from heddle.contract.alarms import AlarmPlace, AlarmTransition
from heddle.contract.declare import StorageUnavailable
from services.fleetdata.alarms.notices import RETRY_S, Notices
from services.fleetdata.alarms.telling import NotTold
from services.fleetdata.store import notices as store
from services.fleetdata.store.notices import Notice

RAISED = AlarmTransition(
    alarm="hot",
    tag="t",
    at_us=1,
    cause="raised",
    before="normal",
    after="unacknowledged",
    severity=500,
)
ENTRY = AlarmEntry(id=7, device="press_7", place=AlarmPlace.CENTRE, transition=RAISED)
TARGET = NoticeTarget(target="hook", url="http://127.0.0.1:1/")


class Queue:
    """A database with some notices, which now and then does not answer."""

    def __init__(self, *ids: int) -> None:
        self.waiting = [Notice(x, TARGET, ENTRY, "", str(x)) for x in ids]
        self.away = False
        self.refusals: list[str] = []

    async def read(self, _: Callable[..., Any]) -> float | None:
        if self.away:
            raise StorageUnavailable("away")
        return 0.0 if self.waiting else None

    async def write(self, work: Callable[..., Any], *arguments: Any) -> Any:
        if self.away:
            raise StorageUnavailable("away")
        if work is store.claim:
            return list(self.waiting)
        self.waiting = [x for x in self.waiting if x.id != arguments[0]]
        if work is store.not_told:
            self.refusals.append(arguments[1])
        return False


class Outside:
    """Takes what it is given, or refuses the first ones; may take the database away."""

    can_mail = False

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.refuse = 0
        self.takes_away = False
        self.told: list[int] = []

    async def tell(self, notice: Notice) -> None:
        self.queue.away = self.takes_away
        if self.refuse:
            self.refuse -= 1
            raise NotTold("it is busy")
        self.told.append(notice.id)


def started(queue: Queue) -> tuple[Clock, Notices, Outside]:
    clock: Any = Clock()
    database: Any = queue
    notices = Notices(clock, database, None)
    outside: Any = Outside(queue)
    notices._teller = outside
    return clock, notices, outside


def test_what_is_taken_leaves_the_queue_and_what_is_refused_is_recorded() -> None:
    queue = Queue(1, 2)
    _, notices, outside = started(queue)
    outside.refuse = 1
    notices.start()
    assert (outside.told, queue.refusals, queue.waiting) == ([2], ["it is busy"], [])
    notices.stop()


def test_a_database_that_goes_away_meanwhile_ends_nothing() -> None:
    queue = Queue(1, 2)
    clock, notices, outside = started(queue)
    outside.takes_away = True
    notices.start()
    assert (outside.told, len(queue.waiting)) == ([1, 2], 2)
    outside.takes_away = queue.away = False
    clock.advance(RETRY_S)
    assert (outside.told, queue.waiting) == ([1, 2, 1, 2], [])
    notices.stop()
