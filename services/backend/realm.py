"""One project's realm: a session that stays in it and serves its procedures.

Several backends serve a realm side by side: each call goes to one of them in turn.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.logger import Logger

from heddle.contract.declare import Procedure, project_realm
from heddle.wamp.joining import Uplink
from heddle.wamp.session import Handler, Session

log = Logger()


class Serve(Protocol):
    """Serves a procedure, as one of several backends."""

    async def __call__(
        self, procedure: Procedure[Any, Any], handler: Handler[Any, Any], /
    ) -> None:
        """Serve it until the session ends."""
        ...


class Part(ABC):
    """One concern of a project."""

    @abstractmethod
    async def settle(self, session: Session, serve: Serve) -> None:
        """There is a session: serve what is ours, speak by it."""

    def left(self) -> None:  # noqa: B027 -- most have nothing to do then
        """There is none any more."""


class ProjectRealm:
    """Serves one project's procedures for as long as it runs."""

    def __init__(
        self, project: str, make_uplink: Callable[..., Uplink], parts: Sequence[Part]
    ) -> None:
        self._project = project
        self._parts = tuple(parts)
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
        serve = serving(session)
        for part in self._parts:
            await part.settle(session, serve)
        self._served = True
        log.info("serving project {project}", project=self._project)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.callback(None)

    def _left(self, _why: str) -> None:
        self._served = False
        for part in self._parts:
            part.left()


def serving(session: Session) -> Serve:
    """Serves by this session, as one of several backends."""

    async def serve(
        procedure: Procedure[Any, Any], handler: Handler[Any, Any], /
    ) -> None:
        await session.serve(procedure, handler, shared=True)

    return serve
