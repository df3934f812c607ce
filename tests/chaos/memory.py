"""How the memory of each process moves: a sample every few seconds, a slope per life.

Counted is what belongs to the process alone (resident, less what is shared), of the
database with all its children. The slope is Theil and Sen's, the median of all slopes
between two samples: a burst does not bend it. A life's first part is warm-up.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import psutil

EVERY_S = 3.0
WARM_UP_S = 90.0  # and at least a third of the life
SHORTEST_S = 60.0  # after the warm-up; of a shorter life nothing can be said
LONG_S = 480.0  # after the warm-up; only who lived so long is judged
GROWS_MIB_PER_MIN = 0.5
_POINTS = 400  # of a life, at most, between which slopes are taken
_MIB = 1 << 20

Sample = tuple[float, float]  # when (s), MiB


@dataclass(frozen=True, slots=True)
class Life:
    """One process from its start to its end, or to the end of the run."""

    name: str
    pid: int
    lived_s: float
    first_mib: float
    last_mib: float
    most_mib: float
    slope_mib_per_min: float | None  # None: too short
    grows: bool


class Memory:
    """Looks at processes in a thread of its own."""

    def __init__(self, processes: Callable[[], Mapping[str, psutil.Process]]) -> None:
        self._processes = processes
        self._samples: dict[tuple[str, int], list[Sample]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """No more samples."""
        self._over.set()
        self._thread.join()

    def lives(self) -> list[Life]:
        """All lives, by name; to be asked when it has stopped."""
        return [
            life_of(name, pid, samples)
            for (name, pid), samples in sorted(self._samples.items())
        ]

    def _look(self) -> None:
        while not self._over.wait(EVERY_S):
            try:
                processes = self._processes()
            except psutil.Error:
                continue  # who is asked for its children has just gone
            for name, process in processes.items():
                found = own_mib(process, whole=name == "database")
                if found is not None:
                    sample = (time.monotonic(), found)
                    self._samples.setdefault((name, process.pid), []).append(sample)


def own_mib(process: psutil.Process, *, whole: bool) -> float | None:
    """What is the process's own; with ``whole``, and its children's; None: gone."""
    try:
        found = process.memory_info()
        size = found.rss - found.shared
    except psutil.Error:
        return None
    for child in _children(process) if whole else ():
        try:
            more = child.memory_info()
        except psutil.Error:
            continue
        size += more.rss - more.shared
    return size / _MIB


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def life_of(name: str, pid: int, samples: Sequence[Sample]) -> Life:
    """What the samples of one life tell."""
    since_s, until_s = samples[0][0], samples[-1][0]
    lived_s = until_s - since_s
    warm_s = since_s + max(WARM_UP_S, lived_s / 3)
    warm = [sample for sample in samples if sample[0] >= warm_s]
    slope = later = None
    if warm and until_s - warm[0][0] >= SHORTEST_S:
        slope = slope_per_min(warm)
        later = slope_per_min(warm[len(warm) // 2 :])
    sizes = [size for _, size in samples]
    return Life(
        name=name,
        pid=pid,
        lived_s=round(lived_s, 1),
        first_mib=round(sizes[0], 1),
        last_mib=round(sizes[-1], 1),
        most_mib=round(max(sizes), 1),
        slope_mib_per_min=None if slope is None else round(slope, 3),
        grows=slope is not None
        and later is not None
        and until_s - warm[0][0] >= LONG_S
        and min(slope, later) > GROWS_MIB_PER_MIN,
    )


def slope_per_min(samples: Sequence[Sample]) -> float:
    """Theil and Sen's slope."""
    few = samples[:: max(len(samples) // _POINTS, 1)]
    slopes = [
        (size - before) / (at - then) * 60
        for i, (at, size) in enumerate(few)
        for then, before in few[:i]
        if at > then
    ]
    return median(slopes) if slopes else 0.0
