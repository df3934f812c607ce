"""How fast samples of devices become committed rows, against a bare COPY of them.

Devices are real sessions over a real ``heddle up``: they send batches by the agent's
transport and wait for receipts, a few batches under way each. The COPY is one statement
with rows packed beforehand, into the same table, right after each slice; the ratio is
the median over the rounds. All of it shares this machine: what the parts take of its
processors is told as well.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import psycopg
from twisted.internet import task
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from heddle.contract.declare import project_realm
from heddle.contract.samples import INGEST, Ingest, SampleColumns, SampleTag, Stream
from heddle.local.folder import Folder
from heddle.local.postgres import Postgres, embedded_bin
from heddle.wamp.joining import Joined, KeyCredentials
from heddle.wamp.keys import load_key
from heddle.wamp.session import Session
from services.fleetdata.batches import Batch, check
from services.fleetdata.store.copying import Rows, copy, sample_rows
from services.fleetdata.store.links import Link
from services.fleetdata.store.provision import Server, database_name, open_project
from services.fleetdata.store.writing import write
from tests.bench.harness import figure
from tests.support.enrolling import enrolled
from tests.support.neighbours import timescaledb_bin
from tests.support.stack import PROCESSES, RunningStack

ROUNDS = 5
SLICE_S = 3.0
TAGS = 10  # of each device
WINDOW = 3  # batches of a device under way, as the agent has at most
GROUP_ROWS = 10_000
PROJECT = "default"
REALM = project_realm(PROJECT)
GOALS = {(100, 1000): "rows_per_s_100_devices_vs_copy"}
TOLD_OF_PARTS = {(100, 1000), (100, 100)}  # what each process takes
SHAPES = [(d, b) for b in (1000, 100) for d in (100, 10, 1)]  # devices, rows a batch


def main() -> None:
    """Print the figures: on hypertables where TimescaleDB is there, and partitions."""
    kinds = {"partitions": embedded_bin(), "timescaledb": timescaledb_bin()}
    for kind, programs in kinds.items():
        if programs is None:
            print("no TimescaleDB: run tools/timescaledb.sh", file=sys.stderr)
            continue
        run = [sys.executable, "-m", "tests.bench.ingest", kind, str(programs)]
        subprocess.run(run, check=True)  # a process has one reactor and one run of it


async def _all(reactor: Any, kind: str, programs: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
        options = ("--runtime", "process", "--postgres-bin", str(programs))
        stack = RunningStack(Path(folder) / "stack", *options)
        stack.start()
        try:
            plant = Plant(reactor, stack, programs)
            plant.store_alone(kind)
            await plant.join(max(devices for devices, _ in SHAPES))
            for devices, rows in SHAPES:
                await plant.measure(kind, devices, rows)
            await plant.leave()
        finally:
            stack.stop()


@dataclass(frozen=True, slots=True)
class Device:
    """A device's end of the link."""

    name: str
    session: Session
    joined: Joined


