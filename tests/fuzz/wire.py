"""Fuzzes the engine's socket: a real engine in virtual time, and what comes to it.

Frames that mean something are spoiled and mixed with whole ones, and come in pieces or
several at once. The engine lives on over all of them, so an input's effect depends on
those before it: a failure is written down with the frames that led to it.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel, globalLogPublisher

from edge_agent.engine.protocol import (
    MAX_FRAME_BYTES,
    Acked,
    Approve,
    Executed,
    Forget,
    PauseRun,
    Readings,
    Refusal,
    Reply,
    Request,
    ResumeRun,
    StartRun,
    Status,
    StopRun,
    ToEngine,
    Trigger,
    decode_to_agent,
    encode,
)
from edge_agent.engine.server import AgentLink
from heddle.contract.runs import StopMode
from tests.fuzz.mutate import STRANGE, tear
from tests.support.engine import (
    BEGIN_S,
    World,
    condition,
    dispatcher,
    gateway,
    listener,
    loop,
    one_phase,
    phase,
    timer,
    workflow,
)

SOUND_EVERY, RENEW_EVERY = 1_000, 10_000  # inputs
MAX_ARRIVALS = 100
RUNS = 30
SLOW = 4
HEADER_BYTES = 4
TIME_EVERY = 50
STEP_S = 0.05

MESSAGES: list[ToEngine] = [
    Request(id=1, command=command)
    for command in (
        StartRun(run="r1"),
        StartRun(run="r2"),
        PauseRun(run="r1"),
        ResumeRun(run="r1"),
        StopRun(run="r2"),
        StopRun(run="r1", mode=StopMode.HARD),
        Approve(run="r1", by="x", comment="y"),
        Approve(run="r2", listener="a"),
        Trigger(run="r1", listener="t"),
        Status(),
        Status(run="r1"),
        Forget(run="r2"),
        Forget(run="r1"),
    )
]
MESSAGES += [
    Readings(at_ms=1, values={"temp": (41.5, 0)}),
    Readings(at_ms=1, values={"temp": (True, 1), "other": (None, 2)}),
    Readings(at_ms=1, values={"temp": ("text", 0)}),
    Readings(at_ms=2**62, values={"temp": (20, 0)}),
    Executed(run="r1", number=0),
    Executed(run="r1", number=1, error="no"),
    Acked(run="r1", next_number=4),
    Acked(run="r2", next_number=2**63),
]
FRAMES = [encode(message) for message in MESSAGES]
FLOWS = (
    one_phase(
        timer("t", "p", 60_000),
        condition("c", "p", "temp", ">", 40, sustainTimeInMS=1000),
        listener("a", "APPROVAL", "p"),
    ),
    workflow(
        gateway("fork", "OR"),
        phase("p", heater=1),
        timer("t", "p", 3000),
        phase("q", valve=True, pump="fast"),
        condition("c", "q", "temp", ">", 40, sustainTimeInMS=500),
        listener("a", "APPROVAL", "q"),
        gateway("join", "AND"),
        dispatcher("end"),
        links="start>fork fork>p fork>q t>join c>join a>join join>end",
    ),
    loop(500, 200),
)


class Unsound(Exception):
    """The engine broke, lost count, or said something is wrong with it."""


class Transport(StringTransport):
    """Reads what the engine says, sometimes slowly, and closes when told."""

    def __init__(self) -> None:
        super().__init__()
        self.answered = 0
        self.is_slow = False
        self._unread = bytearray()

    def getHandle(self) -> "Transport":  # noqa: N802 -- Twisted's name
        """The socket: this very object, to whoever sends past the transport."""
        return self

    def send(self, data: bytes) -> int:
        if self.is_slow:
            raise BlockingIOError
        self._read(data)
        return len(data)

    def write(self, data: bytes) -> None:
        self._read(data)

    def catch_up(self) -> None:
        """Everything was read; now the engine may go on."""
        self.is_slow = False
        if self.producer is not None and not self.disconnecting:
            self.producer.resumeProducing()

    def _read(self, data: bytes) -> None:
        self._unread += data
        while len(self._unread) >= HEADER_BYTES:
            end = HEADER_BYTES + int.from_bytes(self._unread[:HEADER_BYTES], "big")
            if len(self._unread) < end:
                return
            message = decode_to_agent(bytes(self._unread[HEADER_BYTES:end]))
            self.answered += isinstance(message, Reply | Refusal)
            del self._unread[:end]

    def abortConnection(self) -> None:  # noqa: N802 -- Twisted's name
        self.disconnecting = True


class WireTarget:
    """What comes in one after the other; the first byte tells in how many pieces.

    And, above them, whether the agent reads nothing until time has passed.
    """

    bound_s = 4.0
    ending = ".frames"

    def __init__(self) -> None:
        fast = Path("/dev/shm")  # noqa: S108 -- the directory made in it is ours alone
        self._folder = tempfile.TemporaryDirectory(dir=fast if fast.is_dir() else None)
        self._since: list[bytes] = []  # this engine began
        self._errors: list[str] = []
        self._inputs = 0
        self._worlds = 0
        globalLogPublisher.addObserver(self._watch)
        self._begin()

    def _begin(self) -> None:
        """An engine with an empty journal."""
        self._since.clear()
        folder = tempfile.mkdtemp(dir=self._folder.name)
        self._here = World(Path(folder), FLOWS[self._worlds % len(FLOWS)])
        self._worlds += 1
        self._connect()

    def _watch(self, event: dict[str, Any]) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical):
            self._errors.append(str(event)[:2_000])

    def _connect(self) -> None:
        self._link, self._transport = AgentLink(self._here.engine), Transport()
        self._link.makeConnection(self._transport)

    # --- making ---

    def make(self, chance: random.Random) -> bytes:
        frames = [self._frame(chance) for _ in range(chance.choice((1, 1, 1, 2, 5)))]
        return bytes([chance.randrange(2 * SLOW)]) + b"".join(frames)

    def _frame(self, chance: random.Random) -> bytes:
        frame = chance.choice(FRAMES)
        match chance.randrange(10):
            case 0 | 1:
                frame = tear(chance, frame, chance.choice(FRAMES))
            case 2 | 3 | 4:
                frame = self._strange(chance, frame)
            case 5 | 6:
                frame = self._of_another_run(chance, frame)
            case _:
                pass
        size = len(frame)
        if chance.random() < 0.01:
            size = chance.choice((0, MAX_FRAME_BYTES + 1, chance.randrange(2**32)))
        return size.to_bytes(4, "big") + frame

    def _of_another_run(self, chance: random.Random, frame: bytes) -> bytes:
        """A message that means something, of one of some runs."""
        message = msgspec.msgpack.decode(frame)
        for within in (message, *_maps(message)):
            if "run" in within:
                within["run"] = f"r{chance.randrange(RUNS)}"
        return msgspec.msgpack.encode(message)

    def _strange(self, chance: random.Random, frame: bytes) -> bytes:
        """A whole message, some of whose values are not what they should be."""
        message = msgspec.msgpack.decode(frame)
        within = chance.choice([message, *_maps(message)])
        key = chance.choice(list(within)) if within else "run"
        value = chance.choice((*STRANGE, float("nan"), f"r{chance.randrange(RUNS)}"))
        within[key] = deepcopy(_packable(value))
        return msgspec.msgpack.encode(message)

    # --- taking ---

    def take(self, raw: bytes, count: Counter[str]) -> None:
        count["inputs"] += 1
        self._since.append(raw)
        before = self._transport.answered
        self._transport.is_slow |= raw[0] >= SLOW
        for piece in _pieces(raw):
            self._link.dataReceived(piece)
        count["answers"] += self._transport.answered - before
        if self._transport.disconnecting:
            count["connections_closed"] += 1
            self._link.connectionLost()
            self._connect()
        self._inputs += 1
        if self._inputs % TIME_EVERY == 0:
            self._pass(STEP_S)
        if self._inputs % SOUND_EVERY == 0:
            self._look(count)
        if self._errors:
            raise Unsound(self._errors.pop())

    def _pass(self, seconds: float) -> None:
        self._transport.catch_up()
        self._here.run_until(self._here.clock.rightNow - BEGIN_S + seconds)

    def _look(self, count: Counter[str]) -> None:
        """It runs, nothing piles up, and what it tells has no gaps."""
        here = self._here
        self._link.connectionLost()
        here.agent.events.clear()  # of a run forgotten and begun anew nothing is kept
        here.agent.executed.clear()
        here.connect()
        self._pass(0)
        if here.broken:
            raise Unsound("the engine broke")
        if (waiting := len(here.engine._arrivals)) > MAX_ARRIVALS:
            raise Unsound(f"{waiting} arrivals wait")
        for run, events in here.agent.events.items():
            first = events[0].number  # earlier ones were acknowledged by some frame
            numbers = [event.number - first for event in events]
            if numbers != list(range(len(events))):
                raise Unsound(f"run {run}: events {numbers}")
        if self._inputs % RENEW_EVERY == 0:
            count["runs"] += len(here.agent.events)
            here.stop()
            self._begin()
        else:
            self._connect()

    # --- telling ---

    def story(self, raw: bytes) -> bytes:
        """The inputs that led to this one, and it."""
        return msgspec.msgpack.encode([self._worlds - 1, self._since])

    def replay(self, story: bytes) -> None:
        """Give them to a new engine."""
        self._worlds, inputs = msgspec.msgpack.decode(story)
        self.renew()
        for raw in inputs:
            self.take(raw, Counter())
        self._look(Counter())

    def renew(self) -> None:
        self._here.stop()
        self._errors.clear()
        self._inputs = 0
        self._begin()

    def smaller(self, story: bytes) -> Iterator[bytes]:
        """With a half, a quarter... of the inputs left out."""
        flow, inputs = msgspec.msgpack.decode(story)
        size = len(inputs) // 2
        while size:
            for at in range(0, len(inputs), size):
                left = inputs[:at] + inputs[at + size :]
                yield msgspec.msgpack.encode([flow, left])
            size //= 2

    def end(self) -> None:
        self._look(Counter())
        globalLogPublisher.removeObserver(self._watch)
        self._link.connectionLost()
        self._here.stop()
        self._folder.cleanup()


def _maps(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        for inner in value.values():
            if isinstance(inner, dict) and inner:
                yield inner
            yield from _maps(inner)


def _packable(value: Any) -> Any:
    """Whole numbers MessagePack has no place for become floats."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if not is_whole or -(2**63) <= value < 2**64 else float(value)


def _pieces(raw: bytes) -> Iterator[bytes]:
    """What follows the first byte, cut in as many pieces as it tells, and one more."""
    cuts, rest = raw[0] % SLOW, raw[1:]
    size = len(rest) // (cuts + 1) + 1
    for at in range(0, len(rest), size):
        yield rest[at : at + size]
