"""The device's session: serving, announcing itself, and being seen to be there.

Everything is done anew at each join. The announcement may wait for the backend; the
device serves and is online without it.
"""

from collections.abc import Awaitable, Callable

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from heddle.backoff import backoff_s
from heddle.contract.declare import FleetError
from heddle.contract.devices import (
    ANNOUNCE,
    PRESENCE,
    Announce,
    Announced,
    Presence,
)
from heddle.wamp.session import ConnectionLost, Session
from heddle.wamp.spawn import spawn

log = Logger()

FIRST_RETRY_S, MAX_RETRY_S = 0.5, 15.0
LEAVE_WITHIN_S = 2.0


class Attendance:
    """Settles every new session of one device."""

    def __init__(
        self,
        clock: IReactorTime,
        device: str,
        *,
        announce: Callable[[], Announce],
        serve: Callable[[Session], Awaitable[None]],
        announced: Callable[[Announced], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._device = device
        self._announce = announce
        self._serve = serve
        self._announced = announced
        self._session: Session | None = None

    @property
    def is_online(self) -> bool:
        """Whether the device serves, and has said so."""
        return self._session is not None

    async def joined(self, session: Session) -> None:
        """Testament first, so that nobody sees us online who could not see us go."""
        await session.bequeath(PRESENCE, Presence(online=False), device=self._device)
        await self._serve(session)
        await session.published(PRESENCE, Presence(online=True), device=self._device)
        self._session = session
        log.info(
            "{device} is online in {realm}", device=self._device, realm=session.realm
        )
        spawn(self._tell_backend(session), "announcing the device")

    def left(self) -> None:
        """The session is gone."""
        self._session = None

    async def leave(self) -> None:
        """Say that we go, if somebody hears it."""
        session, self._session = self._session, None
        if session is None:
            return
        saying = session.published(
            PRESENCE, Presence(online=False), device=self._device
        )
        try:
            await Deferred.fromCoroutine(saying).addTimeout(LEAVE_WITHIN_S, self._clock)
        except (FleetError, defer.TimeoutError) as error:
            log.debug("went without a word: {error}", error=str(error))

    async def _tell_backend(self, session: Session) -> None:
        tries = 0
        while self._session is session:
            try:
                answer = await session.call(ANNOUNCE, self._announce(), timeout_s=10)
            except ConnectionLost:
                return
            except FleetError as error:
                tries += 1
                if tries == 2:  # noqa: PLR2004 -- once is nothing to tell
                    log.warn("not announced yet: {error}", error=str(error))
            else:
                self._announced(answer)
                if tries:
                    log.info("announced after {n} tries", n=tries + 1)
                return
            await deferLater(self._clock, backoff_s(FIRST_RETRY_S, tries, MAX_RETRY_S))
