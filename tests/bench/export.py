"""How much memory an export of two million rows takes: of the command, the service and
the router.

A stack of ``heddle up`` with the samples of bench ``history``, and ``heddle telemetry
export`` of all its tags as Parquet and as CSV. What each process holds is looked at
every 20 ms. Its growth is the most it held at all, less the most it held in the first
tenth of the export: a page or two are under way by then, so what grows after that would
grow with the rows.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from heddle.local.postgres import embedded_bin
from tests.bench.harness import figure
from tests.bench.history import DAY_S, DEVICE, Bench, link_to
from tests.support.stack import ROOT, RunningStack

MILLIONS = 2
EVERY_S = 0.02
MIB = 1 << 20


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
        stack = RunningStack(Path(folder) / "data")
        stack.start()
        try:
            link = link_to(stack, embedded_bin())
            bench = Bench(link, "embedded")
            rows = bench.load(MILLIONS)
            link.close()
            files = [Path(folder) / f"history.{kind}" for kind in ("parquet", "csv")]
            growth = [_measure(stack, bench.day, rows, file) for file in files]
            figure("export", "export_rss_growth_mib", round(max(growth), 1), "MiB")
        finally:
            stack.stop()


@dataclass
class Weighed:
    """What a process held, by time."""

    process: psutil.Process
    held: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Weigh it, if it is still there."""
        try:
            self.held.append(self.process.memory_info().rss)
        except psutil.NoSuchProcess:
            return

    @property
    def growth_mib(self) -> float:
        """The most it held, less the most in the first tenth."""
        return (max(self.held) - max(self.held[: len(self.held) // 10])) / MIB


def _measure(stack: RunningStack, day: int, rows: int, file: Path) -> float:
    """Export into ``file``; how much the three processes grew together, in MiB."""
    since, until = (
        time.strftime("%Y-%m-%d", time.gmtime(number * DAY_S))
        for number in (day, day + 1)
    )
    began = time.perf_counter()
    command = subprocess.Popen(
        [
            *(sys.executable, "-m", "heddle.cli", "telemetry", "export"),
            *("--data", str(stack.data), "--device", DEVICE),
            *("--from", since, "--to", until, "-o", str(file)),
        ],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    part = file.with_name(f".{file.name}.part")
    weighed = {name: Weighed(one) for name, one in _parts(stack).items()}
    weighed["command"] = Weighed(psutil.Process(command.pid))
    while command.poll() is None:
        if part.exists():
            for one in weighed.values():
                one.look()
        time.sleep(EVERY_S)
    _, said = command.communicate()
    took = time.perf_counter() - began
    if command.returncode or not said.startswith(f"{rows:,} rows"):
        raise RuntimeError(f"the export went wrong: {said}")
    kind = file.suffix[1:]
    for name, one in weighed.items():
        value, most = round(one.growth_mib, 1), max(one.held) / MIB
        figure("export", f"rss_growth_mib_{kind}_{name}", value, "MiB")
        figure("export", f"rss_most_mib_{kind}_{name}", round(most, 1), "MiB")
    figure("export", f"rows_per_s_{kind}", round(rows / took), "1/s")
    return sum(one.growth_mib for one in weighed.values())


def _parts(stack: RunningStack) -> dict[str, psutil.Process]:
    """Who answers and who carries it; Crossbar's worker is a child of its own."""
    (worker,) = stack.child("crossbar").children()
    return {"fleetdata": stack.child("services.fleetdata"), "router": worker}
