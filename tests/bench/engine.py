"""The engine: durable inputs, timers, memory of waiting runs, recovery, loop speed.

Inputs are compared with bare SQLite commits (WAL, synchronous=FULL, one small row) on
the same disk, in slices that take turns, so that both meet the same weather.
"""

import contextlib
import shutil
import socket
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.engine.protocol import (
    Acked,
    Approve,
    Command,
    Events,
    PauseRun,
    Reply,
    Request,
    ResumeRun,
    StartRun,
    Status,
    Welcome,
    encode,
)
from tests.bench.harness import figure
from tests.bench.peers import compare
from tests.support.engine import listener, loop, one_phase, timer
from tests.support.engine_process import Client, running, write_flow

SLICES, SLICE_S = 9, 0.6
TIMERS, SPREAD_S, TIMER_S = 10_000, 10.0, 14.0
READ_BYTES = 16_384
BARE = "bare SQLite commits"
VS_COMMITS = "durable_inputs_per_s_vs_sqlite_commits"
# A figure's ending, runs, and requests of each that are under way at any time.
LOADS = (("", 1, 16), ("_in_turn", 1, 1), ("_100_runs", 100, 1))


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="heddle-bench-", dir=".build") as folder:
        for name, bench in (
            ("inputs", durable_inputs),
            ("timers", timers_and_memory),
            ("recovery", recovery),
        ):
            directory = Path(folder).resolve() / name
            directory.mkdir()
            bench(directory)
            shutil.rmtree(directory)
    compare.main()  # last: it ends the program if a peer was not to be had


# --- durable inputs ---


