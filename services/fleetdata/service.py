"""The composition of the service: threads, databases, queues and sessions."""

from collections.abc import Sequence
from typing import Any

from heddle.wamp.blocking import Blocking
from heddle.wamp.joining import KeyCredentials
from heddle.wamp.keys import load_key
from heddle.wamp.process import ConfigError, read_secret
from services.fleetdata.batches import Batch
from services.fleetdata.config import Config
from services.fleetdata.database import Database, Doors
from services.fleetdata.intake import Intake
from services.fleetdata.projects import Projects, ServedProject, uplinks
from services.fleetdata.store.provision import BadDatabaseUrl, Server
from services.fleetdata.store.writing import Outcome, write


class Fleetdata:
    """One fleetdata process."""

    def __init__(self, reactor: Any, config: Config) -> None:
        """Read the files it names. Raises ``ConfigError`` and ``BadKeyFile``."""
        self._reactor = reactor
        self._config = config
        key = load_key(config.key_file)
        self._server = _server(config, key.encode())
        self._doors = Doors(
            Blocking(reactor, "writing", config.writing_threads),
            Blocking(reactor, "reading", config.reading_threads),
            Blocking(reactor, "opening", 1),
        )
        connect = uplinks(reactor, config.router_url, KeyCredentials(key))
        self._projects = Projects(connect, self._project)

    def start(self) -> None:
        """Start; waits for neither the router nor the database."""
        self._doors.start()
        self._projects.start()

    async def stop(self) -> None:
        """Leave the router, finish what is being stored, and close."""
        await self._projects.stop()
        self._doors.stop()

    def _project(self, project: str) -> ServedProject:
        config = self._config
        database = Database(
            self._reactor,
            self._doors,
            self._server,
            project,
            keep_days=config.keep_days,
            write_timeout_s=config.write_timeout_s,
            read_timeout_s=config.read_timeout_s,
        )
        return ServedProject(database, intake_of(self._reactor, database, config))


def intake_of(clock: Any, database: Database, config: Config) -> Intake:
    """The queue in front of a database."""

    async def store(batches: Sequence[Batch]) -> Sequence[Outcome]:
        return await database.write(write, batches, database.keep_from_us)

    return Intake(
        clock,
        store,
        wait_s=config.group_wait_ms / 1000,
        group_rows=config.group_rows,
        queue_bytes=config.queue_bytes,
    )


def _server(config: Config, secret: bytes) -> Server:
    file = config.database_password_file
    try:
        return Server.at(
            config.database_url, None if file is None else read_secret(file), secret
        )
    except BadDatabaseUrl as error:
        raise ConfigError(
            f"setting FLEETDATA_DATABASE_URL is unusable: {error}"
        ) from None
