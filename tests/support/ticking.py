"""An agent whose driver ticks: each value is the time of its own reading.

``python -m tests.support.ticking`` takes the agent's settings (``AGENT_*``) and, as
``TICKING_PER_S``, how many samples there are in a second. It tells on its standard
output, four times a second, how many samples wait: a JSON line of time and number.
"""

import json
import os
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.task import LoopingCall

from edge_agent.agent import Agent
from edge_agent.config import load
from edge_agent.drivers.driver import OnReadings, Reading, Value, WriteRefused
from edge_agent.identity import Identity
from edge_agent.runtime.choose import choose_runtime
from edge_agent.tags import TagTable
from heddle.contract.devices import Tag
from heddle.contract.samples import Stream
from heddle.wamp.process import run

TAGS = 20


class Ticking:
    """All tags at once, so and so often a second."""

    def __init__(self, clock: Any, per_s: int) -> None:
        self._clock = clock
        self._period_s = TAGS / per_s
        self._loop: LoopingCall | None = None

    def tags(self) -> tuple[Tag, ...]:
        """Tags of no unit."""
        return tuple(Tag(tag=f"clock_{n:02}") for n in range(TAGS))

    def start(self, on_readings: OnReadings) -> None:
        """Tick."""
        tags = self.tags()

        def tick(ticks: int) -> None:
            now_s = time.time()
            readings = [Reading(t.tag, int(now_s * 1e6), now_s) for t in tags]
            on_readings(readings * ticks)  # ticks missed are made up for

        self._loop = LoopingCall.withCount(tick)
        self._loop.clock = self._clock
        _ = self._loop.start(self._period_s, now=False)

    async def write(self, tag: str, value: Value) -> None:
        """A clock is not set."""
        raise WriteRefused(f"{tag} cannot be written")

    async def stop(self) -> None:
        """Stand still."""
        if self._loop is not None:
            self._loop.stop()


async def start(reactor: Any) -> Callable[[], Any]:
    """Start the agent; tells how to stop it."""
    config = load()
    driver = Ticking(reactor, int(os.environ["TICKING_PER_S"]))
    identity = Identity(config.data)
    enrolled = await identity.enrol(reactor, config)
    agent = Agent(
        reactor,
        config,
        identity,
        enrolled,
        driver=driver,
        tags=TagTable(driver.tags()),
        runtime=await choose_runtime(reactor, config, enrolled.device),
    )
    await agent.start()

    async def tell() -> None:
        waiting = await agent._outbox.waiting()
        print(json.dumps([time.time(), waiting[Stream.SAMPLES]]), flush=True)  # noqa: T201

    loop = LoopingCall(lambda: defer(tell()))
    loop.clock = reactor
    _ = loop.start(0.25)

    async def stop() -> None:
        loop.stop()
        await agent.stop()

    return stop


def defer(work: Any) -> Any:
    """A coroutine as LoopingCall takes it."""
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(work)


if __name__ == "__main__":
    os.environ.setdefault("HEDDLE_LOG_LEVEL", "warn")
    run(start)
