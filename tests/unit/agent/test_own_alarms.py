"""Alarms that the agent raises of itself: links that are lost, a disk that fills."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from edge_agent.drivers.driver import Reading
from edge_agent.outbox import OutboxFailed
from edge_agent.own_alarms import LOST_AFTER_S, RETRY_S, OwnAlarms
from edge_agent.reconcile.room import Room
from heddle.contract.alarms import AlarmTransition

TAG = "press_connected"


@dataclass
class Box:
    """An outbox's side of it."""

    told: list[AlarmTransition] = field(default_factory=list)
    rows: dict[str, bytes] = field(default_factory=dict)
    fails: bool = False

    async def alarm_rows(self) -> dict[str, bytes]:
        return dict(self.rows)

    async def keep_alarms(
        self, told: Sequence[AlarmTransition], rows: Mapping[str, bytes | None]
    ) -> None:
        if self.fails:
            raise OutboxFailed("the disk is full")
        self.told += told
        for name, row in rows.items():
            if row is None:
                self.rows.pop(name, None)
            else:
                self.rows[name] = row


@dataclass
class Line:
    name: str = "press"
    link_tag: str = TAG
    why_down: str = "No route to host"

    def tags(self) -> tuple[Any, ...]:
        return ()


class Desk:
    def __init__(self, box: Box, *links: Line) -> None:
        self.clock, self.box = Clock(), box
        self.alarms = OwnAlarms(self.clock, box, self.clock.seconds)  # type: ignore[arg-type]
        started = Deferred.fromCoroutine(self.alarms.start(links))
        assert started.called

    def link(self, up: bool, *, then_s: float = 0) -> None:
        self.alarms.heard([Reading(TAG, 0, up), Reading("speed", 0, 5.0)])
        self.clock.advance(then_s)

    def disk(self, free_mb: int) -> None:
        self.alarms.disk(Room(Path("/data"), free_mb, 512, 128))

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return [(x.alarm, x.cause, x.after) for x in self.box.told]


RAISED = (TAG, "raised", "unacknowledged")
CLEARED = (TAG, "cleared", "returned")


def test_a_lost_link_alarms_once_and_clears() -> None:
    desk = Desk(Box(), Line())
    desk.link(False, then_s=LOST_AFTER_S - 1)
    desk.link(False)
    assert desk.told == []
    desk.link(False, then_s=1)
    desk.link(False, then_s=100)
    assert desk.told == [RAISED]
    assert desk.box.told[0].comment == "press is lost: No route to host"
    assert (desk.box.told[0].tag, desk.box.told[0].severity) == (TAG, 700)
    desk.link(True)
    desk.link(True)
    assert desk.told == [RAISED, CLEARED]
    desk.link(False, then_s=LOST_AFTER_S)
    assert desk.told == [RAISED, CLEARED, RAISED]


def test_a_link_that_is_soon_back_alarms_nobody() -> None:
    desk = Desk(Box(), Line())
    desk.link(False, then_s=LOST_AFTER_S - 1)
    desk.link(True, then_s=100)
    assert desk.told == []


def test_a_restart_neither_repeats_nor_forgets() -> None:
    box = Box()
    first = Desk(box, Line())
    first.link(False, then_s=LOST_AFTER_S)
    first.alarms.stop()
    second = Desk(box, Line())
    second.link(False, then_s=100)
    assert second.told == [RAISED]
    third = Desk(box, Line())
    third.link(True)
    assert third.told == [RAISED, CLEARED]
    assert box.rows == {}


def test_a_connection_that_is_no_more_is_cleared_at_the_start() -> None:
    box = Box(rows={"own/" + TAG: b"", "alarm/x": b"?"})
    assert Desk(box).told == [CLEARED]
    assert box.rows == {"alarm/x": b"?"}


def test_while_the_disk_takes_nothing_they_wait() -> None:
    desk = Desk(Box(fails=True), Line())
    desk.link(False, then_s=LOST_AFTER_S)
    desk.clock.advance(RETRY_S)
    desk.link(True)
    assert desk.told == []
    desk.box.fails = False
    desk.clock.advance(RETRY_S)
    assert desk.told == [RAISED, CLEARED]


def test_little_room_alarms_once_by_its_gravity() -> None:
    desk = Desk(Box())
    for free_mb in (9999, 500, 400, 9999, 100):
        desk.disk(free_mb)
    assert desk.told == [
        ("disk_low", "raised", "unacknowledged"),
        ("disk_low", "cleared", "returned"),
        ("disk_low", "raised", "unacknowledged"),
    ]
    assert [x.severity for x in desk.box.told] == [500, 700, 700]
    assert "100 MB free" in str(desk.box.told[-1].comment)
