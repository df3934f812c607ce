"""All alarms of a device: those its rules ask for, and the agent's own."""

import time
from collections.abc import Sequence
from typing import Any

from edge_agent.alarm_report import StateReport
from edge_agent.alarm_rules import RuleWatch
from edge_agent.alarms import Alarms
from edge_agent.drivers.driver import Link, Reading
from edge_agent.outbox import Outbox
from edge_agent.own_alarms import OwnAlarms
from edge_agent.tags import TagTable
from heddle.wamp.session import Session


class Alarming:
    """Judges what is read and what is found, with or without a link."""

    def __init__(
        self,
        reactor: Any,
        device: str,
        outbox: Outbox,
        tags: TagTable,
        *,
        commit_ms: int,
    ) -> None:
        self.ruled = Alarms(reactor, outbox, tags, now_s=time.time, commit_ms=commit_ms)
        self.own = OwnAlarms(reactor, outbox, time.time)
        report = StateReport(reactor, self.ruled.report)
        self._watch = RuleWatch(reactor, device, self.ruled.set_rules, report)

    async def start(self, links: Sequence[Link]) -> None:
        """Go on where the outbox says. Raises ``OutboxFailed``."""
        await self.ruled.start()
        await self.own.start(links)

    async def stop(self) -> None:
        """Judge no more; keep what is held."""
        self.own.stop()
        await self.ruled.stop()

    def heard(self, readings: Sequence[Reading]) -> None:
        """Judge readings."""
        self.ruled.heard(readings)
        self.own.heard(readings)

    async def joined(self, session: Session) -> None:
        """Learn the rules, and tell how the alarms stand."""
        await self._watch.joined(session)

    def left(self) -> None:
        """The session is gone."""
        self._watch.left()
