"""Running the offline commands, in this process and in one of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from heddle.cli.__main__ import main

ROOT = Path(__file__).parents[3]
FLOWS = ROOT / "examples" / "flows"
EXAMPLES = sorted(FLOWS.glob("*.json"))
BIOREACTOR = FLOWS / "bioreactor.json"
TEMPERATURE = "b505cf08-cc3f-4814-8d76-3dd23ad1ea35"


def flow(*arguments: object, stdin: bytes | None = None) -> Result:
    """``heddle flow …`` in this process."""
    return CliRunner().invoke(main, ["flow", *map(str, arguments)], input=stdin)


def told(text: str) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def phases(text: str) -> list[str]:
    """The phases that were started."""
    events = told(text)
    return [e["data"]["phaseId"] for e in events if e["type"] == "PHASE_STARTED"]


def alone(*arguments: object, hash_seed: int) -> bytes:
    """What ``heddle flow …`` prints as a process of its own."""
    command = [sys.executable, "-m", "heddle.cli", "flow", *map(str, arguments)]
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, check=True
    )
    return done.stdout
