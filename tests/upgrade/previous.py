"""The version before this one, kept as it was: its code, and what it left behind.

``recorded/`` holds what ``python -m tests.upgrade.record`` made of the real thing:
``code.tar.xz``, its Python; ``left.tar.xz``, an installation and a device that it ran;
``told.json``, what its own command line said of them. The keys in there open nothing
but this recording.
"""

import json
import tarfile
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded"
CODE, LEFT, TOLD = (
    RECORDED / name for name in ("code.tar.xz", "left.tar.xz", "told.json")
)

STACK, BACKUP, PRESS_DATA = "stack", "backup", "press_9"  # folders in ``LEFT``
PRESS = "press_9"  # the device that ``LEFT`` holds
BREW, HOLD = "brew", "hold"  # flows with a run each: it stands in phase 2; is paused

FOR_AGES = {  # a recording is as old as it is
    "FLEETDATA_KEEP_DAYS": "36500",
    "AGENT_OUTBOX_MAX_HOURS": "876000",
}
FAST = ("--time-scale", "60", "--runtime", "process")


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack into a folder; tells it."""
    folder.mkdir(parents=True, exist_ok=True)
    careful = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(archive) as tar:
        tar.extractall(folder, **careful)  # type: ignore[arg-type]  # noqa: S202 -- ours
    return folder


def pack(archive: Path, folder: Path, *names: str) -> None:
    """Pack what of a folder is named."""
    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for name in names:
            tar.add(folder / name, name)


def told() -> dict[str, Any]:
    """What the previous version said of what it left."""
    found: dict[str, Any] = json.loads(TOLD.read_text())
    return found
