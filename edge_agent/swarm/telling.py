"""Runs a swarm and tells how it goes: a line that moves, or lines where none can.

With ``json`` each line is an object: ``what`` (joining, online, holding, held), the
numbers of ``Standing`` and the process's memory.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from edge_agent.swarm.config import SwarmConfig
from edge_agent.swarm.swarm import Standing, Swarm

MOVES_EVERY_S, LINE_EVERY_S, JSON_EVERY_S = 0.5, 10.0, 1.0
HOLDING_LINE_EVERY_S = 60.0


class Teller:
    """One swarm from its first member to its end."""

    def __init__(
        self, reactor: Any, settings: SwarmConfig, out: TextIO = sys.stdout
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._out = out
        self._moves = out.isatty() and not settings.json
        self._swarm = Swarm(reactor, settings)
        self._told_at = -1e9
        self._told = ""
        self._work: Deferred[None] | None = None
        self._flaw: Failure | None = None  # a defect; the boundary tells it

    def start(self) -> None:
        """Begin."""
        self._swarm.start()
        self._work = Deferred.fromCoroutine(self._run())
        _ = self._work.addErrback(self._ended)

    async def stop(self) -> None:
        """End the swarm."""
        if self._work is not None:
            self._work.cancel()
        await self._swarm.stop()
        if self._flaw is not None:
            self._flaw.raiseException()

    def _ended(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            self._flaw = failure
            self._reactor.stop()

    async def _run(self) -> None:
        await self._until_joined()
        self._swarm.settle()
        await self._hold()
        self._reactor.stop()

    async def _until_joined(self) -> None:
        while True:
            standing = self._swarm.standing()
            rate = standing.joined / max(standing.elapsed_s, 0.001)
            if standing.joined + standing.refused >= standing.devices:
                break
            self._now_and_then("joining", standing, _words(standing), LINE_EVERY_S)
            await deferLater(self._reactor, MOVES_EVERY_S)
        self._tell(
            "online",
            standing,
            f"{_words(standing)}, after {standing.elapsed_s:.1f} s ({rate:.1f}/s)",
        )
        if self._moves:
            self._out.write("\n")
        if (refusal := self._swarm.refusal()) is not None:
            print(f"refused: {refusal}", file=sys.stderr)  # noqa: T201

    async def _hold(self) -> None:
        until = (
            None
            if self._settings.hold_s is None
            else self._reactor.seconds() + self._settings.hold_s
        )
        while until is None or self._reactor.seconds() < until:
            standing = self._swarm.standing()
            self._now_and_then(
                "holding", standing, _words(standing), HOLDING_LINE_EVERY_S
            )
            await deferLater(self._reactor, MOVES_EVERY_S)
        standing = self._swarm.standing()
        self._tell("held", standing, _words(standing))

    def _now_and_then(
        self, what: str, standing: Standing, words: str, every_s: float
    ) -> None:
        if self._moves:
            every_s = 0.0
        elif self._settings.json:
            every_s = JSON_EVERY_S
        if self._reactor.seconds() - self._told_at >= every_s:
            self._tell(what, standing, words)

    def _tell(self, what: str, standing: Standing, words: str) -> None:
        self._told_at = self._reactor.seconds()
        if self._settings.json:
            told = {"what": what, **asdict(standing), "rss_bytes": rss_bytes()}
            self._out.write(json.dumps(told) + "\n")
        elif self._moves:
            self._out.write(f"\r{words:<70}")
        else:
            self._out.write(words + "\n")
        self._out.flush()


def _words(standing: Standing) -> str:
    return f"{standing.online} of {standing.devices} online, {standing.refused} refused"


def rss_bytes() -> int:
    """What this process holds of the memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
