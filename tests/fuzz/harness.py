"""Feeds a target a million inputs: seeded, bounded in time and memory, told as figures.

A target makes inputs by chance and tries them; whatever it raises is a failure. Every
process has a target and a seed of its own, so the same seed and number of processes
give the same inputs. A failing input is made smaller as long as it fails the same way,
and written into the folder of reproducers.
"""

import gc
import hashlib
import multiprocessing
import random
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Protocol

GROWTH_KIB = 60_000  # resident memory may grow by, once the target has warmed up
WARM_UP = 0.1  # of the inputs
REPORT_EVERY = 2_000
SILENT_AT_MOST_S = 120.0
MAX_FAILURES = 10
SHRINKING_S = 15.0  # of processor time, for each failure


class TookTooLong(Exception):
    """One input took more processor time than any should."""


class MemoryGrew(Exception):
    """The process holds more and more."""


class Target(Protocol):
    """What is fuzzed. Inputs are bytes, so that they can be written down."""

    bound_s: float
    ending: str

    def make(self, chance: random.Random) -> bytes:
        """An input."""

    def take(self, raw: bytes, count: Counter[str]) -> None:
        """Try it; raises if anything is not as promised. Notes what came of it."""

    def story(self, raw: bytes) -> bytes:
        """What has to be replayed to see the failure of this input again."""

    def replay(self, story: bytes) -> None:
        """See it again."""

    def renew(self) -> None:
        """Forget all inputs: what they did may be broken."""

    def smaller(self, story: bytes) -> Iterator[bytes]:
        """Smaller stories that may fail in the same way."""

    def end(self) -> None:
        """No more inputs follow; raises like ``take``."""


@dataclass
class Share:
    """What one process did."""

    count: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_ms: float = 0.0
    rss_warm_kib: int = 0
    rss_last_kib: int = 0


Told = Callable[[int], None]


def feed(
    target: Target, inputs: int, seed: str, folder: Path, told: Told = lambda _: None
) -> Share:
    """Feed one target in this process."""
    chance = random.Random(seed)  # noqa: S311 -- a test's, not a secret's
    share = Share()
    for n in range(inputs):
        if n == int(inputs * WARM_UP):
            share.rss_warm_kib = rss_kib()
        raw = target.make(chance)
        began = time.process_time()
        _try(target, raw, share, folder)
        share.slowest_ms = max(share.slowest_ms, 1000 * (time.process_time() - began))
        if len(share.failures) >= MAX_FAILURES:
            break
        if n % REPORT_EVERY == REPORT_EVERY - 1:
            told(REPORT_EVERY)
    _end(target, share, inputs)
    return share


def _try(target: Target, raw: bytes, share: Share, folder: Path) -> None:
    flaw = flaw_of(target.bound_s, lambda: target.take(raw, share.count))
    if flaw is None:
        return
    story = shrunk(target, target.story(raw), flaw)
    target.renew()
    name = f"{type(flaw).__name__}-{hashlib.sha256(story).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}{target.ending}").write_bytes(story)
    told = "".join(traceback.format_exception(flaw))
    (folder / f"{name}.txt").write_text(told)
    share.failures.append(f"{folder / name}{target.ending}: {flaw!r:.200}")


def _end(target: Target, share: Share, inputs: int) -> None:
    try:
        target.end()
    except Exception as flaw:  # noqa: BLE001 -- whatever it is, it is told
        share.failures.append(f"at the end: {flaw!r}")
    share.rss_last_kib = rss_kib()
    grown = share.rss_last_kib - share.rss_warm_kib
    if inputs > REPORT_EVERY and grown > GROWTH_KIB:
        share.failures.append(f"memory grew by {grown} KiB")


def flaw_of(bound_s: float, act: Callable[[], None]) -> Exception | None:
    """What is wrong with what comes of it, if anything is."""
    try:
        with at_most(bound_s):
            act()
    except Exception as flaw:  # noqa: BLE001 -- finding any at all is the purpose
        return flaw
    return None


def shrunk(target: Target, story: bytes, flaw: Exception) -> bytes:
    """The smallest story found that raises the same kind of exception."""
    give_up_at = time.process_time() + SHRINKING_S
    if type(flaw_of(SHRINKING_S, partial(target.replay, story))) is not type(flaw):
        return story  # it needs more than what was remembered
    while time.process_time() < give_up_at:
        for smaller in target.smaller(story):
            seen = flaw_of(SHRINKING_S, partial(target.replay, smaller))
            if type(seen) is type(flaw):
                story = smaller
                break
            if time.process_time() > give_up_at:
                return story
        else:
            return story
    return story


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise ``TookTooLong`` when that much processor time was spent."""

    def expire(_: int, __: FrameType | None) -> None:
        raise TookTooLong(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGPROF, expire)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def rss_kib() -> int:
    """Resident memory of this process now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


# --- in several processes -------------------------------------------------------------


def spread(
    make: Callable[[], Target],
    inputs: int,
    seed: str,
    processes: int,
    folder: Path,
    told: Told,
) -> list[Share]:
    """Feed a target in each of several processes; a silent one has hung or died."""
    context = multiprocessing.get_context("fork")
    links, workers = [], []
    for n in range(processes):
        ours, theirs = context.Pipe(duplex=False)
        part = inputs * (n + 1) // processes - inputs * n // processes
        worker = context.Process(
            target=_work, args=(make, part, f"{seed}/{n}", folder, theirs)
        )
        worker.start()
        theirs.close()
        links.append(ours)
        workers.append(worker)
    shares = [Share() for _ in workers]
    heard = dict.fromkeys(range(processes), time.monotonic())
    while heard:
        for n in list(heard):
            _listen(n, links[n], shares, heard, told)
    for worker in workers:
        worker.kill()
        worker.join()
    return shares


def _listen(n: int, link, shares: list[Share], heard: dict[int, float], told: Told):
    """Hear from one process; it is forgotten when it has told its share."""
    with suppress(EOFError):
        if link.poll(0.1):
            message = link.recv()
            heard[n] = time.monotonic()
            if isinstance(message, int):
                told(message)
                return
            shares[n] = message
            del heard[n]
            return
        if time.monotonic() - heard[n] < SILENT_AT_MOST_S:
            return
        shares[n].failures.append(f"process {n} hangs")
        del heard[n]
        return
    shares[n].failures.append(f"process {n} died")
    del heard[n]


def _work(make: Callable[[], Target], inputs: int, seed: str, folder: Path, link):
    link.send(feed(make(), inputs, seed, folder, link.send))
    link.close()
