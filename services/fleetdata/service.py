"""The composition of the service: threads, databases, queues and sessions."""

from collections.abc import Sequence
from typing import Any

from heddle.contract.history import LIVE
from heddle.metrics import new_registry, serve_metrics
from heddle.tls.trust import trust_of
from heddle.wamp.audience import Audience
from heddle.wamp.blocking import Blocking
from heddle.wamp.joining import KeyCredentials
from heddle.wamp.keys import load_key
from heddle.wamp.process import ConfigError, Stop, read_secret
from services.fleetdata.alarms.notices import Notices
from services.fleetdata.alarms.service import Alarms
from services.fleetdata.alarms.telling import MailServer
from services.fleetdata.batches import Batch
from services.fleetdata.config import Config
from services.fleetdata.database import Database, Doors, Keep
from services.fleetdata.guard import Guard
from services.fleetdata.intake import Intake
from services.fleetdata.live import Live
from services.fleetdata.meters import Meters, ProjectMeter
from services.fleetdata.projects import Projects, ServedProject, uplinks
from services.fleetdata.store.provision import BadDatabaseUrl, Server
from services.fleetdata.store.writing import Outcome, write

_MEGABYTE = 1_000_000


class Fleetdata:
    """One fleetdata process."""

    def __init__(self, reactor: Any, config: Config) -> None:
        """Read the files it names. Raises ``ConfigError`` and ``BadKeyFile``."""
        self._reactor = reactor
        self._config = config
        key = load_key(config.key_file)
        self._server = _server(config, key.encode())
        self._mail_server = _mail_server(config)
        self._doors = Doors(
            Blocking(reactor, "writing", config.writing_threads),
            Blocking(reactor, "reading", config.reading_threads),
            Blocking(reactor, "opening", 1),
        )
        self._registry = new_registry()
        self._guard = _guard(reactor, config)
        self._meters = Meters(self._registry)
        self._meters.watch_disk(self._guard)
        self._stop_metrics: Stop | None = None
        connect = uplinks(
            reactor, config.router_url, KeyCredentials(key), trust_of(config)
        )
        self._projects = Projects(connect, self._project)

    def start(self) -> None:
        """Start; waits for neither the router nor the database.

        Raises ``ConfigError`` when the figures cannot be served where they shall.
        """
        if self._config.metrics is not None:
            self._stop_metrics = serve_metrics(
                self._reactor,
                self._config.metrics,
                self._registry,
                setting="FLEETDATA_METRICS",
            )
        self._doors.start()
        self._projects.start()

    async def stop(self) -> None:
        """Leave the router, finish what is being stored, and close."""
        await self._projects.stop()
        if self._stop_metrics is not None:
            await self._stop_metrics()
        self._doors.stop()

    def _project(self, project: str) -> ServedProject:
        config = self._config
        database = Database(
            self._reactor,
            self._doors,
            self._server,
            project,
            keep=Keep.at_least(
                config.keep_days,
                config.keep_minute_days,
                config.keep_rollup_days,
                config.keep_alarm_days,
            ),
            pack_after_days=config.pack_after_days,
            write_timeout_s=config.write_timeout_s,
            read_timeout_s=config.read_timeout_s,
        )
        meter = self._meters.project(project)
        live = Live(self._reactor, Audience(LIVE, self._reactor))
        notices = Notices(self._reactor, database, self._mail_server)
        alarms = Alarms(self._reactor, database, notices)
        intake = intake_of(self._reactor, database, config, meter, live, alarms)
        return ServedProject(database, intake, meter, self._guard, live, alarms)


def intake_of(
    clock: Any,
    database: Database,
    config: Config,
    meter: ProjectMeter,
    live: Live,
    alarms: Alarms,
) -> Intake:
    """The queue in front of a database."""

    async def store(batches: Sequence[Batch]) -> Sequence[Outcome]:
        outcomes = await database.write(
            write, batches, database.keep_from_us, alarms.judge.judging
        )
        alarms.tell()
        live.stored(batches, outcomes)
        return outcomes

    return Intake(
        clock,
        meter.storing(store),
        wait_s=config.group_wait_ms / 1000,
        group_rows=config.group_rows,
        queue_bytes=config.queue_bytes,
        groups_at_once=config.groups_at_once,
    )


def _guard(clock: Any, config: Config) -> Guard:
    path = config.guard_path
    if path is not None and not path.exists():
        raise ConfigError(
            f"setting FLEETDATA_GUARD_PATH is unusable: {path} does not exist"
        )
    return Guard(
        clock,
        path,
        warn_bytes=config.guard_warn_mb * _MEGABYTE,
        refuse_bytes=config.guard_refuse_mb * _MEGABYTE,
    )


def _mail_server(config: Config) -> MailServer | None:
    if config.mail_server is None:
        return None
    host, _, port = config.mail_server.rpartition(":")
    if not (host and port.isdecimal()):
        raise ConfigError(
            f"setting FLEETDATA_MAIL_SERVER is unusable: {config.mail_server} is not "
            "HOST:PORT"
        )
    file = config.mail_password_file
    return MailServer(
        host=host,
        port=int(port),
        sender=config.mail_sender,
        user=config.mail_user,
        password=None if file is None else read_secret(file),
        tls=config.mail_tls,
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
