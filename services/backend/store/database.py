"""The door to PostgreSQL: one function, one transaction, on a thread of its own.

A connection is asked whether it lives before each transaction and replaced if not, so
a restart of PostgreSQL costs nothing but the transactions it cut. A database that does
not answer gives ``StorageUnavailable`` within seconds, never a hang.
"""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from psycopg import (
    Connection as AnyConnection,
)
from psycopg import (
    Error,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from twisted.internet import defer
from twisted.logger import Logger
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table

from heddle.contract.declare import StorageUnavailable
from heddle.newer import refuse_newer
from heddle.wamp.blocking import Blocking
from heddle.wamp.process import ConfigError

P = ParamSpec("P")
T = TypeVar("T")
Connection = AnyConnection[Any]

log = Logger()

MIGRATIONS = Path(__file__).parents[1] / "migrations"
MIGRATION_LOCK = 0x686564646C65  # "heddle"
STATEMENT_TIMEOUT_MS = 10_000
ANSWER_WITHIN_S = 15.0
_LIMITS: dict[str, Any] = {
    "application_name": "heddle-backend",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
    "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
}


def conninfo(url: str, password: str | None) -> str:
    """Libpq's connection string with our time limits. Raises ``ConfigError``."""
    given: dict[str, Any] = {} if password is None else {"password": password}
    try:
        known: dict[str, Any] = conninfo_to_dict(url, **given)
    except ProgrammingError as error:
        raise ConfigError(
            f"setting BACKEND_DATABASE_URL is unusable: {str(error).strip()}"
        ) from None
    if "dbname" not in known:
        raise ConfigError(
            "setting BACKEND_DATABASE_URL is unusable: it names no database, as in "
            "postgresql://user@host/heddle"
        )
    return make_conninfo(**{**known, **_LIMITS})


class Database:
    """Runs store functions in transactions. ``threads`` is how many at once."""

    def __init__(
        self,
        reactor: Any,
        conninfo: str,
        threads: int,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._reactor = reactor
        self._answer_within_s = answer_within_s
        self._conninfo = conninfo
        self._blocking = Blocking(reactor, "database", threads)
        self._idle: deque[Connection] = deque()
        self._flaw: str | None = None  # why it did not answer the last time
        known = conninfo_to_dict(conninfo)
        self.address = (
            f"{known.get('host', 'localhost')}:{known.get('port', 5432)}"
            f"/{known.get('dbname', '')}"
        )

    @property
    def answers(self) -> bool:
        """Whether it did the last time it was asked."""
        return self._flaw is None

    def start(self) -> None:
        """Start the threads; connections are made when needed."""
        self._blocking.start()

    def stop(self) -> None:
        """Wait for transactions under way, then close the connections."""
        self._blocking.stop()
        while self._idle:
            self._idle.pop().close()

    async def migrate(self) -> None:
        """Bring the schema up to date; other backends wait meanwhile.

        Raises ``StorageUnavailable``, and ``NewerStore`` for a newer version's.
        """
        await self._guard(self._blocking(_migrate, self._conninfo))

    async def __call__(
        self,
        function: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run ``function(connection, ...)`` in a transaction; commit unless it raises.

        Raises ``StorageUnavailable`` when PostgreSQL does not answer, and whatever
        ``function`` raises.
        """
        abandoned: list[bool] = []

        def transact() -> T:
            if abandoned:  # its caller was told that nothing was stored
                raise OperationalError("given up")
            connection = self._connection()
            try:
                with connection.transaction():
                    return function(connection, *args, **kwargs)
            finally:
                self._release(connection)

        work = self._blocking(transact)
        try:
            return await self._guard(
                work.addTimeout(self._answer_within_s, self._reactor)
            )
        finally:
            abandoned.append(True)

    async def _guard(self, work: defer.Deferred[T]) -> T:
        try:
            result = await work
        except (OperationalError, InterfaceError, defer.TimeoutError) as error:
            flaw = _one_line(error)
            if flaw != self._flaw:
                log.warn("{db} does not answer: {flaw}", db=self.address, flaw=flaw)
            self._flaw = flaw
            raise StorageUnavailable(
                "the backend's database does not answer; try again in a moment"
            ) from None
        if self._flaw is not None:
            log.info("{db} answers again", db=self.address)
        self._flaw = None
        return result

    def _connection(self) -> Connection:
        """An open connection that has just answered."""
        while self._idle:
            connection = self._idle.pop()
            try:
                connection.execute("")
            except Error:
                connection.close()
            else:
                return connection
        return Connection.connect(self._conninfo, autocommit=True)

    def _release(self, connection: Connection) -> None:
        if connection.closed or connection.broken:
            connection.close()
        else:
            self._idle.append(connection)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _migrate(conninfo: str) -> None:
    with Connection.connect(conninfo, autocommit=True) as lock:
        lock.execute("select pg_advisory_lock(%s)", [MIGRATION_LOCK])
        args = {k: v for k, v in conninfo_to_dict(conninfo).items() if k != "options"}
        database = str(args.pop("dbname"))
        backend = PostgresqlPsycopgBackend(
            DatabaseURI("postgresql+psycopg", None, None, None, None, database, args),
            default_migration_table,
        )
        try:
            backend.init_database()
            backend.break_lock()  # a former self died in the middle: we hold the lock
            with backend.lock():
                known = read_migrations(str(MIGRATIONS))
                missing = backend.to_apply(known)
                applied = backend.execute("select migration_id from _yoyo_migration")
                refuse_newer(
                    f"the database {database}",
                    [row[0] for row in applied.fetchall()],
                    [each.id for each in known],
                )
                backend.apply_migrations(missing)
        finally:
            backend.connection.close()
