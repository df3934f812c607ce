"""Serves the deployment procedures of one project, and gives drivers what they need."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from typing_extensions import override

from heddle.contract.declare import check_id
from heddle.contract.deployments import (
    CREATE_DEPLOYMENT,
    DEPLOYMENT_HISTORY,
    DEPLOYMENT_MOVED,
    GET_DEPLOYMENT,
    LIST_DEPLOYMENTS,
    PREVIEW_DEPLOYMENT,
    CreateDeployment,
    DeploymentDetail,
    DeploymentHistory,
    DeploymentList,
    DeploymentMoved,
    DeploymentPreview,
    DeploymentRef,
    DeploymentReport,
    GetDeployment,
    GetHistory,
    ListDeployments,
    PreviewDeployment,
)
from heddle.contract.device_deployments import DEPLOYMENT_REPORT, DeviceDeployment
from heddle.contract.devices import PRESENCE, Presence
from heddle.wamp.session import Caller, Session
from services.backend.deployments import asking
from services.backend.deployments.commands import VERBS, Verb, command
from services.backend.deployments.creation import create
from services.backend.deployments.driver import Around, Driver
from services.backend.deployments.keeping import InDatabase
from services.backend.deployments.lookout import Lookout
from services.backend.deployments.news import News
from services.backend.deployments.standing import Known
from services.backend.deployments.telling import (
    moved_of,
    moved_of_report,
    report_of,
)
from services.backend.fleet.presence import Online
from services.backend.realm import Part, Serve
from services.backend.store.database import Database


class Deployments(Part):
    """All of one project's deployments, as far as this replica is concerned."""

    def __init__(
        self,
        clock: Any,
        database: Database,
        project: str,
        *,
        online: Online,
        lookout: Lookout,
    ) -> None:
        self.project = project
        self._clock = clock
        self._database = database
        self._online = online
        self._lookout = lookout
        self._session: Session | None = None
        self._news = News(clock, lambda: self._session)
        self._drivers: dict[str, Driver] = {}

    @override
    async def settle(self, session: Session, serve: Serve) -> None:
        """Serve people, hear devices, and drive what is to be driven."""
        await serve(CREATE_DEPLOYMENT, self.create)
        await serve(PREVIEW_DEPLOYMENT, self.preview)
        await serve(GET_DEPLOYMENT, self.get)
        await serve(LIST_DEPLOYMENTS, self.every)
        await serve(DEPLOYMENT_HISTORY, self.history)
        for verb in VERBS:
            await serve(verb.procedure, partial(self.command, verb))
        await session.hear(DEPLOYMENT_REPORT, self._reported)
        await session.hear(PRESENCE, self._present)
        await session.hear(DEPLOYMENT_MOVED, self._moved_elsewhere)
        self._session = session
        self._lookout.add(self)

    @override
    def left(self) -> None:
        """There is nobody to speak to: another replica may drive."""
        self._session = None
        self._news.stop()
        self._lookout.remove(self)

    # --- what people ask ---

    async def create(
        self, request: CreateDeployment, caller: Caller
    ) -> DeploymentReport:
        """Serve CREATE_DEPLOYMENT."""
        row = await self._database(
            create, self.project, request, caller, self._now_ms()
        )
        return self._told(report_of(row))

    async def command(
        self, verb: Verb, request: DeploymentRef, caller: Caller
    ) -> DeploymentReport:
        """Serve START_DEPLOYMENT and its like."""
        check_id("deployment", request.deployment)
        row = await self._database(
            command, self.project, verb, request, caller, self._now_ms()
        )
        return self._told(report_of(row))

    async def preview(
        self, request: PreviewDeployment, _caller: Caller
    ) -> DeploymentPreview:
        """Serve PREVIEW_DEPLOYMENT."""
        return await self._database(
            asking.preview, self.project, request, self._online.has
        )

    async def get(self, request: GetDeployment, _caller: Caller) -> DeploymentDetail:
        """Serve GET_DEPLOYMENT."""
        check_id("deployment", request.deployment)
        return await self._database(asking.get, self.project, request)

    async def every(self, request: ListDeployments, _caller: Caller) -> DeploymentList:
        """Serve LIST_DEPLOYMENTS."""
        return await self._database(asking.every, self.project, request)

    async def history(self, request: GetHistory, _caller: Caller) -> DeploymentHistory:
        """Serve DEPLOYMENT_HISTORY."""
        check_id("deployment", request.deployment)
        return await self._database(asking.history, self.project, request)

    def _told(self, report: DeploymentReport) -> DeploymentReport:
        self._news.moved(moved_of_report(report))
        self._nudge(report.deployment, report.revision)
        return report

    # --- what devices and other replicas tell ---

    def _reported(self, event: DeviceDeployment, ids: Mapping[str, str]) -> None:
        if (driver := self._drivers.get(event.deployment)) is not None:
            driver.heard(ids["device"], event)

    def _present(self, event: Presence, ids: Mapping[str, str]) -> None:
        if event.online:
            for driver in list(self._drivers.values()):
                driver.returned(ids["device"])

    def _moved_elsewhere(self, event: DeploymentMoved, _ids: Mapping[str, str]) -> None:
        self._nudge(event.deployment, event.revision)

    def _nudge(self, deployment: str, revision: int) -> None:
        if (driver := self._drivers.get(deployment)) is not None:
            driver.look(revision)
        else:
            self._lookout.soon()

    # --- drivers ---

    @property
    def drivers(self) -> Mapping[str, Driver]:
        """Those of this replica, by deployment."""
        return self._drivers

    def hold(self, held: Mapping[str, int]) -> None:
        """These deployments, with their revisions, are ours to drive; no others are."""
        for deployment in self._drivers.keys() - held.keys():
            self._drivers.pop(deployment).stop()
        for deployment, revision in held.items():
            if (driver := self._drivers.get(deployment)) is not None:
                driver.look(revision)
            elif self._session is not None:
                self._drive(deployment, self._session)

    def _drive(self, deployment: str, session: Session) -> None:
        around = Around(
            clock=self._clock,
            session=session,
            is_online=self._online.has,
            moved=self._driven,
            ended=self._ended,
        )
        keeper = InDatabase(self._database, self.project, deployment, uuid4().hex)
        driver = self._drivers[deployment] = Driver(deployment, keeper, around)
        driver.start()

    def _driven(self, known: Known) -> None:
        self._news.moved(moved_of(known.state, known.revision))

    def _ended(self, driver: Driver) -> None:
        if self._drivers.get(driver.deployment) is driver:
            del self._drivers[driver.deployment]

    def _now_ms(self) -> int:
        return int(self._clock.seconds() * 1000)