class Plant:
    """A running stack with many devices in it."""

    def __init__(self, reactor: Any, stack: RunningStack, programs: Path) -> None:
        self._reactor = reactor
        self._stack = stack
        self._owner = KeyCredentials(load_key(stack.data / "keys/admin.key"))
        folder = Folder(stack.data)
        postgres = Postgres(programs, folder.postgres)
        password = folder.secret("database_password").read_text().strip()
        self._dsn = postgres.dsn(database_name(PROJECT), password)
        key = load_key(folder.key("fleetdata")).encode()
        self._server = Server.at(postgres.dsn("postgres", password), None, key)
        self._devices: list[Device] = []
        self._epochs = 0

    async def join(self, count: int) -> None:
        """Enrol devices and have them join."""
        async with Joined(self._reactor, self._stack.router, REALM, self._owner) as o:
            for n in range(count):
                await self._join_one(o, f"bench_{n}")

    async def _join_one(self, owner: Session, name: str) -> None:
        url = self._stack.router
        key = await enrolled(self._reactor, url, owner, name)
        joined = Joined(self._reactor, url, REALM, KeyCredentials(key))
        self._devices.append(Device(name, await joined.__aenter__(), joined))

    async def leave(self) -> None:
        """Let all devices go."""
        for device in self._devices:
            await device.joined.__aexit__()

    def store_alone(self, kind: str) -> None:
        """The store without network and queue: groups of batches on one connection."""
        open_project(self._server, "alone")
        link = Link(self._server.conninfo("alone", 60))
        ratios, rates = [], []
        for batch_rows in (1000, 100):
            for n in range(ROUNDS):
                epoch = f"alone_{batch_rows}_{n}"
                batches = [
                    check(f"bench_{i % 100}", each, _now_us())
                    for i, each in enumerate(_stripes(200_000, batch_rows, epoch))
                ]
                size = GROUP_ROWS // batch_rows
                groups = [batches[i : i + size] for i in range(0, len(batches), size)]
                began = time.perf_counter()
                for group in groups:
                    link.perform(write, group, 0)
                took = time.perf_counter() - began
                rates.append(200_000 / took)
                ratios.append(rates[-1] / _copied_at(self._dsn_of("alone"), batches))
            _tell(
                f"store_only_rows_per_s_batch_{batch_rows}_vs_copy", kind, rates, ratios
            )
        link.close()

    def _dsn_of(self, project: str) -> str:
        return self._dsn.replace(database_name(PROJECT), database_name(project))

    async def measure(self, kind: str, devices: int, batch_rows: int) -> None:
        """One shape, by turns with COPY."""
        rounds = []
        for _ in range(ROUNDS + 1):
            self._epochs += 1
            slice_ = _Slice(self._devices[:devices], batch_rows, f"e{self._epochs}")
            used = _Used(self._stack)
            rate = await slice_.run(self._reactor)
            spent = used.since()
            used = _Used(self._stack)
            # On a thread, for the sessions' pings go on meanwhile.
            bare = await deferToThread(_copied_at, self._dsn, slice_.stored)
            bare_us = used.since()["database"] / slice_.rows * 1e6
            rounds.append(_Round(rate, bare, spent, slice_.rows, bare_us))
        del rounds[0]  # it was to warm up
        plural = "device" if devices == 1 else "devices"
        shape = f"{devices}_{plural}_batch_{batch_rows}"
        name = GOALS.get((devices, batch_rows)) or f"rows_per_s_{shape}_vs_copy"
        rates = [one.rate for one in rounds]
        _tell(name, kind, rates, [one.rate / one.bare for one in rounds])
        if (devices, batch_rows) in TOLD_OF_PARTS:
            _tell_of_parts(shape, kind, rounds)


@dataclass(frozen=True, slots=True)
class _Round:
    """A slice and the COPY of its rows."""

    rate: float  # rows a second
    bare: float  # the same of COPY
    spent: dict[str, float]  # seconds of processor time by part
    rows: int
    bare_us: float  # processor time of the server for each row copied


def _tell_of_parts(shape: str, kind: str, rounds: Sequence[_Round]) -> None:
    """Processor time a row takes, which a busy machine changes less than the pace."""
    for part in rounds[0].spent:
        us = statistics.median(one.spent[part] / one.rows * 1e6 for one in rounds)
        name = f"processor_us_per_row_{part}_{shape}{_suffix(kind)}"
        figure("ingest", name, round(us, 2), "us")
    whole = [sum(one.spent.values()) / one.rows * 1e6 for one in rounds]
    ratios = [us / one.bare_us for us, one in zip(whole, rounds, strict=True)]
    figure(
        "ingest",
        f"processor_us_per_row_{shape}{_suffix(kind)}",
        round(statistics.median(whole), 2),
        "us",
        round(statistics.median(ratios), 2),
        "the server's for COPY of the same rows",
    )


class _Slice:
    """Some seconds in which devices send as fast as they get receipts."""

    def __init__(self, devices: Sequence[Device], batch_rows: int, epoch: str) -> None:
        self._devices = devices
        self._rows = batch_rows
        self._epoch = epoch
        self._sent: list[tuple[str, Ingest]] = []

    @property
    def rows(self) -> int:
        """How many rows were committed."""
        return len(self._sent) * self._rows

    @property
    def stored(self) -> list[Batch]:
        """What was committed."""
        return [check(device, batch, _now_us()) for device, batch in self._sent]

    async def run(self, reactor: Any) -> float:
        """Rows a second, committed."""
        batches = {d.name: _endless(self._rows, self._epoch) for d in self._devices}
        began = reactor.seconds()
        until = began + SLICE_S
        await gatherResults(
            [
                Deferred.fromCoroutine(self._send(reactor, d, batches[d.name], until))
                for d in self._devices
                for _ in range(WINDOW)
            ]
        )
        took = reactor.seconds() - began
        return self.rows / took

    async def _send(
        self, reactor: Any, device: Device, batches: Iterator[Ingest], until: float
    ) -> None:
        while reactor.seconds() < until:
            batch = next(batches)
            receipt = await device.session.call(INGEST, batch)
            self._sent.append((device.name, batch))
            if receipt.pause_ms:
                await task.deferLater(reactor, receipt.pause_ms / 1000)


