"""The agent of one device, put together: the only place that constructs its parts.

What it owes is in this order: the plant and the flows go on whatever happens to the
network; what was measured and what happened is on disk before it is anywhere else;
and whoever looks sees the device's state as soon as there is a link.
"""

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from edge_agent.alarming import Alarming
from edge_agent.budget import Budget
from edge_agent.config import Config
from edge_agent.delivery import Delivery
from edge_agent.deployments.deployments import Deployments
from edge_agent.deployments.store import Store
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
from edge_agent.link import Dial, connect
from edge_agent.live import Live, batch
from edge_agent.local.side import LocalSide
from edge_agent.mapping import (
    TagFile,
    load_mapping,
    mapped,
    rules,
    tags_of_connections,
)
from edge_agent.outbox import Outbox
from edge_agent.presence import Attendance
from edge_agent.reconcile.engines import Engines
from edge_agent.reconcile.room import Disks
from edge_agent.recorder import Recorder
from edge_agent.releasing import Releasing
from edge_agent.runs import Runs
from edge_agent.runtime.choose import choose_runtime
from edge_agent.runtime.runtime import Runtime
from edge_agent.serving import serve_device, together
from edge_agent.shelf import Shelf, Wanted
from edge_agent.tags import TagTable
from edge_agent.upkeep.diary import Diary
from edge_agent.upkeep.figures import DeviceFigures
from edge_agent.upkeep.upkeep import Endings, Upkeep
from heddle.contract.declare import Role
from heddle.contract.device_deployments import DEPLOYMENT_REPORT, DeviceDeployment
from heddle.contract.devices import Announce, Enrolled
from heddle.contract.gate import KeyUnknown
from heddle.contract.runs import RUN_EVENT, RunEvents, RunReport, StartRun
from heddle.contract.samples import TELEMETRY, Stream, Telemetry
from heddle.tls.trust import trust_of
from heddle.wamp.joining import Refused, Uplink
from heddle.wamp.process import ConfigError, Stop
from heddle.wamp.session import Caller, Session

if TYPE_CHECKING:
    from edge_agent.drivers.connections import Connections

log = Logger()

_MEGABYTE = 1 << 20
KEPT = (
    *("outbox.sqlite*", "flows", "wanted*", "changes", "local.token", "plant.json"),
    *("opcua", "*.bdseq"),  # what connections keep
    "deployments",
)


