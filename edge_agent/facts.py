"""What the agent knows of its host and itself."""

import os
import platform
import socket
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from heddle.contract.devices import HostFacts


def host_facts(docker: str | None) -> HostFacts:
    """The host, as seen from where the agent runs."""
    return HostFacts(
        hostname=socket.gethostname(),
        os=_os_name(),
        arch=platform.machine(),
        cpus=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        python=platform.python_version(),
        docker=docker,
    )


def agent_version() -> str:
    """The installed version of this very program."""
    try:
        return version("heddle")
    except PackageNotFoundError:
        return "0"


def _os_name() -> str:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return f"{platform.system()} {platform.release()}"
    named = [line for line in lines if line.startswith("PRETTY_NAME=")]
    return named[0].partition("=")[2].strip('"') if named else platform.system()
