"""Spares a process the garbage collector's long pauses.

What a process has loaded by the time it serves stays until its end, and is most of its
heap: to look through it again takes 40 to 150 ms, in which nothing is answered. Python
does so whenever a quarter as much has been added, or, to a young process, every few
hundred messages.
"""

import gc


def freeze_heap() -> None:
    """Leave what is there now out of all later collections."""
    gc.collect()
    gc.freeze()
