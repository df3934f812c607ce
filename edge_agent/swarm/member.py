"""One member of a swarm: the agent itself, and what is done to its link."""

import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from edge_agent.agent import Agent, make_tags
from edge_agent.budget import Budget
from edge_agent.config import Config
from edge_agent.identity import Identity
from edge_agent.mapping import load_mapping
from edge_agent.outbox import Outbox
from edge_agent.runtime.inproc import InProcess
from edge_agent.swarm.config import SwarmConfig
from edge_agent.swarm.inline import Inline
from edge_agent.swarm.line import BadLine
from edge_agent.swarm.manners import line_of, misbehave
from edge_agent.swarm.parts import Part
from edge_agent.swarm.plant import SteppedPlant
from edge_agent.swarm.turns import Turns
from edge_agent.swarm.turnstile import Turnstile
from heddle.contract.declare import FleetError
from heddle.contract.devices import DeviceKind
from heddle.local.swarm import CODE_NAME

log = Logger()

OUTBOX_MB = 4
ENGINE_SILENT_S = 600.0  # an engine that hangs would hang us, too


class Member:
    """One device of a swarm."""

    def __init__(
        self,
        reactor: Any,
        part: Part,
        settings: SwarmConfig,
        turnstile: Turnstile,
        turns: Turns,
    ) -> None:
        self.part = part
        self.has_joined = False  # ever
        self.line = line_of(reactor, part, turnstile, lambda: self.is_online)
        self._real = reactor
        self._settings = settings
        self._turns = turns
        self._agent: Agent | None = None
        self._refusal: str | None = None
        self._misbehaving: Deferred[None] | None = None
        self._stopped = False

    @property
    def is_online(self) -> bool:
        """Whether it is online now."""
        return self._agent is not None and self._agent.is_online

    @property
    def refusal(self) -> str | None:
        """Why it is not let in, as far as it is not."""
        return self._refusal if self._agent is None else self._agent.refusal

    @property
    def agent(self) -> Agent:
        """The agent, once it was started."""
        assert self._agent is not None, "asked after start"  # noqa: S101
        return self._agent

    async def start(self) -> None:
        """Enrol if need be and start the agent; it joins in its own time."""
        try:
            await self._start()
        except FleetError as error:  # a code that is no good, a file that is unreadable
            self._refusal, self._agent = str(error), None

    async def _start(self) -> None:
        folder = self._settings.data / self.part.device
        config = self._config(folder)
        identity = Identity(folder)
        enrolled = await identity.enrol(self._real, config)
        if self._stopped:  # meanwhile
            return
        (folder / CODE_NAME).unlink(missing_ok=True)
        driver = SteppedPlant(
            self._real,
            now_s=time.time,
            seed=self.part.seed,
            time_scale=config.time_scale,
            scan_s=self._settings.scan_s,
        )
        runtime = InProcess(
            self._real, takes_mb=self.part.engine_mb, turn=self._turns.mine
        )
        self._agent = Agent(
            self.line,
            config,
            identity,
            enrolled,
            driver=driver,
            tags=make_tags(driver, load_mapping(config.tags)),
            runtime=runtime,
            outbox=Outbox(
                self._real,
                folder / "outbox.sqlite",
                Budget(config.outbox_max_mb << 20, config.outbox_max_hours),
                door=Inline(),
                durable=False,
            ),
            dial=runtime.connect,
            durable=False,
        )
        await self._agent.start()
        if isinstance(line := self.line, BadLine):
            self._misbehaving = Deferred.fromCoroutine(
                misbehave(self._real, self.part, line, lambda: self.is_online)
            )
            _ = self._misbehaving.addErrback(_ended)

    async def stop(self) -> None:
        """End as an agent does; one that is not there yet will not begin."""
        self._stopped = True
        if self._misbehaving is not None:
            self._misbehaving.cancel()
        if self._agent is not None:
            await self._agent.stop()

    def _config(self, folder: Path) -> Config:
        code = folder / CODE_NAME
        return Config(
            router_url=self._settings.router_url,
            router_ca=self._settings.router_ca,
            router_client_certificate=self._settings.router_client_certificate,
            router_client_key=self._settings.router_client_key,
            data=folder,
            code_file=code if code.exists() else None,
            kind=DeviceKind.VIRTUAL,
            time_scale=self._settings.time_scale,
            seed=self.part.seed,
            engine_silent_s=ENGINE_SILENT_S,
            keep_engines=False,
            outbox_max_mb=OUTBOX_MB,
        )


def _ended(failure: Failure) -> None:
    if not isinstance(failure.value, CancelledError):
        log.failure("ill-treating a link ended", failure)
