"""Keeps the gatekeeper informed: everything at each join, then every change.

Only one thing is told at a time, and what is told is read after its turn has come:
so a directory can never overtake, and undo, a change that came after it was read.
"""

from twisted.internet.defer import DeferredLock

from heddle.contract.gate import (
    ADMIT_DEVICE,
    OPEN_REALM,
    REVOKE_DEVICE,
    SET_DIRECTORY,
    DeviceKey,
    Directory,
    OpenRealm,
    RevokeDevice,
)
from heddle.wamp.session import NotServed, Session
from services.backend.store import projects
from services.backend.store.database import Database


class Gate:
    """Speaks to the gatekeeper through the system realm's present session."""

    def __init__(self, database: Database, ticket_key: str) -> None:
        self._database = database
        self._ticket_key = ticket_key
        self._session: Session | None = None
        self._turn = DeferredLock()

    async def tell_everything(self, session: Session) -> tuple[str, ...]:
        """Replace all the gatekeeper knows; returns the ids of all projects."""
        async with self._turn:
            ids, keys = await self._database(projects.directory)
            directory = Directory(
                projects=tuple(ids),
                devices=tuple(
                    DeviceKey(
                        project=row.project,
                        device=row.device,
                        public_key=row.public_key,
                    )
                    for row in keys
                ),
                ticket_key=self._ticket_key,
            )
            await session.call(SET_DIRECTORY, directory)
            self._session = session
        return directory.projects

    def forget(self) -> None:
        """The session is gone."""
        self._session = None

    async def open_realm(self, project: str) -> None:
        """Have a project's realm made; it is there when this returns."""
        async with self._turn:
            await self._present().call(OPEN_REALM, OpenRealm(project=project))

    async def admit(self, project: str, device: str, public_key: str) -> None:
        """Let a device in."""
        key = DeviceKey(project=project, device=device, public_key=public_key)
        async with self._turn:
            await self._present().call(ADMIT_DEVICE, key)

    async def revoke(self, project: str, device: str) -> None:
        """Let a device in no more; its session is cut."""
        revoked = RevokeDevice(project=project, device=device)
        async with self._turn:
            await self._present().call(REVOKE_DEVICE, revoked)

    def _present(self) -> Session:
        if self._session is None:
            raise NotServed("the router has just gone: try again in a moment")
        return self._session
