"""Programs of ours beside a test or a bench, which tell by lines of JSON."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.stack import ROOT, RunningStack

END_WITHIN_S = 120.0


class Telling:
    """A program that tells; all it says is read, or it would wait for us."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(json.loads(line))

    def until(self, what: str) -> None:
        """Wait until it tells this."""
        while not any(line["what"] == what for line in list(self._lines)):
            if not self._reader.is_alive():
                raise RuntimeError(f"{self._process.args!r} ended before {what}")
            time.sleep(0.1)

    def told(self, what: str) -> list[dict[str, Any]]:
        """What it told of this since the last look."""
        lines, self._lines = self._lines, []
        self._lines[:0] = [line for line in lines if line["what"] != what]
        return [line for line in lines if line["what"] == what]


@contextmanager
def program(*arguments: str, politely: bool = False) -> Iterator[Telling]:
    """Python with these arguments, until the ``with`` ends: killed, or asked to end."""
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield Telling(process)
        finally:
            if politely:
                process.terminate()
                process.wait(END_WITHIN_S)
            process.kill()


def swarm_words(stack: RunningStack, devices: int, **options: object) -> list[str]:
    """What follows ``python`` for ``heddle swarm`` of this stack."""
    given = {"data": stack.data, "devices": devices, **options}
    words = [
        word
        for name, value in given.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    return ["-m", "heddle.cli", "swarm", *words, "--json"]


@contextmanager
def swarm(
    stack: RunningStack, devices: int, *, politely: bool = False, **options: object
) -> Iterator[Telling]:
    """So many devices, all online, until the ``with`` ends."""
    words = swarm_words(stack, devices, **options)
    with program(*words, politely=politely) as playing:
        playing.until("online")
        yield playing
