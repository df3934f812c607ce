"""One open connection to a project's database, and what is known through it.

A ``Link`` has one owner at a time: the call that took it. What it remembers (ids of
tags, days that have a partition) is forgotten with the connection, so a database that
was replaced behind our back is learnt anew.
"""

import os
import socket
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg import Connection, errors

from services.fleetdata.batches import TagKey
from services.fleetdata.store.copying import register_arrays

P = ParamSpec("P")
T = TypeVar("T")

MAX_REMEMBERED = 200_000


class StoreDown(Exception):
    """The database did not do the work; trying again may help."""


class StoreUnreachable(StoreDown):
    """There is no connection to be had."""


class StoreTooSlow(StoreDown):
    """The statement was cancelled for taking too long."""


class StoreRefused(Exception):
    """The database refused the work for its content; trying again does not help."""


class Link:
    """A connection that opens at its first use and again after it broke."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._open: Connection | None = None
        self._aborted = False
        self.tag_ids: dict[TagKey, int] = {}
        self.days: set[int] = set()
        self.partitioned = False

    @property
    def connection(self) -> Connection:
        """The open connection."""
        assert self._open is not None, "a link is used inside perform only"  # noqa: S101
        return self._open

    def perform(
        self,
        work: Callable[Concatenate["Link", P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Do ``work(self, ...)``, which must be repeatable and own its transactions.

        It is done again if the connection broke since its last use, or if it failed
        for what may be outdated knowledge. Raises ``StoreDown`` or ``StoreRefused``.
        """
        used = self._open is not None
        try:
            if self._open is None:
                self._connect()
            return self._try(work, *args, **kwargs)
        except StoreDown:
            if not used or self._open is not None or self._aborted:
                raise
            self._connect()
        except StoreRefused:
            if not (self.tag_ids or self.days):
                raise
            self.forget()
        return self._try(work, *args, **kwargs)

    def close(self) -> None:
        """Close the connection and forget what was learnt through it."""
        if self._open is not None:
            self._open.close()
            self._open = None
        self.forget()

    def abort(self) -> None:
        """Break the connection under a call that does not end; from any thread."""
        self._aborted = True
        connection = self._open
        if connection is not None and not connection.closed:
            with socket.socket(fileno=os.dup(connection.fileno())) as wire:
                wire.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Forget ids and days."""
        self.tag_ids.clear()
        self.days.clear()

    def _try(
        self,
        work: Callable[Concatenate["Link", P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if len(self.tag_ids) > MAX_REMEMBERED:
            self.tag_ids.clear()
        try:
            return work(self, *args, **kwargs)
        except errors.QueryCanceled as error:
            raise StoreTooSlow(_sentence(error)) from None
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if self.connection.closed:
                self.close()
            raise StoreDown(_sentence(error)) from None
        except psycopg.Error as error:
            raise StoreRefused(_sentence(error)) from error

    def _connect(self) -> None:
        try:
            self._open = psycopg.connect(self._conninfo, autocommit=True)
            register_arrays(self._open)
            found = self._open.execute(
                "select relkind = 'p' from pg_class where oid = to_regclass('sample')"
            ).fetchone()
        except psycopg.Error as error:
            self.close()
            raise StoreUnreachable(_sentence(error)) from None
        self.partitioned = bool(found and found[0])


def _sentence(error: psycopg.Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__
