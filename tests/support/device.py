"""A real agent in the test's process, and what it needs on the other side.

``running_device`` gives an enrolled agent over a real router, with real engines as
child processes; ``Ledger`` is fleetdata's end of the ledger, kept in memory.
"""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.task import deferLater

from edge_agent.agent import Agent, start_agent
from edge_agent.config import Config, RuntimeChoice
from edge_agent.identity import Identity
from heddle.contract.alarms import AlarmTransition
from heddle.contract.declare import StorageUnavailable
from heddle.contract.devices import ANNOUNCE, Announce, Announced, DeviceKind, Enrolled
from heddle.contract.flows import (
    INSTALL_FLOW,
    LIST_INSTALLED,
    InstallFlow,
    ListInstalled,
)
from heddle.contract.runs import (
    RUN_STATUS,
    START_RUN,
    RunQuery,
    RunReport,
    RunStatus,
    StartRun,
    WorkflowEvent,
)
from heddle.contract.samples import (
    INGEST,
    Ingest,
    Loss,
    Receipt,
    SequenceGap,
    Stream,
)
from heddle.wamp.keys import load_or_make_key
from heddle.wamp.session import Caller, Session
from tests.support.centre import items_of
from tests.support.router import InProcRouter, MiniBackend
from tests.support.waiting import until

EXAMPLE = Path(__file__).parents[2] / "examples" / "flows" / "bioreactor.json"
PROJECT, DEVICE = "plant", "press_7"


def example() -> dict[str, Any]:
    """The workflow of OSPIN 004, as its author wrote it."""
    return msgspec.json.decode(EXAMPLE.read_bytes())


@dataclass
class Ledger:
    """Takes batches as fleetdata does: in order, once, all or nothing."""

    cursors: dict[tuple[Stream, str], int] = field(default_factory=dict)
    samples: list[tuple[str, int, float | str, int]] = field(default_factory=list)
    events: list[tuple[str, WorkflowEvent]] = field(default_factory=list)
    alarms: list[AlarmTransition] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    order: list[Stream] = field(default_factory=list)  # in which batches came
    most_items: int | None = None  # what the receipts allow
    pause_ms: int = 0
    away: bool = False
    drop_replies: int = 0  # this many batches are stored, but the receipt is lost

    async def serve(self, session: Session) -> None:
        """Serve ``ingest`` on a fleetdata session."""
        await session.serve(INGEST, self.ingest)

    async def ingest(self, batch: Ingest, _: Caller) -> Receipt:
        """Store what is new of a batch."""
        if self.away:
            raise StorageUnavailable("the database does not answer")
        at = (batch.stream, batch.epoch)
        cursor = self.cursors.get(at, 0)
        if batch.first > cursor:
            raise SequenceGap(f"number {cursor} is wanted", wanted=cursor)
        items = items_of(batch)[cursor - batch.first :]
        self.order.append(batch.stream)
        store: dict[Stream, list[Any]] = {
            Stream.SAMPLES: self.samples,
            Stream.RUN_EVENTS: self.events,
            Stream.ALARMS: self.alarms,
            Stream.LOSSES: self.losses,
        }
        store[batch.stream].extend(items)
        self.cursors[at] = cursor + len(items)
        if self.drop_replies:
            self.drop_replies -= 1
            raise StorageUnavailable("stored, but you cannot know")
        return Receipt(
            stream=batch.stream,
            epoch=batch.epoch,
            next_number=self.cursors[at],
            most_items=self.most_items,
            pause_ms=self.pause_ms,
        )

    def numbers(self, run: str) -> list[int]:
        """The numbers of a run's stored events, in the order they came."""
        return [event.number for of, event in self.events if of == run]


@dataclass
class Backend:
    """Takes announcements."""

    announced: list[Announce] = field(default_factory=list)

    async def serve(self, session: Session) -> None:
        """Serve ``announce`` on a backend session."""
        await session.serve(ANNOUNCE, self.announce)

    async def announce(self, request: Announce, by: Caller) -> Announced:
        """Take note."""
        self.announced.append(request)
        return Announced(device=by.authid)


def settings(router: InProcRouter, data: Path, **changes: Any) -> Config:
    """An agent's settings for a test: fast, in child processes."""
    wanted: dict[str, Any] = {
        "router_url": router.url,
        "data": data,
        "kind": DeviceKind.VIRTUAL,
        "runtime": RuntimeChoice.PROCESS,
        "time_scale": 60.0,
        "scan_ms": 50,
    }
    return Config(**{**wanted, **changes})


