"""Which programs make a stack on one machine, and how each is told of the others.

All children start at once; each waits by itself for what it needs. What the operator
sees is asked of the running system, as its own client: the stack is up when a sample of
the virtual device can be read back from fleetdata.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from heddle.contract.declare import (
    FleetError,
    LocalError,
    StorageUnavailable,
    project_realm,
)
from heddle.contract.devices import LIST_DEVICES, DeviceReport, ListDevices
from heddle.contract.flows import Runtime
from heddle.contract.history import LATEST, LatestQuery
from heddle.local.folder import ADMIN, DEVICE, PROJECT, SERVICES, Folder, StackFile
from heddle.local.postgres import Postgres, PostgresUnusable, embedded_bin
from heddle.local.supervise import Child, Death, Program
from heddle.wamp.joining import Joined, KeyCredentials, Refused, Unreachable
from heddle.wamp.keys import load_key
from heddle.wamp.session import (
    ConnectionLost,
    NotServed,
    Session,
    UnexpectedError,
)

POLL_S = 0.1
PATIENCE_S = 30.0  # before it is told what is waited for
MISCONFIGURED = (2, 3)  # exit codes of our programs: settings, or enrolment refused
DATABASE = "heddle"
_LARGEST_PORT = 65535

Tell = Callable[[str, str], None]
"""Reports that a part is up: its name, and a word about it."""


class PortInUse(LocalError):
    """Something else listens on the page's port, or on the API's."""


class PartRefused(LocalError):
    """A program of the stack cannot start as it is configured."""


class DatabaseUnusable(LocalError):
    """PostgreSQL's programs or its data folder cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator may choose."""

    port: int = 8080
    api_port: int | None = None  # of the REST API; the one after ``port`` when absent
    time_scale: float = 1.0
    driver: str = "plant"
    seed: int = 1
    runtime: str = "auto"
    postgres_bin: Path | None = None  # PostgreSQL's programs; the wheel's when absent
    metrics_port: int | None = None  # the first of four for Prometheus


