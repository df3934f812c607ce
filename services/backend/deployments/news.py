"""Tells a project's realm how its deployments move: the newest, some times a second."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from heddle.contract.deployments import DEPLOYMENT_MOVED, DeploymentMoved
from heddle.wamp.session import Session

EVERY_S = 0.2


class News:
    """The first move is told at once, of those that follow soon the last."""

    def __init__(
        self, clock: IReactorTime, session: Callable[[], Session | None]
    ) -> None:
        self._clock = clock
        self._session = session
        self._newest: dict[str, DeploymentMoved] = {}
        self._known: dict[str, int] = {}  # revisions
        self._pauses: dict[str, IDelayedCall] = {}

    def moved(self, event: DeploymentMoved) -> None:
        """A deployment moved, and that is committed."""
        if event.revision <= self._known.get(event.deployment, 0):
            return  # a newer one was first
        self._known[event.deployment] = event.revision
        self._newest[event.deployment] = event
        if event.deployment not in self._pauses:
            self._tell(event.deployment)

    def stop(self) -> None:
        """Tell nothing more."""
        for pause in self._pauses.values():
            pause.cancel()
        self._pauses.clear()
        self._newest.clear()
        self._known.clear()

    def _tell(self, deployment: str) -> None:
        self._pauses.pop(deployment, None)
        event, session = self._newest.pop(deployment, None), self._session()
        if event is not None and session is not None:
            session.publish(DEPLOYMENT_MOVED, event)
            self._pauses[deployment] = self._clock.callLater(
                EVERY_S, self._tell, deployment
            )
