"""What every bench shares: how a figure is told."""

import json
import subprocess
import sys

import psutil


def figure(
    bench: str,
    name: str,
    value: float,
    unit: str,
    ratio: float | None = None,
    against: str | None = None,
) -> None:
    """Print one figure as a line of JSON.

    ``ratio`` is the figure relative to ``against``, measured in the same run: machines
    differ, ratios hardly do.
    """
    line = {
        "bench": bench,
        "figure": name,
        "value": value,
        "unit": unit,
        "ratio": ratio,
        "against": against,
    }
    print(json.dumps(line), flush=True)


def bare_python_mib() -> float:
    """What a Python process holds that has imported autobahn and nothing else."""
    code = (
        "import autobahn.twisted.wamp, autobahn.twisted.websocket, sys, time;"
        "print(flush=True); time.sleep(30)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=-1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        mib = psutil.Process(process.pid).memory_info().rss / 2**20
        process.kill()
    return mib