class Stack:
    """The programs of one installation, running."""

    def __init__(self, reactor: Any, folder: Folder, settings: Settings) -> None:
        self._reactor = reactor
        self._folder = folder
        self._settings = settings
        self._children: list[Child] = []
        self._internal_port = 0
        self._refusal: Death | None = None

    @property
    def children(self) -> tuple[Child, ...]:
        """The programs, in the order of their start."""
        return tuple(self._children)

    @property
    def page(self) -> str:
        """The address for a browser."""
        return f"http://127.0.0.1:{self._settings.port}/"

    @property
    def api(self) -> str:
        """The address of the REST API."""
        return f"http://127.0.0.1:{self._api_port}/api/v1"

    @property
    def _api_port(self) -> int:
        chosen = self._settings.api_port
        if chosen is not None:
            return chosen
        port = self._settings.port
        return port + 1 if port < _LARGEST_PORT else port - 1

    @property
    def router(self) -> str:
        """The address for WAMP clients."""
        return f"ws://127.0.0.1:{self._settings.port}/ws"

    def start(self, on_death: Callable[[Death], None]) -> None:
        """Prepare the folder and start every program; returns at once after that.

        Raises ``FolderInUse``, ``PortInUse`` or ``DatabaseUnusable``.
        """
        self._folder.prepare()
        self._folder.lock()
        _claim_port(self._settings.port, "--port")
        _claim_port(self._api_port, "--api-port")
        self._internal_port = _free_port()
        database = self._database()

        def died(death: Death) -> None:
            if death.exit_code in MISCONFIGURED:
                self._refusal = death
            on_death(death)

        self._children = [
            Child(self._reactor, program, died) for program in self._programs(database)
        ]
        for child in self._children:
            child.start()
        self._folder.write_stack(
            StackFile(
                pid=os.getpid(), page=self.page, router=self.router, project=PROJECT
            )
        )

    async def stop(self) -> None:
        """End every program, the last started first."""
        for child in reversed(self._children):
            await child.stop()

    def _database(self) -> Postgres:
        bin_dir = self._settings.postgres_bin or embedded_bin()
        database = Postgres(bin_dir, self._folder.postgres)
        try:
            database.initialise(
                self._folder.secret("database_password").read_text().strip(),
                (DATABASE,),
            )
        except PostgresUnusable as flaw:
            raise DatabaseUnusable(str(flaw)) from None
        return database

    def _programs(self, database: Postgres) -> Iterator[Program]:
        argv, env = database.command()
        yield self._program("database", argv, env, stop_signal="INT")
        yield self._program(
            "router",
            _python(
                "services.gatekeeper.node",
                *("--cbdir", str(self._folder.router)),
                *("--principals", str(self._folder.principals)),
                *("--port", str(self._settings.port)),
                *("--rawsocket-port", str(self._internal_port)),
            ),
            stop_signal="INT",
        )
        for name in SERVICES:
            yield self._service(name, database)
        yield self._gateway()
        yield self._device()

    def _service(self, name: str, database: Postgres) -> Program:
        own = {
            "ROUTER_URL": self._router_inside,
            "KEY_FILE": str(self._folder.key(name)),
            "DATABASE_URL": database.dsn(DATABASE),
            "DATABASE_PASSWORD_FILE": str(self._folder.secret("database_password")),
        }
        if name == "backend":
            own |= {
                "ADMIN_USER": ADMIN,
                "ADMIN_PASSWORD_FILE": str(self._folder.secret("admin_password")),
                "PROJECT": PROJECT,
                "VIRTUAL_DEVICE_CODE_FILE": str(self._folder.secret("device_code")),
            }
        if name == "fleetdata":
            own["GUARD_PATH"] = str(database.data_dir)
        own["METRICS"] = self._metrics(name)
        prefix = name.upper()
        return self._program(
            name,
            _python(f"services.{name}"),
            {f"{prefix}_{setting}": value for setting, value in own.items()},
        )

    def _gateway(self) -> Program:
        settings = {
            "GATEWAY_ROUTER_URL": self._router_inside,
            "GATEWAY_LISTEN": f"127.0.0.1:{self._api_port}",
            "GATEWAY_METRICS": self._metrics("gateway"),
        }
        return self._program("gateway", _python("services.gateway"), settings)

    def _device(self) -> Program:
        settings = {
            "AGENT_ROUTER_URL": self.router,
            "AGENT_DATA": str(self._folder.device(DEVICE)),
            "AGENT_CODE_FILE": str(self._folder.secret("device_code")),
            "AGENT_KIND": "virtual",
            "AGENT_DRIVER": self._settings.driver,
            "AGENT_SEED": str(self._settings.seed),
            "AGENT_TIME_SCALE": str(self._settings.time_scale),
            "AGENT_RUNTIME": self._settings.runtime,
            "AGENT_KEEP_ENGINES": "false",  # this machine's stack ends as a whole
        }
        settings["AGENT_METRICS"] = self._metrics(DEVICE)
        return self._program(DEVICE, _python("edge_agent"), settings)

    def _metrics(self, name: str) -> str:
        """Where a program serves its figures; nowhere if that is not wanted."""
        if self._settings.metrics_port is None:
            return ""
        offset = ("fleetdata", "backend", DEVICE, "gateway").index(name)
        return f"127.0.0.1:{self._settings.metrics_port + offset}"

    @property
    def _router_inside(self) -> str:
        return f"rs://127.0.0.1:{self._internal_port}"

    def _program(
        self,
        name: str,
        argv: list[str],
        env: dict[str, str] | None = None,
        stop_signal: str = "TERM",
    ) -> Program:
        return Program(
            name=name,
            argv=argv,
            env=env or {},
            log=self._folder.logs / f"{name}.log",
            stop_signal=stop_signal,
        )

    def owner(self) -> Joined:
        """A session of the stack's owner in its project."""
        return Joined(
            self._reactor,
            self.router,
            project_realm(PROJECT),
            KeyCredentials(load_key(self._folder.key(ADMIN))),
        )

    async def until_up(self, tell: Tell) -> None:
        """Wait until each part serves, telling of each.

        Raises ``PartRefused`` when a program says that it cannot start as it is.
        """
        while True:
            try:
                async with self.owner() as session:
                    tell("router", self.router)
                    await self._until_sampled(session, tell)
                    return
            except (Refused, Unreachable, ConnectionLost):
                await self._pause()

    async def _until_sampled(self, session: Session, tell: Tell) -> None:
        device = None
        while device is None:
            device = await self._online_device(session)
        tell("backend", "")
        tell("device", self._described(device))
        told, patience_ends = "", self._reactor.seconds() + PATIENCE_S
        while flaw := await self._flaw_of_fleetdata(session):
            if flaw != told and self._reactor.seconds() > patience_ends:
                told = flaw
                tell("fleetdata", f"not yet: {flaw}")
            await self._pause()
        tell("fleetdata", "the first sample is stored")

    async def _online_device(self, session: Session) -> DeviceReport | None:
        try:
            found = await session.call(LIST_DEVICES, ListDevices(search=DEVICE))
        except (NotServed, StorageUnavailable, UnexpectedError):
            await self._pause()
            return None
        for device in found.devices:
            if device.device == DEVICE and device.online:
                return device
        await self._pause()
        return None

    def _described(self, device: DeviceReport) -> str:
        where = "containers"
        if device.runtime is Runtime.PROCESS:
            where = "child processes"
            if self._settings.runtime == "auto":
                where += ": no Docker Engine with the image for them answers"
        return f"{device.device}, engines run in {where}"

    async def _flaw_of_fleetdata(self, session: Session) -> str:
        """Why no sample can be read back yet; empty when one can."""
        try:
            found = await session.call(LATEST, LatestQuery(device=DEVICE))
        except ConnectionLost:
            raise
        except FleetError as error:
            return str(error)
        return "" if found.values.tags else f"it has no sample of {DEVICE}"

    async def _pause(self) -> None:
        if (death := self._refusal) is not None:
            log = self._folder.logs / f"{death.name}.log"
            last = (log.read_text().splitlines() or ["it said nothing"])[-1]
            raise PartRefused(f"{death.name} cannot start: {last}")
        await deferLater(self._reactor, POLL_S)


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _claim_port(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortInUse(
                f"port {port} cannot be used ({error.strerror}): stop what listens "
                f"there, or choose another with {option}"
            ) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
