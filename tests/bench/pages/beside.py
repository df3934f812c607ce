"""Programs that run beside the bench, and the router's memory while they do."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.pages.setting import Setting
from tests.support.stack import ROOT, RunningStack


class Memory:
    """The router's, looked at again and again."""

    def __init__(self, stack: RunningStack) -> None:
        node = stack.child("crossbar")
        self._processes = [node, *node.children(recursive=True)]
        self._looks: list[tuple[float, float]] = []

    def look(self) -> None:
        self._looks.append((time.monotonic() / 60, self.rss_mib()))

    def rss_mib(self) -> float:
        return float(sum(one.memory_info().rss for one in self._processes) / 2**20)

    def slope_mib_per_min(self) -> float:
        """By least squares over the later two thirds: what is warm is flat."""
        looks = self._looks[len(self._looks) // 3 :]
        mean_x = sum(x for x, _ in looks) / len(looks)
        mean_y = sum(y for _, y in looks) / len(looks)
        rise = sum((x - mean_x) * (y - mean_y) for x, y in looks)
        return rise / sum((x - mean_x) ** 2 for x, _ in looks)


class Telling:
    """A program that tells by lines of JSON."""

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


def ours(name: str, setting: Setting) -> Any:
    return program("-m", f"tests.bench.pages.{name}", setting.argument())


@contextmanager
def program(*arguments: str) -> Iterator[Telling]:
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield Telling(process)
        finally:
            process.kill()
