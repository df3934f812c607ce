"""What fleetdata counts for Prometheus: what comes in, how fast, and what hinders it.

docs/how-to/watch-with-prometheus.md tells what each figure means to an operator.
"""

import math
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from heddle.contract.declare import FleetError
from services.fleetdata.batches import Batch, SampleBatch
from services.fleetdata.guard import Guard
from services.fleetdata.store.writing import Outcome, Stored

Store = Callable[[Sequence[Batch]], Awaitable[Sequence[Outcome]]]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Queue(Protocol):
    """What is asked of an intake at each scrape."""

    @property
    def queued_bytes(self) -> int:
        """Bytes waiting or being stored."""
        ...

    @property
    def queued_batches(self) -> int:
        """Batches waiting."""
        ...


class Kept(Protocol):
    """What is asked of a database at each scrape."""

    @property
    def is_open(self) -> bool:
        """Whether it answers, as far as known."""
        ...

    @property
    def reads_under_way(self) -> int:
        """Questions waiting or being answered."""
        ...


class Meters:
    """The figures of one process."""

    def __init__(
        self, registry: CollectorRegistry, wall: Callable[[], float] = time.time
    ) -> None:
        self._wall = wall
        self._rows = Counter(
            "heddle_fleetdata_rows",
            "Rows committed: samples and events.",
            ("project", "stream"),
            registry=registry,
        )
        self._batches = Counter(
            "heddle_fleetdata_batches",
            "Batches answered by the store: new, repeat or gap.",
            ("project", "outcome"),
            registry=registry,
        )
        self._refusals = Counter(
            "heddle_fleetdata_refusals",
            "Batches answered with an error, by the error's name.",
            ("project", "reason"),
            registry=registry,
        )
        self._commit = Histogram(
            "heddle_fleetdata_commit_seconds",
            "One group of batches in the database, from BEGIN to COMMIT.",
            ("project",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._receipt = Histogram(
            "heddle_fleetdata_receipt_seconds",
            "A batch from its arrival to its receipt: waiting and commit.",
            ("project",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._disk = Gauge(
            "heddle_fleetdata_disk_free_bytes",
            "Room on the database's disk; NaN where it cannot be measured.",
            registry=registry,
        )
        self._gauges = {
            name: Gauge(
                f"heddle_fleetdata_{name}", text, ("project",), registry=registry
            )
            for name, text in _GAUGES.items()
        }

    def watch_disk(self, guard: Guard) -> None:
        """Tell how much room the database's disk has, where that is known."""

        def free() -> float:
            guard.look()
            return math.nan if guard.free_bytes is None else guard.free_bytes

        self._disk.set_function(free)

    def project(self, project: str) -> "ProjectMeter":
        """The figures of a project; they are there from now on."""
        return ProjectMeter(
            _Families(
                project,
                self._rows,
                self._batches,
                self._refusals,
                self._commit,
                self._receipt,
            ),
            self._gauges,
            self._wall,
        )


_GAUGES = {
    "queue_bytes": "Batches waiting to be stored, or under way.",
    "queue_batches": "Batches waiting to be stored.",
    "database_up": "1 while the project's database answers, else 0.",
    "reads_in_flight": "Questions waiting or being answered.",
    "lag_seconds": "Age of the newest sample that was stored; NaN before the first.",
}


@dataclass(frozen=True, slots=True)
class _Families:
    project: str
    rows: Counter
    batches: Counter
    refusals: Counter
    commit: Histogram
    receipt: Histogram


class ProjectMeter:
    """The figures of one project."""

    def __init__(
        self,
        families: _Families,
        gauges: dict[str, Gauge],
        wall: Callable[[], float],
    ) -> None:
        self._families = families
        self._gauges = gauges
        self._wall = wall
        self._newest_us: int | None = None
        self._commit = families.commit.labels(families.project)
        self._receipt = families.receipt.labels(families.project)

    def watch(self, queue: Queue, database: Kept) -> None:
        """Ask these at each scrape."""
        for name, ask in {
            "queue_bytes": lambda: queue.queued_bytes,
            "queue_batches": lambda: queue.queued_batches,
            "database_up": lambda: database.is_open,
            "reads_in_flight": lambda: database.reads_under_way,
            "lag_seconds": self._lag_s,
        }.items():
            self._gauges[name].labels(self._families.project).set_function(ask)

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Around the answer to one batch."""
        try:
            with self._receipt.time():
                yield
        except Exception as error:
            self.refused(error)
            raise

    def refused(self, error: Exception) -> None:
        """A batch was answered with an error."""
        self._families.refusals.labels(self._families.project, _reason(error)).inc()

    def storing(self, store: Store) -> Store:
        """``store``, timed and counted."""

        async def counted(batches: Sequence[Batch]) -> Sequence[Outcome]:
            with self._commit.time():
                outcomes = await store(batches)
            for batch, outcome in zip(batches, outcomes, strict=True):
                self._count(batch, outcome)
            return outcomes

        return counted

    def _count(self, batch: Batch, outcome: Outcome) -> None:
        families, project = self._families, self._families.project
        families.batches.labels(project, _outcome(outcome)).inc()
        if isinstance(outcome, Stored) and outcome.rows:
            families.rows.labels(project, str(batch.key.stream)).inc(outcome.rows)
            if isinstance(batch, SampleBatch):
                last = int(batch.columns.at[-1])  # a device tells its samples in order
                self._newest_us = max(last, self._newest_us or last)

    def _lag_s(self) -> float:
        if self._newest_us is None:
            return math.nan
        return self._wall() - self._newest_us / 1e6


def _outcome(outcome: Outcome) -> str:
    if not isinstance(outcome, Stored):
        return "gap"
    return "new" if outcome.rows or outcome.expired else "repeat"


def _reason(error: Exception) -> str:
    if isinstance(error, FleetError):
        if "reason" in error.details:
            return str(error.details["reason"])
        return error.uri.rpartition(".")[2]
    return "defect"
