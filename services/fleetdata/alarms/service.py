"""Alarms of a project: what is asked about them, done about them, and told of them.

Alarms with a rule of place ``centre`` are judged here (``judging``); those of place
``edge`` by their device, to which commands are handed on. An alarm that a device told
of and that has no rule (a run's ALERT) stands until it is acknowledged here.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from heddle.alarms.inputs import Changed, Removed
from heddle.contract.alarm_answers import (
    AlarmEntries,
    AlarmJournal,
    AlarmJournalQuery,
    AlarmKpis,
    AlarmKpisQuery,
    AlarmList,
    AlarmsQuery,
)
from heddle.contract.alarm_procedures import (
    ACTIVE_ALARMS,
    ALARM_COMMANDS,
    ALARM_JOURNAL,
    ALARM_KPIS,
    ALARM_RULES_CHANGED,
    ALARM_TRANSITIONS,
    LIST_ALARM_RULES,
    ORDER_ALARMS,
    REMOVE_ALARM_RULES,
    REPORT_ALARMS,
    SET_ALARM_RULES,
)
from heddle.contract.alarms import (
    AlarmAction,
    AlarmCommand,
    AlarmNotFound,
    AlarmOrder,
    AlarmPlace,
    AlarmRule,
    AlarmRuleList,
    AlarmRulesChanged,
    AlarmsMoved,
    AlarmsReconciled,
    AlarmTransition,
    DeviceOffline,
    ListAlarmRules,
    RemoveAlarmRules,
    ReportAlarms,
    SetAlarmRules,
)
from heddle.contract.declare import (
    InvalidRequest,
    Role,
    StorageUnavailable,
    check_id,
)
from heddle.wamp.session import Caller, CallTimedOut, NotServed, Session
from heddle.wamp.spawn import spawn
from services.fleetdata.alarms import answers
from services.fleetdata.alarms.judging import Judge
from services.fleetdata.alarms.notices import Notices
from services.fleetdata.alarms.reconciling import reconcile
from services.fleetdata.alarms.ruleless import settle_reported
from services.fleetdata.alarms.rules import remove_rules, set_rules
from services.fleetdata.asking import check_range
from services.fleetdata.database import Database
from services.fleetdata.reports import MAX_COMMENT_BYTES
from services.fleetdata.store import alarms as store
from services.fleetdata.store.alarm_journal import journal, process_journal
from services.fleetdata.store.links import StoreTooSlow
from services.fleetdata.words import check_text

log = Logger()

US_PER_MS = 1000
DAY_MS = 86_400_000
MOST_DAYS = 31
LOOK_BACK_MS = 7 * DAY_MS  # for what has been active since before a range
MOST_ENTRIES = 1000
MOST_JUDGED = 300_000  # transitions that key figures may be made of
LONGEST_REST_S = 120.0  # should another process have left a deadline behind
RETRY_S = 1.0
EDGE_TIMEOUT_S = 10.0


class Alarms:
    """The alarms of one project."""

    def __init__(
        self,
        clock: Any,
        database: Database,
        notices: Notices,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._notices = notices
        self.judge = Judge(wall)
        self._clock = clock
        self._database = database
        self._wall = wall
        self._session: Session | None = None
        self._rest: Deferred[None] | None = None
        self._looks_at_us = inf  # when the clock is looked at anew
        self._woken = False
        self._stopped = False

    def start(self) -> None:
        """Have shelvings end on time, and silence be noticed."""
        self._notices.start()
        spawn(self._keep_time(), "keeping the time of alarms")

    def stop(self) -> None:
        """Leave it to another process."""
        self._stopped = True
        self._notices.stop()
        self._wake()

    def tell(self) -> None:
        """Publish what was committed, and look at the clock anew."""
        by_device: dict[str, list[Any]] = {}
        for entry in self.judge.take_fresh():
            by_device.setdefault(entry.device, []).append(entry)
        for device, entries in by_device.items():
            if self._session is not None:
                event = AlarmEntries(entries=tuple(entries))
                self._session.publish(ALARM_TRANSITIONS, event, device=device)
        if by_device:
            self._notices.wake()
        earliest_us = self.judge.take_earliest()
        if earliest_us is not None and earliest_us < self._looks_at_us:
            self._wake()

    async def settle(self, session: Session) -> None:
        """Serve what the contract says about alarms."""
        self._session = session
        await self._notices.settle(session)
        await session.serve(SET_ALARM_RULES, self._set_rules)
        await session.serve(REMOVE_ALARM_RULES, self._remove_rules)
        await session.serve(LIST_ALARM_RULES, self._list_rules)
        await session.serve(REPORT_ALARMS, self._report)
        await session.serve(ACTIVE_ALARMS, self._active)
        await session.serve(ALARM_JOURNAL, self._journal)
        await session.serve(ALARM_KPIS, self._kpis)
        for action, procedure in ALARM_COMMANDS.items():
            await session.serve(procedure, partial(self._command, action))

    # --- the clock ---

    async def _keep_time(self) -> None:
        while not self._stopped:
            rest_s, self._woken, self._looks_at_us = RETRY_S, False, inf
            with suppress(StorageUnavailable):
                due_us = await self._database.write(self.judge.tick)
                rest_s = self._until(due_us)
            self._looks_at_us = (self._wall() + rest_s) * 1e6
            self.tell()
            if not (self._woken or self._stopped):
                self._rest = deferLater(self._clock, rest_s)
                with suppress(CancelledError):
                    await self._rest
                self._rest = None

    def _until(self, due_us: int | None) -> float:
        if due_us is None:
            return LONGEST_REST_S
        return min(max(due_us / 1e6 - self._wall(), 0.02), LONGEST_REST_S)

    def _wake(self) -> None:
        self._woken = True
        if self._rest is not None:
            self._rest.cancel()

    # --- rules ---

    async def _set_rules(self, request: SetAlarmRules, caller: Caller) -> AlarmRuleList:
        for rule in request.rules:
            check_id("device", rule.device)
        _check_comment(request.comment)
        change = Changed(self._now_us(), caller.authid, request.comment)
        await self._database.write(set_rules, self.judge, request.rules, change)
        self._changed(request.rules)
        return AlarmRuleList(rules=request.rules)

    async def _remove_rules(
        self, request: RemoveAlarmRules, caller: Caller
    ) -> AlarmRuleList:
        check_id("device", request.device)
        _check_comment(request.comment)
        change = Removed(self._now_us(), caller.authid, request.comment)
        gone = await self._database.write(
            remove_rules, self.judge, request.device, request.alarms, change
        )
        self._changed(gone)
        return AlarmRuleList(rules=gone)

    def _changed(self, rules: Sequence[AlarmRule]) -> None:
        """Tell the devices; one may have lost a rule to us, so whatever the place."""
        self.tell()
        for device in {rule.device for rule in rules}:
            if self._session is not None:
                event = AlarmRulesChanged()
                self._session.publish(ALARM_RULES_CHANGED, event, device=device)

    async def _list_rules(
        self, request: ListAlarmRules, caller: Caller
    ) -> AlarmRuleList:
        device, place = request.device, None
        if caller.role is Role.AGENT:
            device, place = caller.authid, AlarmPlace.EDGE
        found = await self._database.read(store.rules, device, place)
        return AlarmRuleList(rules=tuple(found))

    # --- devices ---

    async def _report(self, report: ReportAlarms, caller: Caller) -> AlarmsReconciled:
        device = caller.authid
        put_right = await self._database.write(reconcile, self.judge, device, report)
        if put_right is None:
            return AlarmsReconciled(in_step=False)
        names = tuple(entry.transition.alarm for entry in put_right)
        if names:
            log.warn(
                "{device} has {alarms} otherwise: put right, what led there was lost",
                device=device,
                alarms=", ".join(names),
            )
        self.tell()
        return AlarmsReconciled(in_step=True, alarms=names)

    # --- questions ---

    async def _active(self, query: AlarmsQuery, _: Caller) -> AlarmList:
        states = await self._database.read(store.states, query.device, standing=True)
        rules = await self._database.read(store.rules, query.device)
        return answers.alarm_list(states, rules, max(query.limit, 0))

    async def _journal(self, query: AlarmJournalQuery, _: Caller) -> AlarmJournal:
        from_us, to_us = _range_us(query.from_ms, query.to_ms)
        if not 1 <= query.limit <= MOST_ENTRIES:
            raise InvalidRequest(f"limit is {query.limit}: use 1 to {MOST_ENTRIES}")
        named = (query.device, query.alarm, query.before)
        found = await self._ask(journal, from_us, to_us, *named, query.limit + 1)
        return answers.page(found, query.limit)

    async def _kpis(self, query: AlarmKpisQuery, _: Caller) -> AlarmKpis:
        from_us, to_us = _range_us(query.from_ms, query.to_ms)
        if query.to_ms - query.from_ms > MOST_DAYS * DAY_MS:
            raise InvalidRequest(f"to_ms is more than {MOST_DAYS} days after from_ms")
        since_us = from_us - LOOK_BACK_MS * US_PER_MS
        most = MOST_JUDGED
        found = await self._ask(
            process_journal, since_us, to_us, query.device, most + 1
        )
        if len(found) > most:
            raise InvalidRequest(
                f"there are more than {most} transitions: ask for fewer days, or for "
                "one device"
            )
        return answers.key_figures(found, from_us, to_us)

    async def _ask(self, question: Any, *arguments: Any) -> Any:
        try:
            return await self._database.read(question, *arguments)
        except StoreTooSlow:
            raise InvalidRequest(
                "finding the transitions took too long: ask for a shorter range"
            ) from None

    # --- commands ---

    async def _command(
        self, action: AlarmAction, request: AlarmCommand, caller: Caller
    ) -> AlarmsMoved:
        device = check_id("device", request.device)
        _check_comment(request.comment)
        order = AlarmOrder(
            action=action,
            who=caller.authid,
            alarms=request.alarms,
            comment=request.comment,
            until_ms=request.until_ms,
        )
        here, there, reported = await self._whose(device, request.alarms)
        told: list[AlarmTransition] = []
        if there:
            told += await self._hand_on(device, replace(order, alarms=_some(there)))
        if here:
            mine = replace(order, alarms=_some(here))
            told += await self._do(self.judge.order, device, mine)
        if reported:
            names = request.alarms and reported
            rest = replace(order, alarms=None if names is None else tuple(names))
            told += await self._do(settle_reported, self.judge, device, rest)
        return AlarmsMoved(transitions=tuple(told))

    async def _do(self, work: Any, *arguments: Any) -> list[AlarmTransition]:
        entries = await self._database.write(work, *arguments)
        self.tell()
        return [entry.transition for entry in entries]

    async def _whose(
        self, device: str, named: Sequence[str] | None
    ) -> tuple[list[str] | None, list[str] | None, list[str] | None]:
        """Which of the alarms are judged here, by the device, or have no rule.

        With none named: an empty name stands for all of them.
        """
        rules = await self._database.read(store.rules, device)
        places = {rule.alarm: rule.place for rule in rules}
        states = await self._database.read(store.states, device, named)
        ruleless = [x.alarm for x in states if x.alarm not in places]
        if named is None:
            here = ["" for x in places.values() if x is AlarmPlace.CENTRE]
            there = ["" for x in places.values() if x is AlarmPlace.EDGE]
            return here, there, ruleless
        if missing := [x for x in named if x not in places and x not in ruleless]:
            raise AlarmNotFound(
                f"{device} has no alarm {', '.join(missing)}: see its rules",
                alarms=missing,
            )
        here = [x for x in named if places.get(x) is AlarmPlace.CENTRE]
        there = [x for x in named if places.get(x) is AlarmPlace.EDGE]
        return here, there, [x for x in named if x not in places]

    async def _hand_on(
        self, device: str, order: AlarmOrder
    ) -> tuple[AlarmTransition, ...]:
        if self._session is None:
            raise DeviceOffline(f"{device} does not answer: nothing was done")
        try:
            moved = await self._session.call(
                ORDER_ALARMS, order, timeout_s=EDGE_TIMEOUT_S, device=device
            )
        except NotServed:
            raise DeviceOffline(
                f"{device} is offline, and judges its alarms itself: nothing was done"
            ) from None
        except CallTimedOut:
            raise DeviceOffline(
                f"{device} gave no answer in {EDGE_TIMEOUT_S:g} s: "
                "look whether it was done"
            ) from None
        return moved.transitions

    def _now_us(self) -> int:
        return int(self._wall() * 1e6)


def _some(names: Sequence[str]) -> tuple[str, ...] | None:
    return None if "" in names else tuple(names)


def _check_comment(comment: str) -> None:
    check_text("comment", comment, MAX_COMMENT_BYTES)


def _range_us(from_ms: int, to_ms: int) -> tuple[int, int]:
    check_range(from_ms, to_ms)
    return from_ms * US_PER_MS, to_ms * US_PER_MS
