"""What ``heddle swarm``, which makes codes, and the swarm itself must agree on.

A fleet lives in a folder: one folder for each device, with its key and, until it is
enrolled, its code. Started again on the same folder it is the same fleet.
"""

import fcntl
import os
import resource
from pathlib import Path

from heddle.contract.declare import LocalError

CODE_NAME = "code"
FILES_EACH, FILES_BESIDE = 8, 200  # a link, an outbox, the journal of a flow; the rest


class TooFewFiles(LocalError):
    """The limit on open files is too low, and not ours to raise."""


class FleetInUse(LocalError):
    """Another swarm plays the fleet of this folder."""


def claim(folder: Path) -> None:
    """Keep other swarms out of a fleet's folder for as long as this process lives.

    Raises ``FleetInUse``.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise FleetInUse(
            f"another swarm plays the fleet in {folder}: end it, or choose another "
            "--seed, --name or --folder"
        ) from None


def device_name(name: str, seed: int, number: int) -> str:
    """What the device of this number is called."""
    return f"{name}_{seed}_{number:04}"


def is_enrolled(folder: Path) -> bool:
    """Whether the device of this folder needs no code any more."""
    return (folder / "enrolled.json").exists()


def allow_files_for(devices: int) -> None:
    """Raise the limit on open files as far as so many devices need.

    Programs started from here inherit it. Raises ``TooFewFiles``.
    """
    wanted = devices * FILES_EACH + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise TooFewFiles(
            f"a swarm of {devices} devices needs {wanted} open files, and this system "
            f"allows {hard}: raise it (as root: `ulimit -n {wanted}`), or start at "
            f"most {max((hard - FILES_BESIDE) // FILES_EACH, 0)} devices"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