class _Used:
    """What the stack's processes take of the processors."""

    def __init__(self, stack: RunningStack) -> None:
        assert stack.process is not None
        self._parts = {part: stack.child(word) for part, word in PROCESSES.items()}
        self._before = self._times()

    def since(self) -> dict[str, float]:
        """Seconds of processor time since then, by part."""
        now = self._times()
        return {part: now[part] - self._before[part] for part in now}

    def _times(self) -> dict[str, float]:
        used = {part: _used_s(one) for part, one in self._parts.items()}
        return used | {"load": time.process_time()}


def _used_s(process: psutil.Process) -> float:
    """Processor time of a process and its children, those that ended included."""
    used = sum(process.cpu_times()[:4])
    for child in process.children():
        with suppress(psutil.NoSuchProcess):
            used += _used_s(child)
    return float(used)


def _endless(rows: int, epoch: str) -> Iterator[Ingest]:
    first = 0
    at_us = _now_us()
    while True:
        yield _batch(rows, epoch, first, at_us)
        first, at_us = first + rows, at_us + 1000


def _stripes(total: int, rows: int, epoch: str) -> Iterator[Ingest]:
    """Batches of 100 devices in turn."""
    sources = [_endless(rows, epoch) for _ in range(100)]
    for n in range(total // rows):
        yield next(sources[n % 100])


_VALUES = np.random.default_rng(1).normal(20, 5, 10_000)


def _batch(rows: int, epoch: str, first: int, at_us: int) -> Ingest:
    """Samples of ten tags by turns, as a recorder takes them."""
    return Ingest(
        stream=Stream.SAMPLES,
        epoch=epoch,
        first=first,
        samples=SampleColumns(
            tags=_TAG_TABLE,
            tag=np.arange(rows, dtype="<u2").__mod__(TAGS).tobytes(),
            at=(at_us + np.arange(rows, dtype="<i8") // TAGS).tobytes(),
            value=_VALUES[:rows].tobytes(),
            quality=bytes(rows),
        ),
    )


_TAG_TABLE = tuple(SampleTag(tag=f"reactor.tag_{n}", unit="K") for n in range(TAGS))


def _copied_at(dsn: str, batches: Sequence[Batch]) -> float:
    """Rows a second of one COPY of these batches' rows, and its commit."""
    with closing(psycopg.connect(dsn)) as connection:
        return _copied(connection, batches)


def _copied(connection: psycopg.Connection, batches: Sequence[Batch]) -> float:
    ids = {
        tuple(key): id_
        for *key, id_ in connection.execute(
            "select device, tag, unit, type, id from tag"
        ).fetchall()
    }
    connection.commit()
    parts = []
    for batch in batches:
        of = np.array([ids[tuple(tag)] for tag in batch.tags], np.int32)
        c = batch.columns
        parts.append(sample_rows(Rows(of[c.tag], c.at, c.value, c.quality)))
    packed = b"".join(parts)
    rows = sum(len(batch) for batch in batches)
    began = time.perf_counter()
    copy(connection, "sample", packed)
    connection.commit()
    return rows / (time.perf_counter() - began)


def _tell(name: str, kind: str, rates: list[float], ratios: list[float]) -> None:
    figure(
        "ingest",
        name + _suffix(kind),
        round(statistics.median(rates)),
        "rows/s",
        round(statistics.median(ratios), 2),
        "COPY FROM STDIN (FORMAT binary) of the same rows, in one statement",
    )


def _suffix(kind: str) -> str:
    return "" if kind == "timescaledb" else f"_{kind}"


def _now_us() -> int:
    return int(time.time() * 1e6)


if __name__ == "__main__":
    _kind, _programs = sys.argv[1:]
    task.react(lambda r: Deferred.fromCoroutine(_all(r, _kind, Path(_programs))))
