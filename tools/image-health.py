#!/usr/bin/env python3
"""A container's health, told by its exit code.

``healthy page PORT``: the page is served on loopback. ``healthy linked PORT``: a TCP
connection to PORT of some peer stands, so the program's session with the router does.
"""

import sys
from pathlib import Path
from urllib.request import urlopen

ESTABLISHED = "01"


def page(port: int) -> bool:
    """Whether the page is served."""
    with urlopen(f"http://127.0.0.1:{port}/", timeout=3) as answer:
        return bool(answer.status == 200)  # noqa: PLR2004 -- HTTP's "OK"


def linked(port: int) -> bool:
    """Whether a connection to a peer's port stands."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, _, peer, state, *_ = line.split()
            if state == ESTABLISHED and int(peer.rpartition(":")[2], 16) == port:
                return True
    return False


if __name__ == "__main__":
    question, port = {"page": page, "linked": linked}[sys.argv[1]], int(sys.argv[2])
    sys.exit(0 if question(port) else 1)
