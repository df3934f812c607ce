"""Names of devices and flows for the shell to complete, asked of the stack.

The stack is asked at most twice a minute: the names are kept in between, for a person
who presses the tabulator presses it again. A stack that does not answer in time, or at
all, completes nothing and says nothing.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from heddle.files import write_whole

FRESH_S = 30.0
ANSWER_WITHIN_S = 4.0

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def _completing(listing: tuple[str, ...], within: str, name: str) -> Complete:
    """Completes by what ``heddle LISTING --json`` tells."""

    def complete(
        ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[str]:
        data = ctx.params.get("data") or os.environ.get("HEDDLE_DATA")
        found = _known(listing, within, name, None if data is None else str(data))
        return [one for one in found if one.startswith(incomplete)]

    return complete


device_names = _completing(("device", "list"), "devices", "device")
flow_names = _completing(("flow", "list"), "flows", "flow")
deployment_names = _completing(("deployment", "list"), "deployments", "deployment")


def _known(
    listing: tuple[str, ...], within: str, name: str, data: str | None
) -> list[str]:
    file = _file(within, data)
    try:
        if time.time() - file.stat().st_mtime < FRESH_S:
            kept: list[str] = json.loads(file.read_text())
            return kept
    except (OSError, ValueError):
        pass  # never asked, or cut off: ask
    found = _asked(listing, within, name, data)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(file, json.dumps(found).encode(), durable=False, mode=0o600)
    except OSError:
        pass  # a home that cannot be written: ask each time
    return found


def _file(within: str, data: str | None) -> Path:
    """Where the names of a stack are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    where = data or f"{os.environ.get('XDG_CONFIG_HOME')} {Path.cwd()}"
    stack = hashlib.sha256(where.encode()).hexdigest()[:12]
    return Path(base) / "heddle" / f"{within}-{stack}.json"


def _asked(
    listing: tuple[str, ...], within: str, name: str, data: str | None
) -> list[str]:
    """In a process of its own: this one is the shell's, and must say nothing else."""
    argv = [sys.executable, "-m", "heddle.cli", *listing, "--json"]
    try:
        done = subprocess.run(  # noqa: S603 -- ourselves
            [*argv, *(("--data", data) if data else ())],
            check=True,
            capture_output=True,
            timeout=ANSWER_WITHIN_S,
            env={k: v for k, v in os.environ.items() if k != "_HEDDLE_COMPLETE"},
        )
        return [one[name] for one in json.loads(done.stdout)[within]]
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        return []
