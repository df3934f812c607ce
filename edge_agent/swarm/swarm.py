"""All members of a swarm: brought online a few at a time, watched, and ended.

A few at a time, because a router that is asked by a thousand at once answers none of
them in time. Who is not online after a while gives its place to the next and goes on
by itself.
"""

import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from edge_agent.swarm.config import SwarmConfig
from edge_agent.swarm.member import Member
from edge_agent.swarm.parts import parts
from edge_agent.swarm.turns import Turns
from edge_agent.swarm.turnstile import Turnstile

PATIENCE_S = 10.0  # with one that joins
LOOK_EVERY_S = 0.05
ENDING = 32  # at the same time


@dataclass(frozen=True, slots=True)
class Standing:
    """How a swarm stands."""

    devices: int
    joined: int  # have been online
    online: int
    refused: int
    elapsed_s: float


class Swarm:
    """``start``, then ``stop``, once each."""

    def __init__(self, reactor: Any, settings: SwarmConfig) -> None:
        self._reactor = reactor
        self._settings = settings
        who = parts(settings.name, settings.seed, settings.devices, settings.manners)
        self._turnstile = Turnstile(reactor, settings.joining)
        turns = Turns(reactor)
        self.members = tuple(
            Member(reactor, part, settings, self._turnstile, turns) for part in who
        )
        self._began_at = 0.0
        self._bringing: Deferred[Any] | None = None
        self._flaw: Failure | None = None
        self._ending = False

    def start(self) -> None:
        """Begin to bring the members online."""
        self._began_at = self._reactor.seconds()
        waiting = iter(self.members)
        self._bringing = DeferredList(
            [
                Deferred.fromCoroutine(self._bring(waiting)).addErrback(self._fail)
                for _ in range(self._settings.joining)
            ]
        )

    def standing(self) -> Standing:
        """How it stands now; raises what ended the bringing, if a defect did."""
        if self._flaw is not None:
            self._flaw.raiseException()
        online = 0
        for member in self.members:
            if member.is_online:
                online += 1
                member.has_joined = True
        return Standing(
            devices=len(self.members),
            joined=sum(member.has_joined for member in self.members),
            online=online,
            refused=sum(member.refusal is not None for member in self.members),
            elapsed_s=self._reactor.seconds() - self._began_at,
        )

    def refusal(self) -> str | None:
        """What the first member that is refused was told."""
        return next((m.refusal for m in self.members if m.refusal is not None), None)

    def settle(self) -> None:
        """Everybody is there."""
        gc.collect()
        gc.freeze()  # what is there stays; looking through it takes a second
        gc.set_threshold(10_000, 20, 20)

    async def stop(self) -> None:
        """End every member, a few at a time."""
        self._ending = True
        if self._bringing is not None:
            self._bringing.cancel()
        self._turnstile.stop()
        waiting = iter(self.members)
        await DeferredList(
            [Deferred.fromCoroutine(self._end(waiting)) for _ in range(ENDING)],
            consumeErrors=True,
        )

    async def _bring(self, waiting: Iterator[Member]) -> None:
        for member in waiting:
            if self._ending:
                return
            await member.start()
            give_up_at = time.monotonic() + PATIENCE_S
            while not (member.is_online or member.refusal is not None):
                if time.monotonic() > give_up_at:
                    break
                await deferLater(self._reactor, LOOK_EVERY_S)
            member.has_joined |= member.is_online

    async def _end(self, waiting: Iterator[Member]) -> None:
        for member in waiting:
            await member.stop()

    def _fail(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            self._flaw = self._flaw or failure
