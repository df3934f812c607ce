"""An agent that dies at its first step: ``python -m tests.support.dying after``.

It is the real program with real containers, but that the first change it has Docker
make kills it, as suddenly as a power cut would: after the change, when nobody has heard
yet that it was made; with ``within``, a start kills it before Docker hears of it, when
the former engine has ended and the folder is laid out.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from edge_agent.__main__ import main
from edge_agent.runtime.docking import Docking

CHANGES = ("create", "run", "end", "remove")


def deadly(change: Callable[..., None], *, first: bool) -> Callable[..., None]:
    """The same change, and the end, before or after it."""

    def changed(*words: Any) -> None:
        if not first:
            change(*words)
        os.kill(os.getpid(), signal.SIGKILL)

    return changed


if __name__ == "__main__":
    within = sys.argv.pop() == "within"
    for name in CHANGES:
        former = getattr(Docking, name)
        setattr(Docking, name, deadly(former, first=within and name == "run"))
    main()
