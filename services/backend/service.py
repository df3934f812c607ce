"""The backend, composed: one database, one session per realm, one owner per concern.

It waits for its database at start, and serves for as long as it runs whatever happens
to router or database: sessions come back, transactions fail one by one.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from twisted.internet import defer
from twisted.internet.task import deferLater
from twisted.logger import Logger

from heddle.contract.accounts import ACCEPT_INVITATION, REGISTER_INVITED
from heddle.contract.audit import ROUTER_REFUSED
from heddle.contract.declare import SYSTEM_REALM, StorageUnavailable
from heddle.contract.devices import REDEEM_CODE
from heddle.contract.people import (
    CHECK_PASSWORD,
    CREATE_PROJECT,
    LIST_PROJECTS,
    OPEN_SESSION,
    PROJECT_CREATED,
    Project,
)
from heddle.metrics import new_registry, serve_metrics
from heddle.tls.trust import trust_of
from heddle.wamp.joining import KeyCredentials, Uplink
from heddle.wamp.keys import load_key
from heddle.wamp.process import Stop, read_secret
from heddle.wamp.session import Session
from services.backend.accounts.accounts import Account
from services.backend.accounts.api_keys import ApiKeys
from services.backend.accounts.invitations import Guests, Invitations
from services.backend.accounts.passwords import Passwords
from services.backend.accounts.people import Login, Members
from services.backend.accounts.sessions import Sessions
from services.backend.accounts.tickets import Tickets
from services.backend.audit_trail import AuditTrail, RouterRefusals
from services.backend.bootstrap import bootstrap
from services.backend.config import Config
from services.backend.dashboards.part import Dashboards
from services.backend.dashboards.tags import Tags
from services.backend.deployments.lookout import Lookout
from services.backend.deployments.part import Deployments
from services.backend.fleet.commands import FleetCommands
from services.backend.fleet.departures import Departures
from services.backend.fleet.devices import Devices
from services.backend.fleet.enrolment import Codes, Enrolment
from services.backend.fleet.presence import Online
from services.backend.fleet.targets import Labels
from services.backend.flows.authoring import Flows
from services.backend.flows.local_changes import LocalChanges
from services.backend.flows.proofs import Proofs
from services.backend.flows.release_keys import ReleaseKeys
from services.backend.flows.releases import Releases
from services.backend.flows.trial_workers import TrialWorkers
from services.backend.flows.trials import Trials
from services.backend.gate import Gate
from services.backend.meters import Meters
from services.backend.projects import Projects
from services.backend.realm import ProjectRealm, serving
from services.backend.store.database import Database, conninfo

log = Logger()

FIRST_RETRY_S, MAX_RETRY_S = 0.25, 4.0
REALM_WITHIN_S = 15.0


class Backend:
    """The whole service. ``start`` once, ``stop`` once."""

    def __init__(self, reactor: Any, config: Config) -> None:
        self._reactor = reactor
        self._config = config
        key = load_key(config.key_file)
        ticket_key = load_key(config.ticket_key_file) if config.ticket_key_file else key
        password_file = config.database_password_file
        dsn = conninfo(
            config.database_url, read_secret(password_file) if password_file else None
        )
        self._database = Database(reactor, dsn, config.database_threads)
        self._lookout = Lookout(reactor, dsn)
        self._registry = new_registry()
        self._meters = Meters(self._registry, self._database)
        self._stop_metrics: Stop | None = None
        self._passwords = Passwords(reactor)
        self._proofs, self._trial_workers = Proofs(reactor), TrialWorkers(reactor)
        self._release_keys = ReleaseKeys(self._database, key)
        tickets = Tickets(ticket_key, config.ticket_valid_s)
        self._gate = Gate(self._database, tickets.public_key)
        self._enrolment = Enrolment(self._database, self._gate, self._release_keys)
        self._login = Login(self._database, self._passwords)
        self._sessions = Sessions(reactor, self._database, tickets, self._gate)
        self._guests = Guests(self._database, self._passwords)
        self._refusals = RouterRefusals(self._database)
        self._projects = Projects(self._database, self._project_made)
        self._make_uplink = partial(
            Uplink,
            reactor,
            config.router_url,
            credentials=KeyCredentials(key),
            trust=trust_of(config),
            is_service=True,
        )
        self._system = self._make_uplink(
            SYSTEM_REALM, on_join=self._settle, on_leave=self._left
        )
        self._realms: dict[str, ProjectRealm] = {}

    async def start(self) -> None:
        """Wait for the database, bring it up to date, join the router.

        Raises ``ConfigError`` when the first start lacks a setting, or one is unusable.
        """
        if self._config.metrics is not None:
            self._stop_metrics = serve_metrics(
                self._reactor,
                self._config.metrics,
                self._registry,
                setting="BACKEND_METRICS",
            )
        self._database.start()
        self._passwords.start()
        self._proofs.start()
        self._lookout.start()
        try:
            await self._until_database_answers()
        except BaseException:
            self._stop_threads()
            raise
        self._system.start()

    async def stop(self) -> None:
        """Leave all realms, finish the transactions under way."""
        stops = [self._system.stop, *(realm.stop for realm in self._realms.values())]
        await defer.gatherResults([defer.Deferred.fromCoroutine(s()) for s in stops])
        await self._trial_workers.stop()
        if self._stop_metrics is not None:
            await self._stop_metrics()
        self._stop_threads()

    def _stop_threads(self) -> None:
        self._lookout.stop()
        self._database.stop()
        self._passwords.stop()
        self._proofs.stop()

    async def _until_database_answers(self) -> None:
        delay_s = FIRST_RETRY_S
        while True:
            try:
                await self._database.migrate()
                await bootstrap(self._config, self._database, self._passwords)
            except StorageUnavailable:
                if delay_s == FIRST_RETRY_S:
                    log.warn("waiting for {db}", db=self._database.address)
                await deferLater(self._reactor, delay_s)
                delay_s = min(2 * delay_s, MAX_RETRY_S)
            else:
                return

    async def _settle(self, session: Session) -> None:
        projects = await self._gate.tell_everything(session)
        serve = serving(session)
        await serve(REDEEM_CODE, self._enrolment.redeem)
        await serve(CHECK_PASSWORD, self._login.check)
        await serve(OPEN_SESSION, self._sessions.open)
        await serve(ACCEPT_INVITATION, self._guests.accept)
        await serve(REGISTER_INVITED, self._guests.register)
        await serve(ROUTER_REFUSED, self._refusals.note)
        await serve(CREATE_PROJECT, self._projects.create)
        await serve(LIST_PROJECTS, self._projects.every)
        await session.hear(PROJECT_CREATED, self._made_elsewhere)
        for project in projects:
            self._realm(project)
        log.info("serving the fleet: {n} projects", n=len(projects))

    def _made_elsewhere(self, made: Project, _ids: Mapping[str, str]) -> None:
        """Another backend made a project: serve it, too."""
        self._realm(made.project)

    def _left(self, _why: str) -> None:
        self._gate.forget()

    async def _project_made(self, project: Project, change: int) -> None:
        """Open the realm of a new project, serve it, tell the other services."""
        await self._gate.open_realm(project.project, change)
        realm = self._realm(project.project)
        await realm.served(self._reactor, REALM_WITHIN_S)
        if (session := self._system.session) is not None:
            await session.published(PROJECT_CREATED, project)

    def _realm(self, project: str) -> ProjectRealm:
        """The session in a project's realm, started if there is none yet."""
        if (known := self._realms.get(project)) is not None:
            return known
        database, clock = self._database, self._reactor
        online = Online(clock, database, project)
        deployments = Deployments(
            clock, database, project, online=online, lookout=self._lookout
        )
        realm = ProjectRealm(
            project,
            self._make_uplink,
            (
                online,
                Devices(
                    clock, database, project, online=online, keys=self._release_keys
                ),
                Departures(clock, database, project, online=online, gate=self._gate),
                Labels(database, project),
                FleetCommands(clock, database, project, online),
                Codes(self._enrolment, project),
                Flows(database, project),
                Releases(
                    clock,
                    database,
                    project,
                    keys=self._release_keys,
                    proofs=self._proofs,
                ),
                Trials(self._trial_workers),
                deployments,
                LocalChanges(database, project),
                Dashboards(database, project),
                Tags(database, project),
                Members(database, self._passwords, self._sessions, project),
                Account(
                    clock,
                    database,
                    project,
                    passwords=self._passwords,
                    sessions=self._sessions,
                ),
                Invitations(database, project),
                ApiKeys(database, self._sessions, project),
                AuditTrail(clock, database, project),
            ),
        )
        self._realms[project] = realm
        self._meters.watch(project, online)
        self._meters.deployments.watch(deployments)
        realm.start()
        return realm
