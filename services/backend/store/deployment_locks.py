"""Who drives which deployment: rows locked on a connection of its own.

The locks are held for as long as the connection's transaction lasts, so a process that
dies frees them at once; one that hangs loses them after ``IDLE_MS``.
"""

import time
from typing import Any, NamedTuple

from psycopg import Connection, Error
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row

from heddle.contract.declare import StorageUnavailable

STATEMENT_MS = 5_000
IDLE_MS = 15_000  # without a look; so a process that was stopped does not keep them
RENEW_AFTER_S = 30.0  # a transaction that lasts keeps PostgreSQL from tidying up
_OPTIONS = {
    "statement_timeout": STATEMENT_MS,
    "idle_in_transaction_session_timeout": IDLE_MS,
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 2,
}


class Held(NamedTuple):
    """A deployment that is ours to drive."""

    project: str
    deployment: str
    revision: int


class Locks:
    """Not for two threads at a time."""

    def __init__(self, conninfo: str) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items())
        self._conninfo = make_conninfo(
            conninfo, application_name="heddle-backend-driver", options=options
        )
        self._connection: Connection[Any] | None = None
        self._since_s = 0.0

    def look(self, projects: list[str], *, renew: bool = False) -> list[Held]:
        """Lock what is free of these projects; all that is locked by us then.

        ``renew`` gives up first what is of other projects. Raises
        ``StorageUnavailable``; nothing is held any more then.
        """
        try:
            return self._look(projects, renew=renew)
        except Error as flaw:
            self.close()
            raise StorageUnavailable(
                f"the backend's database does not answer: {flaw}"
            ) from None

    def _look(self, projects: list[str], *, renew: bool) -> list[Held]:
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connection = Connection.connect(self._conninfo)
            self._since_s = time.monotonic()
        if renew or time.monotonic() - self._since_s > RENEW_AFTER_S:
            connection.commit()
            self._since_s = time.monotonic()
        with connection.cursor(row_factory=class_row(Held)) as cursor:
            return cursor.execute(
                """
                select d.project, d.deployment, d.revision
                  from deployment d join deployment_driver using (project, deployment)
                 where d.awake and d.project = any(%(projects)s)
                   for update of deployment_driver skip locked
                """,
                {"projects": projects},
            ).fetchall()

    def close(self) -> None:
        """Give up everything."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
