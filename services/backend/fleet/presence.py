"""Who is online in one project: what devices tell, checked against the router.

Only the router knows who is there: at each join the online devices are counted anew,
and nothing is believed from before. A device's testament may arrive late, after the
device has come back; so a farewell is checked against the router a moment later.
"""

from collections.abc import Mapping
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from typing_extensions import override

from heddle.contract.declare import FleetError, Role, StorageUnavailable
from heddle.contract.devices import PRESENCE, Presence
from heddle.wamp.session import Session
from heddle.wamp.spawn import spawn
from services.backend.realm import Part, Serve
from services.backend.store import devices
from services.backend.store.database import Database

log = Logger()

CHECK_AFTER_S = 1.0
REST = 5  # times as long as the last count took: in a large fleet somebody always goes
NOTE_EVERY_S = 60.0


class Online(Part):
    """The online devices of one project while there is a session in its realm."""

    def __init__(self, reactor: Any, database: Database, project: str) -> None:
        self._reactor = reactor
        self._database = database
        self._project = project
        self._devices: set[str] = set()
        self._moved: set[str] = set()  # told something since the count began
        self._session: Session | None = None
        self._counting = False
        self._count_took_s = 0.0
        self._check: IDelayedCall | None = None
        self._notes = LoopingCall(self._note_all)
        self._notes.clock = reactor

    def has(self, device: str) -> bool:
        """Whether a device is online."""
        return device in self._devices

    @property
    def count(self) -> int:
        """How many devices are online, as far as known."""
        return len(self._devices)

    @override
    async def settle(self, session: Session, _serve: Serve) -> None:
        """Hear the devices, then count who is there."""
        self._session = session
        await session.hear(PRESENCE, self._heard)
        await self._count(session)
        if not self._notes.running:
            _ = self._notes.start(NOTE_EVERY_S).addErrback(
                lambda f: log.failure("noting who is online failed", f)
            )

    @override
    def left(self) -> None:
        """The session is gone, and with it all we know."""
        self._session = None
        self._devices.clear()
        if self._check is not None and self._check.active():
            self._check.cancel()
        if self._notes.running:
            self._notes.stop()

    def _heard(self, event: Presence, ids: Mapping[str, str]) -> None:
        device = ids["device"]
        self._moved.add(device)
        if event.online:
            self._devices.add(device)
        else:
            self._devices.discard(device)
            self._check_soon()
        self._note({device})
        log.info(
            "{device} of {project} is {how}",
            device=device,
            project=self._project,
            how="online" if event.online else "offline",
        )

    def _check_soon(self) -> None:
        if self._check is None or not self._check.active():
            wait_s = max(CHECK_AFTER_S, REST * self._count_took_s)
            self._check = self._reactor.callLater(wait_s, self._check_now)

    def _check_now(self) -> None:
        if self._counting:
            self._check_soon()
        elif self._session is not None:
            spawn(self._count_again(self._session), "counting who is online")

    async def _count_again(self, session: Session) -> None:
        try:
            await self._count(session)
        except FleetError as error:  # the link broke: the next join counts
            log.debug("not counted who is online: {error}", error=str(error))

    async def _count(self, session: Session) -> None:
        """Ask the router; what devices tell meanwhile is newer than its answer."""
        self._moved.clear()
        self._counting, began_s = True, self._reactor.seconds()
        try:
            found = await session.authids(Role.AGENT)
        finally:
            self._counting = False
            self._count_took_s = self._reactor.seconds() - began_s
        if session is self._session:
            self._devices = (set(found) - self._moved) | (self._devices & self._moved)

    def _note_all(self) -> None:
        if self._devices:
            self._note(self._devices)

    def _note(self, seen: set[str]) -> None:
        spawn(self._seen(frozenset(seen)), "noting when devices were seen")

    async def _seen(self, seen: frozenset[str]) -> None:
        try:
            await self._database(devices.seen, self._project, seen)
        except StorageUnavailable:
            log.debug("not noted when {n} devices were seen", n=len(seen))