async def admitted(backend: MiniBackend, data: Path) -> Identity:
    """A device's identity as after an enrolment."""
    key = load_or_make_key(data / "device.key")
    await backend.device(PROJECT, DEVICE, key)
    enrolled = Enrolled(project=PROJECT, realm=f"project_{PROJECT}", device=DEVICE)
    (data / "enrolled.json").write_bytes(msgspec.json.encode(enrolled))
    return Identity(data)


@dataclass
class Site:
    """A device's project, seen from all sides."""

    router: InProcRouter
    gate: MiniBackend
    data: Path  # the device's
    owner: Session
    ledger: Ledger
    backend: Backend

    async def ask(self, procedure: Any, request: Any) -> Any:
        """The owner calls the device."""
        return await self.owner.call(procedure, request, device=DEVICE)

    async def install(self, version: int = 1, **changes: Any) -> Any:
        """Install the example."""
        definition = {**example(), **changes}
        request = InstallFlow(flow="brew", version=version, definition=definition)
        return await self.ask(INSTALL_FLOW, request)

    async def start(self) -> str:
        """Start a run of the example; its id."""
        report = await self.ask(START_RUN, StartRun(flow="brew"))
        return str(report.run)

    async def report(self, run: str) -> RunReport:
        """How a run stands."""
        found = await self.ask(RUN_STATUS, RunQuery(run=run))
        report: RunReport = found.runs[0]
        return report

    async def until_online(self) -> None:
        """Until the device serves."""

        async def serves() -> bool:
            await self.ask(LIST_INSTALLED, ListInstalled())
            return True

        await until(self.router.reactor, serves)

    async def until_ended(self, run: str) -> RunReport:
        """Until a run is over and all its events are with fleetdata."""

        async def over() -> bool:
            report = await self.report(run)
            ended = (RunStatus.FINISHED, RunStatus.TERMINATED)
            return (
                report.status in ended
                and len(self.ledger.numbers(run)) >= report.events
            )

        await until(self.router.reactor, over, within_s=90)
        return await self.report(run)


@asynccontextmanager
async def running_site(
    router: InProcRouter, folder: Path, ledger: Ledger | None = None
) -> AsyncIterator[Site]:
    """A project with one admitted device, and everybody but the device."""
    realm = f"project_{PROJECT}"
    async with (
        router.backend(projects=(PROJECT,)) as gate,
        router.joined(realm, router.owner_key) as owner,
        router.joined(realm, router.service_key("fleetdata")) as fleetdata,
        router.joined(realm, router.service_key("backend")) as centre,
    ):
        ledger = ledger or Ledger()
        site = Site(router, gate, folder / "device", owner, ledger, Backend())
        await site.ledger.serve(fleetdata)
        await site.backend.serve(centre)
        await admitted(gate, site.data)
        yield site


@asynccontextmanager
async def running_agent(reactor: Any, config: Config) -> AsyncIterator[Agent]:
    """An enrolled agent for the length of a ``with``."""
    agent = await start_agent(reactor, config)
    try:
        yield agent
    finally:
        await agent.stop()


class Program:
    """``python -m edge_agent`` as a child, to be killed at will."""

    def __init__(self, reactor: Any, config: dict[str, object], log: Path) -> None:
        self._reactor = reactor
        self._log = log
        self._environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("AGENT_")},
            **{f"AGENT_{name.upper()}": str(v) for name, v in config.items()},
        }
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, as after a boot."""
        with self._log.open("ab") as out:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "edge_agent"],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    async def kill(self) -> None:
        """End it without a word."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to end; its exit code."""
        return await self._end(signal.SIGTERM)

    async def ended(self) -> int:
        """Wait for its end; its exit code."""
        assert self._child is not None
        while self._child.poll() is None:
            await deferLater(self._reactor, 0.05)
        return self._child.returncode

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self._child is not None
        return self._child.pid

    @property
    def said(self) -> str:
        """All it wrote."""
        return self._log.read_text()

    async def _end(self, number: int) -> int:
        assert self._child is not None
        if self._child.poll() is None:
            self._child.send_signal(number)
        return await self.ended()


@asynccontextmanager
async def program(
    reactor: Any, router: InProcRouter, data: Path, /, **config: object
) -> AsyncIterator[Program]:
    """An agent of its own process for the length of a ``with``."""
    wanted: dict[str, object] = {
        "router_url": router.url,
        "data": data,
        "kind": "virtual",
        "runtime": "process",
        "time_scale": 60,
        "scan_ms": 50,
    }
    log = router.folder / "agent.log"
    child = Program(reactor, {**wanted, **config}, log)
    child.start()
    try:
        yield child
    finally:
        await child.kill()
