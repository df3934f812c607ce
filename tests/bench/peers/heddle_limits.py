"""The alarms of ``limits.mjs`` with ``heddle.alarms``, one sample at a time.

Samples, and lines on stdin, are as told there.
"""

import sys
import time
from array import array
from pathlib import Path

from heddle.alarms.rule import Kind, Rule
from heddle.alarms.table import AlarmTable

TAGS = 1_000
LIMITS = {Kind.HIHI: 95.0, Kind.HI: 90.0, Kind.LO: 10.0, Kind.LOLO: 5.0}
SECOND_US = 1_000_000


def rules(tags: int) -> list[Rule]:
    """Four limits on each tag."""
    return [
        Rule(id=f"t{n}_{kind}", tag=f"t{n}", kind=kind, limit=limit, deadband=1.0)
        for n in range(tags)
        for kind, limit in LIMITS.items()
    ]


class Feed:
    """The samples, on and on, into a table."""

    def __init__(self, values: "array[float]") -> None:
        self.values = values
        self.table = AlarmTable(rules(TAGS))
        self.slots = [self.table.slot(f"t{n}") for n in range(TAGS)]
        self.next = 0
        self.transitions = 0

    def give(self, count: int) -> None:
        """The next so many."""
        update, slots, values = self.table.update, self.slots, self.values
        samples = len(values)
        for n in range(self.next, self.next + count):
            at_us = n // TAGS * SECOND_US
            told = update(slots[n % TAGS], at_us, values[n % samples])
            if told:
                self.transitions += len(told)
        self.next += count


def main(path: Path) -> None:
    """Work as asked for on stdin."""
    values = array("d")
    values.frombytes(path.read_bytes())
    feed = Feed(values)
    for line in sys.stdin:
        begin = time.perf_counter()
        feed.give(int(line))
        passed = time.perf_counter() - begin
        print(passed if int(line) else feed.transitions, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
