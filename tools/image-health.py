#!/usr/bin/env python3
"""A container's health, told by its exit code.

``healthy page PORT``: the page is served on loopback, plainly or by TLS. ``healthy
ready PORT``: so is ``/ready``. ``healthy linked PORT``: a TCP
connection to PORT of some peer stands, so the program's session with the router does.
"""

import ssl
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

ESTABLISHED = "01"
SPEAKS_TLS = b"This port speaks TLS"  # what our ports say to who does not


def page(port: int) -> bool:
    """Whether the page is served, if only to who has a certificate."""
    try:
        return _served(f"http://127.0.0.1:{port}/")
    except HTTPError as told:
        return told.read().startswith(SPEAKS_TLS)
    except OSError:
        return False


def ready(port: int) -> bool:
    """Whether the API is, and has a router."""
    address = f"127.0.0.1:{port}/ready"
    try:
        return _served(f"http://{address}")
    except HTTPError as told:
        if not told.read().startswith(SPEAKS_TLS):
            return False
    except OSError:
        return False
    unnamed = ssl.create_default_context()  # loopback: no certificate is for it
    unnamed.check_hostname, unnamed.verify_mode = False, ssl.CERT_NONE
    try:
        return _served(f"https://{address}", unnamed)
    except OSError:
        return False


def _served(url: str, context: ssl.SSLContext | None = None) -> bool:
    with urlopen(url, timeout=3, context=context) as answer:  # noqa: S310 -- loopback
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
    questions = {"page": page, "ready": ready, "linked": linked}
    question, port = questions[sys.argv[1]], int(sys.argv[2])
    sys.exit(0 if question(port) else 1)
