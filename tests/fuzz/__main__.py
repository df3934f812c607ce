"""``python -m tests.fuzz parser``, ``python -m tests.fuzz socket``.

A line of JSON tells the figures; failures are told on stderr with the files that hold
their inputs, and the exit code is 1. The same seed and number of processes give the
same inputs.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.harness import Share, feed, spread
from tests.fuzz.parser import ParserTarget
from tests.fuzz.wire import WireTarget

TARGETS = {"parser": ParserTarget, "socket": WireTarget}
FOLDER = Path(__file__).parents[2] / ".build/fuzz"
PROGRESS_EVERY_S = 15.0


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("what", choices=TARGETS)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--again", type=Path, help="one input, from a failure's file")
    given = parser.parse_args()
    target = TARGETS[given.what]
    if given.again is not None:
        target().replay(given.again.read_bytes())
        return 0
    seed = random.randrange(2**32) if given.seed is None else given.seed  # noqa: S311
    told = Progress(given.what, given.inputs, seed)
    folder = FOLDER / given.what
    if given.processes == 1:
        shares = [feed(target(), given.inputs, f"{seed}/0", folder, told)]
    else:
        wanted = (target, given.inputs, f"{seed}", given.processes, folder, told)
        shares = spread(*wanted)
    line = {"fuzz": given.what, "seed": seed, "processes": given.processes}
    print(json.dumps(line | _figures(shares) | {"took_s": told.took_s()}), flush=True)
    failures = [failure for share in shares for failure in share.failures]
    for failure in failures:
        print(f"fuzz: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _figures(shares: list[Share]) -> dict[str, object]:
    count: Counter[str] = Counter()
    for share in shares:
        count.update(share.count)
    return {
        **dict(sorted(count.items())),
        "failures": sum(len(share.failures) for share in shares),
        "slowest_ms": round(max(share.slowest_ms for share in shares), 1),
        "rss_kib_warm": max(share.rss_warm_kib for share in shares),
        "rss_kib_last": max(share.rss_last_kib for share in shares),
    }


class Progress:
    """Tells on stderr how far it is, now and then."""

    def __init__(self, what: str, inputs: int, seed: int) -> None:
        self._what, self._inputs, self._done = what, inputs, 0
        self._began = self._told_at = time.monotonic()
        print(f"fuzz: {what}, {inputs} inputs, seed {seed}", file=sys.stderr)

    def took_s(self) -> float:
        return round(time.monotonic() - self._began, 1)

    def __call__(self, done: int) -> None:
        self._done += done
        now = time.monotonic()
        if now - self._told_at > PROGRESS_EVERY_S:
            self._told_at = now
            told = f"{self._done} of {self._inputs} inputs, {self.took_s():.0f} s"
            print(f"fuzz: {self._what}: {told}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
