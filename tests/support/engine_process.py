"""The engine as a real process, and a plain blocking client at its socket."""

import json
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from edge_agent.engine.protocol import (
    Acked,
    Command,
    Events,
    Execute,
    Executed,
    Refusal,
    Reply,
    Request,
    ToAgent,
    ToEngine,
    Welcome,
    decode_to_agent,
    encode,
)
from heddle.contract.runs import WorkflowEvent
from tests.support.waiting import WITHIN_S

M = TypeVar("M")
C = TypeVar("C", bound="Client")


def write_flow(directory: Path, definition: Any, version: int = 1) -> None:
    """What an agent does before it starts the engine."""
    flow = {"flow": "flow", "version": version, "definition": definition}
    (directory / "flow.json").write_text(json.dumps(flow))


class EngineProcess:
    """``python -m edge_agent.engine DIR`` and what it says on stderr."""

    def __init__(self, directory: Path, *options: str, **popen: Any) -> None:
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge_agent.engine", str(directory), *options],
            stderr=subprocess.PIPE,
            text=True,
            **popen,
        )

    def client(self, within_s: float = WITHIN_S) -> "Client":
        """Connect, as soon as the engine listens."""
        return self.linked(Client, within_s)

    def linked(self, link: Callable[[Path], C], within_s: float = WITHIN_S) -> C:
        """The same with a client of one's own."""
        alive = lambda: self.process.poll() is None  # noqa: E731
        found = knock(self.directory, alive, within_s, link)
        if found is None:
            self.kill()
            raise AssertionError(self.said())
        return found

    def kill(self) -> None:
        """``kill -9``."""
        self.process.kill()
        self.process.wait(WITHIN_S)

    def terminate(self) -> int:
        """``SIGTERM``; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN_S)

    def said(self) -> str:
        """All of stderr, once it has ended."""
        stderr = self.process.stderr
        if stderr is None or stderr.closed:
            return ""
        text = stderr.read()
        stderr.close()
        return text

    def rss_kib(self) -> int:
        """Resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])


@contextmanager
def running(directory: Path, *options: str, **popen: Any) -> Iterator[EngineProcess]:
    """An engine process that is gone afterwards."""
    engine = EngineProcess(directory, *options, **popen)
    try:
        yield engine
    finally:
        engine.kill()
        engine.said()


def knock(
    directory: Path,
    is_alive: Callable[[], bool],
    within_s: float,
    link: Callable[[Path], C],
) -> C | None:
    """Connect as soon as the engine listens; ``None`` if it dies or takes too long."""
    give_up_at = time.monotonic() + within_s
    while True:
        try:
            return link(directory / "engine.sock")
        except OSError:
            if not is_alive() or time.monotonic() > give_up_at:
                return None
            time.sleep(0.01)


class Client:
    """A blocking agent: it keeps events, acknowledges and answers commands."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WITHIN_S)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self._bytes = b""
        self._asked = 0
        self.events: dict[str, list[WorkflowEvent]] = {}
        self.executed: list[tuple[str, int]] = []
        self.acknowledges = True

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, message: ToEngine) -> None:
        self.send_frame(encode(message))

    def send_frame(self, frame: bytes) -> None:
        self.socket.sendall(struct.pack(">I", len(frame)) + frame)

    def has_more(self, within_s: float) -> bool:
        """Whether a message has begun to come in, or does so in that time."""
        return bool(self._bytes or select.select([self.socket], [], [], within_s)[0])

    def receive(self) -> ToAgent:
        """The next message; raises ``EOFError`` when the engine has hung up."""
        size = struct.unpack(">I", self._take(4))[0]
        return decode_to_agent(self._take(size))

    def _take(self, size: int) -> bytes:
        while len(self._bytes) < size:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self._bytes += more
        taken, self._bytes = self._bytes[:size], self._bytes[size:]
        return taken

    def until(self, kind: type[M], fits: Callable[[M], bool] = lambda _: True) -> M:
        """Work as an agent does until such a message comes."""
        while True:
            message = self.receive()
            self._work(message)
            if isinstance(message, kind) and fits(message):
                return message

    def _work(self, message: ToAgent) -> None:
        match message:
            case Events(run=run, events=events):
                kept = self.events.setdefault(run, [])
                for event in events:
                    self._keep(kept, event)
                if self.acknowledges:
                    self.send(Acked(run=run, next_number=kept[-1].number + 1))
            case Execute(run=run, number=number):
                self.executed.append((run, number))
                self.send(Executed(run=run, number=number))
            case Welcome() | Reply() | Refusal():
                pass

    def _keep(self, kept: list[WorkflowEvent], event: WorkflowEvent) -> None:
        """Without gaps from the first one; what is repeated is the same."""
        first = kept[0].number if kept else event.number
        if event.number - first == len(kept):
            kept.append(event)
        else:
            assert kept[event.number - first] == event

    def ask(self, command: Command) -> Reply | Refusal:
        """Ask, work until the answer comes, and return it."""
        self._asked += 1
        number = self._asked
        self.send(Request(id=number, command=command))
        while True:
            message = self.receive()
            self._work(message)
            if isinstance(message, Reply | Refusal) and message.id == number:
                return message

    def until_event(self, run: str, kind: str) -> WorkflowEvent:
        """Work until the run has told such an event."""
        while True:
            for event in self.events.get(run, ()):
                if event.type == kind:
                    return event
            self._work(self.receive())
