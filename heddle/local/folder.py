"""The one folder in which an installation keeps its keys, secrets and data.

``prepare`` makes what is missing and changes nothing that is there. A lock on the
folder keeps two stacks out of it; ``stack.json`` tells other programs, such as the CLI,
how to reach the stack that runs from it.
"""

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Any

import msgspec

from heddle.contract.declare import FleetError, LocalError, message
from heddle.files import write_whole
from heddle.wamp.keys import load_or_make_key, public_hex

DEFAULT_FOLDER = Path(".heddle")
SERVICES = ("backend", "fleetdata")
ADMIN = "admin"
PROJECT = "default"
DEVICE = "virtual_1"


class FolderInUse(LocalError):
    """Another stack runs from this folder."""


class NoStack(LocalError):
    """No stack was ever started from this folder."""


@message
class StackFile:
    """How to reach a running stack: the content of ``stack.json``."""

    pid: int
    page: str  # http://127.0.0.1:8080/
    router: str  # ws://127.0.0.1:8080/ws
    project: str


class Folder:
    """Names every file of an installation."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.keys = self.root / "keys"
        self.secrets = self.root / "secrets"
        self.principals = self.root / "principals.json"
        self.postgres = self.root / "postgres"
        self.router = self.root / "router"
        self.logs = self.root / "logs"
        self.stack = self.root / "stack.json"
        self._lock: int | None = None

    def key(self, name: str) -> Path:
        """The file of a service's or person's private key."""
        return self.keys / f"{name}.key"

    def secret(self, name: str) -> Path:
        """The file of a secret: one line of text."""
        return self.secrets / name

    def device(self, name: str) -> Path:
        """The data folder of a virtual device of this machine."""
        return self.root / "devices" / name

    def prepare(self) -> None:
        """Make keys, secrets and folders where they are missing."""
        for folder in (self.root, self.keys, self.secrets, self.router, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        principals = [
            {
                "name": name,
                "role": "owner" if name == ADMIN else name,
                "public_key": public_hex(load_or_make_key(self.key(name))),
            }
            for name in (*SERVICES, ADMIN)
        ]
        _write(self.principals, json.dumps({"principals": principals}, indent=2), 0o644)
        for name in ("database_password", "admin_password"):
            if not self.secret(name).exists():
                _write(self.secret(name), secrets.token_urlsafe(12), 0o600)
        if not self.secret("device_code").exists():
            _write(self.secret("device_code"), secrets.token_hex(16), 0o600)

    def lock(self) -> None:
        """Hold the folder until this process ends; raises ``FolderInUse``."""
        self._lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUse(
                f"a stack already runs from {self.root}"
                f"{self._whereabouts()}: stop it, or name another folder with --data"
            ) from None

    def _whereabouts(self) -> str:
        try:
            found = self.read_stack()
        except FleetError:
            return ""
        return f" (process {found.pid}, page {found.page})"

    def write_stack(self, stack: StackFile) -> None:
        """Tell other programs how to reach the stack."""
        _write(self.stack, json.dumps(msgspec.to_builtins(stack), indent=2), 0o600)

    def read_stack(self) -> StackFile:
        """How to reach the stack; raises ``NoStack``."""
        try:
            found: Any = json.loads(self.stack.read_text())
            return msgspec.convert(found, StackFile)
        except FileNotFoundError:
            raise NoStack(
                f"{self.root} holds no stack: start one with "
                f"`heddle up --data {self.root}`"
            ) from None
        except PermissionError:
            raise NoStack(f"{self.stack} may not be read by this user") from None
        except (ValueError, msgspec.ValidationError) as flaw:
            raise NoStack(
                f"{self.stack} is damaged ({flaw}): restart the stack"
            ) from None


def _write(path: Path, text: str, mode: int) -> None:
    write_whole(path, f"{text}\n".encode(), mode=mode)
