"""Records a version for those to come: ``python -m tests.upgrade.record COMMIT``.

Its Python is taken from git and run for real: a stack with people, flows, releases,
deployments and a device of its own (``press_9``), whose outbox keeps an audit of all it
produces. Then the stack is stopped, the device goes on, has something to deliver, and
is killed in the middle of two runs. Done once for each release; the tests use what it
left (``tests.upgrade.previous``).
"""

import io
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from tests.soak import audit
from tests.support.stack import ROOT, RunningStack, eventually, heddle, running_stack
from tests.upgrade.api import Api
from tests.upgrade.device import Device
from tests.upgrade.life import completed, deploy, facts, runs_of, save, whole
from tests.upgrade.previous import (
    BACKUP,
    BREW,
    CODE,
    FAST,
    FOR_AGES,
    HOLD,
    LEFT,
    PRESS,
    PRESS_DATA,
    RECORDED,
    STACK,
    TOLD,
    pack,
    unpack,
)

PARTS = ("heddle", "services", "edge_agent", "crossbar", "examples/flows")
OUTBOX_ITEMS = 60  # that wait when the device is killed
AT = ("--device", PRESS)
_EMPTY_OUTBOX = """
import sys
from pathlib import Path
from edge_agent.budget import Budget
from edge_agent.outbox_store import OutboxStore
OutboxStore(Path(sys.argv[1]), Budget(1 << 28)).close()
"""
RULES = """
[[rules]]
alarm = "warm"
tag = "temperature"
kind = "hi"
limit = 0.0
place = "edge"
[[rules]]
alarm = "warm_at_the_centre"
tag = "temperature"
kind = "hi"
limit = 0.0
"""


def take_code(commit: str) -> None:
    """Keep the Python of a commit."""
    asked = ["git", "archive", "--format=tar", commit, *PARTS]
    got = subprocess.run(asked, check=True, capture_output=True, cwd=ROOT).stdout
    with (
        tarfile.open(fileobj=io.BytesIO(got)) as tar,
        tarfile.open(CODE, "w:xz", preset=9) as kept,
    ):
        for member in tar:
            if member.isfile() and not member.name.startswith("services/web/"):
                kept.addfile(member, tar.extractfile(member))


def run(root: Path, folder: Path) -> dict[str, Any]:
    """Run the version in ``root``; what it told. What it left is in ``folder``."""
    press = Device(PRESS, folder / PRESS_DATA, root, driver="plant", commit_ms="100")
    _keep_audit(root, press)
    try:
        told = _told(root, folder, press)
    finally:
        press.end(signal.SIGKILL)  # in the middle of two runs
    where = (str(folder / BACKUP), "--data", str(folder / STACK))
    made = heddle("backup", *where, root=root)
    assert made.code == 0, made.err
    return told


def _told(root: Path, folder: Path, press: Device) -> dict[str, Any]:
    """What the version tells of itself; then the stack has ended, the device not."""
    first = _now()
    with running_stack(folder / STACK, *FAST, root=root, **FOR_AGES) as stack:
        press._settings["code"] = stack.ask("device", "code", PRESS)["code"]
        press.start(stack.router)
        eventually(lambda: PRESS in stack.online(), f"{PRESS} is online")
        told = _lived(stack, folder)
        time.sleep(3)  # the samples of the window are stored
        told["window"] = window = (first, _now())
        time.sleep(2)
        told |= facts(stack, window)
        told["audit"] = Api(stack).get("/audit/verify")
    eventually(lambda: press.waiting() > OUTBOX_ITEMS, "much waits in the outbox")
    told["waiting"] = press.waiting()
    return told


def _now() -> int:
    return int(time.time() * 1000)


def _keep_audit(root: Path, device: Device) -> None:
    """An empty outbox of that version, which copies whatever is put into it."""
    device.data.mkdir(parents=True)
    file = device.data / "outbox.sqlite"
    asked = [sys.executable, "-c", _EMPTY_OUTBOX, str(file)]
    subprocess.run(asked, check=True, cwd=root)
    with closing(sqlite3.connect(file)) as db:
        db.executescript(audit._AUDIT)


def _lived(stack: RunningStack, folder: Path) -> dict[str, Any]:
    """People, flows, a run that has ended, two that have not."""
    told: dict[str, Any] = {"password": "a password of olga's"}
    _olga(stack, folder, told["password"])
    told["key"] = stack.ask("key", "create", "nightly", "--role", "viewer")["token"]
    stack.ask("device", "label", PRESS, "site=graz", "spare")
    (folder / "rules.toml").write_text(RULES)
    stack.ask("alarm", "set", str(folder / "rules.toml"), *AT)
    save(stack, folder, BREW)
    api = Api(stack)
    completed(api, deploy(stack, BREW, PRESS))
    save(stack, folder, BREW, phase_3_ms=60_000)
    told["held"] = deploy(stack, BREW, PRESS, "--hold")
    save(stack, folder, HOLD)
    stack.ask("flow", "install", HOLD, *AT)
    started = lambda flow: api.post(runs_of(PRESS), flow=flow)["run"]  # noqa: E731
    ended = started(BREW)
    api.post(f"{runs_of(PRESS, ended)}/stop", mode="hard")
    brewing = started(BREW)
    api.post(f"{runs_of(PRESS, brewing)}/trigger", listener="eventListener_2")
    holding = started(HOLD)
    api.post(f"{runs_of(PRESS, holding)}/pause")
    for name, each in (("ended", ended), (BREW, brewing), (HOLD, holding)):
        told[f"run_{name}"] = {
            "run": each,
            "events": whole(api, PRESS, each),
            "report": api.get(runs_of(PRESS, each)),
        }
    return told


def _olga(stack: RunningStack, folder: Path, password: str) -> None:
    """An operator with a password of her own."""
    code = stack.ask("user", "invite", "operator", "--user", "olga")["code"]
    done = heddle(
        *("invitation", "accept", code, "--url", stack.page, "--user", "olga"),
        *("--password-file", "-"),
        stdin=password + "\n",
        env={"XDG_CONFIG_HOME": str(folder / "config")},
        root=stack.root,
    )
    assert done.code == 0, done.err


def keep(folder: Path, told: dict[str, Any]) -> None:
    """Keep what was left and told."""
    stack = folder / STACK
    for name in ("postgres", "logs", "stack.json", "lock"):
        path = stack / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in (stack / "router").iterdir():
        if path.name != "gatekeeper.json":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in folder.rglob("*"):
        if path.is_socket():
            path.unlink()
    pack(LEFT, folder, STACK, BACKUP, PRESS_DATA)
    TOLD.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def main(arguments: list[str]) -> int:
    """The exit code."""
    if len(arguments) != 1:
        click.echo("usage: python -m tests.upgrade.record COMMIT", err=True)
        return 2
    RECORDED.mkdir(exist_ok=True)
    take_code(arguments[0])
    folder = Path(tempfile.mkdtemp(prefix="heddle-record-"))
    told = run(unpack(CODE, folder / "root"), folder)
    keep(folder, {"commit": arguments[0], **told})
    shutil.rmtree(folder)
    for file in (CODE, LEFT, TOLD):
        click.echo(f"{file.relative_to(ROOT)}: {file.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
