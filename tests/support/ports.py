"""Ports for what tests start."""

import secrets
import socket
from contextlib import suppress

_GIVEN: set[int] = set()


def free_port() -> int:
    """A TCP port of loopback that nobody uses right now.

    None of those the kernel gives to outgoing connections: one of them could get it
    before whom it is for, even one that knocks at this very port. And none that was
    given before: whoever has it may not listen yet.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        if port in _GIVEN:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _GIVEN.add(port)
            return port
