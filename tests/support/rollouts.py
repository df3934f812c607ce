"""Deployments without the rest: replicas that drive them, and devices that take them.

``Replica`` is the backend's part for deployments over a real router and a real
PostgreSQL; ``Device`` serves the device procedures, and behaves as it is told.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from nacl.signing import SigningKey
from twisted.internet.defer import Deferred

from heddle.contract.deployments import (
    CREATE_DEPLOYMENT,
    DEPLOYMENT_HISTORY,
    GET_DEPLOYMENT,
    CreateDeployment,
    DeploymentDetail,
    DeploymentRef,
    DeploymentReport,
    GetDeployment,
    GetHistory,
    StrategyConfig,
)
from heddle.contract.device_deployments import (
    DEPLOY_RELEASE,
    DEPLOYMENT_REPORT,
    DEPLOYMENT_STATUS,
    REVERT_RELEASE,
    SETTLE_RELEASE,
    SWITCH_RELEASE,
    DeploymentUnknown,
    DeployRelease,
    DeviceDeployment,
    DeviceDeploymentRef,
    DeviceStage,
)
from heddle.contract.devices import PRESENCE, Presence
from heddle.contract.fleet import Targets
from heddle.releases import make_release
from heddle.wamp.joining import Joined, KeyCredentials, Uplink
from heddle.wamp.session import Caller, Session
from services.backend.deployments.lookout import Lookout
from services.backend.deployments.part import Deployments
from services.backend.fleet.presence import Online
from services.backend.realm import ProjectRealm
from services.backend.store import devices, releases
from services.backend.store.database import Connection, Database, conninfo
from services.backend.store.releases import ReleaseRow
from tests.support.device import example
from tests.support.router import InProcRouter, MiniBackend, running_router
from tests.support.waiting import until

ENDED = ("completed", "failed", "rolled_back", "cancelled")
PROJECT, FLOW = "plant", "brew"


class Replica:
    """One backend, as far as deployments go."""

    def __init__(self, reactor: Any, router: InProcRouter, dsn: str) -> None:
        info = conninfo(dsn, None)
        self.database = Database(reactor, info, 3)
        self.lookout = Lookout(reactor, info)
        online = Online(reactor, self.database, PROJECT)
        self.part = Deployments(
            reactor, self.database, PROJECT, online=online, lookout=self.lookout
        )

        def uplink(realm: str, **hooks: Any) -> Uplink:
            key = KeyCredentials(router.service_key("backend"))
            return Uplink(reactor, router.url, realm, key, **hooks)

        self._reactor = reactor
        self._realm = ProjectRealm(PROJECT, uplink, (online, self.part))

    async def start(self) -> None:
        """Start it, and wait until it serves."""
        self.database.start()
        await self.database.migrate()
        self.lookout.start()
        self._realm.start()
        await self._realm.served(self._reactor, 60)

    async def die(self) -> None:
        """End it as ``kill -9`` would: its locks are free, its session is gone."""
        for driver in self.part.drivers.values():
            driver.stop()
        await self.stop()

    async def stop(self) -> None:
        """Stop it."""
        await self._realm.stop()
        self.lookout.stop()
        self.database.stop()


class Device:
    """Takes deployments as it is told: ``fails``, ``mute``, ``holds`` its reports."""

    def __init__(self, name: str, key: SigningKey) -> None:
        self.name = name
        self.key = key
        self.fails = ""  # why the release does not run here
        self.mute = False
        self.holds = False  # takes the order, and does not come to an end
        self.restarts = 0  # of the engine, as it tells when it is asked
        self.running = 0  # the version that serves; 0: none
        self.acts: list[tuple[str, str]] = []  # what had an effect, by deployment
        self.calls: list[str] = []  # what was asked
        self.variables: dict[str, Any] = {}
        self._session: Session | None = None
        self._joined: Joined | None = None
        self._records: dict[str, DeviceDeployment] = {}
        self._former: dict[str, int] = {}

    async def join(self, router: InProcRouter) -> None:
        """Come online."""
        self._joined = router.joined(f"project_{PROJECT}", self.key)
        session = self._session = await self._joined.__aenter__()
        await session.bequeath(PRESENCE, Presence(online=False), device=self.name)
        for procedure, act in (
            (DEPLOY_RELEASE, self._deploy),
            (SWITCH_RELEASE, self._switch),
            (REVERT_RELEASE, self._revert),
            (SETTLE_RELEASE, self._settle),
            (DEPLOYMENT_STATUS, self._status),
        ):
            await session.serve(procedure, self._heard(act), device=self.name)
        session.publish(PRESENCE, Presence(online=True), device=self.name)

    async def leave(self) -> None:
        """Go offline."""
        joined, self._joined, self._session = self._joined, None, None
        if joined is not None:
            await joined.__aexit__()

    def tell(self, deployment: str, stage: DeviceStage, detail: str = "") -> None:
        """Come further, and report it."""
        record = replace(self._records[deployment], stage=stage, detail=detail)
        self._records[deployment] = record
        if self._session is not None:
            self._session.publish(DEPLOYMENT_REPORT, record, device=self.name)

    def count(self, act: str) -> int:
        """How often something had an effect."""
        return sum(what == act for what, _ in self.acts)

    def _heard(self, act: Any) -> Any:
        async def heard(request: Any, _caller: Caller) -> DeviceDeployment:
            self.calls.append(act.__name__.strip("_"))
            if self.mute:
                await Deferred()
            return act(request)

        return heard

    def _deploy(self, request: DeployRelease) -> DeviceDeployment:
        deployment = request.deployment
        if deployment not in self._records:
            self.acts.append(("deploy", deployment))
            self.variables = request.variables
            version = msgspec.json.decode(request.release.document)["version"]
            self._records[deployment] = DeviceDeployment(
                deployment=deployment,
                flow=FLOW,
                version=version,
                stage=DeviceStage.PREPARING,
                run="run_1" if request.start_run else None,
            )
            if self.fails:
                self.tell(deployment, DeviceStage.FAILED, self.fails)
            elif request.beside:
                self.tell(deployment, DeviceStage.READY)
            elif not self.holds:
                self._activate(deployment)
        return self._records[deployment]

    def _activate(self, deployment: str) -> None:
        self._former[deployment] = self.running
        self.running = self._records[deployment].version
        self.tell(deployment, DeviceStage.ACTIVE)

    def _known(self, ref: DeviceDeploymentRef) -> DeviceDeployment:
        record = self._records.get(ref.deployment)
        if record is None:
            raise DeploymentUnknown(f"{self.name} never heard of {ref.deployment}")
        return record

    def _switch(self, ref: DeviceDeploymentRef) -> DeviceDeployment:
        if self._known(ref).stage is DeviceStage.READY:
            self.acts.append(("switch", ref.deployment))
            self._activate(ref.deployment)
        return self._known(ref)

    def _revert(self, ref: DeviceDeploymentRef) -> DeviceDeployment:
        record = self._records.setdefault(
            ref.deployment,
            DeviceDeployment(
                deployment=ref.deployment,
                flow=FLOW,
                version=0,
                stage=DeviceStage.REVERTING,
            ),
        )
        if record.stage is not DeviceStage.REVERTED:
            self.acts.append(("revert", ref.deployment))
            self.running = self._former.pop(ref.deployment, self.running)
            self.tell(ref.deployment, DeviceStage.REVERTED)
        return self._records[ref.deployment]

    def _settle(self, ref: DeviceDeploymentRef) -> DeviceDeployment:
        if self._known(ref).stage is not DeviceStage.SETTLED:
            self.acts.append(("settle", ref.deployment))
            self.tell(ref.deployment, DeviceStage.SETTLED)
        return self._known(ref)

    def _status(self, ref: DeviceDeploymentRef) -> DeviceDeployment:
        return replace(self._known(ref), engine_restarts=self.restarts)


@dataclass
class Rollouts:
    """A project with a published flow, its devices, and who deploys."""

    reactor: Any
    router: InProcRouter
    gate: MiniBackend
    dsn: str
    owner: Session
    devices: dict[str, Device] = field(default_factory=dict)
    replicas: list[Replica] = field(default_factory=list)

    async def add_replica(self) -> Replica:
        """One more backend."""
        replica = Replica(self.reactor, self.router, self.dsn)
        self.replicas.append(replica)
        await replica.start()
        return replica

    async def enrol(self, *names: str, online: bool = True) -> list[Device]:
        """Devices of the project."""
        found = []
        for name in names:
            key = await self.gate.device(PROJECT, name)
            device = self.devices[name] = Device(name, key)
            public = key.verify_key.encode().hex()
            await self.replicas[0].database(
                devices.insert, PROJECT, name, "virtual", public
            )
            if online:
                await device.join(self.router)
            found.append(device)
        return found

    async def make(self, **asked: Any) -> DeploymentReport:
        """Make a deployment to all devices, unless told otherwise."""
        wanted = {"flow": FLOW, "targets": Targets(all=True), "start": True, **asked}
        wanted.setdefault("config", StrategyConfig(health_check=False))
        return await self.owner.call(CREATE_DEPLOYMENT, CreateDeployment(**wanted))

    async def tell(self, procedure: Any, deployment: str) -> DeploymentReport:
        """Start, pause, and so on."""
        ref = DeploymentRef(deployment=deployment)
        report: DeploymentReport = await self.owner.call(procedure, ref)
        return report

    async def get(self, deployment: str, **asked: Any) -> DeploymentDetail:
        """A deployment and its targets."""
        request = GetDeployment(deployment=deployment, **asked)
        return await self.owner.call(GET_DEPLOYMENT, request)

    async def standing(self, deployment: str) -> tuple[str, dict[str, str]]:
        """Its status, and those of its targets."""
        detail = await self.get(deployment)
        targets = {one.device: one.status.value for one in detail.targets}
        return detail.report.status.value, targets

    async def until_status(self, deployment: str, *statuses: str) -> DeploymentDetail:
        """Wait until it stands so."""

        report = (await self.get(deployment)).report

        async def stands() -> bool:
            nonlocal report
            report = (await self.get(deployment)).report
            return report.status.value in {*statuses, *ENDED}

        await until(self.reactor, stands)
        assert report.status.value in statuses, report
        return await self.get(deployment)

    async def history(self, deployment: str) -> list[tuple[str | None, str]]:
        """What happened: to which device, what."""
        request = GetHistory(deployment=deployment)
        told = await self.owner.call(DEPLOYMENT_HISTORY, request)
        assert [one.number for one in told.entries] == list(range(len(told.entries)))
        return [(one.device, one.what) for one in told.entries]


def publish(connection: Connection, version: int, definition: dict[str, Any]) -> None:
    """A release of the flow, as if somebody had published it."""
    connection.execute(
        """
        insert into flow (project, flow, name) values (%(project)s, %(flow)s, 'Brew')
        on conflict do nothing
        """,
        {"project": PROJECT, "flow": FLOW},
    )
    connection.execute(
        """
        insert into flow_version (project, flow, version, definition, saved_by)
        values (%(project)s, %(flow)s, %(version)s, '{}', 'admin')
        """,
        {"project": PROJECT, "flow": FLOW, "version": version},
    )
    signed = make_release(
        SigningKey(b"k" * 32),
        project=PROJECT,
        flow=FLOW,
        version=version,
        definition=definition,
        engine_image="",
        engine_memory_mb=None,
        published_by="admin",
        published_at_ms=1,
    )
    row = ReleaseRow(
        flow=FLOW,
        version=version,
        document=signed.document,
        content_hash=signed.content_hash,
        signature=signed.signature,
        key=signed.key,
        engine_image="",
        engine_memory_mb=None,
        note="",
        warnings=[],
        published_by="admin",
        published_at_ms=1,
    )
    releases.insert(connection, PROJECT, row)


@asynccontextmanager
async def running_rollouts(
    reactor: Any, dsn: str, folder: Path
) -> AsyncIterator[Rollouts]:
    """A project with one replica and no devices, for the length of a ``with``."""
    realm = f"project_{PROJECT}"
    async with (
        running_router(reactor, folder) as router,
        router.backend(projects=(PROJECT,)) as gate,
        router.joined(realm, router.owner_key) as owner,
    ):
        rollouts = Rollouts(reactor, router, gate, dsn, owner)
        try:
            replica = Replica(reactor, router, dsn)
            rollouts.replicas.append(replica)
            replica.database.start()
            await replica.database.migrate()
            replica.database.stop()
            with psycopg.connect(dsn) as connection:
                connection.execute(
                    "insert into project (project, name) values (%s, '')", [PROJECT]
                )
                publish(connection, 1, example())
            rollouts.replicas.clear()
            await rollouts.add_replica()
            yield rollouts
        finally:
            for device in rollouts.devices.values():
                await device.leave()
            for replica in rollouts.replicas:
                await replica.stop()
