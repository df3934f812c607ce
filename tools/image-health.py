#!/usr/bin/env python3
"""A container's health, told by its exit code.

``healthy page PORT``: the page is served on loopback. ``healthy ready PORT``: so is
``/ready``. ``healthy linked PORT``: a TCP
connection to PORT of some peer stands, so the program's session with the router does.
"""

import sys
from pathlib import Path
from urllib.request import urlopen

ESTABLISHED = "01"


def page(port: int) -> bool:
    """Whether the page is served."""
    return _served(f"http://127.0.0.1:{port}/")


def ready(port: int) -> bool:
    """Whether the API is, and has a router."""
    return _served(f"http://127.0.0.1:{port}/ready")


def _served(url: str) -> bool:
    try:
        with urlopen(url, timeout=3) as answer:  # noqa: S310 -- loopback
            return bool(answer.status == 200)  # noqa: PLR2004 -- HTTP's "OK"
    except OSError:
        return False


def linked(port: int) -> bool:
    """Whether a connection to a peer's port stands."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, _, peer, state, *_ = line.split()
            if state == ESTABLISHED and int(peer.rpartition(":")[2], 16) == port:
                return True
    return False


if __name__ == "__main__":
    questions = {"page": page, "ready": ready, "linked": linked}
    question, port = questions[sys.argv[1]], int(sys.argv[2])
    sys.exit(0 if question(port) else 1)
