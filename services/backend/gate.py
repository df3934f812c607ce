"""Keeps the gatekeeper informed: everything at each join, then every change.

Several backends tell it side by side. Each change has the number that its transaction
was given (``store.gate``), and the gatekeeper goes by the numbers: so neither a
directory nor an older change undoes a newer one, whoever tells it, and whenever.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from heddle.contract.declare import Procedure
from heddle.contract.gate import (
    ADMIT_DEVICE,
    CUT_PERSON,
    EXTEND_SESSION,
    OPEN_REALM,
    REVOKE_DEVICE,
    REVOKE_SESSION,
    SET_DIRECTORY,
    CutPerson,
    DeviceKey,
    Directory,
    ExtendSession,
    OpenRealm,
    RevokeDevice,
    RevokeSession,
)
from heddle.wamp.session import NotServed, Session
from services.backend.store import gate
from services.backend.store.database import Database
from services.backend.store.gate import EndedRow
from services.backend.times import unix_ms

Told = TypeVar("Told")


class Gate:
    """Speaks to the gatekeeper through the system realm's present session."""

    def __init__(self, database: Database, ticket_key: str) -> None:
        self._database = database
        self._ticket_key = ticket_key
        self._session: Session | None = None

    async def tell_everything(self, session: Session) -> tuple[str, ...]:
        """Replace all the gatekeeper knows; returns the ids of all projects."""
        self._session = session
        rows = await self._database(gate.directory)
        directory = Directory(
            projects=tuple(rows.projects),
            devices=tuple(
                DeviceKey(
                    project=row.project,
                    device=row.device,
                    public_key=row.public_key,
                )
                for row in rows.devices
            ),
            ticket_key=self._ticket_key,
            revoked=tuple(_revoked(row, rows.change) for row in rows.ended),
            change=rows.change,
        )
        await session.call(SET_DIRECTORY, directory)
        return directory.projects

    def forget(self) -> None:
        """The session is gone."""
        self._session = None

    async def open_realm(self, project: str, change: int) -> None:
        """Have a project's realm made; it is there when this returns."""
        await self._tell(OPEN_REALM, OpenRealm(project=project, change=change))

    async def admit(
        self, project: str, device: str, public_key: str, change: int
    ) -> None:
        """Let a device in."""
        key = DeviceKey(
            project=project, device=device, public_key=public_key, change=change
        )
        await self._tell(ADMIT_DEVICE, key)

    async def revoke(self, project: str, device: str, change: int) -> None:
        """Let a device in no more; its session is cut."""
        revoked = RevokeDevice(project=project, device=device, change=change)
        await self._tell(REVOKE_DEVICE, revoked)

    async def end(self, sessions: Iterable[EndedRow], change: int) -> None:
        """Let people's sessions in no more; their connections are cut."""
        for one in sessions:
            await self._tell(REVOKE_SESSION, _revoked(one, change))

    async def extend(self, project: str, session: str, until_ms: int) -> None:
        """Let a session's connections stay for longer."""
        longer = ExtendSession(project=project, session=session, until_ms=until_ms)
        await self._tell(EXTEND_SESSION, longer)

    async def cut_person(self, user: str) -> None:
        """Cut who is signed in as this user and has chosen no project yet."""
        await self._tell(CUT_PERSON, CutPerson(user=user))

    async def _tell(self, procedure: Procedure[Told, Any], told: Told) -> None:
        if self._session is None:
            raise NotServed("the router has just gone: try again in a moment")
        await self._session.call(procedure, told)


def _revoked(row: EndedRow, change: int) -> RevokeSession:
    return RevokeSession(
        project=row.project,
        session=row.session,
        until_ms=unix_ms(row.expires_at),
        change=change,
    )
