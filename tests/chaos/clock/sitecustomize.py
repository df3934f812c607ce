"""Gives a Python process a wall clock of its own: ``$CHAOS_CLOCK`` names its file.

The file holds by how many seconds the clock is wrong: one double, read anew each time
somebody asks. Timers go by the machine's boot clock and are as they were, like those of
a device whose wall clock is set by hand. Nothing else asks for the wall clock in an
agent or its engines: ``datetime.now`` and SQLite's ``now`` are not bent.
"""

import mmap
import os
import struct
import time


def _bend(name: str) -> None:
    with open(name, "rb") as file:  # noqa: PTH123 -- nothing but what is needed
        error = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    true, true_ns, read = time.time, time.time_ns, struct.Struct("d").unpack_from

    def bent() -> float:
        return true() + float(read(error)[0])

    def bent_ns() -> int:
        return true_ns() + int(read(error)[0] * 1e9)

    time.time, time.time_ns = bent, bent_ns


if _name := os.environ.get("CHAOS_CLOCK"):
    _bend(_name)
