"""The notices of alarms of a project: who is told, and the queue of what is to be told.

At least once: a notice leaves the queue when the other side has said that it has it. A
receiver knows a repeat by its key. While one target does not answer, others are served:
attempts are short, and go side by side.
"""

from collections.abc import Callable
from contextlib import suppress
from time import time
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import Logger

from heddle.alarms.rule import OPC_UA, Severity
from heddle.alarms.state import Happened, State
from heddle.contract.alarm_answers import AlarmEntry
from heddle.contract.alarm_notices import (
    LIST_NOTICE_TARGETS,
    REMOVE_NOTICE_TARGETS,
    SEND_TEST_NOTICE,
    SET_NOTICE_TARGETS,
    ListNoticeTargets,
    NoticeNotTaken,
    NoticeTaken,
    NoticeTarget,
    NoticeTargetList,
    NoticeTargetNotFound,
    RemoveNoticeTargets,
    SendTestNotice,
    SetNoticeTargets,
)
from heddle.contract.alarms import AlarmPlace, AlarmTransition
from heddle.contract.declare import StorageUnavailable
from heddle.wamp.session import Caller, Session
from heddle.wamp.spawn import spawn
from services.fleetdata.alarms.targets import check_target
from services.fleetdata.alarms.telling import MailServer, NotTold, Teller
from services.fleetdata.database import Database
from services.fleetdata.store import notices as store
from services.fleetdata.store.notices import Notice

log = Logger()

AT_ONCE = 10
RETRY_S = 1.0
LONGEST_REST_S = 120.0  # should another process have left something behind
TEST_TEXT = "This is a test: there is no such alarm."


class Notices:
    """The notices of one project."""

    def __init__(
        self,
        reactor: Any,
        database: Database,
        mail_server: MailServer | None,
        wall: Callable[[], float] = time,
    ) -> None:
        self._reactor = reactor
        self._database = database
        self._teller = Teller(reactor, mail_server)
        self._wall = wall
        self._rest: Deferred[None] | None = None
        self._woken = False
        self._stopped = False

    async def settle(self, session: Session) -> None:
        """Serve what the contract says about notices."""
        await session.serve(SET_NOTICE_TARGETS, self._set)
        await session.serve(REMOVE_NOTICE_TARGETS, self._remove)
        await session.serve(LIST_NOTICE_TARGETS, self._list)
        await session.serve(SEND_TEST_NOTICE, self._send_test)

    def start(self) -> None:
        """Begin to tell."""
        spawn(self._keep_telling(), "telling of alarms")

    def stop(self) -> None:
        """Leave it to another process; what is under way is told again by it."""
        self._stopped = True
        self.wake()

    def wake(self) -> None:
        """There may be something new to tell."""
        self._woken = True
        if self._rest is not None:
            self._rest.cancel()

    async def _keep_telling(self) -> None:
        while not self._stopped:
            rest_s, self._woken = RETRY_S, False
            with suppress(StorageUnavailable):
                found = await self._database.write(store.claim, AT_ONCE)
                await gatherResults(
                    [Deferred.fromCoroutine(self._tell(each)) for each in found]
                )
                due_s = await self._database.read(store.next_in_s)
                rest_s = LONGEST_REST_S if due_s is None else max(due_s, 0.0)
            if rest_s > 0 and not (self._woken or self._stopped):
                self._rest = deferLater(self._reactor, min(rest_s, LONGEST_REST_S))
                with suppress(CancelledError):
                    await self._rest
                self._rest = None

    async def _tell(self, notice: Notice) -> None:
        """Tell it and settle it; what cannot be settled now comes up again."""
        why = None
        try:
            await self._teller.tell(notice)
        except NotTold as refusal:
            why = str(refusal)
        with suppress(StorageUnavailable):
            await self._settle(notice, why)

    async def _settle(self, notice: Notice, why: str | None) -> None:
        if why is None:
            await self._database.write(store.told, notice.id)
            return
        name = notice.target.target
        log.warn("{target} was not told: {why}", target=name, why=why)
        if await self._database.write(store.not_told, notice.id, why):
            log.warn("gave up telling {target} of {id}", target=name, id=notice.id)

    # --- targets ---

    async def _set(self, request: SetNoticeTargets, _: Caller) -> NoticeTargetList:
        for target in request.targets:
            check_target(target, self._teller.can_mail)
        await self._database.write(store.put_targets, request.targets)
        return await self._listed()

    async def _remove(
        self, request: RemoveNoticeTargets, _: Caller
    ) -> NoticeTargetList:
        await self._database.write(store.remove_targets, request.targets)
        return await self._listed()

    async def _list(self, _: ListNoticeTargets, __: Caller) -> NoticeTargetList:
        return await self._listed()

    async def _listed(self) -> NoticeTargetList:
        found = await self._database.read(store.list_targets)
        return NoticeTargetList(targets=tuple(found))

    async def _send_test(self, request: SendTestNotice, caller: Caller) -> NoticeTaken:
        target = await self._database.read(store.find_target, request.target)
        if target is None:
            raise NoticeTargetNotFound(
                f"there is no target {request.target!r}: see the list of targets"
            )
        try:
            await self._teller.tell(
                _test_of(target, caller.authid, int(self._wall() * 1e6))
            )
        except NotTold as why:
            raise NoticeNotTaken(f"{target.target} was not told: {why}") from None
        return NoticeTaken(target=target.target)


def _test_of(target: NoticeTarget, who: str, at_us: int) -> Notice:
    """A notice of an alarm that is none."""
    raised = AlarmTransition(
        alarm="test",
        tag="",
        at_us=at_us,
        cause=Happened.RAISED,
        before=State.NORMAL,
        after=State.UNACKNOWLEDGED,
        severity=OPC_UA[Severity(target.min_severity)],
        who=who,
    )
    device = target.device or "test"
    entry = AlarmEntry(id=0, device=device, place=AlarmPlace.CENTRE, transition=raised)
    return Notice(0, target, entry, TEST_TEXT, f"test-{at_us}", test=True)
