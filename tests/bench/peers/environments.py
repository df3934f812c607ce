"""Installs a peer, once, in an environment of its own under ``.build/bench-peers``.

Versions are pinned; other pins make another environment. Nothing of a peer comes near
the project's own environment. What cannot be installed raises ``PeerUnavailable``.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
PEERS = CHECKOUT / ".build" / "bench-peers"


class PeerUnavailable(Exception):
    """A peer cannot be installed, or its program failed; the sentence says why."""


def python_with(package: str, version: str) -> Path:
    """An interpreter, the same as ours, that can import the package."""

    def install(folder: Path) -> None:
        _run(folder, sys.executable, "-m", "venv", str(folder))
        pip = (str(folder / "bin/python"), "-m", "pip", "install", "--quiet")
        _run(folder, *pip, f"{package}=={version}")

    return _environment(package, version, install) / "bin/python"


def node_with(package: str, version: str) -> Path:
    """A folder in which Node.js programs can import the package."""

    def install(folder: Path) -> None:
        folder.mkdir()
        (folder / "package.json").write_text(json.dumps({"private": True}))
        npm = (node("npm"), "install", "--no-audit", "--no-fund", "--save-exact")
        _run(folder, *npm, f"{package}@{version}", cwd=folder)

    return _environment(package, version, install)


def node(program: str = "node") -> str:
    """Node.js or npm: the one ``tools/node.sh`` installed, else the machine's."""
    places = f"{CHECKOUT / '.venv/node'}{os.pathsep}{os.environ.get('PATH', '')}"
    found = shutil.which(program, path=places)
    if found is None:
        raise PeerUnavailable(f"there is no {program} here: `make web` installs one")
    return found


def _environment(package: str, version: str, install: Callable[[Path], None]) -> Path:
    folder = PEERS / package.lower()
    ready = folder / ".ready"
    if ready.is_file() and ready.read_text() == version:
        return folder
    where = folder.relative_to(CHECKOUT)
    print(f"bench: installing {package} {version} into {where}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    PEERS.mkdir(parents=True, exist_ok=True)
    install(folder)
    ready.write_text(version)
    return folder


def _run(folder: Path, *command: str, cwd: Path | None = None) -> None:
    log = folder.with_suffix(".install.log")
    with log.open("w") as said:
        done = subprocess.run(
            command, stdout=said, stderr=said, cwd=cwd, env=_clean(), check=False
        )
    if done.returncode:
        raise PeerUnavailable(
            f"{folder.name} cannot be installed: `{Path(command[0]).name} "
            f"{' '.join(command[1:])}` failed; all it said is in "
            f"{log.relative_to(CHECKOUT)}"
        )


def _clean() -> dict[str, str]:
    ours = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    return {name: value for name, value in os.environ.items() if name not in ours}
