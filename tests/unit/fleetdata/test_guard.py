"""The disk's guard: when it lets batches in, and what it says when it does not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher

from heddle.contract.declare import StorageUnavailable
from services.fleetdata.guard import Guard

WARN, REFUSE = 2000, 500


@dataclass
class Disk:
    """A disk of which the test says how much is free."""

    free: int | None
    looks: int = 0

    f_frsize = 1

    @property
    def f_bavail(self) -> int:
        assert self.free is not None
        return self.free

    def statvfs(self, path: Path) -> "Disk":
        assert path == Path("/data")
        self.looks += 1
        if self.free is None:
            raise FileNotFoundError(2, "No such file or directory")
        return self


class Bench:
    def __init__(self, free: int | None) -> None:
        self.disk, self.clock = Disk(free), Clock()
        self.guard = Guard(
            self.clock,
            Path("/data"),
            warn_bytes=WARN,
            refuse_bytes=REFUSE,
            statvfs=self.disk.statvfs,
        )

    def takes(self, free: int | None) -> bool:
        """A second later, with so much free."""
        self.disk.free = free
        self.clock.advance(1)
        try:
            self.guard.admit()
        except StorageUnavailable:
            return False
        return True


@contextmanager
def logged() -> Iterator[list[str]]:
    told: list[str] = []

    def observe(event: LogEvent) -> None:
        if event.get("log_namespace") == "services.fleetdata.guard":
            told.append(event["log_level"].name)

    globalLogPublisher.addObserver(observe)
    try:
        yield told
    finally:
        globalLogPublisher.removeObserver(observe)


def test_a_full_disk_is_refused_with_all_one_needs_to_know() -> None:
    bench = Bench(free=499)
    with pytest.raises(StorageUnavailable) as refused:
        bench.guard.admit()
    for word in ("499 bytes free", "500", "/data", "GUARD_REFUSE_MB", "Make room"):
        assert word in str(refused.value)
    assert refused.value.details == {
        "reason": "disk_full",
        "free_bytes": 499,
        "limit_bytes": 500,
    }


def test_it_is_taken_again_when_there_is_some_more_room() -> None:
    bench = Bench(free=10_000)
    seen = [bench.takes(free) for free in (500, 499, 500, 549, 550, 549, 500, 499)]
    assert seen == [True, False, False, False, True, True, True, False]


def test_each_change_is_told_once() -> None:
    bench = Bench(free=10_000)
    with logged() as told:
        for free in (9999, 1999, 1500, 499, 100, 499, 600, 1999, 2100, 2200, 9999):
            bench.takes(free)
    assert told == ["warn", "error", "warn", "info"]


def test_the_disk_is_looked_at_once_a_second() -> None:
    bench = Bench(free=10_000)
    for _ in range(100):
        bench.guard.admit()
        bench.clock.advance(0.1)
    assert bench.disk.looks == 10


def test_a_disk_that_cannot_be_measured_is_told_once_and_holds_up_nobody() -> None:
    bench = Bench(free=10_000)
    with logged() as told:
        assert [bench.takes(free) for free in (None, None, 499, None)] == [
            True,
            True,
            False,
            True,
        ]
    assert told == ["warn", "error", "warn"]
    assert bench.guard.free_bytes is None


def test_without_a_path_nothing_is_guarded() -> None:
    guard = Guard(Clock(), None, warn_bytes=1 << 80, refuse_bytes=1 << 80)
    guard.admit()
    assert guard.free_bytes is None


def test_a_real_disk_is_measured(tmp_path: Path) -> None:
    guard = Guard(Clock(), tmp_path, warn_bytes=0, refuse_bytes=0)
    guard.admit()
    assert guard.free_bytes is not None
    assert guard.free_bytes > 0
    with pytest.raises(StorageUnavailable):
        Guard(Clock(), tmp_path, warn_bytes=1 << 80, refuse_bytes=1 << 80).admit()