class Agent:
    """One enrolled device at work."""

    refusal: str | None = None  # the router's, while it lets us not in
    _stop_metrics: Stop | None = None

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
        outbox: Outbox | None = None,
        dial: Dial = connect,
        diary: Diary | None = None,
        endings: Endings | None = None,
        durable: bool = True,
    ) -> None:
        """Without ``outbox``, one is made with a thread of its own; ``dial`` is how
        the runtime's engines are reached. ``endings`` is the program's part: without
        it the agent can be neither restarted nor retired from afar. Without ``durable``
        what is wanted outlives the process, but no power cut.
        """
        self._reactor = reactor
        self._config = config
        self.identity = identity
        self._device = enrolled.device
        self._runtime = runtime
        self._driver, self._tags = driver, tags
        self._dial = dial
        self._outbox = outbox or Outbox(
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
            rules(load_mapping(config.tags).tags),
            (self._recorder.record, self._live.heard),
        )
        self._alarming = Alarming(
            reactor, self._device, self._outbox, tags, commit_ms=config.commit_ms
        )
        self._duties = DeviceDuties(
            driver=self._driver,
            tags=self._tags,
            outbox=self._outbox,
            tell=self._tell_events,
        )
        self._deliveries = [Delivery(reactor, self._outbox, each) for each in Stream]
        self._releasing = Releasing(reactor, config, identity, enrolled, tags)
        self._shelf = Shelf(
            config.data / "flows", prove=self._releasing.releases.prove, durable=durable
        )
        self._engines = self._make_engines()
        self._flows = self._make_flows()
        self._runs = Runs(self._flows, self._outbox, time.time)
        self._deployments = self._make_deployments(durable=durable)
        self.local = LocalSide(
            reactor,
            config,
            enrolled,
            flows=self._flows,
            runs=self._runs,
            outbox=self._outbox,
            driver=self._driver,
            tags=self._tags,
            runtime=runtime,
            make_anew=self._engines.make_anew,
        )
        self._upkeep = self._make_upkeep(diary, endings)
        self._attendance = Attendance(
            reactor,
            self._device,
            announce=self._announcement,
            serve=self._serve,
            announced=self._releasing.announced,
        )
        self._uplink = self._make_uplink(enrolled.realm)

    @property
    def is_online(self) -> bool:
        """Whether the device serves in its realm, and has said so there."""
        return self._attendance.is_online

    async def start(self) -> None:
        """Measure, bring up the flows, and reach for the router."""
        self.local.prepare()  # refused before anything is started
        if self._config.metrics is not None:  # refused before anything is started
            self._stop_metrics = self._serve_metrics(self._config.metrics)
        await self._outbox.open()
        try:
            await self._begin()
        except BaseException:  # told to stop meanwhile: its thread must end, too
            await self._outbox.close()
            raise

    async def _begin(self) -> None:
        await self._alarming.start(self._driver.connections())
        self._tags.hear(self._filters.heard)
        self._tags.hear(self._alarming.heard)
        self._tags.hear(self._flows.heard)
        self._driver.subscribe(self._tags.update)
        self._deployments.load()
        await self._flows.start()
        self._deployments.start()
        self.local.start()
        self._uplink.start()
        waiting = sum((await self._outbox.waiting()).values())
        log.info(
            "agent of {device}: {n} tags, {alarms} alarms, {flows} flows, "
            "{waiting} items to deliver",
            device=self._device,
            n=len(self._tags.tags),
            alarms=len(self._alarming.ruled),
            flows=len(list(self._flows)),
            waiting=waiting,
        )

    async def stop(self) -> None:
        """Say good-bye, leave the engines as they shall be, close the outbox."""
        await self._attendance.leave()
        self._left("the agent ends")
        await self.local.stop()
        await self._uplink.stop()
        await self._driver.stop()
        self._filters.stop()
        self._live.stop()
        await self._deployments.stop()
        await self._flows.stop()
        await self._runtime.close(keep=self._config.keep_engines)
        await self._recorder.stop()
        await self._alarming.stop()
        if self._stop_metrics is not None:
            await self._stop_metrics()
        await self._outbox.close()
        log.info("agent of {device} ended", device=self._device)

    def forget(self) -> None:
        """Leave nothing of this device behind, once it is stopped."""
        self.identity.forget()
        for name in KEPT:
            for each in self._config.data.glob(name):
                if each.is_dir():
                    shutil.rmtree(each, ignore_errors=True)
                else:
                    each.unlink(missing_ok=True)
        log.warn("{device} is no more", device=self._device)

    # --- the session -----------------------------------------------------------------

    def _refused(self, refused: Refused) -> None:
        self.refusal = str(refused)
        if refused.reason == KeyUnknown.uri:
            self.identity.refused()
        log.error(
            "{url} refuses {device}: {why} ({reason})",
            url=self._config.router_url,
            device=self._device,
            why=self.refusal,
            reason=refused.reason,
        )

    async def _joined(self, session: Session) -> None:
        self.refusal = None
        self.identity.joined()
        await self._attendance.joined(session)
        for delivery in self._deliveries:
            delivery.start(session)
        await self._alarming.joined(session)
        self.local.joined(session)
        self._releasing.joined(session)
        self._deployments.tell_all()
        self._tell_telemetry(
            batch(time.time(), self._tags.all_now())
        )  # whoever watches need not wait for a tag to move

    def _left(self, _why: str) -> None:
        self._attendance.left()
        self._alarming.left()
        self.local.left()
        self._releasing.left()
        for delivery in self._deliveries:
            delivery.stop()

    async def _serve(self, session: Session) -> None:
        await together(
            serve_device(
                session,
                self._device,
                self._flows,
                self._runs,
                self._alarming.ruled,
                self._deployments,
            ),
            self._upkeep.serve(session),
        )

    def _announcement(self) -> Announce:
        return Announce(
            kind=self._config.kind,
            version=agent_version(),
            runtime=self._runtime.kind,
            facts=host_facts(self._runtime.docker),
            tags=tuple(self._tags.tags.values()),
        )

    def _tell_stage(self, told: DeviceDeployment) -> None:
        if self._uplink.session is not None:
            self._uplink.session.publish(DEPLOYMENT_REPORT, told, device=self._device)

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

    def _make_uplink(self, realm: str) -> Uplink:
        return Uplink(
            self._reactor,
            self._config.router_url,
            realm,
            self.identity.credentials,
            on_join=self._joined,
            on_leave=self._left,
            on_refused=self._refused,
            trust=trust_of(self._config),
        )

    def _make_engines(self) -> Engines:
        return Engines(
            self._reactor,
            self._runtime,
            Disks(
                self._config.data,
                warn_mb=self._config.disk_warn_mb,
                least_mb=self._config.disk_least_mb,
            ),
            lay_out=self._lay_out,
            on_room=self._alarming.own.disk,
        )

    def _make_flows(self) -> Flows:
        return Flows(
            self._reactor,
            self._shelf,
            make=self._make_flow,
            engines=self._engines,
            releases=self._releasing.releases,
            outbox=self._outbox,
        )

    def _make_deployments(self, *, durable: bool) -> Deployments:
        by = Caller(0, "deployment", Role.BACKEND, "")

        async def start_run(request: StartRun) -> RunReport:
            return await self._runs.start(request, by)

        prove = self._releasing.releases.prove
        return Deployments(
            self._device,
            Store(self._config.data / "deployments", prove, durable=durable),
            self._releasing.releases,
            self._flows,
            self._engines,
            clock=self._reactor,
            shelf=self._shelf,
            make=self._make_flow,
            start_run=start_run,
            within_s=self._config.release_within_s,
            tell=self._tell_stage,
            refused=self._releasing.refused,
        )

    def _make_upkeep(self, diary: Diary | None, endings: Endings | None) -> Upkeep:
        figures = DeviceFigures(
            self._device,
            self._config.data,
            now_s=time.time,
            driver=self._driver,
            tags=self._tags,
            flows=self._flows,
            outbox=self._outbox,
            docker=self._runtime.docker,
        )
        return Upkeep(
            self._reactor,
            self._device,
            now_s=time.time,
            identity=self.identity,
            diary=diary or Diary(int(time.time() * 1000)),
            info=figures.info,
            flows=self._flows,
            runs=self._runs,
            runtime=self._runtime,
            outbox=self._outbox,
            images=lambda: self._engines.images | {self._config.engine_image},
            quiet=self._driver.stop,
            endings=endings,
        )

    def _lay_out(self, flow: str) -> None:
        wanted = self._deployments.tried(flow)
        self._shelf.lay_out(wanted or self._flows.get(flow).wanted)

    def _make_flow(self, wanted: Wanted) -> Flow:
        return Flow(
            self._reactor,
            wanted,
            self._shelf.directory(wanted.flow),
            now_s=time.time,
            engines=self._engines,
            tags=self._tags,
            duties=self._duties,
            silent_after_s=self._config.engine_silent_s,
            dial=self._dial,
        )


