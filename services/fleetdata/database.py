"""One project's database as the service sees it: open, or being opened.

``start`` makes the database and keeps trying while the server does not answer; until
then, and whenever no connection is to be had, every request is refused at once with
``StorageUnavailable`` and the opening begins anew. Links are lent to one call at a
time; idle ones are closed after a while, so that many projects need few connections.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Concatenate, ParamSpec, TypeVar

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from heddle.contract.declare import StorageUnavailable
from heddle.newer import NewerStore
from heddle.wamp.blocking import Blocking
from heddle.wamp.spawn import spawn
from services.fleetdata.rolling import Rolling
from services.fleetdata.store.alarm_journal import drop_transitions
from services.fleetdata.store.care import DAY_US, make_days
from services.fleetdata.store.chunks import fit_chunks, pack_a_chunk
from services.fleetdata.store.links import (
    Link,
    StoreDown,
    StoreTooSlow,
    StoreUnreachable,
)
from services.fleetdata.store.provision import Server, open_project
from services.fleetdata.store.rollups import (
    HOURS,
    MINUTES,
    drop_cells,
    drop_samples,
    dropped_before,
)

P = ParamSpec("P")
T = TypeVar("T")

log = Logger()

FIRST_RETRY_S, MAX_RETRY_S = 0.25, 2.0
DEFECT_RETRY_S = 30.0
CARE_EVERY_S = 3600.0
IDLE_AFTER_S = 60.0
GRACE_S = 2.0  # for calls under way when the service stops
DAYS_AHEAD = 2
MOST_DELETES = 50  # of rows, before other work has its turn
MOST_PACKS = 50  # of chunks, each time
MAX_READS = 64  # of one project, waiting or under way


@dataclass(frozen=True, slots=True)
class Doors:
    """Threads: writers, readers and opening do not wait for each other."""

    writing: Blocking
    reading: Blocking
    opening: Blocking

    def start(self) -> None:
        """Start the threads."""
        for door in (self.writing, self.reading, self.opening):
            door.start()

    def stop(self) -> None:
        """Wait for the calls under way, then stop the threads."""
        for door in (self.writing, self.reading, self.opening):
            door.stop()


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days what is kept, today not counted."""

    samples: int
    minutes: int
    hours: int
    alarms: int  # their transitions

    @classmethod
    def at_least(
        cls, samples: int, minutes: int, hours: int, alarms: int = 400
    ) -> "Keep":
        """What others are made of is not kept longer than they are."""
        minutes = max(samples, minutes)
        return cls(samples, minutes, max(minutes, hours), alarms)


