"""The agent of one device, put together: the only place that constructs its parts.

What it owes is in this order: the plant and the flows go on whatever happens to the
network; what was measured and what happened is on disk before it is anywhere else;
and whoever looks sees the device's state as soon as there is a link.
"""

import time
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from edge_agent.alarm_rules import RuleWatch
from edge_agent.alarms import Alarms
from edge_agent.budget import Budget
from edge_agent.config import Config
from edge_agent.delivery import Delivery
from edge_agent.derived import derivations
from edge_agent.drivers.csv_replay import CsvReplay
from edge_agent.drivers.driver import Driver
from edge_agent.drivers.plant import PlantDriver
from edge_agent.duties import DeviceDuties
from edge_agent.facts import agent_version, host_facts
from edge_agent.filters import Filters
from edge_agent.flow import Flow
from edge_agent.flows import Flows
from edge_agent.identity import Identity
from edge_agent.live import Live, batch
from edge_agent.mapping import load_mapping, mapped, rules
from edge_agent.outbox import Outbox
from edge_agent.presence import Attendance
from edge_agent.recorder import Recorder
from edge_agent.runs import Runs
from edge_agent.runtime.choose import choose_runtime
from edge_agent.runtime.runtime import Runtime
from edge_agent.serving import serve_device
from edge_agent.shelf import Shelf, Wanted
from edge_agent.tags import TagTable
from heddle.contract.devices import Announce, Enrolled
from heddle.contract.runs import RUN_EVENT, RunEvents
from heddle.contract.samples import TELEMETRY, Stream, Telemetry
from heddle.wamp.joining import KeyCredentials, Uplink
from heddle.wamp.process import ConfigError, Stop
from heddle.wamp.session import Session

log = Logger()

_MEGABYTE = 1 << 20


class Agent:
    """One enrolled device at work."""

    def __init__(
        self,
        reactor: Any,
        config: Config,
        identity: Identity,
        enrolled: Enrolled,
        *,
        driver: Driver,
        tags: TagTable,
        runtime: Runtime,
    ) -> None:
        self._config = config
        self._device = enrolled.device
        self._runtime = runtime
        self._driver = driver
        self._tags = tags
        self._outbox = Outbox(
            reactor,
            config.data / "outbox.sqlite",
            Budget(config.outbox_max_mb * _MEGABYTE, config.outbox_max_hours),
        )
        self._recorder = Recorder(
            reactor, self._outbox, self._tags.tags.values(), config.commit_ms
        )
        self._live = Live(reactor, time.time, self._tell_telemetry)
        self._filters = Filters(
            reactor,
            rules(load_mapping(config.tags)),
            (self._recorder.record, self._live.heard),
        )
        self._alarms = Alarms(
            reactor,
            self._outbox,
            self._tags,
            now_s=time.time,
            commit_ms=config.commit_ms,
        )
        self._rule_watch = RuleWatch(reactor, self._device, self._alarms.set_rules)
        self._stop_metrics: Stop | None = None
        self._duties = DeviceDuties(
            driver=self._driver,
            tags=self._tags,
            outbox=self._outbox,
            tell=self._tell_events,
        )
        self._deliveries = [Delivery(reactor, self._outbox, each) for each in Stream]
        self._reactor = reactor
        self._shelf = Shelf(config.data / "flows")
        self._flows = Flows(
            reactor,
            self._shelf,
            make=self._make_flow,
            runtime=runtime,
            tags=self._tags,
            outbox=self._outbox,
        )
        self._runs = Runs(self._flows, self._outbox, time.time)
        self._attendance = Attendance(
            reactor, self._device, announce=self._announcement, serve=self._serve
        )
        self._uplink = Uplink(
            reactor,
            config.router_url,
            enrolled.realm,
            KeyCredentials(identity.key),
            on_join=self._joined,
            on_leave=self._left,
        )

    async def start(self) -> None:
        """Measure, bring up the flows, and reach for the router."""
        if self._config.metrics is not None:  # refused before anything is started
            self._stop_metrics = self._serve_metrics(self._config.metrics)
        await self._outbox.open()
        try:
            await self._begin()
        except BaseException:  # told to stop meanwhile: its thread must end, too
            await self._outbox.close()
            raise

    async def _begin(self) -> None:
        await self._alarms.start()
        self._tags.hear(self._filters.heard)
        self._tags.hear(self._alarms.heard)
        self._tags.hear(self._flows.heard)
        self._driver.start(self._tags.update)
        await self._flows.start()
        self._uplink.start()
        waiting = sum((await self._outbox.waiting()).values())
        log.info(
            "agent of {device}: {n} tags, {alarms} alarms, {flows} flows, "
            "{waiting} items to deliver",
            device=self._device,
            n=len(self._tags.tags),
            alarms=len(self._alarms),
            flows=len(list(self._flows)),
            waiting=waiting,
        )

    async def stop(self) -> None:
        """Say good-bye, leave the engines as they shall be, close the outbox."""
        await self._attendance.leave()
        self._left("the agent ends")
        await self._uplink.stop()
        await self._driver.stop()
        self._filters.stop()
        self._live.stop()
        await self._flows.stop(keep_engines=self._config.keep_engines)
        await self._recorder.stop()
        await self._alarms.stop()
        if self._stop_metrics is not None:
            await self._stop_metrics()
        await self._outbox.close()
        log.info("agent of {device} ended", device=self._device)

    # --- the session -----------------------------------------------------------------

    async def _joined(self, session: Session) -> None:
        await self._attendance.joined(session)
        for delivery in self._deliveries:
            delivery.start(session)
        await self._rule_watch.joined(session)
        self._tell_telemetry(
            batch(time.time(), self._tags.all_now())
        )  # whoever watches need not wait for a tag to move

    def _left(self, _why: str) -> None:
        self._attendance.left()
        self._rule_watch.left()
        for delivery in self._deliveries:
            delivery.stop()

    async def _serve(self, session: Session) -> None:
        await serve_device(session, self._device, self._flows, self._runs, self._alarms)

    def _announcement(self) -> Announce:
        return Announce(
            kind=self._config.kind,
            version=agent_version(),
            runtime=self._runtime.kind,
            facts=host_facts(self._runtime.docker),
            tags=tuple(self._tags.tags.values()),
        )

    def _tell_telemetry(self, telemetry: Telemetry) -> None:
        if self._uplink.session is not None:
            self._uplink.session.publish(TELEMETRY, telemetry, device=self._device)

    def _tell_events(self, told: RunEvents) -> None:
        for event in told.events:
            log.debug(
                "{run} {n}: {type}", run=told.run, n=event.number, type=event.type
            )
        if self._uplink.session is not None:
            self._uplink.session.publish(RUN_EVENT, told, device=self._device)

    def _serve_metrics(self, address: str) -> Stop:
        from edge_agent.meters import serve  # noqa: PLC0415 -- who is not asked is lean

        return serve(
            self._reactor,
            address,
            tags=self._tags,
            is_linked=lambda: self._uplink.session is not None,
            waiting=self._outbox.waiting,
        )

    def _make_flow(self, wanted: Wanted) -> Flow:
        return Flow(
            self._reactor,
            wanted,
            self._shelf.directory(wanted.flow),
            now_s=time.time,
            runtime=self._runtime,
            tags=self._tags,
            duties=self._duties,
            silent_after_s=self._config.engine_silent_s,
        )