def make_driver(reactor: Any, config: Config, file: TagFile) -> Driver:
    """The driver that the settings name, or the tag file's connections.

    Raises ``ConfigError``.
    """
    if file.connections or config.driver == "connections":
        return _connected(reactor, config, file)
    name, _, argument = (config.driver or "plant").partition(":")
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
                f"setting AGENT_DRIVER is unusable: {config.driver!r} is none of "
                "'plant', 'csv:PATH' and 'connections'"
            )


def _connected(reactor: Any, config: Config, file: TagFile) -> Driver:
    if config.driver not in (None, "connections"):
        raise ConfigError(
            f"setting AGENT_DRIVER is {config.driver!r}, but {file.source} has "
            "connections: remove the one or the other"
        )
    if not file.connections:
        raise ConfigError(
            "setting AGENT_DRIVER is 'connections', but "
            + (f"{file.source} has none" if config.tags else "AGENT_TAGS is not set")
        )
    return make_connections(reactor, config.data, file)


def make_connections(reactor: Any, data: Path, file: TagFile) -> "Connections":
    """The tag file's connections; ``data`` is the agent's folder.

    Raises ``ConfigError``.
    """
    from edge_agent.drivers.connections import driver_of  # noqa: PLC0415 -- asyncio

    return driver_of(
        reactor,
        file.connections,
        tags_of_connections(file),
        source=file.source,
        files=file.folder,
        data=data,
        now_s=time.time,
    )


def make_tags(driver: Driver, file: TagFile) -> TagTable:
    """The driver's tags as the tag file names them, and those derived.

    Raises ``ConfigError``.
    """
    tags = mapped(driver.tags(), file.tags, source=file.source)
    table = TagTable(tags, derivations(tags, file.tags, source=file.source))
    if file.connections:
        _share(driver, table, file.source)
    return table


def _share(driver: Driver, table: TagTable, source: str) -> None:
    """Connections may publish what the agent knows."""
    from edge_agent.drivers.connections import Connections  # noqa: PLC0415 -- asyncio

    if isinstance(driver, Connections):
        driver.share(table, source)


async def start_agent(
    reactor: Any,
    config: Config,
    *,
    diary: Diary | None = None,
    endings: Endings | None = None,
) -> Agent:
    """Enrol if need be, find where engines can run, and start the agent.

    Settings are judged first, so that nobody waits for the backend to learn of a typo.
    """
    file = load_mapping(config.tags)
    driver = make_driver(reactor, config, file)
    tags = make_tags(driver, file)
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
            diary=diary,
            endings=endings,
        )
        await agent.start()
    except BaseException:
        await runtime.close(keep=config.keep_engines)
        raise
    return agent
