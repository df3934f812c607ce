"""A Docker Engine of a test's own, to be restarted, and cut off as by a power cut.

It has its own folders, socket and containers, no network, and the engine's image. Its
processes are found by that folder's name, for containers are no children of the
daemon's. It runs in namespaces of its own: what it mounts goes with it.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest

from tests.support.neighbours import need

BEGUN_WITHIN_S = 60.0


class PrivateDocker:
    """One ``dockerd``, begun and ended at will over the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.socket = folder / "docker.sock"
        self.host = f"unix://{self.socket}"
        self._daemon: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it, as after a boot; it answers when this returns."""
        for left in ("pid", "exec/docker.pid"):
            (self._folder / left).unlink(missing_ok=True)
        words = [
            *(
                "unshare",
                "--net",
                "--mount",
            ),  # else it takes the machine's docker0 away
            "dockerd",
            *("--data-root", str(self._folder / "data")),
            *("--exec-root", str(self._folder / "exec")),
            *("--pidfile", str(self._folder / "pid")),
            *("-H", self.host, "--bridge", "none", "--iptables=false"),
            *("--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
        ]
        with (self._folder / "log").open("ab") as log:
            self._daemon = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        give_up_at = time.monotonic() + BEGUN_WITHIN_S
        while self._docker("info").returncode != 0:
            if self._daemon.poll() is not None or time.monotonic() > give_up_at:
                last = (self._folder / "log").read_text().splitlines()[-3:]
                _without(f"no second dockerd runs here: {' | '.join(last)}")
            time.sleep(0.1)

    def end(self) -> None:
        """Ask it to end; it ends its containers, too."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGTERM)
        self._daemon.wait(60)

    def cut(self) -> None:
        """The power is gone: the daemon, its helpers and all containers die at once."""
        assert self._daemon is not None
        victims = [psutil.Process(self._daemon.pid)]
        victims += victims[0].children(recursive=True)
        for shim in psutil.process_iter(["cmdline"]):
            if str(self._folder) in " ".join(shim.info["cmdline"] or ()):
                victims += [shim, *shim.children(recursive=True)]
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGKILL)
        psutil.wait_procs(victims, 30)
        self._daemon.wait(30)

    def load(self, image: str) -> None:
        """Bring an image here from the machine's own Docker Engine."""
        with subprocess.Popen(
            ["docker", "save", image], stdout=subprocess.PIPE
        ) as saved:
            subprocess.run(
                ["docker", "-H", self.host, "load"],
                stdin=saved.stdout,
                check=True,
                capture_output=True,
            )

    def state(self, name: str) -> dict[str, Any]:
        """How a container stands; nothing if it is not there."""
        told = self._docker("inspect", name)
        if told.returncode != 0:
            return {}
        state: dict[str, Any] = json.loads(told.stdout)[0]["State"]
        return state

    def kill(self, name: str) -> None:
        """Kill a container; Docker lets it lie then."""
        assert self._docker("kill", name).returncode == 0

    def containers(self) -> list[str]:
        """The names of all containers that run."""
        return self._docker("ps", "--format", "{{.Names}}").stdout.split()

    def _docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "-H", self.host, *words],
            check=False,
            capture_output=True,
            text=True,
        )


@contextmanager
def private_docker(folder: Path) -> Iterator[PrivateDocker]:
    """A Docker Engine for the length of a ``with``."""
    need("docker")
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        _without("no second Docker Engine: needs dockerd, and root")
    folder.mkdir(parents=True, exist_ok=True)
    docker = PrivateDocker(folder)
    docker.begin()
    try:
        yield docker
    finally:
        with suppress(psutil.NoSuchProcess):
            docker.cut()
        shutil.rmtree(folder, ignore_errors=True)


def _without(why: str) -> NoReturn:
    """As ``need`` does: skipped, or failed where Docker must be there."""
    if "docker" in os.environ.get("REQUIRE", "").split(","):
        pytest.fail(why)
    pytest.skip(why)
