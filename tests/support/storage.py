"""A project's own database on a real server, dropped after the test."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from services.fleetdata.store.links import Link
from services.fleetdata.store.provision import (
    Server,
    database_name,
    open_project,
)
from tests.support import databases

KINDS = ("embedded", "timescaledb")


class Storage:
    """A server as fleetdata sees it, and a project of this test."""

    def __init__(self, running: databases.Server) -> None:
        self.running = running
        self.server = Server.at(running.dsn(), None, secrets.token_bytes(32))
        self.projects: list[str] = []
        self.links: list[Link] = []

    def project(self) -> str:
        """A fresh project id; its database goes away with the test."""
        self.projects.append(f"t{secrets.token_hex(4)}")
        return self.projects[-1]

    def link(self, project: str | None = None, timeout_s: float = 30) -> Link:
        """A link to the project's opened database."""
        if project is None:
            project = self.project()
            open_project(self.server, project)
        self.links.append(Link(self.server.conninfo(project, timeout_s)))
        return self.links[-1]

    def close(self) -> None:
        """Drop everything."""
        for link in self.links:
            link.close()
        with closing(psycopg.connect(self.running.dsn(), autocommit=True)) as admin:
            for project in self.projects:
                name = Identifier(database_name(project))
                admin.execute(
                    SQL("drop database if exists {} with (force)").format(name)
                )
                admin.execute(SQL("drop role if exists {}").format(name))


@contextmanager
def storage_on(running: databases.Server) -> Iterator[Storage]:
    """Storage for the length of a ``with``."""
    storage = Storage(running)
    try:
        yield storage
    finally:
        storage.close()


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """The test runs over plain partitions and over hypertables."""
    with storage_on(request.getfixturevalue(f"{request.param}_server")) as found:
        yield found
