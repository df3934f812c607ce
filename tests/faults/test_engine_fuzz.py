"""Whatever bytes come through the socket, the engine stands and its runs make sense.

Frames that mean something are mutilated and mixed with whole ones. A million takes
about ten minutes: ``HEDDLE_FUZZ_INPUTS=1000000``.
"""

import os
import random
import resource
from pathlib import Path

import pytest
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel, globalLogPublisher

from edge_agent.engine.protocol import (
    Acked,
    Approve,
    Executed,
    Forget,
    PauseRun,
    Readings,
    Request,
    ResumeRun,
    StartRun,
    Status,
    StopRun,
    ToEngine,
    Trigger,
    encode,
)
from edge_agent.engine.server import AgentLink
from tests.support.engine import World, condition, listener, one_phase, timer

INPUTS = int(os.environ.get("HEDDLE_FUZZ_INPUTS", "5000"))

MESSAGES: list[ToEngine] = [
    Request(id=1, command=command)
    for command in (
        StartRun(run="r1"),
        StartRun(run="r2"),
        PauseRun(run="r1"),
        ResumeRun(run="r1"),
        StopRun(run="r2"),
        Approve(run="r1", by="x", comment="y"),
        Trigger(run="r1", listener="t"),
        Status(),
        Status(run="r1"),
        Forget(run="r2"),
    )
]
MESSAGES += [
    Readings(at_ms=1, values={"temp": (41.5, 0)}),
    Readings(at_ms=1, values={"temp": (True, 1), "other": (None, 2)}),
    Readings(at_ms=1, values={"temp": ("text", 0)}),
    Executed(run="r1", number=0),
    Executed(run="r1", number=1, error="no"),
    Acked(run="r1", next_number=4),
]
WAITS = one_phase(
    timer("t", "p", 60_000),
    condition("c", "p", "temp", ">", 40, sustainTimeInMS=1000),
    listener("a", "APPROVAL", "p"),
)
FRAMES = [encode(message) for message in MESSAGES]


class Transport(StringTransport):
    """Forgets what was written, and closes when told."""

    def write(self, data: bytes) -> None:
        pass

    def abortConnection(self) -> None:  # noqa: N802 -- Twisted's name
        self.disconnecting = True


def mutilated(chance: random.Random, frame: bytes) -> bytes:
    """A frame with a few bytes flipped, lost, doubled, or another's tail."""
    torn = bytearray(frame)
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        where = chance.randrange(len(torn) + 1)
        match chance.randrange(4):
            case 0 if where < len(torn):
                torn[where] = chance.randrange(256)
            case 1:
                del torn[where : where + chance.randrange(4)]
            case 2:
                torn[where:where] = chance.randbytes(chance.randrange(4))
            case _:
                other = chance.choice(FRAMES)
                torn[where:] = other[chance.randrange(len(other)) :]
    return bytes(torn)


def connected(here: World) -> AgentLink:
    link = AgentLink(here.engine)
    link.makeConnection(Transport())
    return link


def assert_sound(here: World) -> None:
    """It runs, nothing piles up, and what it tells has no gaps."""
    here.connect()
    here.settle()
    assert not here.broken
    assert len(here.engine._arrivals) < 100
    for run, events in here.agent.events.items():
        first = events[0].number  # earlier ones were acknowledged by some frame
        numbers = [event.number - first for event in events]
        assert numbers == list(range(len(events))), run
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 400_000


@pytest.mark.timeout(60 + INPUTS // 200)
def test_no_bytes_bring_the_engine_down(tmp_path: Path) -> None:
    chance = random.Random(3)  # noqa: S311 -- a test's, not a secret's
    told: list[str] = []

    def watch(event: dict[str, object]) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical):
            told.append(str(event))

    globalLogPublisher.addObserver(watch)
    here = World(tmp_path, WAITS)
    link = connected(here)
    for n in range(INPUTS):
        frame = mutilated(chance, chance.choice(FRAMES))
        size = len(frame) if chance.random() < 0.99 else chance.randrange(2**32)
        link.dataReceived(size.to_bytes(4, "big") + frame)
        if link.transport.disconnecting:
            link.connectionLost()
            link = connected(here)
        if n % 50 == 0:
            here.run_until(n / 1000)
    assert told == []
    assert_sound(here)
    here.stop()
    globalLogPublisher.removeObserver(watch)
