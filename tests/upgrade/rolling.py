"""``python -m tests.upgrade.rolling``: restart every service under load, and measure.

Each service is ended (SIGTERM; the router SIGINT) and started again, alone and, where
two may serve side by side, with another beside it, which takes over meanwhile. Calls by
WAMP and REST go on all the time; one that is not answered within ``--patience`` seconds
after its first failure (15 for the router) has failed for good. It prints a line of
JSON for each restart: how many calls of each kind there were, how many had to be
repeated, and how long the longest took; the exit code is 1 if one failed.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import psutil

from tests.support.ports import free_port
from tests.support.stack import PROCESSES, ROOT, RunningStack, eventually, running_stack
from tests.upgrade.callers import load
from tests.upgrade.previous import FAST

SERVES = {
    "backend": r"serving project default",
    "fleetdata": r"serving project_default",
    "gateway": r"the API is at",
}
"""What a service's log says whenever it serves anew."""

WITHIN_S = 120.0
ROUTER_PATIENCE_S = 15.0  # it is alone, and its start alone takes more than 4 s
PATTERNS = {**PROCESSES, "gateway": "services.gateway"}


def restart(stack: RunningStack, name: str) -> None:
    """End a service and wait until its successor serves; it is started by the stack."""
    serving = [name] if name in SERVES else ["backend", "fleetdata"]
    before = {each: served(stack, each) for each in serving}
    old = stack.child(PATTERNS[name])
    old.send_signal(signal.SIGTERM if name in SERVES else signal.SIGINT)
    gone, _ = psutil.wait_procs([old], WITHIN_S)
    assert gone, f"{name} does not end"
    for each in serving:
        eventually(
            lambda each=each: served(stack, each) > before[each],
            f"{each} serves after the restart of {name}",
            WITHIN_S,
        )


def restart_beside(stack: RunningStack, name: str) -> None:
    """The same while another process of the service takes over."""
    with beside(stack, name):
        restart(stack, name)


def served(stack: RunningStack, name: str) -> int:
    """How often the stack's service has said that it serves."""
    text = (stack.data / f"logs/{name}.log").read_text()
    return len(re.findall(SERVES[name], text))


@contextmanager
def beside(stack: RunningStack, name: str) -> Iterator[None]:
    """Another process of a service, with the same settings."""
    theirs = stack.child(PATTERNS[name]).environ()
    prefix = name.upper()
    own = {f"{prefix}_METRICS": "", f"{prefix}_LISTEN": f"127.0.0.1:{free_port()}"}
    log = stack.data / f"logs/{name}-beside.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", f"services.{name}"],
            env={**os.environ, **theirs, **own},
            stdout=out,
            stderr=out,
            cwd=ROOT,
        )
    try:
        eventually(
            lambda: re.search(SERVES[name], log.read_text()),
            f"another {name} serves",
            WITHIN_S,
        )
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0
    finally:
        process.kill()
        process.wait()


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--patience", default=5.0, show_default=True, help="Seconds.")
def main(rounds: int, patience: float) -> None:
    """Restart every service under load, and measure."""
    failed = False
    work = [(name, "alone", restart) for name in (*SERVES, "router")]
    work += [
        (name, "beside another", restart_beside) for name in ("backend", "fleetdata")
    ]
    with tempfile.TemporaryDirectory(prefix="heddle-rolling-") as folder:
        data = Path(folder) / "stack"
        quick = {"GATEWAY_RATE_PER_MINUTE": "100000"}
        with running_stack(data, *FAST, **quick) as stack:
            for number in range(1, rounds + 1):
                for name, how, do in work:
                    slow = ROUTER_PATIENCE_S if name == "router" else 0.0
                    with load(stack, max(patience, slow)) as figures:
                        do(stack, name)
                    failed |= any(each["failed"] for each in figures.values())
                    told = {"restarted": name, "how": how, "round": number}
                    click.echo(json.dumps({**told, "calls": figures}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
