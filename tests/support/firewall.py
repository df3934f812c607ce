"""A cable that is pulled: packets to and from a port of loopback are dropped."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.neighbours import firewall, need


@contextmanager
def pulled(port: int) -> Iterator[None]:
    """Nobody is told that the connections are gone; new ones get no answer."""
    need("firewall")
    made: list[list[str]] = []
    try:
        for end in ("--sport", "--dport"):
            rule = ["INPUT", "-i", "lo", "-p", "tcp", end, str(port), "-j", "DROP"]
            _iptables("-I", *rule)
            made.append(rule)
        yield
    finally:
        for rule in made:
            _iptables("-D", *rule)


def _iptables(*words: str) -> None:
    program = firewall()
    assert program is not None
    subprocess.run([program, "-w", "30", *words], check=True, capture_output=True)