class Commits:
    """One row a commit, as fast as SQLite can."""

    def __init__(self, directory: Path) -> None:
        self._db = sqlite3.connect(directory / "bare.sqlite", isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.execute("create table row (key integer primary key, payload blob)")

    def work(self) -> int:
        self._db.execute("insert into row (payload) values (?)", (b"x" * 60,))
        return 1

    def close(self) -> None:
        self._db.close()


class Least:
    """The least that can be done in turn: a process that commits a row and answers.

    In a few lines, without a reactor, a journal, or anything to decide.
    """

    def __init__(self, directory: Path) -> None:
        self._ours, theirs = socket.socketpair()
        self._process = get_context("fork").Process(
            target=self._serve, args=(directory, self._ours, theirs)
        )
        self._process.start()
        theirs.close()

    @staticmethod
    def _serve(directory: Path, ours: socket.socket, theirs: socket.socket) -> None:
        ours.close()
        commits = Commits(directory)
        while asked := theirs.recv(4096):
            commits.work()
            theirs.sendall(asked)
        commits.close()

    def work(self) -> int:
        self._ours.sendall(b"x" * 60)
        return len(self._ours.recv(4096)) // 60

    def close(self) -> None:
        self._ours.close()
        self._process.join()


class Told(msgspec.Struct):
    """As much of a message as the load looks at."""

    type: str
    id: int = 0
    run: str = ""
    events: list[msgspec.Raw] = []


class Commands:
    """Pauses and resumes runs; so many commands of each are under way at any time.

    A lean agent: what it does costs less than what it measures. It reads a part of the
    answers at a time, so that it asks again while the engine is still at work.
    """

    def __init__(self, client: Client, runs: int, in_flight: int) -> None:
        self._socket = client.socket
        self._paused = [False] * runs
        self._under_way = runs * in_flight
        self._read = b""
        self._decoder = msgspec.msgpack.Decoder(Told)
        names = [f"r{runs}x{in_flight}_{n}" for n in range(runs)]
        self._frames = [
            (framed(PauseRun(run=run), n), framed(ResumeRun(run=run), n))
            for n, run in enumerate(names)
        ]
        for run in names:
            client.ask(StartRun(run=run))
        for _ in range(in_flight):
            self._socket.sendall(b"".join(self._next(n) for n in range(runs)))

    def _next(self, n: int) -> bytes:
        paused = self._paused[n]
        self._paused[n] = not paused
        return self._frames[n][paused]

    def work(self, again: bool = True) -> int:
        """Hear what has come, acknowledge, ask again; how many were answered."""
        asks: list[bytes] = []
        answered = 0
        for told in self._received():
            if told.type == "reply":
                answered += 1
                if again:
                    asks.append(self._next(told.id))
            elif told.type == "events":
                last = msgspec.msgpack.decode(told.events[-1])
                acked = encode(Acked(run=told.run, next_number=last["number"] + 1))
                asks.append(len(acked).to_bytes(4, "big") + acked)
        self._socket.sendall(b"".join(asks))
        return answered

    def _received(self) -> list[Told]:
        self._read += self._socket.recv(READ_BYTES)
        found, at = [], 0
        while len(self._read) >= at + 4:
            end = at + 4 + int.from_bytes(self._read[at : at + 4], "big")
            if len(self._read) < end:
                break
            found.append(self._decoder.decode(self._read[at + 4 : end]))
            at = end
        self._read = self._read[at:]
        return found

    def finish(self) -> None:
        while self._under_way > 0:
            self._under_way -= self.work(again=False)


def framed(command: Command, n: int) -> bytes:
    frame = encode(Request(id=n, command=command))
    return len(frame).to_bytes(4, "big") + frame


def per_second(work: Callable[[], int]) -> float:
    count, begin = 0, time.perf_counter()
    while (passed := time.perf_counter() - begin) < SLICE_S:
        count += work()
    return count / passed


def durable_inputs(directory: Path) -> None:
    write_flow(directory, one_phase(listener("a", "APPROVAL", "p")))
    for part in ("bare", "least"):
        (directory / part).mkdir()
    bare, least = Commits(directory / "bare"), Least(directory / "least")
    pairs = [(per_second(least.work), per_second(bare.work)) for _ in range(SLICES)]
    tell_pairs("least_possible_in_turn_vs_sqlite_commits", pairs)
    least.close()
    with running(directory) as engine, engine.client() as client:
        client.receive()
        for name, runs, in_flight in LOADS:
            commands = Commands(client, runs, in_flight)
            pairs = [
                (per_second(commands.work), per_second(bare.work))
                for _ in range(SLICES)
            ]
            commands.finish()
            tell_pairs(VS_COMMITS + name, pairs)
    bare.close()


def tell_pairs(name: str, pairs: list[tuple[float, float]]) -> None:
    """The median of our rates, and of what they are of the bare commits'."""
    rate = statistics.median(mine for mine, _ in pairs)
    ratio = statistics.median(mine / bare for mine, bare in pairs)
    figure("engine", name, round(rate), "1/s", round(ratio, 2), BARE)


# --- timers and memory ---


def timers_and_memory(directory: Path) -> None:
    write_flow(directory, one_phase(timer("t", "p", int(TIMER_S * 1000))))
    with running(directory) as engine, engine.client() as client:
        watch = Watch(client)
        client.until(Welcome)
        before_kib = engine.rss_kib()
        begin, started = time.time(), 0
        while started < TIMERS:
            due = min(int((time.time() - begin) * TIMERS / SPREAD_S), TIMERS)
            for n in range(started, due):
                client.send(Request(id=n, command=StartRun(run=f"r{n}")))
            started = due
            listen(client, 0.001)
        listen(client, 1.5)  # acknowledged, tidied away, and waiting
        each = (engine.rss_kib() - before_kib) / TIMERS
        figure("engine", "kib_per_waiting_run", round(each, 2), "KiB")
        while len(watch.late_ms) < TIMERS:
            client._work(client.receive())
        quantiles = statistics.quantiles(watch.late_ms, n=100)
        figure("engine", "timer_late_p50_ms", round(quantiles[49], 2), "ms")
        figure("engine", "timer_late_p99_ms", round(quantiles[98], 2), "ms")


def listen(client: Client, seconds: float) -> None:
    """Work as an agent for so long."""
    give_up_at = time.monotonic() + seconds
    while (left := give_up_at - time.monotonic()) > 0:
        client.socket.settimeout(left)
        with contextlib.suppress(TimeoutError):
            client._work(client.receive())
    client.socket.settimeout(20)


class Watch:
    """Notes how late each run's timer was when the agent heard of it."""

    def __init__(self, client: Client) -> None:
        self.late_ms: list[float] = []
        self._client = client
        self._inner = client._work
        client._work = self._work  # type: ignore[method-assign]

    def _work(self, message: Any) -> None:
        now_ms = time.time() * 1000
        self._inner(message)
        if isinstance(message, Events):
            for event in message.events:
                if event.type == "WORKFLOW_FINISHED":
                    armed_ms = self._client.events[message.run][4].createdAt
                    self.late_ms.append(now_ms - armed_ms - TIMER_S * 1000)


# --- recovery ---


def recovery(directory: Path) -> None:
    rounds = 15_000  # six events each, and the command's answer
    write_flow(directory, loop(rounds))
    with running(directory) as engine, engine.client() as client:
        client.receive()
        client.ask(StartRun(run="r1"))
        while len(client.events.get("r1", ())) < 100_000 - 10:
            client._work(client.receive())
            if client.events["r1"][-1].type == "WORKFLOW_FINISHED":
                break
        events = len(client.events["r1"])
        engine.kill()
    seconds = start_seconds(directory)
    figure("engine", f"recovery_of_{events}_events_s", round(seconds, 2), "s")
    many = directory / "many"
    many.mkdir()
    write_flow(many, one_phase(listener("a", "APPROVAL", "p")))
    with running(many) as engine, engine.client() as client:
        for n in range(10_000):
            client.send(Request(id=n, command=StartRun(run=f"r{n}")))
            if n % 500 == 499:
                client.until(Reply, lambda reply, n=n: reply.id == n)
        client.ask(Approve(run="r1"))
        engine.kill()
    figure("engine", "recovery_of_10000_runs_s", round(start_seconds(many), 2), "s")


def start_seconds(directory: Path) -> float:
    """From the start of the process to its first answer, less that of an empty one."""
    empty = directory / "empty"
    empty.mkdir()
    write_flow(empty, one_phase(listener("a", "APPROVAL", "p")))
    times = []
    for place in (empty, directory):
        begin = time.perf_counter()
        with running(place) as engine, engine.client() as client:
            client.ask(Status(run="r1"))
            times.append(time.perf_counter() - begin)
    return times[1] - times[0]


if __name__ == "__main__":
    main()