def make_driver(reactor: Any, config: Config) -> Driver:
    """The driver that the settings name. Raises ``ConfigError``."""
    name, _, argument = config.driver.partition(":")
    match name:
        case "plant" if not argument:
            return PlantDriver(
                reactor,
                config.data / "plant.json",
                now_s=time.time,
                seed=config.seed,
                time_scale=config.time_scale,
                scan_s=config.scan_ms / 1000,
            )
        case "csv" if argument:
            return CsvReplay(
                reactor,
                Path(argument),
                now_s=time.time,
                time_scale=config.time_scale,
            )
        case _:
            raise ConfigError(
                f"setting AGENT_DRIVER is unusable: {config.driver!r} is neither "
                "'plant' nor 'csv:PATH'"
            )


def make_tags(driver: Driver, config: Config) -> TagTable:
    """The driver's tags as the tag file names them, and those derived.

    Raises ``ConfigError``.
    """
    mapping, source = load_mapping(config.tags), f"tag file {config.tags}"
    tags = mapped(driver.tags(), mapping, source=source)
    return TagTable(tags, derivations(tags, mapping, source=source))


async def start_agent(reactor: Any, config: Config) -> Agent:
    """Enrol if need be, find where engines can run, and start the agent.

    Settings are judged first, so that nobody waits for the backend to learn of a typo.
    """
    driver = make_driver(reactor, config)
    tags = make_tags(driver, config)
    identity = Identity(config.data)
    enrolled = await identity.enrol(reactor, config)
    runtime = await choose_runtime(reactor, config, enrolled.device)
    try:
        agent = Agent(
            reactor,
            config,
            identity,
            enrolled,
            driver=driver,
            tags=tags,
            runtime=runtime,
        )
        await agent.start()
    except BaseException:
        await runtime.close(keep=config.keep_engines)
        raise
    return agent
