"""Programs that run beside the bench, and the router's memory while they do."""

import time
from typing import Any

from tests.bench.pages.setting import Setting
from tests.support.programs import program
from tests.support.stack import RunningStack


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


def ours(name: str, setting: Setting) -> Any:
    return program("-m", f"tests.bench.pages.{name}", setting.argument())
