"""One project's realm: a session that stays in it and serves its procedures."""

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.logger import Logger

from heddle.contract.declare import project_realm
from heddle.contract.devices import ANNOUNCE, CREATE_CODE, GET_DEVICE, LIST_DEVICES
from heddle.contract.flows import GET_FLOW, LIST_FLOWS, SAVE_FLOW
from heddle.contract.local_changes import LIST_LOCAL_CHANGES, OFFER_CHANGE
from heddle.contract.people import CREATE_USER, LIST_USERS, RENEW_SESSION
from heddle.contract.upkeep import DECOMMISSION, OFFER_KEY
from heddle.wamp.joining import Uplink
from heddle.wamp.session import Session
from services.backend.departures import Departures
from services.backend.devices import Devices
from services.backend.enrolment import Enrolment
from services.backend.flows import Flows
from services.backend.local_changes import LocalChanges
from services.backend.people import People
from services.backend.presence import Online

log = Logger()


class ProjectRealm:
    """Serves one project's procedures for as long as it runs."""

    def __init__(
        self,
        project: str,
        make_uplink: Callable[..., Uplink],
        *,
        online: Online,
        devices: Devices,
        departures: Departures,
        flows: Flows,
        local_changes: LocalChanges,
        people: People,
        enrolment: Enrolment,
    ) -> None:
        self._project = project
        self._online = online
        self._devices = devices
        self._departures = departures
        self._flows = flows
        self._local_changes = local_changes
        self._people = people
        self._enrolment = enrolment
        self._waiting: list[Deferred[None]] = []
        self._served = False
        self._uplink = make_uplink(
            project_realm(project), on_join=self._settle, on_leave=self._left
        )

    def start(self) -> None:
        """Join and stay."""
        self._uplink.start()

    async def stop(self) -> None:
        """Leave."""
        await self._uplink.stop()

    async def served(self, reactor: Any, within_s: float) -> None:
        """Wait until the realm is served, but no longer than ``within_s``."""
        if self._served:
            return
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        try:
            await waiting.addTimeout(within_s, reactor)
        except TimedOut:
            log.warn("{project} is not served yet", project=self._project)

    async def _settle(self, session: Session) -> None:
        project = self._project
        await self._online.settle(session)
        await session.serve(ANNOUNCE, self._devices.announce)
        await session.serve(LIST_DEVICES, self._devices.every)
        await session.serve(GET_DEVICE, self._devices.get)
        self._departures.settle(session)
        await session.serve(OFFER_KEY, self._departures.rekey)
        await session.serve(DECOMMISSION, self._departures.decommission)
        await session.serve(CREATE_CODE, partial(self._enrolment.create, project))
        await session.serve(SAVE_FLOW, self._flows.save)
        await session.serve(GET_FLOW, self._flows.get)
        await session.serve(LIST_FLOWS, self._flows.every)
        await session.serve(OFFER_CHANGE, self._local_changes.offer)
        await session.serve(LIST_LOCAL_CHANGES, self._local_changes.every)
        await session.serve(RENEW_SESSION, partial(self._people.renew, project))
        await session.serve(CREATE_USER, partial(self._people.create, project))
        await session.serve(LIST_USERS, partial(self._people.every, project))
        self._served = True
        log.info("serving project {project}", project=project)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.callback(None)

    def _left(self, _why: str) -> None:
        self._served = False
        self._online.forget()
