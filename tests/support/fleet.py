"""The real backend with a real router and a real PostgreSQL, in the test's process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from heddle.contract.declare import SYSTEM_REALM
from heddle.contract.devices import (
    CREATE_CODE,
    REDEEM_CODE,
    CreateCode,
    Enrolled,
    RedeemCode,
)
from heddle.contract.people import OPEN_SESSION, OpenSession, SessionTicket
from heddle.wamp.joining import Joined, KeyCredentials, TicketCredentials
from services.backend.config import Config
from services.backend.service import Backend
from tests.support.router import InProcRouter, running_router
from tests.support.waiting import until

ADMIN_PASSWORD = "correct horse battery"


class Fleet:
    """A router and a backend, with short cuts for what every test needs."""

    def __init__(self, reactor: Any, router: InProcRouter, dsn: str, folder: Path):
        self.reactor = reactor
        self.router = router
        self.folder = folder
        key_file, password_file = folder / "backend.key", folder / "admin_password"
        key_file.write_text(router.service_key("backend").encode().hex())
        password_file.write_text(ADMIN_PASSWORD + "\n")
        self.settings: dict[str, Any] = {
            "router_url": router.url,
            "key_file": key_file,
            "database_url": dsn,
            "admin_password_file": password_file,
            "project": "plant",
        }
        self.backend: Backend | None = None

    async def start_backend(self, **settings: Any) -> None:
        """Start a backend and wait until it serves."""
        self.settings |= settings
        self.backend = Backend(self.reactor, Config(**self.settings))
        await self.backend.start()
        await self.served()

    async def stop_backend(self) -> None:
        """Stop it, if it runs."""
        backend, self.backend = self.backend, None
        if backend is not None:
            await backend.stop()

    async def served(self) -> None:
        """Wait until login and the first project are served."""

        async def answers() -> bool:
            async with self.person() as session:
                ticket = await session.call(OPEN_SESSION, OpenSession(project="plant"))
            async with self.inside(ticket) as session:
                await session.call(CREATE_CODE, CreateCode())
            return True

        await until(self.reactor, answers)

    def person(self, user: str = "admin", password: str = ADMIN_PASSWORD) -> Joined:
        """A session in the system realm, by password."""
        return self.router.joined(SYSTEM_REALM, TicketCredentials(user, password))

    async def ticket(
        self,
        project: str | None = None,
        user: str = "admin",
        password: str = ADMIN_PASSWORD,
    ) -> SessionTicket:
        """Sign in and choose a project."""
        async with self.person(user, password) as session:
            return await session.call(OPEN_SESSION, OpenSession(project=project))

    def inside(self, ticket: SessionTicket) -> Joined:
        """A session in a project's realm, by ticket."""
        return self.router.joined(
            ticket.realm, TicketCredentials(ticket.user, ticket.ticket)
        )

    @asynccontextmanager
    async def owner(self, project: str = "plant") -> AsyncIterator[Any]:
        """The administrator's session in a project."""
        async with self.inside(await self.ticket(project)) as session:
            yield session

    async def redeem(self, key: SigningKey, code: str) -> Enrolled:
        """Redeem a code with a key."""
        async with self.router.joined(SYSTEM_REALM, key) as session:
            return await session.call(REDEEM_CODE, RedeemCode(code=code))

    async def enrol(self, device: str, project: str = "plant") -> SigningKey:
        """A key that is a device of the project."""
        key = SigningKey.generate()
        async with self.owner(project) as session:
            code = await session.call(CREATE_CODE, CreateCode(device=device))
        await self.redeem(key, code.code)
        return key

    def agent(self, key: SigningKey, project: str = "plant") -> Joined:
        """A device's session in its project."""
        return self.router.joined(f"project_{project}", KeyCredentials(key))


@asynccontextmanager
async def running_fleet(
    reactor: Any, dsn: str, folder: Path, **settings: Any
) -> AsyncIterator[Fleet]:
    """A fleet for the length of a ``with``."""
    async with running_router(reactor, folder) as router:
        fleet = Fleet(reactor, router, dsn, folder)
        try:
            await fleet.start_backend(**settings)
            yield fleet
        finally:
            await fleet.stop_backend()
