"""The real programs a test needs: found, or skipped with a word on how to get them.

``REQUIRE=docker,timescaledb`` in the environment turns a missing neighbour from a skip
into a failure, so that nothing is left out silently where everything must be there.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

SCHEMATHESIS = "4.32.5"  # it needs other versions than crossbar has pinned


def chromium() -> str | None:
    """The browser's path, if there is one."""
    return shutil.which("chromium") or shutil.which("google-chrome")


def mosquitto() -> str | None:
    """The broker's path, if there is one; Debian keeps it where only root looks."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def timescaledb_bin() -> Path | None:
    """The folder of PostgreSQL programs that bring TimescaleDB, if unpacked."""
    default = Path(__file__).parents[2] / ".build/timescaledb/usr/lib/postgresql/17/bin"
    found = Path(os.environ.get("HEDDLE_TIMESCALEDB_BIN", default))
    return found if (found / "postgres").exists() else None


def schemathesis() -> Path | None:
    """Its interpreter, if it is installed in an environment of its own."""
    folder = Path(__file__).parents[2] / ".build/bench-peers/schemathesis"
    ready = folder / ".ready"
    is_ready = ready.is_file() and ready.read_text() == SCHEMATHESIS
    return folder / "bin/python" if is_ready else None


def firewall() -> str | None:
    """The program that drops packets, if we may use it."""
    return shutil.which("iptables") if os.geteuid() == 0 else None


@cache
def compose() -> tuple[str, ...] | None:
    """The words that start Docker Compose: the plugin, or the program we unpacked."""
    unpacked = Path(__file__).parents[2] / ".build/compose/usr/libexec/docker"
    for words in (
        ("docker", "compose"),
        (str(unpacked / "cli-plugins/docker-compose"),),
        ("docker-compose",),
    ):
        if shutil.which(words[0]) is None:
            continue
        found = subprocess.run([*words, "version"], check=False, capture_output=True)
        if found.returncode == 0:
            return words
    return None


@cache
def _docker_answers() -> bool:
    if (docker := shutil.which("docker")) is None:
        return False
    return (
        subprocess.run([docker, "info"], check=False, capture_output=True).returncode
        == 0
    )


_NEIGHBOURS: dict[str, tuple[Callable[[], bool], str]] = {
    "docker": (_docker_answers, "start a Docker Engine (apt-get install docker.io)"),
    "compose": (
        lambda: compose() is not None,
        "install it, or tools/debian-unpack.sh trixie .build/compose docker-compose",
    ),
    "timescaledb": (
        lambda: timescaledb_bin() is not None,
        "run `make timescaledb` or set HEDDLE_TIMESCALEDB_BIN",
    ),
    "chromium": (lambda: chromium() is not None, "apt-get install chromium"),
    "mosquitto": (lambda: mosquitto() is not None, "apt-get install mosquitto"),
    "firewall": (lambda: firewall() is not None, "apt-get install iptables; be root"),
    "schemathesis": (
        lambda: schemathesis() is not None,
        "run `python -m tests.fuzz.rest --install`",
    ),
    "crossbar": (lambda: find_spec("crossbar") is not None, "run `make venv`"),
}


def need(name: str) -> None:
    """Skip the test if neighbour ``name`` is missing; fail if ``$REQUIRE`` names it."""
    present, remedy = _NEIGHBOURS[name]
    if present():
        return
    if name in os.environ.get("REQUIRE", "").split(","):
        pytest.fail(f"REQUIRE names {name}, but it is missing: {remedy}")
    pytest.skip(f"no {name}: {remedy}")
