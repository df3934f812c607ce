"""A program that works on demand and says how long it took.

Each line on its stdin holds how much to do, in whole numbers; it does that and answers
with a line: the seconds it took. Peers' programs and ours are alike in this, so that
they can take turns while each stays warm.
"""

import subprocess
from pathlib import Path
from types import TracebackType

from tests.bench.peers.environments import CHECKOUT, PEERS, PeerUnavailable


class Program:
    """The running program; a context manager that ends it."""

    def __init__(self, name: str, *command: str | Path) -> None:
        self._name = name
        self._log = PEERS / f"{name}.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("w") as said:
            self._process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                bufsize=1,
            )

    def seconds(self, *amounts: int) -> float:
        """How long it takes for so much work."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(" ".join(map(str, amounts)) + "\n")
            return float(self._process.stdout.readline())
        except (BrokenPipeError, ValueError):
            where = self._log.relative_to(CHECKOUT)
            raise PeerUnavailable(f"{self._name} failed: see {where}") from None

    def __enter__(self) -> "Program":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
