"""Which deployments are this replica's to drive: whose row it could lock.

One connection holds all locks of the process. Every second, and when something was
begun, it is asked what it holds and takes what is free; if it does not answer, nothing
is ours any more, and all drivers stop.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from heddle.contract.declare import StorageUnavailable
from heddle.wamp.blocking import Blocking
from heddle.wamp.spawn import spawn
from services.backend.store.deployment_locks import Locks

log = Logger()

EVERY_S = 1.0


class Project(Protocol):
    """A project whose deployments may be driven here."""

    project: str

    def hold(self, held: Mapping[str, int]) -> None:
        """These deployments, with their revisions, are ours; no others are."""


class Lookout:
    """One for a process."""

    def __init__(self, reactor: Any, conninfo: str) -> None:
        self._reactor = reactor
        self._locks = Locks(conninfo)
        self._blocking = Blocking(reactor, "deployment locks", 1)
        self._projects: dict[str, Project] = {}
        self._next: IDelayedCall | None = None
        self._looking = False
        self._again = False
        self._renew = False
        self._running = False
        self._answers = True

    def start(self) -> None:
        """Start looking."""
        self._running = True
        self._blocking.start()

    def stop(self) -> None:
        """Give up everything."""
        self._running = False
        if self._next is not None and self._next.active():
            self._next.cancel()
        for project in self._projects.values():
            project.hold({})
        self._projects.clear()
        self._blocking.stop()
        self._locks.close()

    def add(self, project: Project) -> None:
        """There is a session to drive this project's deployments by."""
        self._projects[project.project] = project
        self.soon()

    def remove(self, project: Project) -> None:
        """There is none any more."""
        if self._projects.pop(project.project, None) is not None:
            project.hold({})
            self._renew = True
            self.soon()

    def soon(self) -> None:
        """Look now: there may be something to drive."""
        if self._looking:
            self._again = True
        elif self._running:
            self._look_in(0.0)

    def _look_in(self, wait_s: float) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = self._reactor.callLater(wait_s, self._look_now)

    def _look_now(self) -> None:
        self._looking = True
        spawn(self._look(), "looking for deployments to drive")

    async def _look(self) -> None:
        renew, self._renew, self._again = self._renew, False, False
        try:
            await self._hold(renew=renew)
        finally:
            self._looking = False
            if self._running:
                self._look_in(0.0 if self._again else EVERY_S)

    async def _hold(self, *, renew: bool) -> None:
        projects = sorted(self._projects)
        try:
            held = await self._blocking(self._locks.look, projects, renew=renew)
        except StorageUnavailable as error:
            if self._answers:
                log.warn("no deployments are driven here: {why}", why=str(error))
            self._answers, held = False, []
        else:
            self._answers = True
        by_project: dict[str, dict[str, int]] = defaultdict(dict)
        for one in held:
            by_project[one.project][one.deployment] = one.revision
        for project in list(self._projects.values()):
            project.hold(by_project[project.project])