class Database:
    """The database of one project."""

    def __init__(
        self,
        clock: IReactorTime,
        doors: Doors,
        server: Server,
        project: str,
        *,
        keep: Keep,
        write_timeout_s: float,
        read_timeout_s: float,
        pack_after_days: int | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._doors = doors
        self._server = server
        self._project = project
        self._keep = keep
        self._pack_after_days = pack_after_days
        self._dropped_before_us = 0
        self._wall = wall
        self._writers = _Links(
            clock, doors.writing, server.conninfo(project, write_timeout_s)
        )
        self._readers = _Links(
            clock, doors.reading, server.conninfo(project, read_timeout_s)
        )
        # One thread for all projects: roll-ups never take more than that.
        self._tenders = _Links(
            clock, doors.opening, server.conninfo(project, write_timeout_s)
        )
        self._rolling = Rolling(
            clock, lambda *work: self._use(self._tenders, *work), project
        )
        self._open = False
        self._refusal = ""  # why it is not opened, though its server answers
        self._reads = 0
        self._stopped = False
        self._nap: Deferred[None] | None = None
        self._rest: Deferred[None] | None = None

    def start(self) -> None:
        """Open it, and keep it open and tidy, until ``stop``."""
        spawn(self._stay(), "keeping the database of {project}", project=self._project)
        spawn(self._roll(), "rolling up samples of {project}", project=self._project)

    async def stop(self) -> None:
        """Refuse everything from now on; calls under way may end in a few seconds."""
        self._open, self._stopped = False, True
        self._wake()
        if self._rest is not None:
            self._rest.cancel()
        every = (self._writers, self._readers, self._tenders)
        await gatherResults([Deferred.fromCoroutine(links.close()) for links in every])

    @property
    def is_open(self) -> bool:
        """Whether it answers, as far as known."""
        return self._open

    @property
    def reads_under_way(self) -> int:
        """Questions waiting or being answered."""
        return self._reads

    @property
    def keep_from_us(self) -> int:
        """Where the days kept begin, in unix microseconds."""
        days_from_us = (self._today() - self._keep.samples) * DAY_US
        return max(days_from_us, self._dropped_before_us)

    async def write(
        self,
        work: Callable[Concatenate[Link, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Do repeatable work that writes. Raises ``StorageUnavailable``."""
        try:
            return await self._use(self._writers, work, *args, **kwargs)
        except StoreTooSlow:
            raise StorageUnavailable(
                f"the database of project {self._project} takes too long: "
                "try again, nothing was stored"
            ) from None

    async def read(
        self,
        work: Callable[Concatenate[Link, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Do work that reads. Raises ``StorageUnavailable`` and ``StoreTooSlow``."""
        if self._reads >= MAX_READS:
            raise StorageUnavailable(
                f"{MAX_READS} questions are waiting already: busy, try again"
            )
        self._reads += 1
        try:
            return await self._use(self._readers, work, *args, **kwargs)
        finally:
            self._reads -= 1

    async def _use(
        self,
        links: "_Links",
        work: Callable[Concatenate[Link, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if not self._open:
            raise StorageUnavailable(
                self._refusal
                or f"the database of project {self._project} does not answer: "
                "try again, nothing was stored"
            )
        try:
            return await links.perform(work, *args, **kwargs)
        except StoreTooSlow:
            raise
        except StoreDown as error:
            log.warn("{project}: {why}", project=self._project, why=str(error))
            if isinstance(error, StoreUnreachable):
                self._reopen()
            raise StorageUnavailable(
                f"the database of project {self._project} did not do it: "
                "try again, nothing was stored"
            ) from None

    def _reopen(self) -> None:
        self._open = False
        self._wake()

    async def _stay(self) -> None:
        while not self._stopped:
            await self._open_it()
            await self._tend()

    async def _open_it(self) -> None:
        """Make and migrate the database; tell once why it does not succeed."""
        delay, told = FIRST_RETRY_S, ""
        while not (self._open or self._stopped):
            try:
                await self._doors.opening(open_project, self._server, self._project)
                await self._writers.perform(make_days, self._days_ahead())
                self._dropped_before_us = await self._writers.perform(dropped_before)
            except NewerStore as error:
                self._refuse(str(error))
                await self._sleep(DEFECT_RETRY_S)
            except StoreDown as error:
                if (why := str(error)) != told:
                    told = why
                    log.warn(
                        "{project}: waiting for the database at {place}: {why}",
                        project=self._project,
                        place=self._server.place,
                        why=why,
                    )
                await self._sleep(delay)
                delay = min(delay * 2, MAX_RETRY_S)
            except Exception:  # noqa: BLE001 -- a defect of one project; others go on
                log.failure("{project} cannot be opened", project=self._project)
                await self._sleep(DEFECT_RETRY_S)
            else:
                log.info("{project}: the database is open", project=self._project)
                self._open, self._refusal = not self._stopped, ""

    def _refuse(self, why: str) -> None:
        """Tell once, in the log and to whoever asks, that it cannot be served."""
        if why != self._refusal:
            log.error("{project}: {why}", project=self._project, why=why)
        self._refusal = why

    async def _tend(self) -> None:
        """Make days ahead and drop old ones, now and then, while it is open."""
        next_care = self._clock.seconds()
        while self._open:
            if self._clock.seconds() >= next_care and await self._care():
                next_care = self._clock.seconds() + CARE_EVERY_S
            self._writers.close_idle()
            self._readers.close_idle()
            self._tenders.close_idle()
            if self._open:
                await self._sleep(IDLE_AFTER_S / 2)

    async def _care(self) -> bool:
        """Whether it was done; what kept it from it is logged."""
        try:
            await self.write(make_days, self._days_ahead())
            await self._shape_chunks()
            return await self._drop()
        except StorageUnavailable:
            return False

    async def _shape_chunks(self) -> None:
        """Cut the chunks to come by the rate; pack old ones if that is wanted."""
        for table, hours in (await self.write(fit_chunks)).items():
            log.info(
                "{project}: chunks of {table} last {hours} h from now on",
                project=self._project,
                table=table,
                hours=hours,
            )
        if self._pack_after_days is None:
            return
        before = (self._today() - self._pack_after_days) * 86_400
        for _ in range(MOST_PACKS):
            packed = await self.write(pack_a_chunk, datetime.fromtimestamp(before, UTC))
            if packed is None:
                log.warn(
                    "{project}: chunks are not packed, for that needs TimescaleDB "
                    "under the Timescale licence",
                    project=self._project,
                )
                self._pack_after_days = None
            if not packed:
                break

    async def _drop(self) -> bool:
        """Drop what is older than is kept; whether there is no more of it."""
        today, keep = self._today(), self._keep
        for grain, days in ((HOURS, keep.hours), (MINUTES, keep.minutes)):
            if not await self._drop_rows(drop_cells, grain, today - days):
                return False
        if not await self._drop_rows(drop_transitions, today - keep.alarms):
            return False
        dropped = await self.write(drop_samples, today - keep.samples)
        if dropped:
            self._dropped_before_us = (today - keep.samples) * DAY_US
            log.info(
                "{project}: dropped the samples older than {keep} days",
                project=self._project,
                keep=keep.samples,
            )
        return dropped is not None

    async def _drop_rows(self, work: Callable[..., int], *which: object) -> bool:
        """Drop rows, so many at a time; whether there are no more of them."""
        for _ in range(MOST_DELETES):
            if not await self.write(work, *which):
                return True
        return False

    async def _roll(self) -> None:
        """Keep the roll-ups up to date, while it is open."""
        while not self._stopped:
            rest_s = await self._rolling.turn() if self._open else FIRST_RETRY_S
            if self._stopped:
                break
            self._rest = deferLater(self._clock, rest_s)
            with suppress(CancelledError):
                await self._rest

    async def _sleep(self, delay_s: float) -> None:
        """Until the time is over or ``_wake`` is called."""
        self._nap = deferLater(self._clock, delay_s)
        with suppress(CancelledError):
            await self._nap
        self._nap = None

    def _wake(self) -> None:
        if self._nap is not None:
            self._nap.cancel()

    def _days_ahead(self) -> range:
        return range(self._today(), self._today() + DAYS_AHEAD + 1)

    def _today(self) -> int:
        return int(self._wall() * 1e6) // DAY_US


class _Links:
    """Idle links to one database, lent one call at a time; the reactor owns them."""

    def __init__(self, clock: IReactorTime, door: Blocking, conninfo: str) -> None:
        self._clock = clock
        self._door = door
        self._conninfo = conninfo
        self._idle: list[tuple[float, Link]] = []  # since when, oldest first
        self._lent: set[Link] = set()
        self._closed = False

    async def perform(
        self,
        work: Callable[Concatenate[Link, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Do ``work`` on a thread, over an idle link or a new one."""
        link = self._idle.pop()[1] if self._idle else Link(self._conninfo)
        self._lent.add(link)
        try:
            return await self._door(lambda: link.perform(work, *args, **kwargs))
        finally:
            self._lent.discard(link)
            if self._closed:
                link.close()
            else:
                self._idle.append((self._clock.seconds(), link))

    def close_idle(self) -> None:
        """Close the links nobody used for a while."""
        while self._idle and self._idle[0][0] + IDLE_AFTER_S < self._clock.seconds():
            self._idle.pop(0)[1].close()

    async def close(self) -> None:
        """Close the idle links, and the lent ones when they come back or time is up."""
        self._closed = True
        while self._idle:
            self._idle.pop()[1].close()
        give_up = self._clock.seconds() + GRACE_S
        while self._lent and self._clock.seconds() < give_up:
            await deferLater(self._clock, 0.02)
        for link in self._lent:
            link.abort()
