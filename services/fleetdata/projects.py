"""The projects served: learnt in the system realm, each with a session of its own."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from heddle.contract.declare import (
    SYSTEM_REALM,
    InvalidId,
    InvalidRequest,
    project_realm,
)
from heddle.contract.history import (
    HISTORY,
    LATEST,
    RUN_EVENTS,
    History,
    HistoryQuery,
    Latest,
    LatestQuery,
    RunEventsQuery,
)
from heddle.contract.people import (
    LIST_PROJECTS,
    PROJECT_CREATED,
    ListProjects,
    Project,
)
from heddle.contract.run_records import RUNS, RunRecords, RunsQuery
from heddle.contract.runs import RunEvents
from heddle.contract.samples import GAPS, INGEST, Gaps, GapsQuery, Ingest, Receipt
from heddle.tls.trust import SYSTEM_TRUST, Trust
from heddle.wamp.joining import Uplink
from heddle.wamp.session import Caller, Session
from services.fleetdata import questions
from services.fleetdata.alarms.service import Alarms
from services.fleetdata.batches import check
from services.fleetdata.database import Database
from services.fleetdata.gaps import gaps
from services.fleetdata.guard import Guard
from services.fleetdata.intake import Intake
from services.fleetdata.live import Live
from services.fleetdata.meters import ProjectMeter
from services.fleetdata.refusals import Refusals
from services.fleetdata.runs import runs

log = Logger()

Connect = Callable[..., Uplink]
"""Makes an uplink: ``connect(realm, on_join=...)``."""


class ServedProject:
    """One project: its database, its queue and its session."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        meter: ProjectMeter,
        guard: Guard,
        live: Live,
        alarms: Alarms,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self._intake = intake
        self._meter = meter
        self._guard = guard
        meter.watch(intake, database)
        self.live = live
        self.alarms = alarms
        self._wall = wall
        self._refusals = Refusals(wall)

    async def settle(self, session: Session) -> None:
        """Serve the project's procedures in its realm."""
        await session.serve(INGEST, self._ingest, malformed=self._malformed)
        await session.serve(GAPS, self._gaps)
        await session.serve(LATEST, self._latest)
        await session.serve(HISTORY, self._history)
        await session.serve(RUN_EVENTS, self._run_events)
        await session.serve(RUNS, self._runs)
        await self.alarms.settle(session)
        await self.live.settle(session)
        log.info("serving {realm}", realm=session.realm)

    async def _ingest(self, request: Ingest, caller: Caller) -> Receipt:
        with self._meter.asked():
            try:
                batch = check(caller.authid, request, int(self._wall() * 1e6))
            except (InvalidRequest, InvalidId) as refusal:
                self._refusals.tell(caller.authid, refusal)
                raise
            self._guard.admit()
            return await self._intake.submit(batch)

    def _malformed(self, refusal: InvalidRequest, caller: Caller) -> None:
        self._meter.refused(refusal)
        self._refusals.tell(caller.authid, refusal)

    async def _gaps(self, query: GapsQuery, _: Caller) -> Gaps:
        return await gaps(self.database, query)

    async def _latest(self, query: LatestQuery, _: Caller) -> Latest:
        return await questions.latest(self.database, query)

    async def _history(self, query: HistoryQuery, _: Caller) -> History:
        return await questions.history(self.database, query)

    async def _run_events(self, query: RunEventsQuery, _: Caller) -> RunEvents:
        return await questions.run_events(self.database, query)

    async def _runs(self, query: RunsQuery, _: Caller) -> RunRecords:
        return await runs(self.database, query)


class Projects:
    """Every project there is. Projects come, they do not go."""

    def __init__(self, connect: Connect, make: Callable[[str], ServedProject]) -> None:
        self._connect = connect
        self._make = make
        self._system = connect(SYSTEM_REALM, on_join=self._learn)
        self._served: dict[str, tuple[ServedProject, Uplink]] = {}

    def start(self) -> None:
        """Join the system realm and learn of the projects."""
        self._system.start()

    async def stop(self) -> None:
        """Leave all realms and close all databases."""
        await self._system.stop()
        ends = [
            Deferred.fromCoroutine(_end(served, uplink))
            for served, uplink in self._served.values()
        ]
        await gatherResults(ends)

    def add(self, project: str) -> None:
        """Serve a project; one that is served already is left alone."""
        if project in self._served:
            return
        served = self._make(project)
        uplink = self._connect(project_realm(project), on_join=served.settle)
        self._served[project] = served, uplink
        served.database.start()
        served.live.start()
        served.alarms.start()
        uplink.start()

    async def _learn(self, session: Session) -> None:
        """Hear of new projects first and then ask for all: none is missed."""

        def hear(project: Project, _: Mapping[str, str]) -> None:
            self.add(project.project)

        await session.hear(PROJECT_CREATED, hear)
        listed = await session.call(LIST_PROJECTS, ListProjects())
        for project in listed.projects:
            self.add(project.project)


async def _end(served: ServedProject, uplink: Uplink) -> None:
    await uplink.stop()
    served.live.stop()
    served.alarms.stop()
    await served.database.stop()


def uplinks(
    reactor: Any, url: str, credentials: Any, trust: Trust = SYSTEM_TRUST
) -> Connect:
    """Uplinks to one router, by one key."""

    def connect(realm: str, **listeners: Any) -> Uplink:
        return Uplink(
            reactor,
            url,
            realm,
            credentials,
            trust=trust,
            is_service=True,
            **listeners,
        )

    return connect
